"""Is a run getting anywhere, and who should try next; pure.

A stall is two turns in a row of one agent that changed nothing in what the grading finds; an
oscillation is a tree that was there before. Either hands over to the next, stronger agent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_RANK: Final = {"none": 0, "few": 1, "some": 2, "most": 3, "all": 4}
PATIENCE: Final = 2


@dataclass(frozen=True, slots=True)
class Tried:
    """One turn, as progress sees it.

    Attributes:
        tree: What it left; empty when nothing to grade.
        buckets: Criterion and bucket of its grading, sorted; empty when it was not graded.
    """

    agent: str
    tree: str = ""
    buckets: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Advice:
    """Who tries next, and what to tell them.

    Attributes:
        why: Why the agent changed; empty when it did not.
    """

    agent: str
    others: tuple[str, ...]
    remark: str = ""
    why: str = ""


def advise(agents: Sequence[str], tried: Sequence[Tried]) -> Advice:
    """Choose the agent of the next turn.

    Args:
        agents: The first makes candidates; the later ones are stronger.
        tried: The turns so far, in order.
    """
    present = agents.index(tried[-1].agent) if tried and tried[-1].agent in agents else 0
    again = repeats(tried)
    stuck = is_stalled(tried)
    why = "oscillation" if again else "stall" if stuck else ""
    following = min(present + 1, len(agents) - 1) if why else present
    remark = ""
    if again:
        remark = f"The last candidate is the same as candidate {again}. Try a different way."
    elif stuck:
        remark = f"The last {PATIENCE} candidates changed nothing in the grading. Try another way."
    changed = why if following != present else ""
    return Advice(agents[following], _others(agents, following), remark, changed)


def repeats(tried: Sequence[Tried]) -> int:
    """Return the number of an earlier candidate with the tree of the last one; 0 is none."""
    if not tried or not tried[-1].tree:
        return 0
    for number, turn in enumerate(tried[:-1], start=1):
        if turn.tree == tried[-1].tree:
            return number
    return 0


def is_stalled(tried: Sequence[Tried]) -> bool:
    """Whether the last turns of one agent made no progress."""
    last = list(tried[-PATIENCE:])
    if len(last) < PATIENCE or len({turn.agent for turn in last}) > 1:
        return False
    return score(last[-1]) <= score(last[0])


def score(turn: Tried) -> int:
    """Return how good a turn's grading was; an ungraded one is worst."""
    if not turn.buckets:
        return -1
    return sum(_RANK.get(bucket, 0) for _, bucket in turn.buckets)


def _others(agents: Sequence[str], chosen: int) -> tuple[str, ...]:
    """Return who takes over when the chosen agent's model does not answer: next ones first."""
    return (*agents[chosen + 1 :], *agents[:chosen])
