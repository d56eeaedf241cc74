"""The gate of `unlit fence run`: what the command asks for, and what a person answers meanwhile."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from unlit.fence import Fence, FenceSpec
    from unlit.fence.ports import Host
    from unlit.line.adapters.access import Attendant
    from unlit.record.store import Store
    from unlit.review import Desk
    from unlit.review.model import AccessLine

LOOK_S: Final = 1.0
_SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of one fenced command."""

    run: str
    title: str
    line: "AccessLine"
    ended: bool

    @property
    def standing(self) -> str:
        """How it stands, in a few words."""
        from unlit.review.access import standing_words

        if self.ended and self.line.state == "open":
            return "not answered; the command has ended"
        return standing_words(self.line)


@asynccontextmanager
async def attended(
    host: "Host", fence: "Fence", spec: "FenceSpec", home: Path, say: Callable[[str], None]
) -> AsyncIterator[None]:
    """Look every second for questions of a fence and for answers to them, while the block runs.

    The record of questions is opened by the first question only.
    """
    keeping = _Keeping(host, fence, spec, home, say)
    task = asyncio.create_task(keeping.keep())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await keeping.end()


class _Keeping:
    def __init__(
        self,
        host: "Host",
        fence: "Fence",
        spec: "FenceSpec",
        home: Path,
        say: Callable[[str], None],
    ) -> None:
        self._host, self._fence, self._spec = host, fence, spec
        self._home, self._say = home, say
        self._attendant: Attendant | None = None
        self._store: Store | None = None

    async def keep(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            with contextlib.suppress(KeyError):
                await self._look()

    async def _look(self) -> None:
        from unlit.core.errors import UnlitError

        if self._attendant is None:
            if not await self._host.asked(self._fence):
                return
            self._attendant = await asyncio.to_thread(self._begin)
        try:
            await self._attendant.look()
        except UnlitError as error:  # it stays as strict as it is
            self._say(f"fence: {error.what}")

    def _begin(self) -> "Attendant":
        from unlit.core.ids import Digest, RunId
        from unlit.core.system import SystemClock
        from unlit.line.adapters.access import Attendant, Questions
        from unlit.line.model import LineEvent, Place
        from unlit.record.model import Run, RunState

        clock, identity = SystemClock(), self._spec.identity
        self._store = open_asks(self._home)
        now, run = clock.now(), RunId(identity.run)
        self._store.begin_run(
            Run(
                id=run, spec_id="fence", spec_digest=Digest(""),
                title=f"unlit fence run {identity.agent}", repository=str(self._spec.workspace),
                spec_path="", base="", base_tree="", workspace=str(self._spec.workspace),
                agent=identity.agent, person="", state=RunState.RUNNING, created_at=now,
                updated_at=now,
            )
        )  # fmt: skip

        def tell(event: LineEvent) -> None:
            number = event.data["access"]
            self._say(f"fence: {identity.agent} {event.text}"[:600] if event.state == "asked"
                      else f"fence: {event.text}"[:600])  # fmt: skip
            if event.state == "asked":
                self._say(f"       unlit fence allow {run} {number} --for 1h --reason TEXT")

        questions = Questions(self._store, clock, tell)
        place = Place(run, "fence", identity.agent, identity.role)
        return Attendant(self._host, self._fence, place, "fence", questions)

    async def end(self) -> None:
        """Write down what was asked last, and that nothing more is granted."""
        with contextlib.suppress(KeyError):
            await self._look()
        if self._store is None:
            return
        from unlit.core.ids import RunId
        from unlit.core.system import SystemClock
        from unlit.record.model import RunState

        # nothing is left that an answer could open
        run, now = RunId(self._spec.identity.run), SystemClock().now()
        self._store.change_run(run, now, state=RunState.REJECTED, note="the command has ended")
        self._store.close()


def open_asks(home: Path) -> "Store":
    """Open the record of questions of fenced commands."""
    from unlit.record.engine import sqlite_url
    from unlit.record.store import Store

    (home / "fence").mkdir(parents=True, exist_ok=True, mode=0o700)
    return Store.open(sqlite_url(home / "fence" / "asks.db"))


def open_gate(home: Path) -> "Desk":
    """Open the desk at which the questions of fenced commands are answered."""
    from unlit.core.system import SystemClock
    from unlit.review import Desk
    from unlit.review.adapters.audit import FolderGateLog

    clock = SystemClock()
    log = FolderGateLog(home / "fence" / "gates", clock, key_dir=home / "fence" / "gates-key")
    return Desk(open_asks(home), log, clock)


def asked(store: "Store") -> list[Asked]:
    """Return the questions of the newest fenced commands."""
    from unlit.core.system import SystemClock
    from unlit.record.model import RunState
    from unlit.review.access import access_lines

    now = SystemClock().now()
    return [
        Asked(run.id, run.title, line, run.state is RunState.REJECTED)
        for run in store.runs(limit=_SHOWN)
        for line in access_lines(store, run.id, now)
    ]
