"""Worlds: tables that are replaced, never mutated, so that a fork is pointer work."""

import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from hashlib import shake_128
from typing import Any, Final, overload

from typing_extensions import override

from unlit.twins.kit.faults import Faults
from unlit.twins.model import Call, Delivery, Exchanged

Row = Any
BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
UPPER: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
KEPT_BODIES: Final = 400
BATCH: Final = 16
KEPT_BYTES: Final = 20_000
CallRow = tuple[str, str, str, str, int, str | None, str, float]


@cache
def _letters(alphabet: str) -> bytes:
    """Return the table that turns any byte into a letter of an alphabet."""
    return bytes(ord(alphabet[byte % len(alphabet)]) for byte in range(256))


class Table:
    """A mapping in insertion order. A row is never changed in place: put a new one.

    Forks share rows until one side writes; the writer then copies the mapping (not the rows).
    """

    __slots__ = ("_rows", "_shared")

    def __init__(self, rows: dict[Any, Row] | None = None, *, shared: bool = False) -> None:
        self._rows: dict[Any, Any] = rows if rows is not None else {}
        self._shared = shared

    def __contains__(self, key: object) -> bool:
        return key in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def __reversed__(self) -> Iterator[Any]:
        yield from reversed(self._rows)

    def get(self, key: Any, default: Row = None) -> Row:
        """Return the row at `key`, or `default`."""
        return self._rows.get(key, default)

    def __getitem__(self, key: Any) -> Any:
        return self._rows[key]

    def values(self) -> Any:
        """Return the live view of the rows."""
        return self._rows.values()

    def items(self) -> Any:
        """Return the live view of keys and rows."""
        return self._rows.items()

    def _own(self) -> dict[Any, Row]:
        if self._shared:
            self._rows = dict(self._rows)
            self._shared = False
        return self._rows

    def put(self, key: Any, row: Row) -> Row:
        """Add or replace a row and return it."""
        if self._shared:
            self._own()
        self._rows[key] = row
        return row

    def patch(self, key: Any, **changes: Any) -> Row:
        """Replace the row at `key` by one with `changes`; return the new row."""
        return self.put(key, {**self._rows[key], **changes})

    def drop(self, key: Any) -> Row:
        """Remove and return the row at `key`, or return `None`."""
        return self._own().pop(key, None) if key in self._rows else None

    def clear(self) -> None:
        """Remove every row."""
        self._rows, self._shared = {}, False

    def reorder(self, keys: list[Any]) -> None:
        """Put the rows in the order of `keys`; rows not named are dropped."""
        rows = self._rows
        self._rows, self._shared = {key: rows[key] for key in keys}, False

    def share(self) -> "Table":
        """Return a second table over the same rows; both copy before they write."""
        self._shared = True
        return Table(self._rows, shared=True)


@dataclass(slots=True)
class VirtualClock:
    """A world's time: either moving with the machine's, or standing at `start` until advanced.

    Every reading of a standing clock by `tick` moves it by a millisecond, so that two writes never
    share an instant.
    """

    wall: Callable[[], float]
    start: float | None = None
    offset: float = 0.0
    ticked: float = 0.0

    def base(self) -> float:
        """Return the time without ticks: what ``-3d`` in a seed is relative to."""
        return (self.wall() if self.start is None else self.start) + self.offset

    def now(self) -> float:
        """Return seconds since 1970."""
        return (self.wall() if self.start is None else self.start) + self.offset + self.ticked

    def tick(self) -> float:
        """Return a time later than any before."""
        if self.start is None:
            return self.wall() + self.offset + self.ticked
        self.ticked += 0.001
        return self.start + self.offset + self.ticked

    def advance(self, seconds: float) -> None:
        """Move time forward."""
        self.offset += seconds

    def copy(self) -> "VirtualClock":
        """Return an equal clock that moves by itself."""
        return VirtualClock(self.wall, self.start, self.offset, self.ticked)


@dataclass(frozen=True, slots=True)
class Saved:
    """A world's state at one moment."""

    tables: dict[str, Table]
    counters: dict[str, int]
    clock: VirtualClock


@dataclass(slots=True)
class World:
    """One isolated state of all twins.

    Attributes:
        tables: By ``service.collection``; use `table`.
        limits: Whether the vendor's rate limits apply.
        batches: Texts made ahead, by series; they follow from the seed alone.
        caches: Derived data that may be thrown away at any time (indexes of searches).
        outbox: Webhooks and events that wait for delivery.
        lag: State before the last write, kept while a ``stale`` fault is armed.
    """

    id: str
    seed: int
    clock: VirtualClock
    tables: dict[str, Table] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    limits: bool = False
    calls: "CallLog" = field(default_factory=lambda: CallLog())
    outbox: list[Delivery] = field(default_factory=list)
    caches: dict[str, Any] = field(default_factory=dict)
    batches: dict[str, tuple[int, int, str, str]] = field(default_factory=dict)
    saved: dict[str, Saved] = field(default_factory=dict)
    lag: Saved | None = None
    issue: Callable[[str], None] = lambda token: None

    def table(self, name: str) -> Table:
        """Return the table `name`, made when first asked for."""
        try:
            return self.tables[name]
        except KeyError:
            return self.tables.setdefault(name, Table())

    def number(self, kind: str, start: int = 1) -> int:
        """Return the next number of a series: `start`, `start` + 1 …."""
        value = self.counters.get(kind, start)
        self.counters[kind] = value + 1
        return value

    def text(self, kind: str, length: int, alphabet: str = BASE62) -> str:
        """Return a fresh text that depends on the world's seed, `kind` and how many came before.

        Args:
            kind: Name of the series.
            length: Letters wanted.
            alphabet: ASCII letters to choose from.
        """
        count = self.counters[kind] = self.counters.get(kind, 0) + 1
        batch, place = divmod(count, BATCH)
        kept = self.batches.get(kind)
        if kept is None or kept[0] != batch or kept[1] != length or kept[2] is not alphabet:
            key = b"%d/%b/%d" % (self.seed, kind.encode(), batch)
            letters = shake_128(key).digest(length * BATCH).translate(_letters(alphabet)).decode()
            kept = self.batches[kind] = batch, length, alphabet, letters
        place *= length
        return kept[3][place : place + length]

    def random(self, kind: str) -> random.Random:
        """Return a generator that depends on the seed, `kind` and how many came before."""
        return random.Random(f"{self.seed}/{kind}/{self.number('~' + kind)}")  # noqa: S311 # seeded

    def now(self) -> float:
        """Return the world's time in seconds since 1970."""
        return self.clock.now()

    def moment(self) -> datetime:
        """Return the world's time, UTC."""
        return datetime.fromtimestamp(self.clock.now(), UTC)

    def save(self) -> Saved:
        """Return the state of this moment; cheap."""
        return Saved(
            {name: table.share() for name, table in self.tables.items()},
            dict(self.counters),
            self.clock.copy(),
        )

    def load(self, saved: Saved) -> None:
        """Go back to a saved state (calls stay in the log)."""
        self.tables = {name: table.share() for name, table in saved.tables.items()}
        self.counters = dict(saved.counters)
        self.clock = saved.clock.copy()
        self.caches.clear()

    def behind(self) -> "World":
        """Return a world as it was before the last write; what is written there is lost."""
        old = World(self.id, self.seed, self.clock.copy(), issue=self.issue)
        if self.lag is not None:
            old.load(self.lag)
        return old

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """Undo everything done inside when an exception leaves the block."""
        before = self.save()
        try:
            yield
        except BaseException:
            self.load(before)
            raise

    @property
    def recent(self) -> list[Exchanged]:
        """The texts of the last few hundred calls, oldest first."""
        return self.calls.recent()

    def forget_calls(self) -> None:
        """Empty the log and the outbox."""
        self.calls.clear()
        self.outbox.clear()


class CallLog(Sequence[Call]):
    """The calls of a world in time order, and the texts of the last few hundred.

    A call is kept as the plain tuple of its fields and becomes a `Call` when somebody looks.
    """

    __slots__ = ("_rows", "_texts")

    def __init__(self) -> None:
        self._rows: list[CallRow] = []
        self._texts: deque[tuple[CallRow, tuple[str, bytes, bytes]]] = deque(maxlen=KEPT_BODIES)

    def add(self, row: "CallRow", query: str, request: bytes, answer: bytes) -> None:
        """Keep a call."""
        self._rows.append(row)
        self._texts.append((row, (query, request[:KEPT_BYTES], answer[:KEPT_BYTES])))

    def recent(self) -> list[Exchanged]:
        """Return the last calls with their texts, oldest first."""
        return [Exchanged(Call(*row), *texts) for row, texts in self._texts]

    def clear(self) -> None:
        """Forget every call."""
        self._rows.clear()
        self._texts.clear()

    @override
    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, at: int) -> Call: ...
    @overload
    def __getitem__(self, at: slice) -> list[Call]: ...
    @override
    def __getitem__(self, at: int | slice) -> Call | list[Call]:
        if isinstance(at, slice):
            return [Call(*row) for row in self._rows[at]]
        return Call(*self._rows[at])
