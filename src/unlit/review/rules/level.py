"""Which level of autonomy a run really had, from who wrote, who graded and who looked.

Levels after Shapiro, "The five levels" (2026): 2 a person writes with a machine, 3 a machine writes
and a person reads each change, 4 people write specs and judge outcomes, 5 nobody reads and nobody
decides. A setting never raises the level; missing evidence lowers it.
"""

from collections.abc import Sequence

from unlit.core.states import Verdict
from unlit.review.model import CandidateLine, DecisionLine, Graded, LeakLine, LevelLine

MACHINE_DECIDERS = ("unlit", "policy", "line")


def level_of(
    candidates: Sequence[CandidateLine],
    agent: str,
    graded: Graded | None,
    leaks: LeakLine | None,
    decision: DecisionLine | None,
) -> LevelLine:
    """State the level with its evidence."""
    if not candidates:
        return LevelLine(None, "No level: nothing was written.", ())
    written = f"written by {agent}, {len(candidates)} candidate{_s(len(candidates))}"
    evidence = [written]
    if graded is None or graded.verdict in (Verdict.NOT_EXERCISED, Verdict.HARNESS_FAULT):
        evidence.append("nothing graded it")
        return LevelLine(3, "3 of 5 at most: without a grading a person has to read it.",
                         tuple(evidence))  # fmt: skip
    evidence.append(f"graded by the evaluator on {graded.trajectories} trajectories")
    proof = "not_exercised" if leaks is None else leaks.state
    if proof != "sealed":
        reason = {
            "leaked": "the leak proof found a leak",
            "partly": "the leak proof is incomplete",
            "not_exercised": "nothing proves that the writer could not see the checks",
        }[proof]
        evidence.append(reason)
        return LevelLine(3, f"3 of 5: {reason}, so the grading cannot replace a reader.",
                         tuple(evidence))  # fmt: skip
    evidence.append("the leak proof held")
    if decision is None:
        evidence.append("nobody has decided yet")
        return LevelLine(4, "4 of 5: a person decides on the outcome; nobody reads the change.",
                         tuple(evidence))  # fmt: skip
    if decision.person in MACHINE_DECIDERS:
        evidence.append("the decision was made by rule, without a person")
        return LevelLine(5, "5 of 5: nobody read it and nobody decided it.", tuple(evidence))
    evidence.append(f"decided by {decision.person}")
    return LevelLine(4, f"4 of 5: {decision.person} decided on the outcome, not on the change.",
                     tuple(evidence))  # fmt: skip


def _s(number: int) -> str:
    return "" if number == 1 else "s"
