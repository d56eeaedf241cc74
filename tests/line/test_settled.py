"""Labels settled validation after the run's end: the same run takes its sealed look."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.line.world import durable_url, overlays, request, services
from typing_extensions import override

from unlit.core.ids import CandidateId
from unlit.core.states import Partition, Verdict
from unlit.line.fakes import FakeEvaluator
from unlit.line.model import EvaluationOrder, Graded
from unlit.line.service import Line
from unlit.record.model import RunState


class JudgeOnly(FakeEvaluator):
    """Leaves validation undecided, as where nothing but a judge without labels looked."""

    @override
    async def grade(
        self, order: EvaluationOrder, on_event: Callable[[Mapping[str, Any]], None]
    ) -> Graded:
        graded = await super().grade(order, on_event)
        if order.partition is Partition.VALIDATION:
            return replace(graded, verdict=Verdict.UNDECIDED)
        return graded


@pytest.mark.parametrize(
    ("quality", "labelled", "state", "verdict", "looks"),
    [
        ("10", Verdict.SHIP, RunState.WAITING, Verdict.SHIP, 1),
        ("3", Verdict.SHIP, RunState.ENDED, Verdict.NOT_YET, 1),
        ("10", Verdict.NOT_YET, RunState.ENDED, Verdict.NOT_YET, 0),  # labels took it back
    ],
)
async def test_a_settled_run_takes_its_sealed_look_once(
    tmp_path: Path, repository: Path, quality: str, labelled: Verdict, state: RunState,
    verdict: Verdict, looks: int,
) -> None:  # fmt: skip
    world = services(tmp_path / "state", overlays(tmp_path, quality), [])
    evaluator = JudgeOnly()
    world = replace(world, evaluator=evaluator)
    asked = replace(request(repository), max_candidates=1)
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(asked)
        ended = await line.wait(run)
        assert (ended.state, ended.verdict) == (RunState.ENDED, Verdict.UNDECIDED)
        assert world.store.looks(spec_digest=ended.spec_digest) == ()
        row = world.store.evaluation(run, CandidateId("c1"), Partition.VALIDATION)
        assert row is not None
        world.store.keep_evaluation(replace(row, verdict=labelled))
        settings = {**ended.settings, "work": "look-c1"}
        world.store.change_run(run, world.clock.now(), state=RunState.PAUSED, settings=settings)
        await line.resume(run)
        done = await line.wait(run)
    assert (done.state, done.verdict) == (state, verdict)
    assert len(world.store.looks(spec_digest=done.spec_digest)) == looks
    graded = [order.partition for order in evaluator.orders]
    assert graded == [Partition.VALIDATION, Partition.SEALED][: 1 + looks]
