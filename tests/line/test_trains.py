"""Runs of one repository merge as a train; the one that breaks the others is found and waits."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from tests.line.world import durable_url, overlays, request, services

from unlit.core.errors import InvalidInput
from unlit.core.ids import RunId
from unlit.line.adapters.ship_room import ShipRoom
from unlit.line.ports import Services
from unlit.line.service import Line
from unlit.line.trains import run_trains, waiting_runs
from unlit.record.model import GateDecision, RunState
from unlit.ship.landing import Landing
from unlit.ship.repository import Repository

NOT_BOTH = "! { test -f one && test -f three; }"


def git(repository: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(repository), *words], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def change(root: Path, name: str, text: str = "x\n", file: str = "") -> str:
    """A scripted agent that writes one file and is good enough."""
    folder = root / name
    overlay = overlays(folder, "10")
    (overlay / "1" / (file or name)).write_text(text)
    return f"scripted:{overlay}"


def approve(world: Services, run: RunId) -> None:
    found = world.store.find_run(run)
    made = world.store.candidates(run)[-1]
    now = world.clock.now()
    world.store.decide_gate(
        GateDecision(run, "outcome", "approved", "dana", "good", now, found.candidate, made.tree)
    )


async def begun(line: Line, repository: Path, *agents: str) -> list[RunId]:
    runs = []
    for agent in agents:
        asked = replace(request(repository, NOT_BOTH), agents=(agent,))
        run = await line.start(asked)
        await line.wait(run)
        assert line.known(run).state is RunState.WAITING, line.known(run).note
        approve(line.services, run)
        runs.append(run)
    return runs


def landing_of(repository: Path) -> Landing:
    return Landing(Repository(repository), "main")


async def test_the_guilty_run_of_a_failing_train_is_found_and_the_others_land(
    tmp_path: Path, repository: Path
) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "10"), [])
    names = ("one", "two", "three")
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        runs = await begun(line, repository, *(change(tmp_path, name) for name in names))
        assert [run.id for run in waiting_runs(line, repository)] == runs
        arrived = await run_trains(line, landing_of(repository), repository)
        states = [line.known(run).state for run in runs]
    assert states == [RunState.SHIPPED, RunState.SHIPPED, RunState.WAITING]
    assert [item.car.run for item in arrived.waiting] == [runs[2]]
    assert "on the merge, its own tests fail" in arrived.waiting[0].why
    assert "SHP-029" in world.store.find_run(runs[2]).note
    assert (repository / "two").exists()
    assert not (repository / "three").exists()
    assert git(repository, "tag").split() == sorted(f"unlit/{run}" for run in runs[:2])
    graded = {(row.run, row.candidate) for run in runs for row in world.store.evaluations(run)
              if str(row.candidate).startswith("m-")}  # fmt: skip
    assert graded, "validation ran on the merge"


async def test_a_conflicting_run_waits_and_the_rest_lands(tmp_path: Path, repository: Path) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "10"), [])
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        runs = await begun(
            line, repository, change(tmp_path, "a", "mine\n", "README.md"),
            change(tmp_path, "b", "other\n", "README.md"),
        )  # fmt: skip
        arrived = await run_trains(line, landing_of(repository), repository)
        again = await _refused(line, repository, runs[1])
    assert [item.car.run for item in arrived.landed] == [runs[0]]
    assert "does not merge" in arrived.waiting[0].why
    assert (repository / "README.md").read_text() == "mine\n"
    assert again == "no more lands"


async def _refused(line: Line, repository: Path, run: RunId) -> str:
    arrived = await run_trains(line, landing_of(repository), repository)
    return "no more lands" if [item.car.run for item in arrived.waiting] == [run] else "landed"


async def test_two_runs_approved_one_after_the_other_are_verified_together(
    tmp_path: Path, repository: Path
) -> None:
    """The second ships alone after main has moved: its merge is graded first."""
    world = services(tmp_path / "state", overlays(tmp_path, "10"), [])
    world = replace(world, shipper=ShipRoom(world.store))
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        first, second = await begun(
            line, repository, change(tmp_path, "one"), change(tmp_path, "two")
        )
        for run in (first, second):
            await line.ship(run)
            assert (await line.wait(run)).state is RunState.SHIPPED
    tree = git(repository, "rev-parse", "main^{tree}")
    (graded,) = [row for row in world.store.evaluations(second) if str(row.candidate) != "c1"]
    assert (graded.candidate, graded.tree) == (f"m-{tree[:8]}", tree)


async def test_a_train_without_cars_says_so(tmp_path: Path, repository: Path) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "10"), [])
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        with pytest.raises(InvalidInput, match="LIN-129"):
            await run_trains(line, landing_of(repository), repository)
