# ruff: noqa: E501
"""Server time and transferred size of the console's pages over a large record.

    python bench/console_pages.py [--runs 10000] [--trajectories 1000000]

Prints each page's median and worst server time over ten requests, and its size as sent (gzip), with
and without the files that a first visit loads. Fails when a page takes more than 100 ms or a first
visit more than 100 kB. Also: time to the first live event.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

sys.path.insert(0, str(Path(__file__).parents[1]))

from sqlalchemy import insert
from starlette.testclient import TestClient
from tests.review.sample import RUN, fill

from unlit.console.app import create_app
from unlit.console.model import Console, Place
from unlit.core.ids import RunId
from unlit.core.system import SystemClock
from unlit.record import schema
from unlit.record.engine import sqlite_url
from unlit.record.model import RunState
from unlit.record.store import Store
from unlit.review import Desk
from unlit.review.adapters.audit import FolderGateLog
from unlit.review.adapters.evaluations import Evaluations

LIMIT_MS, LIMIT_BYTES = 100.0, 100_000
PAGES = (
    "/",
    "/runs",
    "/runs?state=shipped",
    "/runs?q=change 99",
    "/questions",
    f"/runs/{RUN}",
    f"/runs/{RUN}/trajectories",
    f"/runs/{RUN}/trajectories/c1/validation/1",
    "/cost",
    "/calibration",
    "/audit",
    "/policy",
    "/intents",
    "/settings",
    "/board.json",
)
HOST = "127.0.0.1:8080"


def grow(store: Store, runs: int, trajectories: int) -> None:
    """Multiply one real run into many, by bulk insert."""
    now = datetime.now(UTC)
    template = fill(store, at=now - timedelta(hours=1))
    names = ("runs", "stages", "candidates", "evaluations", "costs", "questions", "forecasts")
    with store.engine.begin() as connection:
        rows = {
            name: [dict(row) for row in connection.execute(table.select()).mappings()]
            for name in names
            if (table := getattr(schema, name)) is not None
        }
        states = [s.value for s in (RunState.SHIPPED, RunState.ENDED, RunState.REJECTED)]
        for start in range(0, runs, 500):
            batch: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
            for n in range(start, min(runs, start + 500)):
                run, at = f"r-{n:010d}", now - timedelta(minutes=30 * (n + 4))
                for name, found in rows.items():
                    for row in found:
                        new = row | {("id" if name == "runs" else "run"): run}
                        if name == "runs":
                            state = "waiting" if n % 500 == 0 else states[n % 3]
                            new |= {
                                "title": f"Change {n}",
                                "state": state,
                                "created_at": at.isoformat(),
                                "updated_at": at.isoformat(),
                            }
                        if name == "costs":
                            new |= {"key": f"{run}/{row['key'][-1]}", "day": f"{at:%Y-%m-%d}"}
                        batch[name].append(new)
            for name, found in batch.items():
                connection.execute(insert(getattr(schema, name)), found)
        each = trajectories // runs
        for start in range(0, runs, 100):
            connection.execute(
                insert(schema.trajectories),
                [
                    {
                        "run": f"r-{n:010d}",
                        "candidate": f"c{1 + k % 3}",
                        "partition": "validation",
                        "number": 1 + k // 3,
                        "scenario": f"scenario-{k % 8}",
                        "state": "satisfied",
                        "criteria": '["AC-1"]',
                        "seed": k,
                    }
                    for n in range(start, min(runs, start + 100))
                    for k in range(each)
                ],
            )
    assert template == RUN


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--trajectories", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        store = Store.open(sqlite_url(root / "record.db"))
        begun = time.perf_counter()
        grow(store, asked.runs, asked.trajectories)
        filled_s = time.perf_counter() - begun
        clock = SystemClock()
        console = Console(
            store=store,
            desk=Desk(store, FolderGateLog(root / "gates", clock), clock),
            clock=clock,
            place=Place(root, audit=(root / "audit", root / "gates")),
            person="dana",
            token="fake",
            key=b"k" * 32,
            hosts=frozenset({HOST}),
            ship=nothing_is_shipped,
            evaluations=Evaluations(lambda run: None),
        )
        client = TestClient(create_app(console), base_url=f"http://{HOST}")
        client.get("/login", params={"token": "fake"})
        rows, files = measure(client)
        first = first_event(console, store)
        store.close()
    bad = report(rows, files, first, filled_s, asked)
    return 1 if bad else 0


def nothing_is_shipped(run: RunId) -> NoReturn:
    raise AssertionError(f"{run} was shipped by looking at pages")


def measure(client: TestClient) -> tuple[list[dict[str, Any]], int]:
    text = client.get("/").text
    paths = {part.split('"')[0] for part in text.split('"/assets/')[1:]}
    files = sum(sent(client, f"/assets/{path}")[1] for path in paths)
    rows = []
    for path in PAGES:
        busy = time.process_time()
        found = [sent(client, path) for _ in range(10)]
        busy = (time.process_time() - busy) * 100
        times = [ms for ms, _ in found]
        rows.append(
            {
                "page": path,
                "median_ms": statistics.median(times),
                "worst_ms": max(times[1:]),
                "bytes": found[-1][1],
                "cpu_ms": busy,
            }
        )
    return rows, files


def sent(client: TestClient, path: str) -> tuple[float, int]:
    begun = time.perf_counter()
    with client.stream("GET", path, headers={"accept-encoding": "gzip"}) as answer:
        size = sum(len(chunk) for chunk in answer.iter_raw())
    assert answer.status_code == 200, (path, answer.status_code)
    return (time.perf_counter() - begun) * 1000, size


def first_event(console: Console, store: Store) -> float:
    """Milliseconds from asking for the live board to its first event, in the server."""
    from starlette.requests import Request

    from unlit.console.pages.board import board_fragment
    from unlit.console.queries import Queries
    from unlit.console.security import open_session
    from unlit.console.web import Page

    scope = {"type": "http", "path": "/", "query_string": b"", "headers": [], "method": "GET"}
    session = open_session("dana", console.roles, int(time.time()))
    page = Page(Request(scope), console, session, Queries(store), {})
    begun = time.perf_counter()
    board_fragment(page)
    return (time.perf_counter() - begun) * 1000


def report(
    rows: list[dict[str, Any]], files: int, first: float, filled_s: float, asked: argparse.Namespace
) -> bool:
    bad = False
    print(
        f"record: {asked.runs:,} runs, {asked.trajectories:,} trajectories, filled in {filled_s:.0f} s"
    )
    print(f"{'page':44} {'cpu':>9} {'median':>9} {'worst':>9} {'sent':>9} {'first visit':>12}")
    for row in rows:
        whole = row["bytes"] + files
        over = row["median_ms"] > LIMIT_MS or whole > LIMIT_BYTES
        bad = bad or over
        print(
            f"{row['page']:44} {row['cpu_ms']:6.1f} ms {row['median_ms']:6.1f} ms {row['worst_ms']:6.1f} ms "
            f"{row['bytes'] / 1000:6.1f} kB {whole / 1000:9.1f} kB{'  OVER' if over else ''}"
        )
    print(f"files of a first visit: {files / 1000:.1f} kB; first live event: {first:.1f} ms")
    print(json.dumps({"limit_ms": LIMIT_MS, "limit_bytes": LIMIT_BYTES, "over": bad}))
    return bad or first > 200


if __name__ == "__main__":
    sys.exit(main())
