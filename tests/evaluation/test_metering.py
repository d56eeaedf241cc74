"""A judge's money: asked for before the call, through the wall; refused, nothing is asked."""

import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.evaluation.judges.test_end_to_end import SCRIPT

from unlit.core.errors import BudgetUsedUp
from unlit.core.states import Verdict
from unlit.core.system import SystemClock
from unlit.evaluation.adapters.fences import FencePool, ProductFence
from unlit.evaluation.asking import VENDORS, OutOfBudget
from unlit.evaluation.defaults import default_policy
from unlit.evaluation.judges.rubric import RubricJudge
from unlit.evaluation.metering import AskingMeter
from unlit.evaluation.model import Leaks
from unlit.evaluation.model import ShipRule as Rule
from unlit.evaluation.rules.ship import start
from unlit.evaluation.rules.verdict import Evidence, decide
from unlit.fence import FenceHost, TwinRoute
from unlit.line.adapters.money import Money
from unlit.models.model import ModelUsage
from unlit.models.twin.app import ModelTwin
from unlit.models.twin.rules import parse_script
from unlit.models.twin.server import ModelTwinServer
from unlit.policy import AuditLog, Identity, parse_policy

WHO = Identity("r", "validate/c1", "evaluator", "evaluator")


class Purse:
    """Agrees to a number of calls."""

    def __init__(self, calls: int) -> None:
        self.left = calls
        self.booked: dict[str, ModelUsage | None] = {}
        self.who: list[Identity] = []

    def reserve(
        self, identity: Identity, provider: str, model: str, input_tokens: int,
        max_tokens: int | None,
    ) -> str:  # fmt: skip
        if self.left == 0:
            raise BudgetUsedUp("REC-021", "The run r has used all.", "a limit.", "raise it.")
        self.left -= 1
        self.who.append(identity)
        return f"t{self.left}"

    def settle(self, ticket: str, usage: ModelUsage | None) -> None:
        self.booked[ticket] = usage


class Wall:
    """Both sides of the wall in one process: what is told is answered at once."""

    def __init__(self, money: Money) -> None:
        self.money = money
        self.answers: list[bytes] = []

    def tell(self, line: dict[str, Any]) -> None:
        line = json.loads(json.dumps(line))
        if "reserve" in line:
            self.answers.append(self.money.reserve(line["reserve"]))
        else:
            self.money.settle(line["settle"])

    def readline(self) -> bytes:
        return self.answers.pop(0)


def test_a_call_is_held_and_booked_by_who_ordered_the_grading() -> None:
    purse = Purse(2)
    wall = Wall(Money(purse, WHO))
    meter = AskingMeter(wall.tell, wall)
    other = Identity("x", "y", "z", "product")  # who asks is not what the evaluator says
    first = meter.reserve(other, "anthropic", "m", 10, 100)
    meter.settle(first, ModelUsage("anthropic", "m", 10, 5))
    second = meter.reserve(other, "anthropic", "m", 10, None)
    with pytest.raises(BudgetUsedUp, match="has used all"):
        meter.reserve(other, "anthropic", "m", 10, 100)
    assert purse.who == [WHO, WHO]
    assert purse.booked == {first: ModelUsage("anthropic", "m", 10, 5)}
    wall.money.close()  # the evaluator was killed in the middle of the second call
    assert purse.booked[second] == ModelUsage("anthropic", "m", 0, 0)  # a ledger books what it held


@pytest.mark.parametrize("answer", [b"", b"no json\n", b"[]\n", b"{}\n"])
def test_where_nobody_answers_nothing_is_asked(answer: bytes) -> None:
    meter = AskingMeter(lambda line: None, io.BytesIO(answer))
    with pytest.raises(BudgetUsedUp, match="Nobody answers"):
        meter.reserve(WHO, "anthropic", "m", 10, 100)


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[tuple[FencePool, Purse]]:
    purse = Purse(2)
    server = await ModelTwinServer.start(ModelTwin(parse_script(SCRIPT)))
    audit = AuditLog.open(tmp_path / "audit", {}, SystemClock())
    opened = await FenceHost.start(tmp_path / "state", audit, meter=purse)
    routes = tuple(
        TwinRoute(name, (vendor.host,), server.address, "m") for name, vendor in VENDORS.items()
    )
    policy = parse_policy(default_policy([], models=VENDORS, scripted=True))
    identity = Identity("r", "s", "a", "product")
    yield FencePool(opened, ProductFence(policy, identity, models=routes), "", {}), purse
    await opened.close()
    await server.close()
    audit.close()


@pytest.mark.fence
@pytest.mark.parametrize("provider", list(VENDORS))
async def test_a_judge_says_that_nobody_pays_and_asks_no_more(
    host: tuple[FencePool, Purse], tmp_path: Path, provider: str
) -> None:
    pool, purse = host
    (tmp_path / "f").mkdir()
    sandbox = await pool.open_as("evaluator", tmp_path / "f")
    judge = RubricJudge(sandbox, {"provider": provider, "model": "judge-1"})
    for _ in range(2):
        said = await judge.judge("What next?", "12 done. Next: decide by Friday, please.")
        assert said.answer is True
    with pytest.raises(OutOfBudget, match="The run r has used all"):
        await judge.judge("What next?", "12 done.")
    purse.left = 5
    with pytest.raises(OutOfBudget, match="The run r has used all"):  # nor by a cheaper call
        await judge.judge("What next?", "12 done.")
    assert purse.left == 5
    assert len(purse.booked) == 2
    await pool.release(sandbox)


def test_a_grading_that_nobody_pays_for_is_undecided_and_says_so() -> None:
    test = start(Rule())
    for _ in range(60):
        test = test.after(True)
    evidence = Evidence(test, (), Leaks(), 60, unpaid="The run r has used all.")
    found = decide(evidence)
    assert found.verdict is Verdict.UNDECIDED
    assert found.reason == "Not exercised: budget. The run r has used all."
