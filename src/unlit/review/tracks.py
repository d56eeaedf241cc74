"""The time axis of the board and each run's track on it, as inline SVG; pure, like `plots`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final

from markupsafe import Markup, escape

_STEPS_MIN: Final = (1, 2, 5, 10, 15, 30, 60, 120, 240, 480)
_MOST_TICKS: Final = 8
_MARK: Final = '<svg x="{x}%" y="12.5" overflow="visible" width="1" height="1" class="{kind}"><use href="#g-{kind}" x="-5.5" y="-5.5" width="11" height="11"/></svg>'  # noqa: E501


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis for all rows, so that a glance shows who worked when."""

    start: datetime
    end: datetime
    now: datetime
    ticks: tuple[datetime, ...]

    def x(self, at: datetime) -> float:
        """Return a time's place in percent, inside the axis."""
        whole = (self.end - self.start).total_seconds() or 1.0
        return min(100.0, max(0.0, (at - self.start).total_seconds() / whole * 100))


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of a track: `written`, `graded` or `read`; `label` only where it has room."""

    kind: str
    start: datetime
    end: datetime
    label: str = ""


@dataclass(frozen=True, slots=True)
class Track:
    """What a run did when.

    Attributes:
        waits_from: Since when it waits; `None` does not wait.
        mark: Symbol at the end; empty while it runs.
        marked_at: Where the symbol stands.
        note: Words below the track.
    """

    pieces: tuple[Piece, ...]
    name: str
    waits_from: datetime | None = None
    mark: str = ""
    marked_at: datetime | None = None
    running: bool = False
    note: str = ""


def axis_for(starts: Sequence[datetime], now: datetime, zone: tzinfo | None = None) -> Axis:
    """Choose an axis that holds the work shown: from minutes to the last fourteen hours."""
    earliest = min(starts, default=now - timedelta(hours=12))
    span = min(max(now - earliest, timedelta(minutes=4)), timedelta(hours=14))
    minutes = span.total_seconds() / 60
    step = next((s for s in _STEPS_MIN if minutes / s <= _MOST_TICKS), _STEPS_MIN[-1])
    local = (now - span).astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    passed = int((local - midnight).total_seconds() // 60 // step)
    start = midnight + timedelta(minutes=passed * step)
    end = now + timedelta(minutes=max(minutes * 0.05, step * 0.25))
    ticks = []
    at = start
    while at <= end:
        ticks.append(at)
        at += timedelta(minutes=step)
    return Axis(start, end, now, tuple(ticks))


def ticks_svg(axis: Axis, zone: tzinfo | None = None) -> Markup:
    """Draw the labels of the axis, and now."""
    hours = len(axis.ticks) > 1 and (axis.ticks[1] - axis.ticks[0]) >= timedelta(hours=1)
    at_now = axis.x(axis.now)
    parts = ['<svg class="ticks" aria-hidden="true">']
    for tick in axis.ticks:
        x = axis.x(tick)
        if -4 < at_now - x < (9 if hours else 14):
            continue
        anchor = "start" if x < 1 else "middle"
        label = f"{tick.astimezone(zone):{'%H' if hours else '%H:%M'}}"
        parts.append(f'<text x="{x:.2f}%" y="13" text-anchor="{anchor}">{label}</text>')
    now = f"{axis.now.astimezone(zone):%H:%M}"
    parts.append(f'<text class="now" x="{at_now:.2f}%" y="13" text-anchor="end">{now}</text></svg>')
    return Markup("".join(parts))  # noqa: S704 # times of ours only


def track_svg(track: Track, axis: Axis) -> Markup:
    """Draw one run's track."""
    parts = [
        f'<line class="t" x1="{axis.x(tick):.2f}%" x2="{axis.x(tick):.2f}%" y1="0" y2="100%"/>'
        for tick in axis.ticks
    ]
    parts += _pieces(track, axis)
    if track.waits_from is not None:
        x1, x2 = axis.x(track.waits_from), axis.x(axis.now)
        parts.append(f'<line class="wait" x1="{x1:.2f}%" x2="{x2:.2f}%" y1="12.5" y2="12.5"/>')
    at_now = axis.x(axis.now)
    parts.append(f'<line class="nowline" x1="{at_now:.2f}%" x2="{at_now:.2f}%" y1="-12" y2="56"/>')
    if track.running:
        parts.append(f'<circle class="head breathe" cx="{at_now:.2f}%" cy="12.5" r="4.5"/>')
    if track.mark and track.marked_at is not None:
        parts.append(_MARK.format(x=f"{axis.x(track.marked_at):.2f}", kind=track.mark))
        if track.note:
            x = axis.x(track.marked_at)
            anchor = "end" if x > 70 else "start"
            parts.append(
                f'<text x="{x:.2f}%" y="31" text-anchor="{anchor}">{escape(track.note)}</text>'
            )
    head = f'<svg class="track" role="img" aria-label="{escape(track.name)}">'
    return Markup(head + "".join(parts) + "</svg>")  # noqa: S704 # texts are escaped above


def _pieces(track: Track, axis: Axis) -> list[str]:
    parts = []
    labelled = -10.0
    for piece in track.pieces:
        left, right = axis.x(piece.start), axis.x(piece.end)
        if right <= 0:
            continue
        width = max(0.3, right - left)
        faint = {"graded": ' opacity=".42"', "read": ' opacity=".7"'}.get(piece.kind, "")
        height, y = (5, 10) if piece.kind != "read" else (3, 11)
        parts.append(
            f'<rect class="work" x="{left:.2f}%" width="{width:.2f}%" '
            f'y="{y}" height="{height}"{faint}/>'
        )
        if piece.label and left - labelled > 3.5 and left > 0:
            parts.append(f'<text x="{left:.2f}%" y="31">{escape(piece.label)}</text>')
            labelled = left
    return parts
