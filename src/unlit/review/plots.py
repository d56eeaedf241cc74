"""Plots as inline SVG made on the server: pure functions, data in, markup out.

Percent coordinates, so that width is fluid and text never scales; only paths sit in a nested
`viewBox`. No script, no style attribute, no colour of their own: `console.css` decides. Uncertainty
is always drawn, unknown is a gap, and every plot has a name that states its numbers.
"""

import math
from collections.abc import Callable, Sequence
from typing import Final

from markupsafe import Markup, escape

from unlit.core.states import TrajectoryState
from unlit.review.model import Point
from unlit.review.rules.words import TRAJECTORY_WORDS, mark, percent

MAX_MARKS: Final = 400
Link = Callable[[int], str]


def glyph(kind: str) -> Markup:
    """Return the symbol of a state, for use beside its word."""
    return Markup('<svg class="g {0}" aria-hidden="true"><use href="#g-{0}"/></svg>').format(kind)


def svg(
    name: str, height: int, parts: Sequence[str], *, classes: str = "", role: str = "img"
) -> Markup:
    """Wrap parts that are markup already into one named plot."""
    opened = Markup('<svg class="plot{0}" height="{1}" role="{2}" aria-label="{3}">').format(
        f" {classes}" if classes else "", height, role, name
    )
    return opened + Markup("".join(parts)) + Markup("</svg>")  # noqa: S704 # parts are made here


def whisker(
    estimate: float | None,
    lower: float | None,
    upper: float | None,
    threshold: float | None,
    *,
    low: float = 0.5,
    hollow: bool = False,
) -> Markup:
    """Draw an interval on a small scale from `low` to 1, with a tick at the threshold."""
    axis = '<line class="ax" x1="0" x2="100%" y1="7" y2="7"/>'
    if estimate is None or lower is None or upper is None:
        empty = '<line class="rule" x1="0" x2="100%" y1="7" y2="7"/>'
        return svg("no data", 14, [empty], classes="whisk")

    def x(value: float) -> str:
        return f"{max(0.0, (value - low) / (1 - low)) * 100:.1f}%"

    parts = [axis]
    if threshold is not None and threshold >= low:
        parts.append(f'<line class="base" x1="{x(threshold)}" x2="{x(threshold)}" y1="1" y2="13"/>')
    parts.append(f'<line class="iv" x1="{x(lower)}" x2="{x(upper)}" y1="7" y2="7"/>')
    if lower < low:
        parts.append('<path class="more" d="M5 3.5L1 7l4 3.5"/>')
    kind = "hole" if hollow else "pt"
    parts.append(f'<circle class="{kind}" cx="{x(estimate)}" cy="7" r="3.6"/>')
    return svg(_said(estimate, lower, upper), 14, parts, classes="whisk")


def scale_bar(
    estimate: float | None, lower: float | None, upper: float | None, threshold: float | None
) -> Markup:
    """Draw an interval on the full scale from 0 to 1."""
    if estimate is None or lower is None or upper is None:
        return svg("not graded", 16, ['<line class="rule" x1="0" x2="100%" y1="8" y2="8"/>'])
    parts = ['<line class="ax" x1="0" x2="100%" y1="8" y2="8"/>']
    if threshold is not None:
        at = f"{threshold * 100:.1f}%"
        parts.append(f'<line class="base" x1="{at}" x2="{at}" y1="0" y2="16"/>')
    parts.append(
        f'<line class="iv" x1="{lower * 100:.1f}%" x2="{upper * 100:.1f}%" y1="8" y2="8"/>'
        f'<circle class="pt" cx="{estimate * 100:.1f}%" cy="8" r="4"/>'
    )
    return svg(_said(estimate, lower, upper), 16, parts)


def _said(estimate: float, lower: float, upper: float) -> str:
    return (
        f"{percent(estimate, sign=False)} percent, "
        f"interval {percent(lower, sign=False)} to {percent(upper, sign=False)}"
    )


def thinned(points: Sequence[Point], most: int = MAX_MARKS) -> tuple[Point, ...]:
    """Keep at most `most` points: every failure and fault, and satisfied ones evenly."""
    if len(points) <= most:
        return tuple(points)
    news = [p for p in points if p.state is not TrajectoryState.SATISFIED]
    room = max(2, most - len(news))
    plain = [p for p in points if p.state is TrajectoryState.SATISFIED]
    step = max(1, math.ceil(len(plain) / room))
    kept = {p.n for p in plain[::step]} | {p.n for p in news} | {points[-1].n}
    return tuple(p for p in points if p.n in kept)


def strokes(points: Sequence[Point], y: float, height: float, link: Link | None) -> list[str]:
    """Draw one stroke per trajectory in order; only failures and faults are marks and links."""
    total = max((p.n for p in points), default=1)
    parts: list[str] = []
    for p in thinned(points):
        x = (p.n - 0.5) / total * 100
        if p.state is TrajectoryState.SATISFIED:
            parts.append(
                f'<rect class="tick" x="{x:.2f}%" y="{y:.0f}" width="2" height="{height:.0f}"/>'
            )
            continue
        kind = mark(p.state.value)
        inner = (
            f'<svg x="{x:.2f}%" y="{y + height / 2:.0f}" overflow="visible" width="1" height="1"'
            f' class="{kind}"><use href="#g-{kind}" x="-5" y="-5" width="10" height="10"/></svg>'
        )
        name = f"Trajectory {p.n}, {TRAJECTORY_WORDS[p.state.value].lower()}"
        if p.scenario:
            name += f", {p.scenario}"
        if link is None:
            parts.append(f"<g><title>{escape(name)}</title>{inner}</g>")
        else:
            parts.append(f'<a href="{escape(link(p.n))}" aria-label="{escape(name)}">{inner}</a>')
    return parts


def tally(points: Sequence[Point], link: Link | None = None) -> Markup:
    """Draw the trajectories of one candidate as strokes in the order drawn."""
    missed = [p.n for p in points if p.state.is_against]
    named = ", ".join(str(n) for n in missed[:12]) + (" and more" if len(missed) > 12 else "")
    name = f"{len(points)} trajectories, {len(missed)} not satisfied"
    if missed:
        name += f": {named}"
    return svg(name, 16, strokes(points, 2, 12, link), role="group")


_BOLD: Final = ' class="i"'
_TOP: Final = 12.0
_BODY: Final = 196.0


def satisfaction_plot(
    points: Sequence[Point], threshold: float | None, link: Link | None = None
) -> Markup:
    """Draw how satisfaction and its anytime interval moved over the counted trajectories."""
    known = [p for p in points if p.estimate is not None]
    if not known:
        void = (
            '<rect class="void" x="0" y="12" width="100%" height="60"/>'
            '<text x="50%" y="46" text-anchor="middle">no trajectory counted yet</text>'
        )
        return svg("Satisfaction: no trajectory counted yet", 84, [void])
    last = known[-1]
    floor = _floor(last.lower)

    def y(value: float | None) -> float:
        share = (max(floor, value if value is not None else floor) - floor) / (1 - floor)
        return _TOP + _BODY * (1 - share)

    total = max(p.n for p in points)
    parts = _axis(floor, threshold, y)
    parts.append(_band(thinned(known), total, floor))
    if threshold is not None and threshold >= floor:
        parts.append(
            f'<line class="rule" x1="0" x2="100%" y1="{y(threshold):.1f}" y2="{y(threshold):.1f}"/>'
        )
    parts += _end(last, y)
    parts += strokes(points, 238, 14, link)
    parts += _numbers(total)
    missed = [p.n for p in points if p.state.is_against]
    fell = f"; it fell at {', '.join(map(str, missed[:10]))}" if missed else "; it never fell"
    name = (
        f"Satisfaction over {len(known)} counted trajectories: the estimate ends at "
        f"{_said(last.estimate or 0.0, last.lower or 0.0, last.upper or 1.0)}{fell}."
    )
    return svg(name, 284, parts, classes="gut", role="group")


def _floor(lower: float | None) -> float:
    return min(0.5, math.floor((lower or 0.0) * 10) / 10)


def _axis(floor: float, threshold: float | None, y: Callable[[float | None], float]) -> list[str]:
    parts = []
    steps = round((1 - floor) * 10)
    stride = 1 if steps <= 5 else 2
    for place in range(0, steps + 1, stride):
        value = floor + place / 10
        at = y(value)
        here = threshold is not None and abs(value - threshold) < 0.001
        label = f"{value * 100:.0f}{' %' if place == 0 else ''}"
        emphasis = ' class="i"' if here else ""
        parts.append(f'<text x="-12" y="{at + 4:.1f}" text-anchor="end"{emphasis}>{label}</text>')
        kind = "base" if place == 0 else "ax"
        if not here:
            parts.append(f'<line class="{kind}" x1="0" x2="100%" y1="{at:.1f}" y2="{at:.1f}"/>')
    return parts


def _band(points: Sequence[Point], total: int, floor: float) -> str:
    def at(p: Point, value: float | None) -> str:
        share = (max(floor, value if value is not None else floor) - floor) / (1 - floor)
        return f"{p.n:g} {(1 - share) * 100:.2f}"

    upper = [at(p, p.upper) for p in points]
    lower = [at(p, p.lower) for p in points]
    middle = [at(p, p.estimate) for p in points]
    start = points[0].n
    width = max(1, total - start)
    area = "M" + " L".join([*upper, *reversed(lower)]) + "Z"
    lines = "".join(
        f'<path class="{kind}" d="M{" L".join(line)}"/>'
        for kind, line in (("edge", lower), ("edge", upper), ("est", middle))
    )
    return (
        f'<svg y="{_TOP:.0f}" width="100%" height="{_BODY:.0f}" viewBox="{start} 0 {width} 100" '
        f'preserveAspectRatio="none"><path class="band" d="{area}"/>{lines}</svg>'
    )


def _end(last: Point, y: Callable[[float | None], float]) -> list[str]:
    low, mid, high = y(last.lower), y(last.estimate), y(last.upper)
    parts = [
        f'<line class="cap" x1="100%" x2="100%" y1="{low:.1f}" y2="{high:.1f}"/>',
        f'<circle class="pt" cx="100%" cy="{mid:.1f}" r="4"/>',
    ]
    labels = [(mid + 4, percent(last.estimate), True)]
    up, down = mid - 11, max(mid + 19, low + 4)
    if last.upper is not None and percent(last.upper) != percent(last.estimate):
        labels.append((min(high + 4, up), percent(last.upper, sign=False), False))
    labels.append((down, percent(last.lower, sign=False), False))
    texts = "".join(
        f'<text x="11" y="{at:.1f}"{_BOLD if bold else ""}>{text}</text>'
        for at, text, bold in labels
    )
    return [*parts, f'<svg x="100%" overflow="visible">{texts}</svg>']


def _numbers(total: int) -> list[str]:
    shown = sorted({1, max(1, round(total / 3)), max(1, round(total * 2 / 3)), total})
    parts = []
    for n in shown:
        anchor = "start" if n == 1 else "end" if n == total else "middle"
        parts.append(
            f'<text x="{(n - 0.5) / total * 100:.2f}%" y="274" text-anchor="{anchor}">{n}</text>'
        )
    return parts


def looks_plot(bounds: Sequence[float | None], used: int, threshold: float | None) -> Markup:
    """Draw the bound that each further look at the sealed scenarios could still prove."""
    known = [(n, value) for n, value in enumerate(bounds, start=1) if value is not None]
    if not known:
        return Markup("")
    values = [value for _, value in known] + ([threshold] if threshold is not None else [])
    low, high = min(values) - 0.01, max(values) + 0.005
    parts = []

    def y(value: float) -> float:
        return 8 + (high - value) / (high - low) * 62

    if threshold is not None:
        at = y(threshold)
        parts.append(f'<line class="rule" x1="0" x2="100%" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(
            f'<text x="100%" y="{at - 5:.1f}" text-anchor="end">{percent(threshold)}</text>'
        )
    for n, value in known:
        x = f"{4 + (n - 1) * 11.5:.1f}%"
        kind = "pt" if n <= used else "hole"
        bold = ' class="i"' if n <= used else ""
        parts.append(f'<circle class="{kind}" cx="{x}" cy="{y(value):.1f}" r="3.5"/>')
        parts.append(f'<text x="{x}" y="92" text-anchor="middle"{bold}>{n}</text>')
        if n in (1, used):
            label = percent(math.floor(value * 1000) / 1000, sign=False)
            parts.append(
                f'<svg x="{x}" overflow="visible">'
                f'<text class="i" x="9" y="{y(value) + 4:.1f}">{label}</text></svg>'
            )
    said = ", ".join(percent(math.floor(value * 1000) / 1000, sign=False) for _, value in known)
    name = f"Claimable lower bound by number of looks: {said} percent. Looks used: {used}."
    return svg(name, 98, parts)


def forecast_bar(
    low: float | None, middle: float | None, high: float | None, actual: float | None
) -> Markup:
    """Draw a forecast's range from 10 to 90 %, its middle, and what happened."""
    values = [value for value in (low, middle, high, actual) if value is not None]
    top = max(values, default=0.0) * 1.15
    if top <= 0:
        return svg("no forecast", 16, ['<line class="rule" x1="0" x2="100%" y1="8" y2="8"/>'])
    parts = ['<line class="ax" x1="0" x2="100%" y1="8" y2="8"/>']
    if low is not None and high is not None:
        parts.append(
            f'<rect class="band" x="{low / top * 100:.1f}%" '
            f'width="{max(0.5, (high - low) / top * 100):.1f}%" y="3" height="10"/>'
        )
    if middle is not None:
        x = f"{middle / top * 100:.1f}%"
        parts.append(f'<line class="base" x1="{x}" x2="{x}" y1="1" y2="15"/>')
    if actual is not None:
        parts.append(f'<circle class="pt" cx="{actual / top * 100:.1f}%" cy="8" r="4.5"/>')

    def said(value: float | None) -> str:
        return "not known" if value is None else f"{value:g}"

    name = f"forecast {said(low)} to {said(high)}, middle {said(middle)}, actual {said(actual)}"
    return svg(name, 16, parts)


def spark(
    candidates: Sequence[tuple[float | None, float | None, float | None]], threshold: float | None
) -> Markup:
    """Draw candidates as small intervals side by side, for a row of the board."""
    parts = ['<line class="ax" x1="0" x2="100%" y1="24" y2="24"/>']

    def y(value: float) -> float:
        return 24 - value * 22

    if threshold is not None:
        parts.append(
            f'<line class="rule" x1="0" x2="100%" y1="{y(threshold):.1f}" y2="{y(threshold):.1f}"/>'
        )
    said = []
    for place, (estimate, lower, upper) in enumerate(candidates[-5:]):
        x = 12 + place * 22
        if estimate is None or lower is None or upper is None:
            parts.append(f'<circle class="hole" cx="{x}" cy="24" r="2.4"/>')
            said.append("not graded")
            continue
        parts.append(
            f'<line class="iv" x1="{x}" x2="{x}" y1="{y(lower):.1f}" y2="{y(upper):.1f}"/>'
        )
        parts.append(f'<circle class="pt" cx="{x}" cy="{y(estimate):.1f}" r="2.8"/>')
        said.append(f"{percent(estimate, sign=False)} percent")
    return svg(f"satisfaction by candidate: {', '.join(said)}", 26, parts, classes="spark")
