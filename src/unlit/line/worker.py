"""A worker of the fleet: takes runs from a queue, keeps its lease, takes over from the dead."""

import asyncio
import logging
import os
import socket
from typing import Final

from unlit.core.errors import InvalidInput, OutsideFailed
from unlit.line.flow import FLOW_VERSION
from unlit.line.rules.queues import LINES
from unlit.line.service import Line, executor_id
from unlit.line.timers import Timers
from unlit.record.leases import Leases

_log: Final = logging.getLogger(__name__)

_AWAY_S: Final = 600.0
"""How long a database may be away before a worker gives up and ends."""


class Worker:
    """One worker process.

    Args:
        line: The line, opened with the queues this worker takes from.
        leases: Who is alive.
        length_s: Length of a lease; it is renewed six times as often.
        queues: What it takes from.
    """

    def __init__(
        self,
        line: Line,
        leases: Leases,
        *,
        length_s: float = 30.0,
        queues: tuple[str, ...] = (LINES,),
    ) -> None:
        self._queues = queues
        self._line = line
        self._leases = leases
        self._every_s = length_s / 6
        self._timers = Timers(line)
        self.id = executor_id()
        self._away = False
        self._renewed_s = line.services.clock.monotonic_s()
        self.reclaimed: list[str] = []

    async def work(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set.

        Raises:
            InvalidInput: A live worker has the same id.
            OutsideFailed: The lease was lost; the process must end at once.
        """
        taken = await asyncio.to_thread(
            self._leases.take,
            self.id,
            socket.gethostname(),
            os.getpid(),
            self._queues,
            FLOW_VERSION,
        )
        if not taken:
            raise InvalidInput(
                "LIN-082",
                f"Another live worker has the id {self.id}.",
                "two processes with one id would do the same work twice.",
                "start this worker again.",
            )
        self._renewed_s = self._line.services.clock.monotonic_s()
        waking = asyncio.create_task(self._wake(stop))
        try:
            while not stop.is_set():
                await self._beat()
                await _wait(stop, self._every_s)
        finally:
            waking.cancel()
            await asyncio.wait({waking})
            await self._timers.stop()
            await asyncio.to_thread(self._leases.end, self.id)

    async def _wake(self, stop: asyncio.Event) -> None:
        """Look for gates that have had their time; apart from the beat, which may not be late."""
        while not stop.is_set():
            try:
                for run in await self._timers.fire():
                    _log.warning("run %s goes on: nobody answered its gate in time", run)
            except Exception as error:  # a database that is away comes back; the beat judges that
                _log.warning("gates were not looked at: %s", error)
            await _wait(stop, self._every_s)

    async def _beat(self) -> None:
        """Renew the lease and take over from the dead; while the database is away, try on.

        Nobody can take over then either. After it came back, all are late: each renews its lease
        before anybody is looked for.
        """
        now_s = self._line.services.clock.monotonic_s()
        try:
            renewed = await asyncio.to_thread(self._leases.renew, self.id)
        except OutsideFailed as error:
            if error.code != "REC-003" or now_s - self._renewed_s > _AWAY_S:
                raise
            self._away = True
            _log.warning("the database does not answer, trying on: %s", error.what)
            return
        was_away, self._away = self._away, False
        self._renewed_s = now_s
        if not renewed:
            raise OutsideFailed(
                "LIN-081",
                f"Worker {self.id} lost its lease.",
                "it was silent for longer than its lease, and another one took over its work.",
                "start it again; a supervisor does so by itself.",
            )
        if was_away:
            return
        for dead in await asyncio.to_thread(self._leases.reap):
            names = await self._line.reclaim(dead)
            await asyncio.to_thread(self._leases.taken_over, dead)
            self.reclaimed += names
            if names:
                _log.warning("took over %d runs of dead worker %s", len(names), dead)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
