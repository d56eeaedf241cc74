"""Decisions that come from outside: from Slack or a ticket, made by the same desk and its rules.

An account elsewhere counts only as the person it is mapped to in unlit.toml; whoever is not mapped
decides nothing. What a gate's own rules say (who, how many, not the author, how long) holds here as
at the terminal, and each decision is audited before it is recorded.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from unlit.core.errors import RefusedByPolicy, UnlitError
from unlit.core.ids import RunId
from unlit.review.decisions import Desk
from unlit.review.model import OUTCOME_GATE

Ship = Callable[[RunId], str]
"""Ships an approved run; returns a sentence that says what came of it."""

NO_REASON = "approved without a reason"


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody said at a gate.

    Attributes:
        account: Who, as the place itself vouches for.
        place: Where, in words, such as ``Slack``.
        tree: Start of the tree, or of the spec's digest, that they were asked about; empty when
            the place does not say.
        gate: Which gate they were asked at; empty is the one the run waits at.
    """

    account: str
    run: RunId
    decision: str
    reason: str
    place: str
    tree: str = ""
    gate: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it, as a sentence for the place where it was said.

    Attributes:
        settled: Whether the gate is decided now.
    """

    text: str
    settled: bool = False


@dataclass(frozen=True, slots=True)
class OutsideDesk:
    """The desk, for people who are elsewhere.

    Attributes:
        people: Account to person.
        ship: Ships what is approved.
        build: Goes on with a run whose spec is approved.
    """

    desk: Desk
    ship: Ship
    people: Mapping[str, str] = field(default_factory=dict)
    build: Ship = lambda run: f"`unlit resume {run}` builds it."

    def decide(self, said: Said) -> Answer:
        """Make a decision for whom it was said by, and ship what it opens."""
        try:
            person = self.person_of(said)
            gate = said.gate or self._gate(said.run)
            self._is_current(said, gate)
            reason = said.reason or self._reason(said, gate)
            words = f"{reason} (by {said.place})"
            done = self.desk.decide(said.run, said.decision, person, words, gate=gate)
        except UnlitError as error:
            return Answer(f"Nothing was decided. {error.what} {error.remedy.capitalize()}")
        if not done.settled:
            return Answer(f"{person} {said.decision} {said.run}; {done.missing} more must approve.")
        where = "" if gate == OUTCOME_GATE else f" at its {gate} gate"
        text = f"{said.run}: {said.decision}{where} by {person}: {reason}."
        if said.decision == "rejected":
            return Answer(text, settled=True)
        return Answer(f"{text} {self._follow(said.run, gate)}", settled=True)

    def _gate(self, run: RunId) -> str:
        return self.desk.standing(self.desk.store.find_run(run)).gate or OUTCOME_GATE

    def _follow(self, run: RunId, gate: str) -> str:
        """Do what the decision opens; say what came of it."""
        if gate == "intent":
            return self._try(self.build, run, "not built")
        if self._gate(run) == "ship":
            return "It ships after its ship gate, which asks once more."
        return self._try(self.ship, run, "not shipped")

    def person_of(self, said: Said) -> str:
        """Return the person an account stands for.

        Raises:
            RefusedByPolicy: It stands for nobody.
        """
        person = self.people.get(said.account)
        if not said.account or not person:
            raise RefusedByPolicy(
                "REV-061",
                f"The account {said.account or 'unknown'} in {said.place} stands for nobody here.",
                "a decision is signed by a person that the factory knows.",
                "the owner of the factory maps accounts to people in unlit.toml.",
            )
        return person

    def reason_needed(self, run: RunId, decision: str, gate: str = "") -> bool:
        """Whether this decision wants a person's own words.

        Raises:
            UnlitError: The gate is not open.
        """
        return self.desk.reason_needed(run, decision, gate=gate or self._gate(run))

    def _reason(self, said: Said, gate: str) -> str:
        if not self.desk.reason_needed(said.run, said.decision, gate=gate):
            return NO_REASON
        raise RefusedByPolicy(
            "REV-062",
            f"Run {said.run} is not {said.decision}: no reason was given.",
            "the reason answers its question, or is what the next candidate learns from.",
            "say it again with a reason.",
        )

    def _is_current(self, said: Said, gate: str) -> None:
        found = self.desk.store.find_run(said.run)
        if gate == "intent":
            if said.tree and said.tree != spec_mark(found.spec_digest):
                raise _old(said)
            return
        made = [row for row in self.desk.store.candidates(said.run) if row.id == found.candidate]
        if said.tree and not (made and made[0].tree.startswith(said.tree)):
            raise _old(said)

    def _try(self, act: Ship, run: RunId, else_word: str) -> str:
        try:
            return act(run)
        except UnlitError as error:
            why = f"{error.what} {error.remedy.capitalize()}"
            return f"It is approved, but {else_word} yet: {why}"


def spec_mark(digest: str) -> str:
    """Return the start of a spec's digest, as a question about it carries it."""
    return digest.removeprefix("sha256:")[:12]


def _old(said: Said) -> RefusedByPolicy:
    return RefusedByPolicy(
        "REV-063",
        f"The question about {said.run} is old: another candidate waits now.",
        "a decision is about the candidate that was shown.",
        "answer the newest question, or read `unlit review`.",
    )
