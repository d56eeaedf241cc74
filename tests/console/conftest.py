from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.review.sample import START

from unlit.console.app import create_app
from unlit.console.model import ALL_ROLES, Console, Place, Role
from unlit.core.clock import FakeClock
from unlit.core.ids import CandidateId, RunId
from unlit.record.engine import sqlite_url
from unlit.record.model import RunState
from unlit.record.store import Store
from unlit.review import Desk
from unlit.review.adapters.evaluations import Evaluations
from unlit.review.fakes import FakeGateLog
from unlit.ship import Shipment

TOKEN = "fake-token"
HOST = "127.0.0.1:8080"


@dataclass
class Bench:
    """A console over an empty record, and what happened to it."""

    console: Console
    store: Store
    clock: FakeClock
    log: FakeGateLog
    shipped: list[RunId] = field(default_factory=list)
    started: list[tuple[str, str, str, str]] = field(default_factory=list)

    def client(self) -> TestClient:
        """Return a client that is not logged in."""
        return TestClient(
            create_app(self.console), base_url=f"http://{HOST}", follow_redirects=False
        )

    def logged_in(self) -> TestClient:
        """Return a client with a session."""
        client = self.client()
        assert client.get("/login", params={"token": TOKEN}).status_code == 303
        return client


@pytest.fixture
def make_bench(tmp_path: Path) -> Callable[..., Bench]:
    def make(roles: frozenset[Role] = ALL_ROLES, place: Place | None = None) -> Bench:
        store = Store.open(sqlite_url(tmp_path / "record.db"))
        clock = FakeClock(START)
        clock.advance(2 * 3600)
        log = FakeGateLog()
        shipped: list[RunId] = []

        def ship(run: RunId) -> Shipment:
            shipped.append(run)
            store.change_run(run, clock.now(), state=RunState.SHIPPED)
            return Shipment(run, CandidateId("c3"), "a" * 40, "b" * 40, "main", f"unlit/{run}")

        started: list[tuple[str, str, str, str]] = []

        def start(spec: str, agent: str, person: str, key: str) -> tuple[RunId, bool]:
            started.append((spec, agent, person, key))
            return RunId("r-accessrev1"), False

        console = Console(
            store=store,
            desk=Desk(store, log, clock),
            clock=clock,
            place=place or Place(tmp_path),
            person="dana",
            token=TOKEN,
            key=b"k" * 32,
            hosts=frozenset({HOST}),
            ship=ship,
            start=start,
            evaluations=Evaluations(lambda run: tmp_path / "evaluations"),
            zone=UTC,
            roles=roles,
        )
        return Bench(console, store, clock, log, shipped, started)

    return make


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    return make_bench()
