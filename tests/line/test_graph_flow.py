"""Graph files on the durable engine: the default line as a graph, and lines of one's own."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.line.world import SIDE, durable_url, overlays, request, services

from unlit.core.errors import InvalidInput
from unlit.core.ids import RunId
from unlit.core.states import Verdict
from unlit.line.answering import answer_gate
from unlit.line.graph_flow import BUILT_IN
from unlit.line.graphs.dot import parse_dot
from unlit.line.graphs.lint import lint
from unlit.line.onward import Comment, go_on
from unlit.line.service import Line
from unlit.line.stages.merging import reopen_gates
from unlit.record.model import GateDecision, RunState


def test_the_default_line_is_a_graph_without_findings() -> None:
    assert lint(parse_dot((BUILT_IN / "default.dot").read_text())) == ()


@pytest.mark.parametrize(
    "qualities", [("3", "6", "10"), ("10",), ("3", "", "4"), ("3", "10")], ids=str
)
async def test_the_default_line_as_a_graph_does_what_the_code_does(
    tmp_path: Path, repository: Path, qualities: tuple[str, ...]
) -> None:
    found: list[object] = []
    for line_file in ("default", str(BUILT_IN / "default.dot")):
        state = tmp_path / Path(line_file).stem / str(len(found))
        world = services(state, overlays(tmp_path, *qualities), [])
        async with Line.open(world, durable_url(state)) as line:
            run = await line.start(replace(request(repository), line=line_file))
            done = await line.wait(run)
        stages = [(stage.key, stage.state) for stage in world.store.stages(run)]
        trees = [row.tree for row in world.store.candidates(run)]
        looks = len(world.store.looks(run=run))
        found.append((done.state, done.verdict, stages, trees, looks))
    assert found[0] == found[1]


async def test_a_line_of_ones_own_builds_runs_tools_and_asks_a_person(
    tmp_path: Path, repository: Path
) -> None:
    text = """digraph own {
        start [shape=Mdiamond] exit [shape=Msquare]
        write [label="Write", prompt="Write the file for $goal"]
        look [shape=parallelogram, tool_command="cat quality && test $(cat quality) = 10"]
        ask [shape=hexagon, label="Good?"]
        start -> write -> look
        look -> write [condition="outcome=fail"]
        look -> ask [condition="outcome=success"]
        ask -> grade [label="[Y] Yes"] ask -> exit [label="[N] No"]
        grade [type="unlit.validate"]
        grade -> exit
    }"""
    (repository / "own.dot").write_text(text)
    state = tmp_path / "state"
    world = services(state, overlays(tmp_path, "3", "10"), [])
    async with Line.open(world, durable_url(state)) as line:
        run = await line.start(replace(request(repository), line=str(repository / "own.dot")))
        waiting = await line.wait(run)
        assert waiting.state is RunState.WAITING
        assert waiting.note == "waits for an answer at ask: Good? [Y] Yes, [N] No"
        world.store.decide_gate(
            GateDecision(run, "ask", "yes", "ann", "looks right", world.clock.now())
        )
        await line.resume(run)
        done = await line.wait(run)
    assert (done.state, done.verdict) == (RunState.WAITING, Verdict.SHIP)
    assert [stage.key for stage in world.store.stages(run)] == [
        "build/c1",
        "tool/look",
        "build/c2",
        "tool/look#2",
        "validate/c2",
        "gate",
    ]


async def test_branches_make_candidates_side_by_side_and_the_best_is_graded_on(
    tmp_path: Path, repository: Path
) -> None:
    (repository / "side.dot").write_text(SIDE)
    state = tmp_path / "state"
    world = services(state, overlays(tmp_path, "3", "10"), [])
    async with Line.open(world, durable_url(state)) as line:
        run = await line.start(replace(request(repository), line=str(repository / "side.dot")))
        done = await line.wait(run)
        steps = await line.engine.steps(run, "line")
    assert (done.state, done.verdict) == (RunState.WAITING, Verdict.SHIP)
    assert {row.id for row in world.store.candidates(run)} == {"c1", "c2"}
    assert done.candidate == "c2"
    assert {name for name in steps if name.startswith("beside/")} == {
        "beside/both#1/0/node/one#1", "beside/both#1/0/node/look1#1",
        "beside/both#1/1/node/two#1", "beside/both#1/1/node/look2#1",
    }  # fmt: skip


async def test_nodes_that_plan_and_review_may_change_nothing(
    tmp_path: Path, repository: Path
) -> None:
    text = """digraph plan {
        goal="A better file"
        start [shape=Mdiamond] exit [shape=Msquare]
        plan [label="Plan it"] write [prompt="Write it for $goal"] review [prompt="Review it"]
        grade [type="unlit.validate"]
        start -> plan -> write -> review -> grade -> exit
    }"""
    (repository / "plan.dot").write_text(text)
    state = tmp_path / "state"
    world = services(state, overlays(tmp_path, "", "10", ""), [])
    async with Line.open(world, durable_url(state)) as line:
        run = await line.start(replace(request(repository), line=str(repository / "plan.dot")))
        done = await line.wait(run)
    assert (done.state, done.verdict, done.candidate) == (RunState.WAITING, Verdict.SHIP, "c2")
    told = {
        number: (world.workspaces / run / "prompts" / f"c{number}.md").read_text()
        for number in (1, 2, 3)
    }
    assert "Plan it" in told[1]
    assert "Write it for A better file" in told[2]
    assert "- plan: success" in told[2]
    assert "- write: success" in told[3]


async def test_a_person_is_asked_again_each_time_round_and_by_key_or_label(
    tmp_path: Path, repository: Path
) -> None:
    text = """digraph round {
        start [shape=Mdiamond] exit [shape=Msquare]
        write [label="Write", prompt="Write it"]
        ask [shape=hexagon, label="Good?"]
        start -> write -> ask
        ask -> grade [label="[A] Approve"] ask -> write [label="[F] Fix"]
        grade [type="unlit.validate"] grade -> exit
    }"""
    (repository / "round.dot").write_text(text)
    state = tmp_path / "state"
    world = services(state, overlays(tmp_path, "3", "10"), [])
    async with Line.open(world, durable_url(state)) as line:
        run = await line.start(replace(request(repository), line=str(repository / "round.dot")))
        waiting = await line.wait(run)
        with pytest.raises(InvalidInput, match="LIN-080"):
            answer_gate(world.store, world.clock, waiting, ("maybe", "ann", ""))
        answer_gate(world.store, world.clock, waiting, ("f", "ann", "try once more"))
        await line.resume(run)
        again = await line.wait(run)
        assert again.note.startswith("waits for an answer at ask#2: Good?")
        assert answer_gate(world.store, world.clock, again, ("approve", "ann", "")).key == "A"
        await line.resume(run)
        done = await line.wait(run)
    assert (done.state, done.verdict) == (RunState.WAITING, Verdict.SHIP)
    assert [stage.key for stage in world.store.stages(run)] == [
        "build/c1",
        "build/c2",
        "validate/c2",
        "gate",
    ]
    with pytest.raises(InvalidInput, match="LIN-079"):
        answer_gate(world.store, world.clock, done, ("a", "ann", ""))


async def test_a_comment_opens_the_gates_of_the_line_anew_for_the_next_candidate(
    tmp_path: Path, repository: Path
) -> None:
    text = """digraph own {
        start [shape=Mdiamond] exit [shape=Msquare]
        write [type="unlit.build"] ask [shape=hexagon, label="Good?"] grade [type="unlit.validate"]
        start -> write -> ask
        ask -> grade [label="[Y] Yes"] ask -> exit [label="[N] No"]
        grade -> exit
    }"""
    (repository / "own.dot").write_text(text)
    state = tmp_path / "state"
    world = services(state, overlays(tmp_path, "10", "11", "12", "13"), [])
    store = world.store
    async with Line.open(world, durable_url(state)) as line:
        run = await line.start(replace(request(repository), line=str(repository / "own.dot")))
        for number, answer in enumerate(("yes", "no", "no", "yes"), 1):
            if number > 1:
                await go_on(line, run, Comment("write another", "eve"))
            waiting = await line.wait(run)
            assert waiting.note.startswith("waits for an answer at ask: Good?"), number
            assert store.gate_decision(run, "ask") is None
            answer_gate(store, world.clock, waiting, (answer, "ann", f"about c{number}"))
            await line.resume(run)
            ends = RunState.WAITING if answer == "yes" else RunState.ENDED
            assert (await line.wait(run)).state is ends
    kept = [(row.gate.partition("@")[0], row.reason) for row in store.gate_decisions(run)]
    assert kept == [("ask", f"about c{number}") for number in (1, 2, 3, 4)]


def test_what_was_decided_before_is_kept_each_time_a_gate_opens_anew(tmp_path: Path) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "10"), [])
    store, now, run = world.store, world.clock.now(), RunId("r-aaaaaaaaaa")
    gates = ("intent", "access/1", "ship/ben", "ship", "ask", "ask#2")
    for _ in range(3):
        for gate in gates:
            store.decide_gate(GateDecision(run, gate, "approved", "ann", "why", now))
        reopen_gates(store, run, "c1")
    assert sorted(row.gate for row in store.gate_decisions(run)) == sorted(
        ["intent", "access/1"]
        + [f"{gate}@c1{time}{vote}" for time in ("", "-2", "-3")
           for gate, vote in (("ship", "/ben"), ("ship", ""), ("ask", ""), ("ask#2", ""))]
    )  # fmt: skip


@pytest.mark.parametrize(("text", "code"), [("digraph {", "LIN-071"), ("digraph {}", "LIN-074")])
async def test_a_broken_line_is_refused_before_anything_is_recorded(
    tmp_path: Path, repository: Path, text: str, code: str
) -> None:
    (repository / "own.dot").write_text(text)
    world = services(tmp_path / "state", overlays(tmp_path, "3"), [])
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        with pytest.raises(InvalidInput, match=code):
            await line.start(replace(request(repository), line=str(repository / "own.dot")))
        with pytest.raises(InvalidInput, match="LIN-075"):
            await line.start(replace(request(repository), line="nothing"))
    assert world.store.runs() == ()
