"""Writing the audit log: the entry is with the kernel before `append` returns, or nothing happens.

One thread syncs for everybody (group commit): whoever needs an entry on the disk waits for the
next `fdatasync`, which covers all that were written meanwhile. A log that cannot be written refuses
every further entry, and with it every further act.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from unlit.core.clock import Clock
from unlit.policy.audit.file import HeldByAnother, LogFile, Marks, open_log, unwritable
from unlit.policy.audit.form import (
    HEADER_KIND,
    entry_line,
)
from unlit.policy.audit.keys import public_text, signing_key
from unlit.policy.audit.merkle import Frontier, leaf_hash
from unlit.policy.model import JSON, Identity

SYNC_WITHIN_S: Final = 0.05
SLOW_SYNC_S: Final = 0.002
_SYSTEM: Final = Identity("", "", "unlit", "system")


class AuditLog:
    """An append-only log in one folder; safe to use from several threads, one process at a time."""

    def __init__(self, directory: Path, clock: Clock, key: Ed25519PrivateKey) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._synced = threading.Condition(self._lock)
        self._frontier = Frontier()
        self._durable = 0
        self._wanted = 0
        self._dirty = False
        self._closing = False
        self._failure: str | None = None
        self._callbacks: list[tuple[int, Callable[[], None]]] = []
        self._turn: list[tuple[int, asyncio.Future[None]]] = []
        self._syncing = threading.Lock()
        self.directory = directory
        self._file = LogFile(-1, directory, clock)
        self._marks = Marks(-1, key)
        self._thread: threading.Thread | None = None

    @classmethod
    def open(
        cls,
        directory: Path,
        header: Mapping[str, JSON],
        clock: Clock,
        *,
        key_dir: Path | None = None,
    ) -> Self:
        """Open or continue the log in `directory`; a torn last line is cut off and said.

        Args:
            directory: Made if missing; only this user may read it.
            header: What the reader should know: machine, what is really enforced, policy.
            clock: Tells the time of entries.
            key_dir: Where the signing key lies; default ``audit-key`` beside `directory`.

        Raises:
            OutsideFailed: The log cannot be written, or another process holds it.
        """
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            key = signing_key(key_dir or directory.parent / "audit-key")
            log = cls(directory, clock, key)
            opened = open_log(directory, log._frontier, clock)
            log._file, log._marks = opened.file, Marks(opened.marks, key)
            log._durable = log.entries
        except OSError as error:
            raise unwritable(directory, error.strerror or type(error).__name__) from error
        torn, found = opened.torn_bytes, opened.found
        thread = threading.Thread(target=log._sync_loop, name="audit-sync", daemon=True)
        log._thread = thread
        thread.start()
        if torn or found:
            fields: dict[str, JSON] = {"cut_bytes": torn, "entries": log.entries}
            log.append("log.repaired", _SYSTEM, {**fields, **({"found": found} if found else {})})
        log.append(HEADER_KIND, _SYSTEM, {"key": public_text(key), **header}, sync=True)
        return log

    @classmethod
    def open_or_beside(
        cls,
        directory: Path,
        header: Mapping[str, JSON],
        clock: Clock,
        *,
        name: str,
        key_dir: Path | None = None,
    ) -> Self:
        """Open the log in `directory` or, while another process writes it, one inside it.

        Args:
            directory: As for `open`.
            header: As for `open`.
            clock: As for `open`.
            name: Names the log beside; `logs_in` finds it.
            key_dir: As for `open`; both logs are signed with the same key.

        Raises:
            OutsideFailed: Neither can be written.
        """
        keys = key_dir or directory.parent / "audit-key"
        try:
            return cls.open(directory, header, clock, key_dir=keys)
        except HeldByAnother:
            return cls.open(directory / f"beside-{name}", header, clock, key_dir=keys)

    @property
    def entries(self) -> int:
        """How many entries the log has."""
        return self._frontier.size

    def append(
        self, kind: str, identity: Identity, fields: Mapping[str, JSON], *, sync: bool = False
    ) -> int:
        """Write one entry and return its index.

        Args:
            kind: What happened, such as ``exchange`` or ``process.start``.
            identity: Who did it.
            fields: What an auditor needs; never a secret, never a body. Texts are cut.
            sync: Return only when the entry is on the disk.

        Raises:
            OutsideFailed: The entry could not be written; the act must not happen.
        """
        index = self._write(kind, identity, fields)
        if sync:
            with self._lock:
                self._wanted = max(self._wanted, index + 1)
                self._wake.notify()
                while self._durable <= index and self._failure is None:
                    self._synced.wait()
                self._check()
        return index

    async def append_durable(
        self,
        kind: str,
        identity: Identity,
        fields: Mapping[str, JSON],
        *,
        alone: bool = False,
    ) -> int:
        """Like `append` with `sync`, without holding up the event loop.

        Where the disk answers fast, one sync at the end of the loop's turn serves all that asked
        during the turn: cheaper than waking a thread. On a slow disk the thread does it.

        Args:
            kind: As for `append`.
            identity: As for `append`.
            fields: As for `append`.
            alone: Nobody else is likely to ask in this turn, so it is not waited for.
        """
        loop = asyncio.get_running_loop()
        here = alone and not self._turn and self._file.usual_sync_s <= SLOW_SYNC_S
        index = self._write(kind, identity, fields, late=here)
        if here:
            self._sync_here()
            self._check()
            if self._file.is_behind:  # on the disk it is; the log gets it during the act
                loop.call_soon(self._catch_up)
            return index
        done = loop.create_future()
        if self._file.usual_sync_s > SLOW_SYNC_S:
            self._ask_thread(index, loop, done)
        else:
            if not self._turn:
                loop.call_soon(self._sync_turn)
            self._turn.append((index, done))
        await done
        self._check()
        return index

    def _sync_turn(self) -> None:
        waiting, self._turn = self._turn, []
        self._sync_here()
        for _, done in waiting:
            _finish(done)

    def _sync_here(self) -> None:
        try:
            with self._syncing:
                self._to_disk()
        except OSError as error:
            with self._lock:
                self._fail(error.strerror or "sync failed")

    def _to_disk(self) -> None:
        with self._lock:
            self._file.waited_for += 1
            size = self._frontier.size
            if size <= self._durable:
                return
            lines = self._file.waiting(self._durable)
        if not self._file.put(lines):
            with self._lock:
                self._file.catch_up()
            self._file.sync()
            self._file.restart()
        self._cover(size)

    def _cover(self, size: int) -> None:
        with self._lock:
            self._durable = max(self._durable, size)
            self._file.cover(self._durable)

    def _ask_thread(
        self, index: int, loop: asyncio.AbstractEventLoop, done: "asyncio.Future[None]"
    ) -> None:
        with self._lock:
            self._check()
            if index < self._durable:  # synced since it was written: no further sync may come
                _finish(done)
                return
            self._callbacks.append((index, partial(_wake, loop, done)))
            self._wanted = max(self._wanted, index + 1)
            self._wake.notify()

    def close(self) -> None:
        """Sync, sign the last checkpoint and close the files."""
        with self._lock:
            if self._closing:
                return
            self._closing = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()
        with self._syncing:
            self._file.close(is_whole=self._failure is None)
        self._marks.close()

    def _write(
        self, kind: str, identity: Identity, fields: Mapping[str, JSON], *, late: bool = False
    ) -> int:
        at = self._clock.now().isoformat(timespec="milliseconds")
        with self._lock:
            self._check()
            index = self._frontier.size
            line = entry_line(index, at, kind, identity, fields)
            try:
                self._file.add(line + b"\n", late=late)
            except OSError as error:
                self._fail(error.strerror or "write failed")
                raise unwritable(self.directory, str(self._failure)) from error
            self._frontier.add(leaf_hash(line))
            if not self._dirty:
                self._dirty = True
                self._wake.notify()
            return index

    def _catch_up(self) -> None:
        with self._lock:
            try:
                self._file.catch_up()
            except OSError as error:
                self._fail(error.strerror or "write failed")

    def _check(self) -> None:
        if self._failure is not None:
            raise unwritable(self.directory, self._failure)
        if self._closing:
            raise unwritable(self.directory, "it is closed")

    def _fail(self, reason: str) -> None:
        self._failure = reason
        self._synced.notify_all()
        self._wake.notify()

    def _sync_loop(self) -> None:
        try:
            while self._wait_for_work():
                self._sync_all()
        except OSError as error:
            with self._lock:
                self._fail(error.strerror or "sync failed")
        finally:
            self._let_go()

    def _sync_all(self) -> None:
        with self._lock:
            self._file.catch_up()
            self._dirty = False
            size, root = self._frontier.size, self._frontier.root()
        self._file.sync()
        self._cover(size)
        self._marks.sign(size, root, self._clock.now())
        with self._lock:
            self._synced.notify_all()
            ready = [call for index, call in self._callbacks if index < size]
            self._callbacks = [pair for pair in self._callbacks if pair[0] >= size]
        for call in ready:
            call()
        if (ahead := self._file.make_ahead()) is not None:
            with self._lock:
                self._file.use(ahead, self._frontier.size)

    def _let_go(self) -> None:
        """Wake whoever still waits when the thread ends: nobody else would."""
        with self._lock:
            if self._failure is None and self._durable < self._frontier.size:
                self._fail("what syncs it has ended")
            waiting, self._callbacks = self._callbacks, []
        for _, call in waiting:
            call()

    def _wait_for_work(self) -> bool:
        with self._lock:
            while not (self._dirty or self._closing or self._failure):
                self._wake.wait()
            if self._dirty and self._wanted <= self._durable and not self._closing:
                # nobody waits: gather what comes within the promised time
                self._wake.wait_for(
                    lambda: self._wanted > self._durable or self._closing, SYNC_WITHIN_S
                )
            return self._failure is None and (self._dirty or not self._closing)


def _finish(done: "asyncio.Future[None]") -> None:
    if not done.done():
        done.set_result(None)


def _wake(loop: asyncio.AbstractEventLoop, done: "asyncio.Future[None]") -> None:
    # a loop that ended meanwhile has nobody left to wake
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(_finish, done)
