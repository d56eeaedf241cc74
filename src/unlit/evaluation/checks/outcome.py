"""From what was seen to what it means: every check of a scenario against one trajectory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from unlit.core.ids import CriterionId
from unlit.core.states import TrajectoryState
from unlit.evaluation.checks.match import match_exit, match_text
from unlit.evaluation.checks.never import INVARIANTS, Seen, broken
from unlit.evaluation.checks.observation import Observation
from unlit.evaluation.checks.state import State, check_state, effects
from unlit.evaluation.ports import Judged
from unlit.evaluation.scenarios.model import Check, Scenario
from unlit.evaluation.scenarios.template import fill


class OwnRule(Protocol):
    """A rule of the organisation that holds in every trajectory."""

    @property
    def id(self) -> str:
        """Its name."""
        ...

    def broken_by(self, seen: Seen) -> str | None:
        """Return what was broken, without content, or None."""
        ...


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a trajectory was not satisfied.

    Attributes:
        label: Which check, without any content of the scenario (``then[2] twin jira.issues``).
        text: What was wrong, with content; only for the evaluator's own store.
        criteria: The criteria this check speaks for; empty means all of the scenario's.
    """

    label: str
    text: str
    criteria: tuple[CriterionId, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything the checks look at."""

    values: Mapping[str, Any]
    seen: Sequence[Observation]
    before: State = field(default_factory=dict)
    after: State = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    server_outputs: Sequence[str] = ()
    secrets: Sequence[str] = ()
    duration_s: float = 0.0
    judged: Mapping[int, Judged] = field(default_factory=dict)

    def last(self, *kinds: str) -> Observation | None:
        """Return the newest observation of one of these kinds."""
        return next((item for item in reversed(self.seen) if item.kind in kinds), None)


def evaluate_checks(
    scenario: Scenario, evidence: Evidence, own: Sequence[OwnRule] = ()
) -> list[Reason]:
    """Return every reason for which the trajectory does not satisfy its scenario."""
    reasons = check_all(scenario.then, evidence)
    if not any(check.kind == "twin" for check in scenario.then):
        # The closed world holds also where a scenario says nothing about the twins.
        for name, misfits in check_state([], evidence.before, evidence.after).items():
            reasons.append(Reason(f"twin {name}", "; ".join(misfits)))
    reasons += broken_invariants(scenario, evidence, own)
    return reasons


def check_all(checks: Sequence[Check], evidence: Evidence, *, closed: bool = True) -> list[Reason]:
    """Evaluate a list of checks; the twin checks among them together, as one closed world.

    Args:
        checks: What must be true.
        evidence: What was seen.
        closed: Whether collections that no check names must be untouched.
    """
    reasons: list[Reason] = []
    twins = [(n, check) for n, check in enumerate(checks) if check.kind == "twin"]
    for n, check in enumerate(checks):
        if check.kind != "twin":
            misfits = _one(check, n, evidence)
            label = f"then[{n + 1}] {check.kind}"
            reasons += [Reason(label, text, check.criterion) for text in misfits]
    if twins:
        expected = [fill(check.value, evidence.values) for _, check in twins]
        criteria = tuple(sorted({name for _, check in twins for name in check.criterion}))
        named = {name for value in expected for name in value}
        for name, misfits in check_state(expected, evidence.before, evidence.after).items():
            if not closed and name not in named:
                continue
            where = next((n for n, check in twins if name in check.value), twins[0][0])
            text = f"{name}: {'; '.join(misfits)}"
            reasons.append(Reason(f"then[{where + 1}] twin {name}", text, criteria))
    return reasons


def _one(check: Check, index: int, evidence: Evidence) -> list[str]:
    value = fill(check.value, evidence.values)
    match check.kind:
        case "exit" | "stdout" | "stderr":
            return check_observation({check.kind: value}, evidence.last("cli"))
        case "status" | "body" | "header":
            return check_observation({check.kind: value}, evidence.last("http", "ws"))
        case "user":
            return _conversation(value, evidence.last("user"))
        case "within":
            limit = float(value["seconds"])
            return [] if evidence.duration_s <= limit else [
                f"took {evidence.duration_s:.1f} s, more than {limit:g} s"
            ]  # fmt: skip
        case "file":
            return _files(value, evidence.files)
    return []  # `eventually` and `judge` are decided elsewhere


def _conversation(expected: Mapping[str, Any], seen: Observation | None) -> list[str]:
    """Compare a conversation with `ends`, `turns` and `talk`."""
    if seen is None:
        return ["nobody talked to the product"]
    misfits: list[str] = []
    if "ends" in expected and seen.end != expected["ends"]:
        misfits.append(f"the user ended `{seen.end}`, not `{expected['ends']}`")
    turns = expected.get("turns", {})
    most, least = turns.get("max", seen.turns), turns.get("min", seen.turns)
    if not int(least) <= seen.turns <= int(most):
        misfits.append(f"took {seen.turns} turns, not {least} to {most}")
    if "talk" in expected:
        misfits += [f"talk {misfit}" for misfit in match_text(expected["talk"], seen.body)]
    return misfits


def _files(expected: Mapping[str, Any], files: Mapping[str, str]) -> list[str]:
    misfits: list[str] = []
    for path, value in expected.items():
        if value is None:
            misfits += [f"{path} exists"] if path in files else []
        elif path not in files:
            misfits.append(f"{path} was not written")
        else:
            misfits += [f"{path} {misfit}" for misfit in match_text(value, files[path])]
    return misfits


def check_observation(expected: Mapping[str, Any], seen: Observation | None) -> list[str]:
    """Compare one step's result with `exit`, `stdout`, `status`, `body`, `json`, `header`."""
    if seen is None:
        return ["the product was never called"]
    if seen.timed_out:
        return ["the product did not answer in its time"]
    misfits: list[str] = []
    for name, value in expected.items():
        misfits += [f"{name} {misfit}" for misfit in _field(name, value, seen)]
    if seen.problem:  # an answer that was cut short is no answer, whatever of it fits
        misfits.append(seen.problem)
    return misfits


def _field(name: str, value: Any, seen: Observation) -> list[str]:
    match name:
        case "exit":
            return match_exit(value, seen.exit_code)
        case "status":
            return match_exit(value, seen.status)
        case "stdout":
            return match_text(value, seen.stdout)
        case "stderr":
            return match_text(value, seen.stderr)
        case "body":
            return match_text(value, seen.body)
        case "json":
            return match_text({"json": value}, seen.body or seen.stdout)
        case "header":
            misfits: list[str] = []
            for header, expected in value.items():
                found = match_text(expected, seen.headers.get(header.lower(), ""))
                misfits += [f"{header} {misfit}" for misfit in found]
            return misfits
    return [f"no driver knows `{name}`"]


def broken_invariants(
    scenario: Scenario, evidence: Evidence, own: Sequence[OwnRule] = ()
) -> list[Reason]:
    """Return the invariants that the trajectory broke: its own `never`, and everybody's."""
    outputs = [text for item in evidence.seen for text in (item.stdout, item.stderr, item.body)]
    seen = Seen(
        outputs=[*outputs, *evidence.server_outputs],
        files=evidence.files,
        effects=effects(evidence.before, evidence.after),
        secrets=evidence.secrets,
        exit_codes=[item.exit_code for item in evidence.seen if item.exit_code is not None],
        timed_out=any(item.timed_out for item in evidence.seen),
        statuses=[item.status for item in evidence.seen if item.status is not None],
    )
    built_in = [name for name in scenario.never if name in INVARIANTS]
    reasons = [Reason(f"never {name}", text) for name, text in broken(built_in, seen).items()]
    for rule in own:
        text = rule.broken_by(seen)
        if text is not None:
            reasons.append(Reason(f"never {rule.id}", text))
    return reasons


def state_of(scenario: Scenario, reasons: Sequence[Reason]) -> TrajectoryState:
    """Return what these reasons make of a trajectory.

    A scenario that needs a judge is at most not exercised: a judge's word counts only through
    labels that people gave, over many trajectories (`rules.judging`).
    """
    if reasons:
        return TrajectoryState.NOT_SATISFIED
    if any(check.kind == "judge" for check in scenario.then):
        return TrajectoryState.NOT_EXERCISED
    return TrajectoryState.SATISFIED
