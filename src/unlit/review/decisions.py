"""Decisions at gates: audited first, then recorded; whatever fails leaves the gate shut."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from unlit.core.clock import Clock
from unlit.core.errors import InvalidInput, OutcomeNotGoodEnough, RefusedByPolicy
from unlit.core.ids import RunId
from unlit.record.model import AccessQuestion, GateDecision, Run, RunEvent, RunState
from unlit.record.store import Store
from unlit.review.model import OUTCOME_GATE
from unlit.review.ports import GateLog
from unlit.review.rules.gates import (
    SHIP_NOTE,
    Act,
    GateRules,
    Standing,
    check,
    check_open,
    check_signed,
    is_settled,
    kind_of,
    standing,
)

GRANT_S: Final = 3600.0
LONGEST_GRANT_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Decided:
    """What a decision led to.

    Attributes:
        audit_entry: Index of the entry in the audit log of gates.
        settled: Whether the gate is open now, or shut for good.
        missing: How many more people must approve.
    """

    decision: GateDecision
    audit_entry: int
    settled: bool
    missing: int = 0


@dataclass(frozen=True, slots=True)
class Desk:
    """Where people decide: the record, the audit log of gates, the rules and a clock."""

    store: Store
    log: GateLog
    clock: Clock
    rules: GateRules = field(default_factory=GateRules)

    def decide(
        self,
        run: RunId,
        decision: str,
        person: str,
        reason: str,
        *,
        gate: str = OUTCOME_GATE,
        for_s: float = GRANT_S,
    ) -> Decided:
        """Write down what a person decided at a gate.

        The audit entry is on the disk before the record changes. Where a gate needs several
        people, the votes before the last are kept under ``GATE/PERSON``.

        Args:
            run: The run.
            decision: ``approved`` or ``rejected``.
            person: Who decides.
            reason: Why.
            gate: ``intent``, ``outcome`` or ``ship``, or ``access/NUMBER`` for one question for
                more access.
            for_s: How long what is asked for at an access gate is allowed from now on.

        Raises:
            InvalidInput: No such run or question, the gate is not open, or not for so long.
            RefusedByPolicy: This person may not, or not without a reason.
            OutsideFailed: The audit log cannot be written; nothing was decided.
        """
        found = self.store.find_run(run)
        act = Act(gate, decision, person.strip(), " ".join(reason.split()))
        earlier = self._votes(found.id, gate)
        rule = self.rules.of(kind_of(gate))
        now = self.clock.now()
        question = self._question(found.id, gate)
        check(found, act, rule, earlier, now, question, self.standing(found))
        asked: dict[str, Any] = {}
        if question is not None:
            _is_bounded(for_s)
            asked = {"request": question.request, "role": question.role, "stage": question.stage}
            if decision == "approved":
                asked["until"] = (now + timedelta(seconds=for_s)).isoformat()
        report = {
            "gate": gate,
            "decision": decision,
            "person": act.person,
            "reason": act.reason,
            "candidate": found.candidate,
            "verdict": found.verdict.value if found.verdict else None,
            "spec_digest": found.spec_digest,
        }
        tree = self._tree(found.id)
        entry = self.log.write(
            "gate.decision", found.id, act.person, {**report, "tree": tree, **asked}
        )
        vote = GateDecision(
            run=found.id,
            gate=gate,
            decision=decision,
            person=act.person,
            reason=act.reason,
            at=now,
            candidate=found.candidate,
            tree=tree,
            facts={
                "audit_entry": entry,
                "needed": rule.needed,
                "spec_digest": found.spec_digest,
                **asked,
            },
        )
        done = self._keep(vote, entry)
        self._tell(done)
        return done

    def standing(self, run: Run) -> Standing:
        """Say at which gate a run waits."""
        return standing(run, self.store.gate_decisions(run.id), self.rules)

    def may(self, run: Run, person: str, gate: str) -> None:
        """Refuse a person who may not approve at a gate now, before they are asked for words.

        Raises:
            UnlitError: As `decide`.
        """
        act = Act(gate, "approved", person, "-")
        rule = self.rules.of(kind_of(gate))
        votes = self._votes(run.id, gate)
        check(run, act, rule, votes, self.clock.now(), None, self.standing(run))

    def check_ship(self, run: RunId) -> None:
        """Refuse to ship what waits at its ship gate.

        Raises:
            OutcomeNotGoodEnough: It does.
        """
        if self.standing(self.store.find_run(run)).gate == "ship":
            raise OutcomeNotGoodEnough(
                "REV-034",
                f"Run {run} waits at its ship gate.",
                "its outcome is approved, and this factory asks again before it ships.",
                f"`unlit approve {run} --gate ship --reason …`, by who may.",
            )

    def _tell(self, done: Decided) -> None:
        """Keep the decision as an event too, for hooks and live views."""
        vote = done.decision
        data = {
            "gate": vote.gate, "decision": vote.decision, "person": vote.person,
            "settled": done.settled, "missing": done.missing,
        }  # fmt: skip
        key = f"gate/{vote.gate}/{vote.candidate}/{vote.person}/{vote.decision}"
        event = RunEvent(vote.run, key, "gate", vote.at, "gate", vote.candidate, vote.reason, data)
        self.store.keep_events([event])

    def _question(self, run: RunId, gate: str) -> AccessQuestion | None:
        if kind_of(gate) != "access":
            return None
        found = [row for row in self.store.access_questions(run) if row.gate == gate]
        if not found:
            raise InvalidInput(
                "REV-023",
                f"Run {run} has no such question: {gate}.",
                "only what a program of the run asked for can be granted.",
                "`unlit review RUN` shows what is open.",
            )
        return found[0]

    def comment(self, run: RunId, person: str, text: str) -> int:
        """Write into the audit log that a person asks for another candidate; return the entry.

        Raises:
            RefusedByPolicy: Nobody is named, or nothing is said.
            OutsideFailed: The audit log cannot be written; nothing was asked.
        """
        found = self.store.find_run(run)
        if not text.strip():
            raise RefusedByPolicy(
                "REV-016",
                "The comment has no words.",
                "it is what the next candidate is made for.",
                'say what is wrong, or missing: unlit comment RUN "TEXT".',
            )
        check_signed(Act(OUTCOME_GATE, "comment", person.strip(), text))
        fields = {
            "gate": OUTCOME_GATE,
            "person": person,
            "text": text,
            "candidate": found.candidate,
            "tree": self._tree(found.id),
        }
        return self.log.write("gate.comment", found.id, person, fields)

    def reason_needed(self, run: RunId, decision: str, *, gate: str = OUTCOME_GATE) -> bool:
        """Say whether this decision wants a person's own words; of an open gate only.

        An approval with no question open confirms what the checks settled, and needs none.

        Raises:
            InvalidInput: No such run, or the gate is not open.
            RefusedByPolicy: The verdict does not allow it.
        """
        found = self.store.find_run(run)
        votes = self._votes(found.id, gate)
        check_open(found, Act(gate, decision, "", ""), votes, self.standing(found))
        if gate != OUTCOME_GATE:
            return True
        is_open = any(row.answer is None for row in self.store.questions(found.id))
        return is_open or decision != "approved"

    def _keep(self, vote: GateDecision, entry: int) -> Decided:
        rule = self.rules.of(kind_of(vote.gate))
        if rule.needed > 1:
            self.store.decide_gate(replace(vote, gate=f"{vote.gate}/{vote.person}"))
        votes = self._votes(vote.run, vote.gate) if rule.needed > 1 else (vote,)
        people = sorted({row.person for row in votes if row.decision == "approved"})
        if vote.decision == "approved" and not is_settled(rule, votes):
            return Decided(vote, entry, settled=False, missing=rule.needed - len(people))
        kept = self.store.decide_gate(replace(vote, facts={**vote.facts, "people": people}))
        if (kept.person, kept.decision) != (vote.person, vote.decision):
            raise InvalidInput(
                "REV-022",
                f"{kept.person} has meanwhile {kept.decision} run {vote.run}.",
                "the first decision at a gate stands.",
                "look at the report again.",
            )
        if kind_of(vote.gate) != "access" and vote.decision == "rejected":
            self.store.change_run(
                vote.run, vote.at, state=RunState.REJECTED, note=vote.reason[:500]
            )
        self._answer_only(vote)
        self._ask_to_ship(vote.run)
        return Decided(kept, entry, settled=True)

    def _ask_to_ship(self, run: RunId) -> None:
        """Say in the run that its approval is not the last one."""
        if self.standing(self.store.find_run(run)).gate == "ship":
            note = f"{SHIP_NOTE}: its outcome is approved"
            self.store.change_run(run, self.clock.now(), note=note)

    def _answer_only(self, vote: GateDecision) -> None:
        """The decision answers the question, where there is exactly one."""
        asked = [row for row in self.store.questions(vote.run) if row.answer is None]
        if vote.gate == OUTCOME_GATE and len(asked) == 1:
            word = "yes" if vote.decision == "approved" else "no"
            self.answer(vote.run, asked[0].number, word, vote.person, vote.reason)

    def answer(self, run: RunId, number: int, answer: str, person: str, reason: str) -> int:
        """Write down a person's answer to one question; audited first.

        Raises:
            InvalidInput: No such question, or it is answered.
        """
        found = self.store.find_run(run)
        question = next(
            (row for row in self.store.questions(found.id) if row.number == number), None
        )
        if question is None or question.answer is not None:
            state = "has no such question" if question is None else "has that answer already"
            raise InvalidInput(
                "REV-023",
                f"Run {found.id} {state}: {number}.",
                "a question is answered once.",
                "`unlit review RUN` shows what is open.",
            )
        fields = {
            "question": number,
            "criterion": question.criterion,
            "answer": answer,
            "reason": reason,
        }
        entry = self.log.write("question.answer", found.id, person, fields)
        text = f"{answer}: {reason}" if reason else answer
        self.store.answer_question(found.id, number, text, person, self.clock.now())
        return entry

    def _votes(self, run: RunId, gate: str) -> tuple[GateDecision, ...]:
        return tuple(
            row
            for row in self.store.gate_decisions(run)
            if row.gate == gate or row.gate.startswith(f"{gate}/")
        )

    def _tree(self, run: RunId) -> str | None:
        found = self.store.find_run(run)
        made = [row for row in self.store.candidates(run) if row.id == found.candidate]
        return made[0].tree if made else None


def _is_bounded(for_s: float) -> None:
    if not 0 < for_s <= LONGEST_GRANT_S:
        raise InvalidInput(
            "REV-029",
            f"Access cannot be granted for {for_s:g} seconds.",
            "a grant ends within a day; what is needed for longer belongs into the policy.",
            "give between one second and 24 hours, such as 30m or 2h.",
        )
