import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from tests.line.world import durable_url, overlays, request, services

from unlit.context.connectors.markdown import MarkdownFolder
from unlit.context.model import Trust
from unlit.core.errors import InvalidInput, OutcomeNotGoodEnough, OutsideFailed
from unlit.core.states import Partition, Verdict
from unlit.evaluation.rules.vetoes import own_veto
from unlit.line.fakes import FakeEvaluator
from unlit.line.model import LineEvent
from unlit.line.onward import rewind
from unlit.line.service import Line
from unlit.line.stopping import stop_run
from unlit.record.model import FailureClass, GateDecision, RunState, StageState


async def test_a_run_goes_from_its_spec_to_its_gate_and_ships(
    tmp_path: Path, repository: Path
) -> None:
    events: list[LineEvent] = []
    world = services(tmp_path / "state", overlays(tmp_path, "3", "6", "10"), events)
    store = world.store
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(request(repository))
        done = await line.wait(run)
        assert (done.state, done.verdict) == (RunState.WAITING, Verdict.SHIP)
        assert [stage.key for stage in store.stages(run)] == [
            "intent",
            "context",
            "baseline",
            "build/c1",
            "checks/c1",
            "validate/c1",
            "build/c2",
            "checks/c2",
            "validate/c2",
            "build/c3",
            "checks/c3",
            "validate/c3",
            "sealed/c3",
            "report",
            "gate",
        ]
        assert [look.index for look in store.looks(run=run)] == [1]
        assert store.looks(run=run)[0].verdict is Verdict.SHIP
        assert len(store.candidates(run)) == 3
        assert len(store.trajectories(run)) == 40
        store.decide_gate(
            GateDecision(run, "outcome", "approved", "ann", "good", world.clock.now())
        )
        await line.ship(run)
        assert (await line.wait(run)).state is RunState.SHIPPED
        await line.ship(run)
        assert (await line.wait(run)).state is RunState.SHIPPED
    assert [event.kind for event in events].count("trajectory") == 40


async def test_a_run_that_is_over_ships_nothing_on_an_old_approval(
    tmp_path: Path, repository: Path
) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "10"), [])
    store = world.store
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(request(repository))
        await line.wait(run)
        store.decide_gate(
            GateDecision(run, "outcome", "approved", "ann", "good", world.clock.now())
        )
        for state in (RunState.REJECTED, RunState.ENDED, RunState.CANCELLED):
            store.change_run(run, world.clock.now(), state=state, note="why")
            with pytest.raises(OutcomeNotGoodEnough, match=f"LIN-043 .* is {state.value}"):
                await line.ship(run)
            found = line.known(run)
            assert (found.state, found.note) == (state, "why")
    assert "ship" not in [stage.key for stage in store.stages(run)]


async def test_a_veto_is_said_to_people_and_to_whoever_writes_next(
    tmp_path: Path, repository: Path
) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "3", "", "6"), [])
    trace = "On `missing-file` the product shows a stack trace."
    assert isinstance(world.evaluator, FakeEvaluator)
    world.evaluator.invariants = (
        {"pack": "safety-pack/1", "trial": "missing-file", "veto": True, "sentence": trace},
        {"pack": "safety-pack/1", "trial": "help", "veto": False, "sentence": "only a note"},
        own_veto("house-rule"),
    )
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(request(repository))
        await line.wait(run)
    stages = {stage.key: stage for stage in world.store.stages(run)}
    assert "vetoed for safety: on `missing-file`" in stages["validate/c1"].detail
    for name in ("c2", "c3"):  # also after a turn that changed nothing
        told = (world.workspaces / run / "prompts" / f"{name}.md").read_text()
        assert trace in told, name
        assert "only a note" not in told
        assert "house-rule" not in told


async def test_no_scenario_content_reaches_the_record(tmp_path: Path, repository: Path) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "10"), [])
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(request(repository))
        await line.wait(run)
    sealed = [row for row in world.store.evaluations(run) if row.partition is Partition.SEALED]
    assert sealed[0].document["satisfaction"]["estimate"] == 1.0
    world.store.close()
    for path in (tmp_path / "state").rglob("*"):
        if path.is_file():
            assert b"secret of the scenario" not in path.read_bytes(), path


async def test_a_run_that_never_passes_ends_with_nothing_to_ship(
    tmp_path: Path, repository: Path
) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "3", "", "4"), [])
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(request(repository))
        done = await line.wait(run)
        assert (done.state, done.verdict) == (RunState.ENDED, Verdict.NOT_YET)
        with pytest.raises(InvalidInput, match="LIN-012"):
            await line.resume(run)
    stages = {stage.key: stage for stage in world.store.stages(run)}
    assert stages["build/c2"].state is StageState.NOT_GOOD_ENOUGH
    assert stages["build/c2"].facts["outcome"] == "changed_nothing"
    assert "sealed/c3" not in stages
    assert world.store.looks(run=run) == ()


async def test_a_spec_that_is_not_ready_is_not_built(tmp_path: Path, repository: Path) -> None:
    (repository / "spec.md").write_text("NOT READY")
    world = services(tmp_path / "state", overlays(tmp_path, "10"), [])
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(request(repository))
        done = await line.wait(run)
    assert (done.state, done.verdict) == (RunState.ENDED, Verdict.NOT_EXERCISED)
    assert [stage.key for stage in world.store.stages(run)] == ["intent"]


async def test_tests_that_failed_on_the_base_are_not_the_candidates_fault(
    tmp_path: Path, repository: Path
) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "10"), [])
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(request(repository, test="test -f missing"))
        done = await line.wait(run)
    assert done.state is RunState.WAITING
    stages = {stage.key: stage for stage in world.store.stages(run)}
    assert stages["checks/c1"].facts["as_on_base"] is True


async def test_a_candidate_that_breaks_its_own_tests_is_not_graded(
    tmp_path: Path, repository: Path
) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "10"), [])
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(request(repository, test="test ! -f quality"))
        done = await line.wait(run)
    assert (done.state, done.verdict) == (RunState.ENDED, Verdict.NOT_EXERCISED)
    assert world.store.evaluations(run) == ()


@pytest.mark.parametrize(
    ("change", "code"),
    [({"agents": ("nobody",)}, "HAR-001"), ({"commit": "nothing"}, "HAR-023")],
)
async def test_an_unsound_request_leaves_no_record(
    tmp_path: Path, repository: Path, change: dict[str, object], code: str
) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "10"), [])
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        with pytest.raises(InvalidInput, match=code):
            await line.start(replace(request(repository), **change))  # type: ignore[arg-type] # by design
    assert world.store.runs() == ()


async def test_a_stalled_agent_hands_over_and_a_silent_model_fails_over(
    tmp_path: Path, repository: Path
) -> None:
    cheap = overlays(tmp_path / "cheap", "3", "3")
    strong = overlays(tmp_path / "strong", "", "", "10")
    events: list[LineEvent] = []
    world = services(tmp_path / "state", cheap, events)
    agents = (f"scripted:{cheap}", f"scripted:{strong}")
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(replace(request(repository), agents=agents))
        done = await line.wait(run)
        assert done.state is RunState.WAITING
        silent = await line.start(replace(request(repository), agents=("codex", agents[1])))
        await line.wait(silent)
    assert [row.agent for row in world.store.candidates(run)] == list(agents)
    assert any(event.text.startswith("stall") for event in events)
    first = next(stage for stage in world.store.stages(silent) if stage.name == "build")
    assert first.facts["failover"] == ["codex"]
    assert first.facts["agent"] == agents[1]


async def test_an_agent_that_is_not_here_is_said_before_the_run_begins(
    tmp_path: Path, repository: Path
) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "10"), [])
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        with pytest.raises(OutsideFailed, match="codex: `codex` is not here") as refused:
            await line.start(replace(request(repository), agents=("codex",)))
    assert refused.value.code == "HAR-051"
    assert world.store.runs() == ()


async def test_an_agent_that_has_gone_since_is_not_the_agents_failure(
    tmp_path: Path, repository: Path
) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "10"), [])
    there = iter([world.agents("scripted")] * 2)  # asked for twice before the run begins
    there_at_first = replace(world, agents=lambda name: next(there, None) or world.agents(name))
    async with Line.open(there_at_first, durable_url(tmp_path / "state")) as line:
        run = await line.start(replace(request(repository), agents=("codex",)))
        done = await line.wait(run)
    assert done.state is RunState.FAILED
    (stage,) = (row for row in world.store.stages(run) if row.state is StageState.FAILED)
    assert (stage.failure, stage.code) == (FailureClass.HARNESS, "HAR-051")


@pytest.mark.parametrize(
    ("internal", "public", "way_out"),
    [(True, True, True), (False, True, True), (True, False, True), (True, True, False)],
)
async def test_private_data_anybodys_text_and_a_way_out_never_meet(
    tmp_path: Path, repository: Path, *, internal: bool, public: bool, way_out: bool
) -> None:
    (repository / "policy.toml").write_text("OPEN\n" if way_out else "version = 1\n")
    world = services(tmp_path / "state", overlays(tmp_path, "10"), [])
    kinds = [("docs", Trust.INTERNAL)] * internal + [("tickets", Trust.PUBLIC)] * public
    world = replace(
        world,
        sources=lambda folder: [
            MarkdownFolder(folder, world.clock, name, trust) for name, trust in kinds
        ],
    )
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(request(repository))
        done = await line.wait(run)
    if not (internal and public and way_out):
        assert done.state is RunState.WAITING
        return
    assert done.state is RunState.FAILED
    stage = next(row for row in world.store.stages(run) if row.name == "context")
    assert (stage.failure, stage.code) == (FailureClass.POLICY, "LIN-054")


async def test_a_run_goes_back_to_a_stage_and_keeps_what_came_before(
    tmp_path: Path, repository: Path
) -> None:
    played = overlays(tmp_path, "3", "6")
    world = services(tmp_path / "state", played, [])
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        asked = replace(request(repository), max_candidates=2)
        run = await line.start(asked)
        assert (await line.wait(run)).state is RunState.ENDED
        with pytest.raises(InvalidInput, match="LIN-016"):
            await rewind(line, run, "build/c9")
        (played / "2" / "quality").write_text("10")
        await rewind(line, run, "build/c2")
        done = await line.wait(run)
    assert (done.state, done.verdict) == (RunState.WAITING, Verdict.SHIP)
    attempts = {stage.key: stage.attempt for stage in world.store.stages(run)}
    assert (attempts["build/c1"], attempts["build/c2"]) == (1, 2)


async def test_a_paused_run_stops_here_and_now_and_goes_on(
    tmp_path: Path, repository: Path
) -> None:
    events: list[LineEvent] = []
    world = services(tmp_path / "state", overlays(tmp_path, "10"), events, pause_s=0.3)
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(request(repository))
        async with asyncio.timeout(90):
            while not any(event.kind == "trajectory" for event in events):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        stop_run(world.store, world.clock, run, RunState.PAUSED)
        paused = await line.wait(run)
        assert paused.state is RunState.PAUSED
        await line.resume(run)
        done = await line.wait(run)
    assert (done.state, done.verdict) == (RunState.WAITING, Verdict.SHIP)
    assert len(world.store.looks(run=run)) == 1
