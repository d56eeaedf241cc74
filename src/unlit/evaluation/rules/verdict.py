"""From all the evidence of a grading to one verdict, and what it does not say.

Vetoes only ever take `ship` away: a broken invariant, a leak, a criterion shown not met. So they
cannot raise the rate of false ships. `undecided`, `not_exercised` and `harness_fault` are never
turned into a success or a failure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from unlit.core.ids import CriterionId
from unlit.core.states import CriterionState, Verdict
from unlit.evaluation.model import CriterionResult, Leaks, Looks, Strength
from unlit.evaluation.rules.ship import ShipTest


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the verdict rests on.

    Attributes:
        harness_broken: Why the harness could not finish, if it could not.
        drawn: Draws that were executed at all.
        unexercised: Drawn scenarios that no driver or tool here could exercise.
        broken_invariants: Names of the safety invariants that fired.
        judged: Criteria that a judge decides, through people's labels.
        unpaid: Why the next model call would have passed a limit of money, if one would have.
    """

    test: ShipTest
    criteria: tuple[CriterionResult, ...]
    leaks: Leaks
    drawn: int
    unexercised: tuple[str, ...] = ()
    broken_invariants: tuple[str, ...] = ()
    harness_broken: str | None = None
    needs_leak_proof: bool = False
    judged: tuple[CriterionId, ...] = ()
    unpaid: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict and the one sentence that gives its reason."""

    verdict: Verdict
    reason: str


def decide(evidence: Evidence) -> Decision:
    """Return the verdict with its reason."""
    if evidence.harness_broken is not None:
        return Decision(Verdict.HARNESS_FAULT, f"The harness failed: {evidence.harness_broken}.")
    stop = _stops(evidence)
    if stop is not None:
        return stop
    if evidence.unpaid is not None:
        return Decision(Verdict.UNDECIDED, f"Not exercised: budget. {evidence.unpaid}")
    if evidence.test.n == 0 and not evidence.judged:
        return Decision(Verdict.NOT_EXERCISED, "No trajectory counted, so nothing is known.")
    if evidence.test.n == 0 and not _judges_agree(evidence):
        return Decision(Verdict.UNDECIDED, "Judge and labels do not decide every criterion yet.")
    if evidence.test.n == 0:
        return _unless_held_back(evidence)
    if evidence.test.decision is Verdict.NOT_YET:
        return Decision(Verdict.NOT_YET, "Too many trajectories were not satisfied.")
    if evidence.test.decision is Verdict.UNDECIDED:
        return Decision(Verdict.UNDECIDED, _too_few(evidence.test))
    return _unless_held_back(evidence)


def _too_few(test: ShipTest) -> str:
    """Say in words for a newcomer why nothing is decided, and what would decide it."""
    more = test.clean_runs_to_ship()
    enough = ""
    if more:
        enough = (
            f": {more} more without a failure would be enough, so allow {test.n + more} or more "
            f"with --trajectories"
        )
    if test.satisfied == test.n:
        return f"Nothing failed, but {test.n} tries are too few to be sure{enough}."
    return f"{test.satisfied} of {test.n} held, too few for a yes or a no{enough}."


def _judges_agree(evidence: Evidence) -> bool:
    """Say whether judges, through labels, found every criterion met that they decide."""
    named = [result for result in evidence.criteria if result.id in evidence.judged]
    return bool(named) and all(result.state is CriterionState.MET for result in named)


def _unless_held_back(evidence: Evidence) -> Decision:
    return held_back(
        len(evidence.unexercised), evidence.leaks.control, proof=evidence.needs_leak_proof
    ) or Decision(Verdict.SHIP, "The evidence reaches the threshold and nothing vetoes it.")


def held_back(unexercised: int | None, control: object, *, proof: bool) -> Decision | None:
    """Return what keeps evidence that is good enough from `ship`, if anything does.

    Args:
        unexercised: How many drawn scenarios could not be exercised; `None` when nothing says so.
        control: What became of the planted leak.
        proof: Whether a leak proof is needed.
    """
    if unexercised is None:
        return Decision(
            Verdict.NOT_EXERCISED, "Nothing says whether every drawn scenario was exercised."
        )
    if unexercised:
        return Decision(
            Verdict.NOT_EXERCISED, f"{unexercised} drawn scenarios could not be exercised here."
        )
    if proof and control != "held":
        return Decision(Verdict.UNDECIDED, "The leak proof's planted control was not caught.")
    return None


def _stops(evidence: Evidence) -> Decision | None:
    if evidence.broken_invariants:
        names = ", ".join(sorted(set(evidence.broken_invariants)))
        return Decision(Verdict.NOT_YET, f"A safety invariant was broken: {names}.")
    for part in ("probe", "canaries", "literals", "freshness"):
        if getattr(evidence.leaks, part) == "leaked":
            return Decision(Verdict.NOT_YET, f"Sealed content leaked: {part}.")
    unmet = [r.id for r in evidence.criteria if r.state is CriterionState.NOT_MET]
    if unmet:
        return Decision(Verdict.NOT_YET, f"Not met: {', '.join(unmet)}.")
    return None


def not_verified(
    criteria: Sequence[CriterionResult],
    strength: Strength,
    leaks: Leaks,
    looks: Looks,
    *,
    extra: Iterable[str] = (),
) -> tuple[str, ...]:
    """Return, in sentences a person can read, what this grading does not show."""
    found = [sentence for result in criteria for sentence in _of_criterion(result)]
    found += _of_strength(strength)
    missing = [
        name
        for name, state in (
            ("the probe from inside the fence", leaks.probe),
            ("the canary scan", leaks.canaries),
            ("the planted control", leaks.control),
            ("the rare-literal detector", leaks.literals),
        )
        if state is None
    ]
    if missing:
        found.append(f"Leak proof: {', '.join(missing)} not exercised.")
    elif leaks.control != "held":
        found.append("Leak proof: the planted leak was not caught, so the proof does not count.")
    if looks.index is None:
        found.append("No sealed scenario was looked at.")
    return (*found, *extra)


def _of_criterion(result: CriterionResult) -> list[str]:
    named = f'{result.id} "{result.text}"'
    if result.state is CriterionState.NOT_EXERCISED:
        return [f"{named} was not exercised by any scenario; only a person can say."]
    found = []
    if result.state is CriterionState.UNDECIDED:
        found.append(
            f"{named}: {result.satisfied} of {result.trajectories} held, too few to be sure of "
            f"this criterion by itself."
        )
    if result.independence.for_people:
        found.append(f"{named}: green means at most this: {result.independence.ceiling}.")
    return found


def _of_strength(strength: Strength) -> list[str]:
    if strength.mutants is None:
        found = ["How many defects these scenarios would notice was not measured."]
    else:
        found = []
    if strength.void:
        found.append(f"Void scenarios, which any program passes: {', '.join(strength.void)}.")
    if strength.uncovered:
        found.append(f"No planted defect threatened: {', '.join(strength.uncovered)}.")
    return found
