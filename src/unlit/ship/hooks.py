"""Lifecycle hooks: the record is the outbox, so an event is told at least once, and never lost.

A hook has a cursor in the record's order of events. What could not be told is tried again, also by
the next process; after `ATTEMPTS` it is put aside and said so. Nothing here can fail a run.
"""

import fcntl
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from unlit.core.clock import Clock
from unlit.record.store import Store
from unlit.ship.rules.hooks import (
    ATTEMPTS,
    KINDS,
    Hook,
    body_of,
    event_of,
    key_of,
    pause_s,
    payload,
)

_LOOK_BACK: Final = 500
"""Where several machines write one database, an event may become visible after a later one."""
_PAGE: Final = _LOOK_BACK + 200
_KEPT: Final = 300

Tell = Callable[[Hook, Mapping[str, Any], bytes], str | None]
"""Tells a hook once; returns what went wrong, or `None`."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far one hook is.

    Attributes:
        seq: Last event that is settled.
        attempts: Failed attempts at the next one.
        next_s: Wall time before which it is not tried again.
        aside: Events that were given up, with the last words: key, event, run, words.
        begun: Where the hook was new: nothing older is told.
        done: Keys of what was settled last.
    """

    seq: int
    attempts: int = 0
    next_s: float = 0.0
    aside: tuple[Mapping[str, str], ...] = field(default=())
    begun: int = 0
    done: tuple[str, ...] = ()

    def settled(self, seq: int, key: str = "") -> "Cursor":
        """Return the cursor after an event that is told, given up, or none of the hook's."""
        done = (*self.done, key)[-_KEPT:] if key else self.done
        return replace(self, seq=max(seq, self.seq), attempts=0, next_s=0.0, done=done)


class Outbox:
    """Tells the hooks of one repository what happened since they were last told.

    Args:
        store: The record.
        hooks: The hooks.
        folder: Where the cursors are kept.
        tell: Does the telling.
        clock: Says when.
    """

    def __init__(
        self, store: Store, hooks: Sequence[Hook], folder: Path, tell: Tell, clock: Clock
    ) -> None:
        self._store = store
        self._hooks = hooks
        self._path = folder / "cursors.json"
        self._lock = folder / "lock"
        self._tell = tell
        self._clock = clock
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def begin(self) -> None:
        """Start the cursor of a hook that is new at what happens from now on."""
        with self._alone() as alone:
            if alone:
                self._write(self._read())

    def pump(self) -> int:
        """Tell what is due; return how many events were told. Another process at it is enough."""
        with self._alone() as alone:
            if not alone:
                return 0
            cursors = self._read()
            return sum(self._one(hook, cursors) for hook in self._hooks)

    def waiting(self) -> bool:
        """Whether something is still to be told, now or later."""
        cursors = self._read()
        return any(self._due(hook, cursors[hook.name]) is not None for hook in self._hooks)

    def cursors(self) -> Mapping[str, Cursor]:
        """Return how far each hook is."""
        return self._read()

    def retry(self, name: str) -> int:
        """Tell a hook again what was put aside; return how many of them were told."""
        with self._alone() as alone:
            if not alone:
                return 0
            cursors = self._read()
            hook = next(one for one in self._hooks if one.name == name)
            kept, told = [], 0
            for one in cursors[name].aside:
                body = one["body"].encode()
                words = self._tell(hook, json.loads(body), body)
                told += words is None
                if words is not None:
                    kept.append({**one, "words": words})
            cursors[name] = replace(cursors[name], aside=tuple(kept))
            self._write(cursors)
            return told

    def _one(self, hook: Hook, cursors: dict[str, Cursor]) -> int:
        told = 0
        while (due := self._due(hook, cursors[hook.name])) is not None:
            seq, message = due
            cursor = cursors[hook.name]
            if message is None:
                cursors[hook.name] = cursor.settled(seq)
                self._write(cursors)
                continue
            now_s = self._clock.now().timestamp()
            if cursor.next_s > now_s:
                return told
            body = body_of(message)
            words = self._tell(hook, message, body)
            if words is None:
                told += 1
                cursors[hook.name] = cursor.settled(seq, str(message["id"]))
            else:
                cursors[hook.name] = _failed(cursor, seq, message, body, words, now_s)
            self._write(cursors)
        return told

    def _due(self, hook: Hook, cursor: Cursor) -> tuple[int, dict[str, Any] | None] | None:
        """The next event for a hook; without one, how far there is nothing for it."""
        after = max(cursor.begun, cursor.seq - _LOOK_BACK)
        rows = self._store.events(None, after=after, limit=_PAGE, kinds=KINDS)
        for row in rows:
            event = event_of(row)
            if event is None or event not in hook.on or key_of(row) in cursor.done:
                continue
            run = self._store.run(row.run)
            if run is not None:
                return row.seq, payload(event, row, run, self._store.questions(row.run))
        newest = rows[-1].seq if rows else cursor.seq
        return (newest, None) if newest > cursor.seq else None

    def _read(self) -> dict[str, Cursor]:
        try:
            rows = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            rows = {}
        found = {
            name: Cursor(**{**row, "aside": tuple(row["aside"]), "done": tuple(row["done"])})
            for name, row in rows.items()
        }
        new = [hook.name for hook in self._hooks if hook.name not in found]
        newest = self._newest() if new else 0
        return {**found, **{name: Cursor(newest, begun=newest) for name in new}}

    def _newest(self) -> int:
        seq = 0
        while rows := self._store.events(None, after=seq, kinds=KINDS):
            seq = rows[-1].seq
        return seq

    def _write(self, cursors: Mapping[str, Cursor]) -> None:
        partial = self._path.with_suffix(f".{os.getpid()}")
        plain = {name: asdict(cursor) for name, cursor in cursors.items()}
        partial.write_text(json.dumps(plain, indent=1), encoding="utf-8")
        partial.replace(self._path)

    def _alone(self) -> "_Alone":
        return _Alone(self._lock)


def _failed(
    cursor: Cursor, seq: int, message: Mapping[str, Any], body: bytes, words: str, now_s: float
) -> Cursor:
    attempts = cursor.attempts + 1
    if attempts < ATTEMPTS:
        return replace(cursor, attempts=attempts, next_s=now_s + pause_s(attempts))
    given_up = {
        "key": str(message["id"]), "event": str(message["event"]), "run": str(message["run"]),
        "words": words, "body": body.decode(),
    }  # fmt: skip
    return replace(cursor.settled(seq, str(message["id"])), aside=(*cursor.aside, given_up))


class _Alone:
    """Holds the lock of the outbox while it can; says whether it could."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def __enter__(self) -> bool:
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def __exit__(self, *words: object) -> None:
        os.close(self._descriptor)
