"""Approved changes merge as one train; a train that fails is bisected, and only the bad car waits.

Each car was graded alone, on the base it started from. Together they make a tree that nobody
graded, so the whole train is re-checked, and landed only if it holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from unlit.core.errors import OutcomeNotGoodEnough
from unlit.core.ids import RunId
from unlit.ship.landing import Landing
from unlit.ship.model import TrainRecheck
from unlit.ship.repository import Stamp
from unlit.ship.service import PREPARED


@dataclass(frozen=True, slots=True)
class Car:
    """One approved change that waits to be merged.

    Attributes:
        words: Text of its tag.
        mark: Its tag, when it is another than ``unlit/RUN``.
    """

    run: RunId
    commit: str
    tree: str
    message: str
    stamp: Stamp
    words: str = ""
    mark: str = ""

    @property
    def tag(self) -> str:
        """The tag that marks it as shipped."""
        return self.mark or f"unlit/{self.run}"


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


def run_train(landing: Landing, cars: Sequence[Car], recheck: TrainRecheck) -> Arrived:
    """Merge what holds together, in order, and move branch and tags in one step.

    Args:
        landing: The main branch.
        cars: Approved changes whose commits are in the repository.
        recheck: Whether checks and validation of all given runs hold on a merge commit.

    Raises:
        OutcomeNotGoodEnough: The branch moved meanwhile, or uncommitted work is in the way.
        OutsideFailed: The branch cannot be moved; nothing was changed.
    """
    head = landing.head()
    if head is None or not cars:
        return Arrived((), tuple(Waiting(car, "there is no such branch") for car in cars), 0)
    before = _landed_before(landing, head, cars)
    there = {item.car.run for item in before}
    state = _State(landing, recheck)
    landed = state.land(head, [car for car in cars if car.run not in there])
    if before or landed:
        _arrive(landing, head, before, landed)
    return Arrived((*before, *landed), tuple(state.waiting), state.checks)


def _landed_before(landing: Landing, head: str, cars: Sequence[Car]) -> list[Landed]:
    """Return the cars of a train that reached the branch and was killed before it said so."""
    target, found = landing.repository, []
    for car in cars:
        held = target.resolve(f"{PREPARED}/{car.run}")
        merged = held is not None and target.is_ancestor(held, head)
        if held is not None and merged and car.commit in target.parents(held):
            found.append(Landed(car, held, target.tree(held)))
    return found


def _arrive(
    landing: Landing, head: str, before: Sequence[Landed], landed: Sequence[Landed]
) -> None:
    target = landing.repository
    last = landed[-1].commit if landed else head
    for item in landed:
        target.hold(f"{PREPARED}/{item.car.run}", item.commit)
    if before:  # the working copy of a killed train may still be where the train began
        target.follow(landing.branch, target.parents(before[0].commit)[0], head)
    landing.check(last)
    tags = [
        (
            item.car.tag,
            target.make_tag(
                item.car.tag, item.commit, item.car.words or item.car.run, item.car.stamp
            ),
        )
        for item in (*before, *landed)
        if target.resolve(f"refs/tags/{item.car.tag}") is None
    ]
    landing.land(last, tags)
    for item in before:
        landing.share(item.car.tag)


class _State:
    """One train under way."""

    def __init__(self, landing: Landing, recheck: TrainRecheck) -> None:
        self._repository = landing.repository
        self._recheck = recheck
        self.waiting: list[Waiting] = []
        self.checks = 0

    def land(self, head: str, cars: list[Car]) -> list[Landed]:
        """Return what lands on `head`: all, or by halves what holds."""
        chain = self._chain(head, cars)
        if not chain:
            return []
        why = self._fails(chain)
        if why is None:
            return chain
        if len(chain) == 1:
            self.waiting.append(Waiting(chain[0].car, why))
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

    def _fails(self, chain: list[Landed]) -> str | None:
        """Why a chain does not hold; `None` when it does."""
        last = chain[-1]
        if len(chain) == 1 and last.tree == last.car.tree:
            return None  # exactly the tree that was graded
        self.checks += 1
        held = self._recheck([item.car.run for item in chain], last.commit, last.tree)
        if held is True:
            return None
        return held if isinstance(held, str) and held else "checks or validation fail on the merge"
