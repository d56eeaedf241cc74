"""Who may decide what at which gate, and whether a decision still counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from unlit.core.errors import InvalidInput, RefusedByPolicy
from unlit.core.states import Verdict
from unlit.record.model import AccessQuestion, GateDecision, Run, RunState

GATES: Final = ("intent", "access", "outcome", "ship")
DECISIONS: Final = ("approved", "rejected")
ASKS: Final[Mapping[str, tuple[str, ...]]] = {
    "intent": ("changed", "unready", "always", "never"),
    "ship": ("always", "never"),
}
"""When a gate asks that need not; the first is meant where its table does not say."""
SHIP_NOTE: Final = "waits at its ship gate"
"""How the note of a run begins that waits there."""
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
        ask: When the gates ``intent`` and ``ship`` ask at all; see `ASKS`.
        not_who_decided: Gates whose approvers may not decide at this one.
    """

    gate: str
    people: tuple[str, ...] = ()
    needed: int = 1
    not_the_author: bool = False
    expires_h: float | None = None
    delegates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ask: str = ""
    not_who_decided: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GateRules:
    """The rules of all gates; a gate without one takes the default.

    Attributes:
        people: Who may decide at a gate whose own rule names nobody; empty is anybody.
    """

    rules: Mapping[str, GateRule] = field(default_factory=dict)
    people: tuple[str, ...] = ()

    def of(self, gate: str) -> GateRule:
        """Return the rule of a gate."""
        rule = self.rules.get(gate) or GateRule(gate)
        return rule if rule.people else replace(rule, people=self.people)

    def asks(self, gate: str) -> str:
        """Return when a gate asks: one of its `ASKS`; ``never`` where no rule wants it to.

        A run always asks at ``outcome``; ``access`` asks when a program does.
        """
        usual = ASKS.get(gate)
        if usual is None:
            return "always"
        rule = self.rules.get(gate)
        return "never" if rule is None else rule.ask or usual[0]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a run stands at its gates.

    Attributes:
        gate: The gate it waits at; empty when at none.
        opened_at: When that gate opened.
        approvers: By gate, who has approved there.
    """

    gate: str = ""
    opened_at: datetime | None = None
    approvers: Mapping[str, frozenset[str]] = field(default_factory=dict)


def standing(run: Run, decisions: Sequence[GateDecision], rules: GateRules) -> Standing:
    """Say at which gate a run waits, from what was decided; nothing else has to be remembered.

    Args:
        run: The run.
        decisions: What was decided at its gates, votes included.
        rules: The rules of the gates.
    """
    people: dict[str, set[str]] = {}
    for row in decisions:
        if row.decision == "approved":
            people.setdefault(kind_of(row.gate), set()).add(row.person)
    approvers = {gate: frozenset(names) for gate, names in people.items()}
    gate, opened_at = _waits_at(run, {row.gate: row for row in decisions}, rules)
    return Standing(gate, opened_at, approvers)


def _waits_at(
    run: Run, made: Mapping[str, GateDecision], rules: GateRules
) -> tuple[str, datetime | None]:
    if run.state is not RunState.WAITING:
        return "", None
    if run.settings.get("gate") == "intent":
        return ("", None) if "intent" in made else ("intent", run.updated_at)
    outcome = made.get("outcome")
    if outcome is None:
        return "outcome", run.updated_at
    ship = made.get("ship")
    decided = ship is not None and ship.candidate == outcome.candidate
    lets_through = ship is not None and decided and ship.decision == "approved"
    asks = decided or rules.asks("ship") != "never"  # a rejection stands when the rule is gone
    if outcome.decision == "approved" and asks and not lets_through:
        return "ship", outcome.at
    return "", None


def why_intent(asks: str, missing: Sequence[str], *, known: bool) -> str:
    """Say why a person must approve a spec before anything is built; empty when nobody must.

    Args:
        asks: When the gate asks: one of `ASKS` of ``intent``.
        missing: What the spec lacks.
        known: Whether a person has approved this version of the spec before.
    """
    if asks == "always":
        return "every spec is approved before it is built"
    if asks in ("changed", "unready") and missing and not known:
        return f"the spec is not ready: {missing[0]}"
    if asks == "changed" and not known:
        return "nobody has approved this version of the spec"
    return ""


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
    stands: Standing | None = None,
) -> None:
    """Refuse an act that may not be done; anything unclear is refused.

    Args:
        run: The run.
        act: What somebody wants to decide.
        rule: The rule of the gate.
        earlier: What was decided there.
        now: The time.
        question: What is asked for, at an access gate.
        stands: At which gate the run waits; found from the run alone when `None`.

    Raises:
        InvalidInput: It is not a decision, or the gate is not open.
        RefusedByPolicy: Not this person, not any more, or not without a reason.
    """
    stands = stands or standing(run, earlier, GateRules())
    check_open(run, act, earlier, stands)
    check_signed(act)
    _may(act, rule, run, stands)
    opened_at = stands.opened_at or run.updated_at
    if question is not None:
        if now >= question.expires_at:
            raise _closed(act, run, question.expires_at - question.asked_at, _ASK_AGAIN)
    elif rule.expires_h is not None and now - opened_at > timedelta(hours=rule.expires_h):
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


def check_open(
    run: Run, act: Act, earlier: Sequence[GateDecision], stands: Standing | None = None
) -> None:
    """Refuse an act at a gate that is not open, whoever wants it and why.

    Raises:
        InvalidInput: It is not a decision, or the gate is not open.
        RefusedByPolicy: The verdict does not allow it.
    """
    _is_decision(act)
    _waits_there(run, act, stands or standing(run, earlier, GateRules()))
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


def _waits_there(run: Run, act: Act, stands: Standing) -> None:
    """Refuse a decision at a gate that a run does not wait at, or not yet."""
    if act.gate == "outcome" and stands.gate != "intent":
        return  # `_is_open` says more exactly what is wrong with it
    if kind_of(act.gate) == "access" or act.gate == stands.gate:
        return
    where = f"waits at its {stands.gate} gate" if stands.gate else f"is {run.state.value}"
    raise InvalidInput(
        "REV-032",
        f"Run {run.id} does not wait at its {act.gate} gate: it {where}.",
        "a gate is decided when the run has come to it, and not before.",
        f"`unlit review {run.id}` says what is asked"
        + (f"; `--gate {stands.gate}` decides it." if stands.gate else "."),
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


def _may(act: Act, rule: GateRule, run: Run, stands: Standing) -> None:
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
    for gate in rule.not_who_decided:
        if act.decision == "approved" and act.person in stands.approvers.get(gate, ()):
            raise RefusedByPolicy(
                "REV-033",
                f"{act.person} approved the gate {gate} of run {run.id} and may not approve "
                f"{act.gate} too.",
                "this gate wants another pair of eyes.",
                "ask someone else.",
            )
