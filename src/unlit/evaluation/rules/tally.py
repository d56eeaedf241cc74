"""How a draw comes to count: tried again when the fault was ours, counted in the order drawn.

Otherwise a product could bend the error rates: hang when it is about to fail, so that its failures
finish after the decision, or break the harness, so that they never count.
"""

from collections.abc import Iterator
from typing import Final, Generic, TypeVar

MAX_ATTEMPTS: Final = 3

T = TypeVar("T")


def may_try_again(attempt: int, *, seen_outside: bool) -> bool:
    """Say whether a draw that ended in a harness fault is executed again.

    What is not may count as not satisfied: the third fault, and any that only the product's side
    shows, such as an answer that breaks what reads it. A product that could break the harness
    whenever it fails would otherwise be given three chances for each draw.

    Args:
        attempt: Which execution it was, from 1.
        seen_outside: Whether something outside the product's fence shows that it was ours.
    """
    return seen_outside and attempt < MAX_ATTEMPTS


class InDrawnOrder(Generic[T]):
    """Takes what finished in any order and gives it back in the order drawn.

    Args:
        first: The draw that comes first.
    """

    def __init__(self, first: int = 1) -> None:
        self._next = first
        self._waiting: dict[int, T] = {}

    def offer(self, index: int, finished: T) -> None:
        """Take the end of draw `index`; what was taken before stands."""
        if index >= self._next:
            self._waiting.setdefault(index, finished)

    def ready(self) -> Iterator[T]:
        """Yield those whose turn has come, each once."""
        while self._next in self._waiting:
            finished = self._waiting.pop(self._next)
            self._next += 1
            yield finished
