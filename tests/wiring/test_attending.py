"""What `unlit serve` does beside the tickets: budget, how runs stand, what was left unshipped."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from tests.line.conftest import repository as repository  # a fixture
from tests.line.test_trains import approve, change
from tests.line.world import durable_url, overlays, request, services
from tests.ship.test_service import World
from tests.wiring.test_deploying import office_of

from unlit.core.ids import RunId
from unlit.line.adapters.ship_room import ShipRoom
from unlit.line.model import BudgetPlan
from unlit.line.service import Line
from unlit.record.model import RunState
from unlit.wiring.attending import Attendant, Duty


class _Money:
    def __init__(self, spent: str, held: str) -> None:
        self.amounts = (Decimal(spent), Decimal(held))

    def used(self, scope: str) -> tuple[Decimal, Decimal]:
        return self.amounts


def handle(world: Any, money: _Money | None = None, **limits: str) -> Any:
    values: dict[str, Any] = {name: Decimal(usd) for name, usd in limits.items()}
    budget = BudgetPlan(**values)
    kept = replace(world, ledger=cast(Any, money))
    settings = SimpleNamespace(text=lambda name: "ann")
    return SimpleNamespace(services=kept, limits=budget, settings=settings)


_LINE: Any = SimpleNamespace(services=SimpleNamespace(store=SimpleNamespace(engine=None)))
"""A line that nothing is begun on."""


async def test_nothing_begins_when_todays_budget_is_used_up(tmp_path: Path) -> None:
    world = services(tmp_path / "state", overlays(tmp_path, "10"), [])
    office = cast(Any, SimpleNamespace())
    for limit, spent, said in (
        ("day_usd", "1.00", None),
        ("day_usd", "1.60", "$2.00 for today are used up"),
        ("person_usd", "1.60", "$2.00 of ann for today are used up"),
    ):
        factory = handle(world, _Money(spent, "0.40"), **{limit: "2.00"})
        attendant = Attendant(factory, cast(Any, _LINE), office, Duty(), lambda text: None)
        why = attendant.refusal()
        assert (why is None) if said is None else (said in str(why))


def _world(folder: Path) -> World:
    folder.mkdir()
    return World(folder)


async def test_what_was_approved_and_left_is_shipped_and_told(
    tmp_path: Path, repository: Path
) -> None:
    """As after a kill between the decision and the merge."""
    world = services(tmp_path / "state", overlays(tmp_path, "10"), [])
    world = replace(world, shipper=ShipRoom(world.store))
    said: list[str] = []
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        asked = replace(request(repository), agents=(change(tmp_path, "one"),))
        run = await line.start(asked)
        await line.wait(run)
        office = office_of(_world(tmp_path / "other"), tmp_path)
        desk = replace(office.desk, store=world.store)
        office = replace(office, repository=repository, store=world.store, desk=desk)
        attendant = Attendant(handle(world), line, office, Duty(by_ticket=True), said.append)
        waiting = attendant.standing(run)
        assert waiting.asks
        assert "`/approve`" in waiting.text
        await attendant.beside()
        assert said == [], "nothing ships without a decision"
        approve(world, run)
        assert "approved" in attendant.standing(run).text
        await attendant.beside()
        await attendant.settle()
        await asyncio.sleep(0)
        assert line.known(run).state is RunState.SHIPPED
    assert said == [f"{run} is shipped."]
    standing = attendant.standing(RunId(run))
    assert standing.mark.endswith("shipped")
    assert (repository / "one").exists()
