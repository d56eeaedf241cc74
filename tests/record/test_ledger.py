import threading
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import pytest
from tests.record.test_store import RUN, make_run

from unlit.core.clock import FakeClock
from unlit.core.errors import BudgetUsedUp
from unlit.core.ids import RunId
from unlit.core.system import SystemIds
from unlit.models.model import ModelUsage
from unlit.record.engine import sqlite_url
from unlit.record.ledger import Ledger
from unlit.record.store import Store


@dataclass(frozen=True)
class Who:
    run: str = RUN
    stage: str = "build/c1"
    agent: str = "codex"


def price(usage: ModelUsage) -> Decimal | None:
    """One cent a token out; `mystery` has no price."""
    return None if usage.model == "mystery" else Decimal(usage.output_tokens) / 100


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store.open(sqlite_url(tmp_path / "record.db"))
    store.begin_run(replace(make_run(), settings={"budget": {"run_usd": "1", "day_usd": "3"}}))
    return store


@pytest.fixture
def ledger(store: Store) -> Ledger:
    return Ledger(store, FakeClock(), SystemIds(), price)


def test_what_is_held_is_settled_at_the_truth(store: Store, ledger: Ledger) -> None:
    ticket = ledger.reserve(Who(), "openai", "gpt", 10, 90)
    assert ledger.used(f"run/{RUN}") == (Decimal(0), Decimal("0.9"))
    ledger.settle(ticket, ModelUsage("openai", "gpt", 12, 30))
    ledger.settle(ticket, ModelUsage("openai", "gpt", 12, 30))
    assert ledger.used(f"run/{RUN}") == (Decimal("0.3"), Decimal(0))
    (cost,) = store.costs(run=RUN)
    assert (cost.usd, cost.stage, cost.candidate, cost.agent, cost.person) == (
        Decimal("0.3"),
        "build",
        "c1",
        "codex",
        "ann",
    )


def test_a_call_that_may_overrun_the_limit_is_not_made(ledger: Ledger) -> None:
    ledger.reserve(Who(), "openai", "gpt", 10, 60)
    with pytest.raises(BudgetUsedUp, match="REC-021"):
        ledger.reserve(Who(), "openai", "gpt", 10, 60)
    ledger.reserve(Who(), "openai", "gpt", 10, 40)


def test_a_refused_call_gives_its_money_back(store: Store, ledger: Ledger) -> None:
    ledger.settle(ledger.reserve(Who(), "openai", "gpt", 10, 100), None)
    assert ledger.used(f"run/{RUN}") == (Decimal(0), Decimal(0))
    assert store.costs() == ()


def test_a_call_of_a_dead_process_is_settled_at_what_was_held(store: Store, ledger: Ledger) -> None:
    ledger.reserve(Who(), "openai", "gpt", 10, 50)
    assert ledger.settle_crashed(RUN) == 1
    assert ledger.settle_crashed(RUN) == 0
    assert store.spent(run=RUN) == Decimal("0.5")
    assert ledger.used(f"run/{RUN}") == (Decimal("0.5"), Decimal(0))


def test_an_answer_without_usage_costs_what_was_held(store: Store, ledger: Ledger) -> None:
    ledger.settle(ledger.reserve(Who(), "openai", "gpt", 10, 50), ModelUsage("openai", "gpt", 0, 0))
    assert store.spent(run=RUN) == Decimal("0.5")


def test_an_unknown_price_is_refused_where_there_is_a_limit(store: Store, ledger: Ledger) -> None:
    with pytest.raises(BudgetUsedUp, match="REC-022"):
        ledger.reserve(Who(), "x", "mystery", 10, 10)
    free = Who(run="r-no-limit")
    ticket = ledger.reserve(free, "x", "mystery", 10, 10)
    ledger.settle(ticket, ModelUsage("x", "mystery", 10, 5))
    assert [cost.usd for cost in store.costs()] == [None]


def test_thresholds_are_told_once_each(store: Store) -> None:
    told: list[tuple[str, str, float]] = []
    ledger = Ledger(store, FakeClock(), SystemIds(), price, lambda *what: told.append(what))
    for _ in range(10):
        ledger.settle(
            ledger.reserve(Who(), "openai", "gpt", 1, 10), ModelUsage("openai", "gpt", 1, 10)
        )
    assert [(scope, share) for _, scope, share in told] == [
        (f"run/{RUN}", 0.5),
        (f"run/{RUN}", 0.8),
        (f"run/{RUN}", 1.0),
    ]


def test_calls_side_by_side_never_overrun_a_limit(tmp_path: Path, store: Store) -> None:
    made: list[str] = []

    def hammer() -> None:
        mine = Ledger(
            Store.open(sqlite_url(tmp_path / "record.db")), FakeClock(), SystemIds(), price
        )
        for _ in range(30):
            try:
                ticket = mine.reserve(Who(), "openai", "gpt", 1, 7)
            except BudgetUsedUp:
                return
            mine.settle(ticket, ModelUsage("openai", "gpt", 1, 7))
            made.append(ticket)

    threads = [threading.Thread(target=hammer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 14
    assert store.spent(run=RUN) == Decimal("0.98")


def test_how_long_a_call_took_is_told(store: Store) -> None:
    clock, told = FakeClock(), list[tuple[str, str, float]]()
    ledger = Ledger(store, clock, SystemIds(), price)
    ledger.timed = lambda key, usage, seconds: told.append((key, usage.model, seconds))
    ticket = ledger.reserve(Who(), "openai", "gpt", 1, 7)
    clock.advance(2.5)
    ledger.settle(ticket, ModelUsage("openai", "gpt", 1, 7))
    ledger.settle(ledger.reserve(Who(), "openai", "gpt", 1, 7), None)
    assert told == [(ticket, "gpt", 2.5)]


@pytest.mark.parametrize(
    ("limit", "runs"), [("day_usd", ("ann", "bob", "ann", "bob")), ("person_usd", ("ann",) * 4)]
)
def test_runs_side_by_side_never_overrun_the_limit_of_a_day_or_a_person(
    tmp_path: Path, limit: str, runs: tuple[str, ...]
) -> None:
    url = sqlite_url(tmp_path / "record.db")
    store = Store.open(url)
    names = [RunId(f"r-{number}") for number in range(len(runs))]
    for name, person in zip(names, runs, strict=True):
        budget = {"budget": {limit: "1"}}
        store.begin_run(replace(make_run(), id=name, person=person, settings=budget))
    made: list[str] = []

    def spend(run: str) -> None:
        mine = Ledger(Store.open(url), FakeClock(), SystemIds(), price)
        for _ in range(30):
            try:
                ticket = mine.reserve(Who(run), "openai", "gpt", 1, 7)
            except BudgetUsedUp:
                return
            mine.settle(ticket, ModelUsage("openai", "gpt", 1, 7))
            made.append(ticket)

    threads = [threading.Thread(target=spend, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 14
    assert sum((store.spent(run=name) for name in names), Decimal(0)) == Decimal("0.98")


def test_a_refusal_says_what_to_type_and_a_share_is_told_once(store: Store) -> None:
    told: list[tuple[str, float]] = []
    ledger = Ledger(
        store, FakeClock(), SystemIds(), price, lambda run, scope, share: told.append((run, share))
    )
    for _ in range(3):  # held, let go, and held again
        ledger.settle(ledger.reserve(Who(), "openai", "gpt", 10, 60), None)
    assert told == [(RUN, 0.5)]
    with pytest.raises(BudgetUsedUp) as caught:
        ledger.reserve(Who(), "openai", "gpt", 10, 101)
    assert "has used $0.00 of $1.00; the next call may cost $1.01" in caught.value.what
    assert f"`unlit resume {RUN} --run-usd USD`" in caught.value.remedy
