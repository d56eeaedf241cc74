"""A hard limit stops a run before the spend; raising it lets the run go on."""

from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import pytest
from tests.line.world import durable_url, overlays, request, services
from typing_extensions import override

from unlit.core.errors import BudgetUsedUp, InvalidInput
from unlit.harness.agents.scripted import ScriptedAgent
from unlit.harness.model import AgentEvent, End, EndReason, Job
from unlit.harness.ports import Fence, Sink
from unlit.line.adapters.intent_room import IntentRoom
from unlit.line.model import BudgetPlan, ProductPlan
from unlit.line.ports import Services
from unlit.line.requests import budget_now
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


def paying_world(tmp_path: Path) -> Services:
    """A world whose agent pays a dollar for each candidate; the second is the good one."""
    played = overlays(tmp_path, "3", "10")
    world = services(tmp_path / "state", played, [])
    ledger = Ledger(world.store, world.clock, world.ids, lambda usage: Decimal(1))
    return replace(world, ledger=ledger, agents=lambda name: PayingAgent(played, ledger))


async def test_the_money_runs_out_in_the_middle_and_the_run_can_go_on(
    tmp_path: Path, repository: Path
) -> None:
    world = paying_world(tmp_path)
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


async def test_limits_that_were_raised_in_the_files_hold_when_the_run_goes_on(
    tmp_path: Path, repository: Path
) -> None:
    world = paying_world(tmp_path)
    asked = replace(request(repository), budget=BudgetPlan(person_usd=Decimal("1.5")))
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(asked)
        stopped = await line.wait(run)
        assert "The person" in stopped.note
        await line.resume(run, limits=BudgetPlan(person_usd=Decimal(5)))
        done = await line.wait(run)
    assert done.state is RunState.WAITING
    assert world.store.spent(run=run) == Decimal(2)


def test_a_limit_that_was_said_for_one_run_stands_whatever_the_files_say() -> None:
    files = BudgetPlan(run_usd=Decimal(1), day_usd=Decimal(9))
    raised = budget_now(BudgetPlan(), files, Decimal(4))
    assert raised == BudgetPlan(Decimal(4), Decimal(9), run_said=True)
    again = budget_now(raised, replace(files, day_usd=Decimal(3)), None)
    assert again == BudgetPlan(Decimal(4), Decimal(3), run_said=True)
    assert budget_now(again, None, None) == again
    for nonsense in ("0", "-3", "NaN", "Infinity"):
        with pytest.raises(InvalidInput, match="LIN-096"):
            budget_now(again, None, Decimal(nonsense))


FRONT = """---
id: s
title: S
owner: ann@example.com
product: {run: ./mine.sh, env: {B: "2"}}
budget: {run_usd: 0.5, day_usd: 90}
---
# S

## Intent

For Ann.

## Criteria

### AC-1 Works

When it is run, the tool shall print 1.
"""


async def test_a_spec_sets_its_product_and_tighter_limits(tmp_path: Path, repository: Path) -> None:
    (repository / "own.md").write_text(FRONT)
    world = replace(services(tmp_path / "state", overlays(tmp_path, "10"), []), specs=IntentRoom())
    asked = replace(
        request(repository),
        spec=repository / "own.md",
        product=ProductPlan(run="./theirs.sh", test="true", env={"A": "1"}),
        budget=BudgetPlan(run_usd=Decimal(2), day_usd=Decimal(8)),
    )
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(asked)
        await line.wait(run)
        settings = line.known(run).settings
    assert settings["product"]["run"] == "./mine.sh"
    assert settings["product"]["test"] == "true"
    assert settings["product"]["env"] == {"A": "1", "B": "2"}
    assert settings["budget"] == {
        "run_usd": "0.5", "day_usd": "8", "person_usd": None, "run_said": False
    }  # fmt: skip
