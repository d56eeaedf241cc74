"""The spellings of secrets in use: each set of secrets is spelled out once, off the event loop."""

import asyncio
import threading
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from unlit.fence.gateway.scrub import Forms

_MOST_KEPT: Final = 32
_AT_ONCE: Final = 4


class Spelled:
    """Spells secrets out, for all sessions of a gateway.

    A key takes tens of milliseconds, a key file longer: nobody's request waits for another's, and
    a request that needs them seldom waits, because a session begins when it is attached.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: OrderedDict[frozenset[str], Future[Forms]] = OrderedDict()
        self._workers = ThreadPoolExecutor(_AT_ONCE, "spellings")

    def begin(self, secrets: frozenset[str]) -> Future[Forms]:
        """Begin to spell out some secrets, unless that was done."""
        with self._lock:
            made = self._made.get(secrets)
            if made is None:
                made = self._made[secrets] = self._workers.submit(Forms, secrets)
            self._made.move_to_end(secrets)
            while len(self._made) > _MOST_KEPT:
                self._made.popitem(last=False)
        return made

    async def of(self, secrets: frozenset[str]) -> Forms:
        """Return the spellings of some secrets."""
        made = self.begin(secrets)
        return made.result() if made.done() else await asyncio.wrap_future(made)

    def close(self) -> None:
        """Forget everything."""
        self._workers.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._made.clear()
