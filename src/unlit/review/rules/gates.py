"""Who may decide what at which gate, and whether a decision still counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from unlit.core.errors import InvalidInput, RefusedByPolicy
from unlit.core.states import Verdict
from unlit.record.model import AccessQuestion, GateDecision, Run, RunState

GATES: Final = ("intent", "access", "outcome", "ship")
DECISIONS: Final = ("approved", "rejected")
_REASON_MAX: Final = 2000
_RUN_AGAIN: Final = "run it again with `unlit run`, which grades what is there now."
_ASK_AGAIN: Final = "the program may ask again; what is needed for longer belongs into the policy."


@dataclass(frozen=True, slots=True)
class GateRule:
    """The rule of one gate.

    Attributes:
        people: Who may decide; empty is whoever may use this factory.
        needed: How many different people must approve; one rejection is enough to shut it.
        not_the_author: Whether the person who started the run counts.
        expires_h: Hours after which a waiting gate closes; `None` is never.
        delegates: Person to those who may decide in their place.
    """

    gate: str
    people: tuple[str, ...] = ()
    needed: int = 1
    not_the_author: bool = False
    expires_h: float | None = None
    delegates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GateRules:
    """The rules of all gates; a gate without one takes the default."""

    rules: Mapping[str, GateRule] = field(default_factory=dict)

    def of(self, gate: str) -> GateRule:
        """Return the rule of a gate."""
        return self.rules.get(gate) or GateRule(gate)


@dataclass(frozen=True, slots=True)
class Act:
    """A decision somebody wants to make."""

    gate: str
    decision: str
    person: str
    reason: str


def kind_of(gate: str) -> str:
    """Return which kind of gate it is: ``access/2`` is one of ``access``."""
    return gate.partition("/")[0]


def check(
    run: Run,
    act: Act,
    rule: GateRule,
    earlier: Sequence[GateDecision],
    now: datetime,
    question: AccessQuestion | None = None,
) -> None:
    """Refuse an act that may not be done; anything unclear is refused.

    Args:
        run: The run.
        act: What somebody wants to decide.
        rule: The rule of the gate.
        earlier: What was decided there.
        now: The time.
        question: What is asked for, at an access gate.

    Raises:
        InvalidInput: It is not a decision, or the gate is not open.
        RefusedByPolicy: Not this person, not any more, or not without a reason.
    """
    check_open(run, act, earlier)
    check_signed(act)
    _may(act, rule, run)
    if question is not None:
        if now >= question.expires_at:
            raise _closed(act, run, question.expires_at - question.asked_at, _ASK_AGAIN)
    elif rule.expires_h is not None and now - run.updated_at > timedelta(hours=rule.expires_h):
        raise _closed(act, run, timedelta(hours=rule.expires_h), _RUN_AGAIN)
    if any(row.person == act.person and row.decision == act.decision for row in earlier):
        raise InvalidInput(
            "REV-014",
            f"{act.person} has already {act.decision} {act.gate} of run {run.id}.",
            "one person counts once.",
            "ask another person; `unlit review RUN` says who may.",
        )


def _closed(act: Act, run: Run, after: timedelta, remedy: str) -> RefusedByPolicy:
    return RefusedByPolicy(
        "REV-013",
        f"The gate {act.gate} of run {run.id} closed {after.total_seconds() / 3600:g} h "
        "after it opened.",
        "what was asked then need not be right now.",
        remedy,
    )


def check_open(run: Run, act: Act, earlier: Sequence[GateDecision]) -> None:
    """Refuse an act at a gate that is not open, whoever wants it and why.

    Raises:
        InvalidInput: It is not a decision, or the gate is not open.
        RefusedByPolicy: The verdict does not allow it.
    """
    _is_decision(act)
    _is_open(run, act, earlier)


def is_settled(rule: GateRule, decisions: Sequence[GateDecision]) -> bool:
    """Whether enough different people have approved and nobody rejected."""
    if any(row.decision == "rejected" for row in decisions):
        return False
    return len({row.person for row in decisions if row.decision == "approved"}) >= rule.needed


def _is_decision(act: Act) -> None:
    if kind_of(act.gate) not in GATES or act.decision not in DECISIONS:
        raise InvalidInput(
            "REV-011",
            f"{act.decision!r} at {act.gate!r} is no decision.",
            "a gate is approved or rejected.",
            f"gates are {', '.join(GATES)}; decisions are {', '.join(DECISIONS)}.",
        )


def check_signed(act: Act) -> None:
    """Refuse an act that nobody signs or gives words to.

    Raises:
        RefusedByPolicy: Nobody is named, or no reason is given.
        InvalidInput: The reason is too long.
    """
    if not act.person.strip() or act.person == "unknown":
        raise RefusedByPolicy(
            "REV-015",
            "Nobody is named for this decision.",
            "a decision is signed with a person's name.",
            "set `person` in the settings, or log in.",
        )
    if not act.reason.strip():
        raise RefusedByPolicy(
            "REV-016",
            "The decision has no reason.",
            "the reason is what the next person, and the next candidate, learn from.",
            "say why in a few words: --reason TEXT.",
        )
    if len(act.reason) > _REASON_MAX:
        raise InvalidInput(
            "REV-017",
            f"The reason has {len(act.reason):,} characters.",
            f"a reason has at most {_REASON_MAX:,}.",
            "say it shorter; link to the rest.",
        )


def _is_open(run: Run, act: Act, earlier: Sequence[GateDecision]) -> None:
    if act.gate == "outcome" and run.state is not RunState.WAITING:
        raise InvalidInput(
            "REV-012",
            f"Run {run.id} does not wait for a person: it is {run.state.value}.",
            "only a run that waits at its gate can be approved or rejected.",
            "`unlit runs` shows which runs wait.",
        )
    if act.gate == "outcome" and act.decision == "approved" and run.verdict is not Verdict.SHIP:
        verdict = run.verdict.value if run.verdict else "none"
        raise RefusedByPolicy(
            "REV-018",
            f"Run {run.id} has the verdict {verdict}.",
            "a person can stop a candidate that may ship, not ship one that may not.",
            "reject it with a reason, and run again.",
        )
    if kind_of(act.gate) == "access" and run.state in (RunState.SHIPPED, RunState.REJECTED):
        raise InvalidInput(
            "REV-028",
            f"Run {run.id} is over: it is {run.state.value}.",
            "what is granted counts for later turns of the same run, and there are none.",
            "write a rule into the policy: `unlit policy check` helps.",
        )
    shut = [row for row in earlier if row.decision == "rejected"]
    if shut:
        raise InvalidInput(
            "REV-014",
            f"{_what(act, run)} was rejected by {shut[0].person}.",
            "a decision at a gate stands.",
            "start a new run.",
        )


def _what(act: Act, run: Run) -> str:
    kind, _, number = act.gate.partition("/")
    return f"Question {number} for {kind} of run {run.id}" if number else f"Run {run.id}"


def _may(act: Act, rule: GateRule, run: Run) -> None:
    stand_in = [
        person for person, others in rule.delegates.items()
        if act.person in others and (not rule.people or person in rule.people)
    ]  # fmt: skip
    if rule.people and act.person not in rule.people and not stand_in:
        raise RefusedByPolicy(
            "REV-019",
            f"{act.person} may not decide at the gate {act.gate}.",
            "the factory names who may.",
            f"ask {', '.join(rule.people)}.",
        )
    if rule.not_the_author and act.person == run.person:
        raise RefusedByPolicy(
            "REV-020",
            f"{act.person} started run {run.id} and may not decide on it.",
            "this gate wants another pair of eyes.",
            "ask someone else.",
        )


def parse_rules(table: Mapping[str, Any]) -> GateRules:
    """Read `[gate.NAME]` tables; strict.

    Raises:
        InvalidInput: An unknown gate or key, or a value of the wrong kind.
    """
    rules = {}
    for gate, found in table.items():
        if gate not in GATES or not isinstance(found, Mapping):
            raise _bad(f"[gate.{gate}]", f"gates are {', '.join(GATES)}")
        known = {"people", "needed", "not_the_author", "expires_h", "delegates"}
        if extra := sorted(set(found) - known):
            raise _bad(f"[gate.{gate}] {extra[0]}", f"keys are {', '.join(sorted(known))}")
        rules[gate] = GateRule(
            gate,
            tuple(str(person) for person in found.get("people", ())),
            _whole(found.get("needed", 1), f"[gate.{gate}] needed"),
            bool(found.get("not_the_author", False)),
            _hours(found.get("expires_h"), f"[gate.{gate}] expires_h"),
            {
                str(person): tuple(str(other) for other in others)
                for person, others in dict(found.get("delegates", {})).items()
            },
        )
    return GateRules(rules)


def _whole(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise _bad(where, "a whole number of at least 1")
    return value


def _hours(value: Any, where: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise _bad(where, "hours above 0")
    return float(value)


def _bad(where: str, expected: str) -> InvalidInput:
    return InvalidInput(
        "REV-021",
        f"{where} in unlit.toml is not understood.",
        f"it takes: {expected}.",
        "correct it; a gate that is half understood stays shut.",
    )
