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

Ship = Callable[[RunId], str]
"""Ships an approved run; returns a sentence that says what came of it."""

NO_REASON = "approved without a reason"


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody said at a gate.

    Attributes:
        account: Who, as the place itself vouches for.
        place: Where, in words, such as ``Slack``.
        tree: Start of the tree that they were asked about; empty when the place does not say.
    """

    account: str
    run: RunId
    decision: str
    reason: str
    place: str
    tree: str = ""


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
    """

    desk: Desk
    ship: Ship
    people: Mapping[str, str] = field(default_factory=dict)

    def decide(self, said: Said) -> Answer:
        """Make a decision for whom it was said by, and ship what it opens."""
        try:
            person = self.person_of(said)
            self._is_current(said)
            reason = said.reason or self._reason(said)
            done = self.desk.decide(said.run, said.decision, person, f"{reason} (by {said.place})")
        except UnlitError as error:
            return Answer(f"Nothing was decided. {error.what} {error.remedy.capitalize()}")
        if not done.settled:
            return Answer(f"{person} {said.decision} {said.run}; {done.missing} more must approve.")
        text = f"{said.run}: {said.decision} by {person}: {reason}."
        if said.decision == "rejected":
            return Answer(text, settled=True)
        return Answer(f"{text} {self._ship(said.run)}", settled=True)

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

    def reason_needed(self, run: RunId, decision: str) -> bool:
        """Whether this decision wants a person's own words.

        Raises:
            UnlitError: The gate is not open.
        """
        return self.desk.reason_needed(run, decision)

    def _reason(self, said: Said) -> str:
        if not self.desk.reason_needed(said.run, said.decision):
            return NO_REASON
        raise RefusedByPolicy(
            "REV-062",
            f"Run {said.run} is not {said.decision}: no reason was given.",
            "the reason answers its question, or is what the next candidate learns from.",
            "say it again with a reason.",
        )

    def _is_current(self, said: Said) -> None:
        found = self.desk.store.find_run(said.run)
        made = [row for row in self.desk.store.candidates(said.run) if row.id == found.candidate]
        if said.tree and not (made and made[0].tree.startswith(said.tree)):
            raise RefusedByPolicy(
                "REV-063",
                f"The question about {said.run} is old: another candidate waits now.",
                "a decision is about the candidate that was shown.",
                "answer the newest question, or read `unlit review`.",
            )

    def _ship(self, run: RunId) -> str:
        try:
            return self.ship(run)
        except UnlitError as error:
            return f"It is approved, but not shipped yet: {error.what} {error.remedy.capitalize()}"
