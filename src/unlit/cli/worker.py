"""`unlit worker`: take runs from the queue; any number, on any machines, on one PostgreSQL."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import cyclopts

from unlit.wiring.finding import find_repository

if TYPE_CHECKING:
    from unlit.record.store import Store

app = cyclopts.App(name="worker", help="Work for the fleet: take runs from the queue.")

Json = Annotated[bool, cyclopts.Parameter("--json", negative=())]
Repository = Annotated[Path | None, cyclopts.Parameter("--repository")]


_SHORTEST_S = 3.0


@app.default
def work(
    *,
    lines: int = 2,
    queue: list[str] | None = None,
    lease_s: float = 30.0,
    repository: Repository = None,
) -> int:
    """Take runs from the queue until interrupted.

    A worker that dies is noticed when its lease runs out; another one takes over its runs, once.

    Args:
        lines: Runs of a queue done at a time.
        queue: A queue to take from, as `[queue.NAME]` of unlit.toml names it; may be given again.
            Default: all of them.
        lease_s: Seconds of silence after which this worker counts as dead.
        repository: The repository; default the nearest one upwards from here.
    """
    from unlit.core.errors import InvalidInput, OutsideFailed

    if lines < 1 or not lease_s >= _SHORTEST_S:
        raise InvalidInput(
            "LIN-098",
            f"A worker of {lines} runs with a lease of {lease_s:g} s does no work.",
            "it takes at least one run, and must be able to renew its lease in time.",
            f"use --lines 1 or more and --lease-s {_SHORTEST_S:g} or more.",
        )
    folder = find_repository(repository or Path())
    try:
        asyncio.run(_work(folder, lines, lease_s, tuple(queue or ())))
    except OutsideFailed as error:
        if error.code != "LIN-081":
            raise
        from unlit.cli.main import print_error

        print_error(error)
        sys.stderr.flush()
        os._exit(error.exit_code)  # nothing of this process may go on: others have its work
    return 0


@app.command
def status(*, repository: Repository = None, as_json: Json = False) -> int:
    """List workers and their leases.

    Args:
        repository: The repository; default the nearest one upwards from here.
        as_json: Print JSON.
    """
    from dataclasses import asdict

    from unlit.record.leases import Leases

    rows = Leases(_store(repository)).workers()
    if as_json:
        plain = [asdict(row) for row in rows]
        sys.stdout.write(json.dumps({"schema": "unlit.workers/1", "workers": plain}) + "\n")
        return 0
    for row in rows:
        left = f"lease {row.lease_s:.0f} s" if row.state == "live" else ""
        sys.stdout.write(f"{row.id:40} {row.state:6} {row.queues:12} {row.version:8} {left}\n")
    if not rows:
        sys.stdout.write("No worker has ever worked here. `unlit worker` starts one.\n")
    return 0


async def _work(folder: Path, lines: int, lease_s: float, named: tuple[str, ...]) -> None:
    from unlit.cli.run import live_view
    from unlit.line.service import Line
    from unlit.line.worker import Worker
    from unlit.record.leases import Leases
    from unlit.wiring.build import open_factory

    view = live_view()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with open_factory(folder, listen=view.listen) as factory:
        plans = factory.factory.line
        queues = _known(named, plans.names)
        async with Line.open(
            factory.services,
            factory.durable_url,
            queues=queues,
            per_worker=lines,
            plans=plans.queues,
        ) as line:
            leases = Leases(factory.services.store, lease_s)
            worker = Worker(line, leases, length_s=lease_s, queues=queues)
            view.say(f"worker {worker.id} takes runs of {', '.join(queues)}, {lines} at a time")
            await worker.work(stop)
    view.close()


def _known(named: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    from unlit.core.errors import UsageError

    for name in named:
        if name not in known:
            raise UsageError(
                "LIN-118",
                f"There is no queue {name!r}.",
                "a worker takes from queues that unlit.toml names, so that a typo is not idle.",
                f"use one of: {', '.join(known)}.",
            )
    return named or known


def _store(repository: Path | None) -> "Store":
    from unlit.record.engine import sqlite_url
    from unlit.record.store import Store
    from unlit.wiring.paths import state_paths
    from unlit.wiring.settings import read_settings

    settings = read_settings()
    paths = state_paths(settings, find_repository(repository or Path()))
    paths.create()
    return Store.open(settings.text("database_url") or sqlite_url(paths.database))
