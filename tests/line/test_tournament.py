"""Several candidates compete; validation ranks them by a fixed rule; one sealed look is charged."""

from dataclasses import replace
from pathlib import Path

from tests.line.world import durable_url, overlays, request, services

from unlit.core.states import Partition, Verdict
from unlit.line.service import Line
from unlit.record.model import RunState, StageState


async def test_the_best_of_several_goes_on_to_the_sealed_look(
    tmp_path: Path, repository: Path
) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "3", "10", "", "10"), [])
    (tmp_path / "overlays" / "2" / "more").write_text("x")
    store = world.store
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(replace(request(repository), tournament=4))
        done = await line.wait(run)
    assert (done.state, done.verdict, done.candidate) == (RunState.WAITING, Verdict.SHIP, "c4")
    stage = next(s for s in store.stages(run) if s.key == "tournament")
    assert [row["candidate"] for row in stage.facts["ranking"]] == ["c4", "c2", "c1", "c3"]
    assert stage.facts["ranking"][3]["why"] == "it changed nothing"
    assert stage.facts["bits"] == 1.584962500721156
    assert "then fewer changed files" in stage.facts["rule"]
    looks = store.looks(run=run)
    assert [(look.index, look.candidate) for look in looks] == [(1, "c4")]
    sealed = [e for e in store.evaluations(run) if e.partition is Partition.SEALED]
    assert [e.candidate for e in sealed] == ["c4"]
    assert len(store.candidates(run)) == 3
    assert {c.parent for c in store.candidates(run)} == {done.base}


async def test_where_none_is_good_the_best_one_is_carried_on(
    tmp_path: Path, repository: Path
) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "3", "6", "10"), [])
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(replace(request(repository), tournament=2))
        done = await line.wait(run)
    assert (done.verdict, done.candidate) == (Verdict.SHIP, "c3")
    made = {str(c.id): c for c in world.store.candidates(run)}
    best = next(s for s in world.store.stages(run) if s.key == "tournament").facts["winner"]
    assert made["c3"].parent == made[best].commit


async def test_a_tournament_in_which_nothing_can_be_graded_says_so(
    tmp_path: Path, repository: Path
) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "", "", "10"), [])
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(replace(request(repository), tournament=2, max_candidates=3))
        done = await line.wait(run)
    stage = next(s for s in world.store.stages(run) if s.key == "tournament")
    assert stage.state is StageState.NOT_GOOD_ENOUGH
    assert (done.verdict, done.candidate) == (Verdict.SHIP, "c3")
    told = (world.workspaces / run / "prompts" / "c3.md").read_text()
    assert "c1: it changed nothing" in told
