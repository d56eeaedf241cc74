"""After a run's end: comments, forks, the repository's own checks, a main branch that moved."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from tests.line.world import durable_url, overlays, request, services
from typing_extensions import override

from unlit.core.errors import InvalidInput
from unlit.core.ids import RunId
from unlit.core.states import Partition, Verdict
from unlit.line.fakes import FakeShipper
from unlit.line.model import CiPlan, RunRequest, Shipped
from unlit.line.onward import Comment, fork, go_on, rewind
from unlit.line.ports import CheckState, Recheck, Services
from unlit.line.service import Line
from unlit.record.model import GateDecision, Run, RunState


def prompt(world: Services, run: RunId, candidate: str) -> str:
    return (world.workspaces / run / "prompts" / f"{candidate}.md").read_text()


async def approve(world: Services, line: Line, run: RunId) -> Run:
    found = world.store.find_run(run)
    world.store.decide_gate(
        GateDecision(run, "outcome", "approved", "ann", "good", world.clock.now(), found.candidate)
    )
    await line.ship(run)
    return await line.wait(run)


async def test_a_comment_becomes_a_new_candidate_in_the_same_run(
    tmp_path: Path, repository: Path
) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "10", "11"), [])
    store = world.store
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(request(repository))
        assert (await line.wait(run)).candidate == "c1"
        store.decide_gate(GateDecision(run, "outcome", "rejected", "ann", "no", world.clock.now()))
        store.change_run(run, world.clock.now(), state=RunState.REJECTED)
        assert await go_on(line, run, Comment("Name the total in the summary.", "ann")) == "again-1"
        done = await line.wait(run)
        assert (done.state, done.verdict, done.candidate) == (RunState.WAITING, Verdict.SHIP, "c2")
        assert "A reviewer said of candidate 1: Name the total" in prompt(world, run, "c2")
        assert [look.index for look in store.looks(run=run)] == [1, 2]
        assert store.gate_decision(run, "outcome") is None
        kept = store.gate_decision(run, "outcome@c1")
        assert kept is not None
        assert kept.decision == "rejected"
        assert store.candidates(run)[1].parent == store.candidates(run)[0].commit
        assert (await approve(world, line, run)).state is RunState.SHIPPED
        assert await go_on(line, run, Comment("Name the total.", "ann")) == "again-2"
        await line.wait(run)
    assert "E501" not in prompt(world, run, "c3"), "what was red is mended and told no more"
    assert {"report/again-1", "report/again-2"} <= {row.key for row in world.store.stages(run)}


async def test_a_comment_that_brings_nothing_leaves_a_shipped_run_shipped(
    tmp_path: Path, repository: Path
) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "10", "3", "4", "5"), [])
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(request(repository))
        await line.wait(run)
        assert (await approve(world, line, run)).state is RunState.SHIPPED
        await go_on(line, run, Comment("Make it shorter.", "ann"))
        done = await line.wait(run)
    assert len(world.store.candidates(run)) > 1
    assert (done.state, done.verdict, done.candidate) == (RunState.SHIPPED, Verdict.SHIP, "c1")
    assert done.note.startswith("c1 stays shipped; the comment brought nothing to ship: ")


async def test_a_comment_that_brings_nothing_names_the_way_back_to_what_could_ship(
    tmp_path: Path, repository: Path
) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "10", "3", "4", "5"), [])
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(request(repository))
        await line.wait(run)
        await go_on(line, run, Comment("Make it shorter.", "ann"))
        done = await line.wait(run)
        assert done.state is RunState.ENDED
        assert f"`unlit rewind {run} gate` goes back to the gate of c1" in done.note
        await rewind(line, run, "gate")
        back = await line.wait(run)
    assert (back.state, back.verdict, back.candidate) == (RunState.WAITING, Verdict.SHIP, "c1")


async def test_a_comment_wants_words_and_a_run_at_its_end(tmp_path: Path, repository: Path) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "10"), [])
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(request(repository))
        await line.wait(run)
        with pytest.raises(InvalidInput, match="LIN-113"):
            await go_on(line, run, Comment("  ", "ann"))
        world.store.change_run(run, world.clock.now(), state=RunState.RUNNING)
        with pytest.raises(InvalidInput, match="LIN-114"):
            await go_on(line, run, Comment("better", "ann"))


async def test_a_fork_shares_the_past_and_does_the_rest_itself(
    tmp_path: Path, repository: Path
) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "3", "10"), [])
    store = world.store
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(request(repository))
        first = await line.wait(run)
        fresh = await fork(line, run, "build/c2", {"max_candidates": 2})
        done = await line.wait(fresh)
        with pytest.raises(InvalidInput, match="LIN-115"):
            await fork(line, run, "build/c9")
        for most in (0, 1):
            with pytest.raises(InvalidInput, match="LIN-097"):
                await fork(line, run, "validate/c2", {"max_candidates": most})
        known = len(store.runs())
        with pytest.raises(InvalidInput, match="HAR-001"):
            await fork(line, run, "build/c2", {"agents": ["nobody"]})
        assert len(store.runs()) == known, "nothing was begun"
    assert (done.state, done.verdict, done.candidate) == (RunState.WAITING, Verdict.SHIP, "c2")
    assert done.id != first.id
    assert [s.key for s in store.stages(fresh)] == [s.key for s in store.stages(run)]
    assert store.candidates(fresh)[0].commit == store.candidates(run)[0].commit
    assert store.candidates(fresh)[1].tree == store.candidates(run)[1].tree
    assert [look.index for look in store.looks(run=run)] == [1]
    assert [look.index for look in store.looks(run=fresh)] == [2], "a fork's look is its own"
    assert len(store.trajectories(fresh)) == 30
    assert done.note == f"fork of {run}"


async def test_red_checks_of_the_repository_are_repaired(tmp_path: Path, repository: Path) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "10", "10", "10"), [])
    for number, style in (("1", "bad"), ("2", "good")):
        (tmp_path / "overlays" / number / "style").write_text(style)
    ci = CiPlan(command="grep -q good style || { echo 'style: E501 line too long'; exit 1; }")
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(replace(request(repository), ci=ci))
        await line.wait(run)
        done = await approve(world, line, run)
        assert (done.state, done.candidate) == (RunState.WAITING, "c2")
        assert "The repository's own checks said of candidate 1" in prompt(world, run, "c2")
        assert "style: E501 line too long" in prompt(world, run, "c2")
        assert (await approve(world, line, run)).state is RunState.SHIPPED


async def test_tries_to_repair_red_checks_are_bounded(tmp_path: Path, repository: Path) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "10", "10", "10"), [])
    for number in ("1", "2", "3"):
        (tmp_path / "overlays" / number / "other").write_text(number)
    ci = CiPlan(command="echo red; exit 1", tries=1)
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(replace(request(repository), ci=ci))
        await line.wait(run)
        assert (await approve(world, line, run)).candidate == "c2"
        done = await approve(world, line, run)
    assert (done.state, done.verdict) == (RunState.ENDED, Verdict.NOT_YET)
    assert "1 tries to repair it are used up" in done.note
    assert isinstance(world.shipper, FakeShipper)
    assert world.shipper.shipped == []


class RedThenGreen:
    """A forge whose first commit is red."""

    def __init__(self) -> None:
        self.first = ""
        self.looked: list[str] = []

    async def look(self, ci: CiPlan, commit: str, repository: Path) -> CheckState:
        self.looked.append(commit)
        self.first = self.first or commit
        if commit == self.first:
            return CheckState("red", 2, "lint", "E501 too long", "https://forge.example/1")
        return CheckState("green", 2)


async def test_red_checks_of_a_proposal_are_repaired(tmp_path: Path, repository: Path) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "10", "10"), [])
    (tmp_path / "overlays" / "2" / "other").write_text("2")

    class Proposing(FakeShipper):
        @override
        def ship(self, run: RunId, recheck: Recheck | None = None) -> Shipped:
            found = world.store.find_run(run)
            made = next(c for c in world.store.candidates(run) if c.id == found.candidate)
            done = super().ship(run, recheck)
            return replace(done, pull_request="https://forge.example/pull/1", head=made.commit)

    forge = RedThenGreen()
    world = replace(world, shipper=Proposing(), checks=forge)
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(replace(request(repository), ci=CiPlan(source="github")))
        await line.wait(run)
        done = await approve(world, line, run)
        assert (done.state, done.candidate) == (RunState.WAITING, "c2")
        assert "E501 too long" in prompt(world, run, "c2")
        done = await approve(world, line, run)
    assert (done.state, done.note) == (RunState.SHIPPED, "2 checks are green")
    assert len(forge.looked) == 2


def moved(repository: Path) -> tuple[str, str]:
    """Move main and make a merge that nothing points to; return its commit and tree."""

    def git(*words: str) -> str:
        name = ["-c", "user.name=a", "-c", "user.email=a@b"]
        done = subprocess.run(
            ["git", *name, *words], cwd=repository, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    (repository / "other").write_text("somebody else\n")
    git("add", "-A")
    git("commit", "-q", "-m", "moved")
    head = git("rev-parse", "HEAD")
    tree = git("rev-parse", "HEAD^{tree}")
    return git("commit-tree", tree, "-p", head, "-m", "merge"), tree


@pytest.mark.parametrize("quality", ["10", "2"])
async def test_a_merge_that_nobody_graded_is_checked_and_validated(
    tmp_path: Path, repository: Path, quality: str
) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "10", "10"), [])
    asked: RunRequest = request(repository)
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(asked)
        await line.wait(run)
        (repository / "quality").write_text(quality)
        commit, tree = moved(repository)
        world.shipper.merge = (commit, tree)  # type: ignore[attr-defined] # a fake
        done = await approve(world, line, run)
    name = f"m-{tree[:8]}"
    keys = [stage.key for stage in world.store.stages(run)]
    assert keys[keys.index(f"checks/{name}") : keys.index(f"validate/{name}") + 1] == [
        f"checks/{name}",
        f"ci/{name}",
        f"validate/{name}",
    ]
    graded = [e for e in world.store.evaluations(run) if e.candidate == name]
    assert [(e.partition, e.tree) for e in graded] == [(Partition.VALIDATION, tree)]
    if quality == "10":
        assert done.state is RunState.SHIPPED
        return
    assert (done.state, done.candidate) == (RunState.WAITING, "c2")
    assert world.store.candidates(run)[1].parent == commit, "the next one starts from the merge"
    assert "The merge with the main branch said" in prompt(world, run, "c2")
