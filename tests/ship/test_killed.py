"""A shipping that dies at any call to git or the forge, and is begun again: nothing twice or lost.

Each call outside is a place to die at: before it was made, or after it, its answer lost.
"""

import os
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.ship.test_forges import GitHubWorld
from tests.ship.test_remote import Shared
from tests.ship.test_service import RUN, git
from tests.ship.test_train import Yard
from tests.twins.serving import serving
from typing_extensions import override

from unlit.core.clock import FakeClock
from unlit.harness.git import run_git
from unlit.ship import Means, Plan, Rollout, Shipment, ShipPlan, roll_out, ship_run
from unlit.ship import repository as repository_module
from unlit.ship.remote import Remote
from unlit.ship.rollout import Memory, Step
from unlit.ship.train import Arrived, Car, run_train
from unlit.twins.universe import Universe

POINTS = int(os.environ.get("UNLIT_KILL_POINTS", "5"))


class Killed(BaseException):
    """The process is gone: nothing catches it."""


class Death:
    """Comes at one call outside."""

    def __init__(self, at: int, *, answered: bool) -> None:
        self.at = at
        self.answered = answered
        self.calls = 0

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def dying(*words: Any, **named: Any) -> Any:
            self.calls += 1
            here = self.calls == self.at
            if here and not self.answered:
                raise Killed
            try:
                return call(*words, **named)
            finally:
                if here:
                    raise Killed

        return dying


def ship_under(death: Death, ship: Callable[[], Shipment], forge: Any = None) -> Shipment | None:
    """Ship; `None` when it died."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repository_module, "run_git", death.around(run_git))
        patch.setattr(Remote, "_git", death.around(Remote._git))
        for name in ("find", "open", "describe", "merge"):
            if forge is not None:
                patch.setattr(forge, name, death.around(getattr(forge, name)))
        try:
            return ship()
        except Killed:
            return None


def points(calls: int, seed: int) -> list[tuple[int, bool]]:
    """Some of the places to die at, the same each time."""
    every = [(at, answered) for at in range(1, calls + 1) for answered in (False, True)]
    return sorted(random.Random(seed).sample(every, min(POINTS, len(every))))


PLAN = ShipPlan(remote="origin", changelog="CHANGELOG.md")


def of(world: Shared) -> Callable[[], Shipment]:
    return lambda: ship_run(world.store, RUN, means=Means(PLAN, env=dict(os.environ)))


def undisturbed(folder: Path) -> tuple[int, dict[str, str]]:
    folder.mkdir()
    world = Shared(folder)
    death = Death(0, answered=False)
    assert ship_under(death, of(world)) is not None
    return death.calls, state(world)


def state(world: Shared) -> dict[str, str]:
    return {
        "main": git(world.repository, "rev-parse", "main"),
        "remote": git(world.bare, "rev-parse", "main"),
        "tags": git(world.repository, "for-each-ref", "refs/tags"),
        "remote tags": git(world.bare, "for-each-ref", "refs/tags"),
        "merges": git(world.repository, "rev-list", "--merges", "--count", "main"),
        "changelog": git(world.repository, "show", "main:CHANGELOG.md"),
        "working copy": git(world.repository, "status", "--porcelain"),
    }


def test_a_shipping_that_dies_anywhere_ends_as_an_undisturbed_one(tmp_path: Path) -> None:
    calls, expected = undisturbed(tmp_path / "undisturbed")
    assert calls > 20
    for at, answered in points(calls, seed=3):
        folder = tmp_path / f"{at}-{answered}"
        folder.mkdir()
        world = Shared(folder)
        assert ship_under(Death(at, answered=answered), of(world)) is None
        shipment = ship_under(Death(0, answered=False), of(world))
        assert shipment is not None
        found = state(world)
        same = ("main", "tags", "merges", "changelog", "working copy")
        assert {n: found[n] for n in same} == {n: expected[n] for n in same}, (at, answered)
        assert found["remote"] == found["main"], (at, answered)
        assert found["remote tags"] == found["tags"], (at, answered)


def test_one_that_dies_again_and_again_gets_there(tmp_path: Path) -> None:
    _, expected = undisturbed(tmp_path / "undisturbed")
    folder = tmp_path / "world"
    folder.mkdir()
    world, chance, deaths = Shared(folder), random.Random(5), 0
    while ship_under(Death(chance.randint(4, 40), answered=deaths % 2 == 0), of(world)) is None:
        deaths += 1
        assert deaths < 100
    assert state(world) == expected


@pytest.fixture
def address() -> Iterator[tuple[str, Universe]]:
    universe = Universe(["github"])
    with serving(universe) as found:
        yield found, universe


def test_a_pull_request_is_opened_and_merged_once_wherever_it_dies(
    tmp_path: Path, address: tuple[str, Universe]
) -> None:
    def world_at(name: str) -> GitHubWorld:
        folder = tmp_path / name
        folder.mkdir()
        return GitHubWorld(folder, *address)

    first = world_at("undisturbed")
    counted = Death(0, answered=False)
    assert ship_under(counted, first.ship, first.forge) is not None
    first.fetch.close()
    for at, answered in points(counted.calls, seed=9):
        hub = world_at(f"{at}-{answered}")
        died = ship_under(Death(at, answered=answered), hub.ship, hub.forge)
        assert died is None
        shipment = hub.ship()
        assert not shipment.pending, (at, answered)
        pulls = hub.pulls()
        assert [pull["state"] for pull in pulls] == ["closed"], (at, answered, pulls)
        bare = hub.shared.bare
        merges = git(bare, "rev-list", "--first-parent", "--merges", "--count", "main")
        assert merges == "1", (at, answered)
        assert git(bare, "for-each-ref", "--format=%(refname)", "refs/tags") == (
            f"refs/tags/unlit/{RUN}"
        )
        hub.fetch.close()


def train_under(death: Death, yard: Yard, cars: Sequence[Car]) -> Arrived | None:
    """Run a train; `None` when it died."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repository_module, "run_git", death.around(run_git))
        try:
            return run_train(yard.landing, cars, lambda runs, commit, tree: len(runs) < 3)
        except Killed:
            return None


def test_a_train_that_dies_anywhere_lands_each_car_once(tmp_path: Path) -> None:
    def yard_at(name: str) -> tuple[Yard, list[Car]]:
        folder = tmp_path / name
        folder.mkdir()
        yard = Yard(folder)
        return yard, [yard.car(name, f"{name}.txt", name) for name in ("one", "two", "three")]

    first, cars = yard_at("undisturbed")
    counted = Death(0, answered=False)
    arrived = train_under(counted, first, cars)
    assert arrived is not None
    assert (len(arrived.landed), len(arrived.waiting)) == (3, 0)
    expected = git(first.folder, "rev-parse", "main")
    for at, answered in points(counted.calls, seed=21):
        yard, cars = yard_at(f"{at}-{answered}")
        assert train_under(Death(at, answered=answered), yard, cars) is None
        again = train_under(Death(0, answered=False), yard, cars)
        assert again is not None
        assert [item.car.run for item in again.landed] == ["r-one", "r-two", "r-three"]
        assert git(yard.folder, "rev-parse", "main") == expected, (at, answered)
        assert len(git(yard.folder, "tag").splitlines()) == 3, (at, answered)
        assert git(yard.folder, "status", "--porcelain") == "", (at, answered)


class Kept(Memory):
    """Remembers as the record does: what was written stays."""

    def __init__(self) -> None:
        self.ended: dict[str, Step] = {}

    @override
    def find(self, name: str) -> Step | None:
        return self.ended.get(name)

    @override
    def begin(self, name: str) -> str:
        return f"key of {name}"

    @override
    def keep(self, step: Step) -> None:
        self.ended[step.name] = step


class Dying:
    """Hands that die at one command, before it has ended or after."""

    def __init__(self, at: int, *, answered: bool) -> None:
        self.at, self.answered = at, answered
        self.asked: list[tuple[str, str, str]] = []

    async def run(self, command: str, env: dict[str, str]) -> tuple[int, str]:
        dies = len(self.asked) + 1 == self.at
        if dies and not self.answered:
            self.at = 0
            raise Killed
        self.asked.append((command, env["UNLIT_PERCENT"], env["UNLIT_KEY"]))
        if dies:
            self.at = 0
            raise Killed
        return 0, ""


async def roll(hands: Dying, kept: Kept, sick_at: Sequence[str]) -> Rollout | None:
    async def healthy() -> str | None:
        last = hands.asked[-1] if hands.asked else ("", "", "")
        return "sick" if last[0] == "deploy" and last[1] in sick_at else None

    plan = Plan("deploy", "back", stages=(10, 50, 100), looks=1)
    try:
        return await roll_out(plan, "b", "a", hands, [healthy], FakeClock(), kept)
    except Killed:
        return None


@pytest.mark.parametrize("sick", [(), ("50",)])
@pytest.mark.parametrize("at", [1, 2, 3])
@pytest.mark.parametrize("answered", [False, True])
async def test_a_killed_rollout_goes_on_where_it_was(
    sick: tuple[str, ...], at: int, answered: bool
) -> None:
    expected = await roll(calm := Dying(0, answered=False), Kept(), sick)
    hands, kept = Dying(at, answered=answered), Kept()
    assert await roll(hands, kept, sick) is None
    assert await roll(hands, kept, sick) == expected
    once = list(dict.fromkeys(hands.asked))
    assert once == calm.asked, "another order, or a step that was lost"
    twice = [one for one in hands.asked if hands.asked.count(one) > 1]
    assert len(set(twice)) == (1 if answered else 0), "only the killed step, with the same key"
