"""What the evaluator saw of one trajectory, made ready to be shown: calls in time, states; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from unlit.console.web import one_line
from unlit.review.rules.reading import rows, table

LINES: Final = 40
_ALIKE: Final = ("service", "method", "path", "status", "fault")


@dataclass(frozen=True, slots=True)
class CallLine:
    """Calls to a twin that are equal and follow each other, as one line.

    Attributes:
        clock: When, by the world's clock.
        start: Where its bar begins, in percent of the time of all calls; `None` without bars.
        width: How far it goes: until the next call that is another one.
    """

    call: Mapping[str, Any]
    times: int
    clock: str
    start: float | None = None
    width: float = 0.0


@dataclass(frozen=True, slots=True)
class StateLine:
    """One collection of a twin before and after.

    Attributes:
        lines: Sign and row: ``-`` was there only before, ``+`` only after, a space both.
        hidden: Rows that are not among the lines.
    """

    name: str
    before: int
    after: int
    lines: Sequence[tuple[str, str]] = ()
    hidden: int = 0

    @property
    def has_changed(self) -> bool:
        """Whether anything is different after."""
        return self.before != self.after or any(sign != " " for sign, _ in self.lines)


def call_lines(seen: Mapping[str, Any]) -> list[CallLine]:
    """Return the calls to twins in order; equal ones that follow each other are one, counted."""
    folded: list[tuple[Mapping[str, Any], int]] = []
    for row in rows(seen.get("calls")):
        call = table(row)
        if folded and all(call.get(name) == folded[-1][0].get(name) for name in _ALIKE):
            folded[-1] = (folded[-1][0], folded[-1][1] + 1)
        else:
            folded.append((call, 1))
    times = [_seconds(call.get("at")) for call, _ in folded]
    end = max((_seconds(table(row).get("at")) for row in rows(seen.get("calls"))), default=0.0)
    found = []
    for place, (call, count) in enumerate(folded):
        at = times[place]
        until = times[place + 1] if place + 1 < len(times) else end
        start = 100 * at / end if end > 0 else None
        width = 100 * max(0.0, until - at) / end if end > 0 else 0.0
        found.append(CallLine(call, count, _clock(at, end), start, width))
    return found


def _seconds(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and value >= 0 else 0.0


def _clock(at: float, end: float) -> str:
    return f"{1000 * at:.0f} ms" if end < 1 else f"{at:.2f} s"


def state_lines(seen: Mapping[str, Any]) -> list[StateLine]:
    """Return every collection that held anything before or after, the changed ones first."""
    effects, before = table(seen.get("effects")), table(seen.get("before"))
    found = []
    for name in dict.fromkeys([*effects, *before]):
        held, done = table(before.get(name)), table(effects.get(name))
        count = held.get("count")
        first = count if isinstance(count, int) else len(rows(held.get("rows")))
        added, removed = rows(done.get("added")), rows(done.get("removed"))
        if not (first or added or removed):
            continue
        gone = [one_line(row) for row in removed]
        kept = [line for row in rows(held.get("rows")) if (line := one_line(row)) not in gone]
        lines = [*(("-", line) for line in gone), *(("+", one_line(row)) for row in added)]
        lines = [*lines, *((" ", line) for line in kept)][:LINES]
        last = first + len(added) - len(removed)
        whole = len(removed) + len(added) + first - len(removed)
        found.append(StateLine(name, first, last, lines, max(0, whole - len(lines))))
    return sorted(found, key=lambda line: not line.has_changed)
