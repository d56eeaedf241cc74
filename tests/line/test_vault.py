"""A vault that cannot grade is found out before an agent has built."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.line.world import durable_url, overlays, request, services

from unlit.core.errors import InvalidInput
from unlit.core.ids import Digest
from unlit.core.system import SystemClock
from unlit.line.adapters.evaluator_process import EvaluatorProcess
from unlit.line.fakes import FakeEvaluator
from unlit.line.model import ProductPlan, SpecFacts
from unlit.line.service import Line
from unlit.record.model import RunState

SPEC = SpecFacts("review", "Review", Digest("sha256:0"), "ann", "brief", ("AC-1",), ())


async def test_nothing_is_recorded_of_a_run_without_a_vault(
    tmp_path: Path, repository: Path
) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "10"), [])
    asked = replace(request(repository), vault=tmp_path / "gone")
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        for begin in (line.start, line.submit):
            with pytest.raises(InvalidInput, match="not a folder"):
                await begin(asked)
    assert world.store.runs() == ()
    assert list(world.workspaces.iterdir()) == []


async def test_a_run_whose_vault_has_moved_is_told_where_it_is(
    tmp_path: Path, repository: Path
) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "10"), [], pause_s=0.05)
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(request(repository))
        world.store.change_run(run, SystemClock().now(), state=RunState.PAUSED)
        found = await line.wait(run)
        lost = {**found.settings, "vault": str(tmp_path / "gone")}
        world.store.change_run(run, SystemClock().now(), state=RunState.PAUSED, settings=lost)
        with pytest.raises(InvalidInput) as refused:
            await line.resume(run)
        assert refused.value.code == "LIN-017"
        stopped = world.store.run(run)
        assert stopped is not None
        assert stopped.state is RunState.PAUSED
        await line.resume(run, vault=tmp_path / "found")
        ended = await line.wait(run)
    assert (ended.state, ended.settings["vault"]) == (RunState.WAITING, str(tmp_path / "found"))


@pytest.mark.parametrize(("content", "code"), [(None, "EVA-120"), ("", "EVA-121"), ("id: [", None)])
def test_the_evaluator_looks_at_the_vault_itself(
    tmp_path: Path, content: str | None, code: str | None
) -> None:
    vault = tmp_path / "vault"
    if content is not None:
        vault.mkdir()
        (vault / ("one.yaml" if content else "README")).write_text(content)
    with pytest.raises(InvalidInput) as refused:
        EvaluatorProcess(tmp_path / "store", {}).check(vault, SPEC, tmp_path, ProductPlan())
    assert code is None or refused.value.code == code
    assert not (tmp_path / "store").exists()


async def test_what_another_spec_was_graded_by_grades_none_that_it_does_not_name(
    tmp_path: Path, repository: Path
) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "10"), [])
    evaluator = world.evaluator
    assert isinstance(evaluator, FakeEvaluator)
    evaluator.unnamed = ("blank",)
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        first = await line.start(request(repository))
        again = await line.start(
            request(repository)
        )  # the same spec may use it as often as it likes
        for run in (first, again):
            await line.wait(run)
            world.store.change_run(run, SystemClock().now(), spec_id="another")
        with pytest.raises(InvalidInput, match=r"`blank` .* does not say which spec") as refused:
            await line.start(request(repository))
        assert refused.value.code == "LIN-019"
        assert "graded another before" in refused.value.why
        elsewhere = replace(request(repository), vault=tmp_path / "its own")
        await line.wait(await line.start(elsewhere))
        evaluator.unnamed = ()
        await line.wait(await line.start(request(repository)))
