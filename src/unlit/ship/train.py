"""Approved changes merge as one train; a train that fails is bisected, and only the bad car waits.

Each car was graded alone, on the base it started from. Together they make a tree that nobody
graded, so the whole train is re-checked, and landed only if it holds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from unlit.core.errors import OutcomeNotGoodEnough
from unlit.core.ids import RunId
from unlit.ship.repository import Repository, Stamp

Recheck = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class Car:
    """One approved change that waits to be merged."""

    run: RunId
    commit: str
    tree: str
    message: str
    stamp: Stamp
    title: str = ""

    @property
    def tag(self) -> str:
        """The tag that marks it as shipped."""
        return f"unlit/{self.run}"


@dataclass(frozen=True, slots=True)
class Landed:
    """A car that was merged, with its merge commit."""

    car: Car
    commit: str
    tree: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A car that was not merged, and why."""

    car: Car
    why: str


@dataclass(frozen=True, slots=True)
class Arrived:
    """What a train came to; `checks` counts how often something was re-checked."""

    landed: tuple[Landed, ...]
    waiting: tuple[Waiting, ...]
    checks: int


def run_train(
    repository: Repository, branch: str, cars: Sequence[Car], recheck: Recheck
) -> Arrived:
    """Merge what holds together, in order, and move branch and tags in one step.

    Args:
        repository: Where to merge.
        branch: The main branch.
        cars: Approved changes whose commits are in the repository.
        recheck: Takes a merge commit and its tree; whether checks and validation hold on it.

    Raises:
        OutsideFailed: The branch moved meanwhile; nothing was changed.
    """
    head = repository.head(branch)
    if head is None or not cars:
        return Arrived((), tuple(Waiting(car, "there is no such branch") for car in cars), 0)
    state = _State(repository, recheck)
    landed = state.land(head, list(cars))
    if landed:
        last = landed[-1].commit
        repository.check_working_copy(branch, head, last)
        tags = [
            (
                item.car.tag,
                repository.make_tag(
                    item.car.tag, item.commit, item.car.title or item.car.run, item.car.stamp
                ),
            )
            for item in landed
        ]
        repository.advance_all(branch, head, last, tags)
        repository.follow(branch, head, last)
    return Arrived(tuple(landed), tuple(state.waiting), state.checks)


class _State:
    """One train under way."""

    def __init__(self, repository: Repository, recheck: Recheck) -> None:
        self._repository = repository
        self._recheck = recheck
        self.waiting: list[Waiting] = []
        self.checks = 0

    def land(self, head: str, cars: list[Car]) -> list[Landed]:
        """Return what lands on `head`: all, or by halves what holds."""
        chain = self._chain(head, cars)
        if not chain:
            return []
        if self._holds(chain):
            return chain
        if len(chain) == 1:
            self.waiting.append(Waiting(chain[0].car, "checks or validation fail on the merge"))
            return []
        kept = [item.car for item in chain]
        middle = len(kept) // 2
        left = self.land(head, kept[:middle])
        right = self.land(left[-1].commit if left else head, kept[middle:])
        return left + right

    def _chain(self, head: str, cars: list[Car]) -> list[Landed]:
        chain: list[Landed] = []
        at = head
        for car in cars:
            try:
                tree = self._repository.merged_tree(at, car.commit)
            except OutcomeNotGoodEnough as error:
                self.waiting.append(Waiting(car, error.what))
                continue
            at = self._repository.commit(tree, (at, car.commit), car.message, car.stamp)
            chain.append(Landed(car, at, tree))
        return chain

    def _holds(self, chain: list[Landed]) -> bool:
        last = chain[-1]
        if len(chain) == 1 and last.tree == last.car.tree:
            return True  # exactly the tree that was graded
        self.checks += 1
        return self._recheck(last.commit, last.tree)
