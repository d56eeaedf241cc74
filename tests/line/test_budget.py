"""A hard limit stops a run before the spend; raising it lets the run go on."""

from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from tests.line.world import durable_url, overlays, request, services
from typing_extensions import override

from unlit.core.errors import BudgetUsedUp
from unlit.harness.agents.scripted import ScriptedAgent
from unlit.harness.model import AgentEvent, End, EndReason, Job
from unlit.harness.ports import Fence, Sink
from unlit.line.model import BudgetPlan
from unlit.line.service import Line
from unlit.models.model import ModelUsage
from unlit.record.ledger import Ledger
from unlit.record.model import FailureClass, RunState


@dataclass(frozen=True)
class Who:
    run: str
    stage: str
    agent: str = "paying"


class PayingAgent(ScriptedAgent):
    """Makes one model call of a dollar, as the gateway would book it, then plays its overlay."""

    def __init__(self, played: Path, ledger: Ledger) -> None:
        super().__init__(played)
        self._ledger = ledger

    @override
    async def run(self, job: Job, fence: Fence, sink: Sink) -> End:
        try:
            who = Who(job.run, f"build/{job.candidate}")
            ticket = self._ledger.reserve(who, "openai", "gpt", 10, 100)
        except BudgetUsedUp as refusal:
            sink.event(AgentEvent("error", refusal.what))
            return End(EndReason.CRASHED, "402 insufficient_quota", 1)
        self._ledger.settle(ticket, ModelUsage("openai", "gpt", 10, 100))
        return await super().run(job, fence, sink)


async def test_the_money_runs_out_in_the_middle_and_the_run_can_go_on(
    tmp_path: Path, repository: Path
) -> None:
    played = overlays(tmp_path, "3", "10")
    world = services(tmp_path / "state", played, [])
    ledger = Ledger(world.store, world.clock, world.ids, lambda usage: Decimal(1))
    world = replace(world, ledger=ledger, agents=lambda name: PayingAgent(played, ledger))
    asked = replace(request(repository), budget=BudgetPlan(run_usd=Decimal("1.5")))
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(asked)
        stopped = await line.wait(run)
        assert stopped.state is RunState.FAILED
        assert "REC-021" in stopped.note
        stage = next(row for row in world.store.stages(run) if row.key == "build/c2")
        assert stage.failure is FailureClass.BUDGET
        assert world.store.spent(run=run) == Decimal(1)
        await line.resume(run, run_usd=Decimal(5))
        done = await line.wait(run)
    assert done.state is RunState.WAITING
    assert world.store.spent(run=run) == Decimal(2)
    assert [row.candidate for row in world.store.costs(run=run)] == ["c1", "c2"]
