"""`unlit serve`: watch the tracker round the clock."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import cyclopts

from unlit.core.ids import RunId

if TYPE_CHECKING:
    from unlit.wiring.build import FactoryHandle

app = cyclopts.App(name="serve", help="Watch the tracker round the clock and build what is ready.")


@app.default
def serve(
    source: str,
    *,
    query: str,
    every_s: float = 60,
    once: bool = False,
    agent: str | None = None,
    owner: str = "",
    vault: Path | None = None,
    repository: Path = Path(),
) -> int:
    """Build each ticket that the query finds: ask in it, run it, report in it.

    A ticket that is not ready gets a comment with what is missing, once for each version of its
    text. Nothing is done twice after a restart. Gates stay with people: `unlit approve RUN`.

    Args:
        source: A source of unlit.toml, such as jira.
        query: Which tickets are meant, in the source's own words, such as 'labels = unlit-ready'.
        every_s: Seconds between two rounds.
        once: Go round once and end.
        agent: Who writes; default the first in unlit.toml.
        owner: Who owns the specs that are made.
        vault: Folder of holdout scenarios.
        repository: The repository's folder.
    """
    from unlit.line.patrol import Ledger, Patrol, Watch, watch
    from unlit.line.service import Line
    from unlit.wiring.build import open_factory
    from unlit.wiring.sources import open_library

    def say(sentence: str) -> None:
        sys.stderr.write(sentence + "\n")
        sys.stderr.flush()

    async def work() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)

        async def wait() -> bool:
            if once:
                return False
            try:
                async with asyncio.timeout(every_s):
                    await stop.wait()
            except TimeoutError:
                return True
            return False

        with open_library(repository) as library:
            async with (
                open_factory(repository, flags={"vault": vault}) as factory,
                Line.open(factory.services, factory.durable_url) as line,
            ):
                folder = factory.paths.root / "watch"
                patrol = Patrol(
                    Watch(source, query, owner),
                    library,
                    _Factory(factory, line, agent),
                    Ledger(folder / "handled.json"),
                    folder / "specs",
                    say,
                )
                say(f"watching {source} for {query}")
                await watch(patrol, wait)

    asyncio.run(work())
    return 0


class _Factory:
    def __init__(self, factory: "FactoryHandle", line: "Line", agent: str | None) -> None:
        self._factory = factory
        self._line = line
        self._agents = None if agent is None else (agent,)
        self._begun: set[RunId] = set()

    async def begin(self, spec: Path) -> RunId:
        request = self._factory.request(spec, agents=self._agents)
        run = await self._line.start(request)
        self._begun.add(run)
        return run

    async def finish(self, run: RunId) -> str:
        from unlit.record.model import RunState
        from unlit.review.markdown import render_markdown
        from unlit.review.service import build_report

        store = self._factory.services.store
        found = store.find_run(run)
        if found.state in (RunState.QUEUED, RunState.RUNNING):
            if run not in self._begun:
                await self._line.resume(run)
            await self._line.wait(run)
        return render_markdown(build_report(store, run))


if TYPE_CHECKING:
    from unlit.line.service import Line
