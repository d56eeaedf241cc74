"""Count trajectories in the order drawn, whatever order they finish in.

Otherwise a product could bend the error rates: hang when it is about to fail, so that its failures
finish after the decision, or break the harness, so that they never count.
"""

from dataclasses import dataclass
from typing import Final, Literal

from unlit.core.states import TrajectoryState

MAX_ATTEMPTS: Final = 3

Command = Literal["counted", "retry", "late"]


@dataclass(frozen=True, slots=True)
class Counted:
    """One draw whose turn has come.

    Attributes:
        attempts: How often it was executed.
        was_fault: Whether it counts as not satisfied because the harness failed three times, or
            once without evidence from outside the product's fence.
    """

    index: int
    state: TrajectoryState
    attempts: int
    was_fault: bool = False

    @property
    def counts(self) -> bool:
        """Whether it is evidence at all: `not_exercised` is neither a success nor a failure."""
        return self.state in (TrajectoryState.SATISFIED, TrajectoryState.NOT_SATISFIED)

    @property
    def satisfied(self) -> bool:
        """Whether it speaks for the product."""
        return self.state is TrajectoryState.SATISFIED


class Tally:
    """Offers come in any order; `ready` gives them back in the order drawn, from `first` on."""

    def __init__(self, *, first: int = 1, max_attempts: int = MAX_ATTEMPTS) -> None:
        self._next = first
        self._max_attempts = max_attempts
        self._attempts: dict[int, int] = {}
        self._waiting: dict[int, Counted] = {}

    @property
    def next_index(self) -> int:
        """The draw that everything later waits for."""
        return self._next

    @property
    def waiting(self) -> int:
        """How many finished draws wait for an earlier one."""
        return len(self._waiting)

    def offer(self, index: int, state: TrajectoryState, *, seen_outside: bool = True) -> Command:
        """Take one finished execution of draw `index`.

        Args:
            index: The draw.
            state: What it showed.
            seen_outside: For a harness fault: whether something outside the product's fence shows
                that it was ours. A fault that only the product's side shows counts as its failure.

        Returns:
            ``counted``; ``retry``: execute the same draw again; ``late``: it was counted before.
        """
        if index < self._next or index in self._waiting:
            return "late"
        attempts = self._attempts.get(index, 0) + 1
        self._attempts[index] = attempts
        if state is TrajectoryState.HARNESS_FAULT:
            if seen_outside and attempts < self._max_attempts:
                return "retry"
            counted = Counted(index, TrajectoryState.NOT_SATISFIED, attempts, was_fault=True)
        else:
            counted = Counted(index, state, attempts)
        self._waiting[index] = counted
        return "counted"

    def ready(self) -> list[Counted]:
        """Return the draws whose turn has come, in the order drawn; each once."""
        ready = []
        while self._next in self._waiting:
            ready.append(self._waiting.pop(self._next))
            self._attempts.pop(self._next, None)
            self._next += 1
        return ready
