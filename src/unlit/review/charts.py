"""Charts over many runs as inline SVG: cost per day, and what was said against what happened."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from markupsafe import Markup, escape

from unlit.evaluation.rules.intervals import wilson
from unlit.review.plots import svg
from unlit.review.rules.words import money

ENOUGH: Final = 20
_BASE: Final = 120.0
_TOP: Final = 18.0


def day_bars(days: Sequence[tuple[str, Decimal | None, bool]], limit: Decimal | None) -> Markup:
    """Draw dollars per day.

    Args:
        days: Day, dollars, and whether anything was recorded; dollars `None` means calls were made
            whose price is not known. Zero is a thin bar with "0", no record is a dashed box.
        limit: The day's budget, if there is one.
    """
    known = [usd for _, usd, _ in days if usd is not None]
    top = max([*known, limit or Decimal(0), Decimal("0.01")])
    parts = [f'<line class="base" x1="0" x2="100%" y1="{_BASE:.0f}" y2="{_BASE:.0f}"/>']
    half = top / 2
    scale = ((half, money(half)), (top, money(top))) if known or limit else ()  # else no money
    for value, label in scale:
        y = _y(value, top)
        parts.append(f'<line class="ax" x1="0" x2="100%" y1="{y:.0f}" y2="{y:.0f}"/>')
        if value != limit:
            parts.append(f'<text x="0" y="{y - 5:.0f}">{escape(label)}</text>')
    if limit is not None:
        y = _y(limit, top)
        parts.append(f'<line class="rule" x1="0" x2="100%" y1="{y:.0f}" y2="{y:.0f}"/>')
        parts.append(f'<text x="0" y="{y - 5:.0f}">{escape(money(limit))} limit</text>')
    width = 88 / max(1, len(days))
    for place, (day, usd, recorded) in enumerate(days):
        parts.append(_bar(9 + place * width, width, (day, usd, recorded), top, place, len(days)))
    said = ", ".join(f"{day} {_said(usd, recorded)}" for day, usd, recorded in days)
    return svg(f"Cost per day: {said}", 144, parts)


def gauge(spent: Decimal | None, limit: Decimal, elapsed: float) -> Markup:
    """Draw what a day has cost against its limit.

    Args:
        spent: Dollars so far; `None` is not known.
        limit: The day's limit.
        elapsed: Share of the day that is over: where an even day would stand.
    """
    top = max(limit * Decimal("1.1"), spent or Decimal(0))
    end, pace = float(limit / top) * 100, float(limit / top) * 100 * min(1.0, max(0.0, elapsed))
    parts = [f'<rect class="band" x="0" width="{end:.1f}%" y="6" height="12"/>']
    if spent is not None:
        wide = max(0.2, float(spent / top) * 100)
        parts.append(f'<rect class="bar now" x="0" width="{wide:.1f}%" y="6" height="12"/>')
    parts.append(f'<line class="rule" x1="{pace:.1f}%" x2="{pace:.1f}%" y1="2" y2="22"/>')
    parts.append(f'<line class="base" x1="{end:.1f}%" x2="{end:.1f}%" y1="0" y2="24"/>')
    said = "not known" if spent is None else money(spent)
    return svg(
        f"Spent today: {said} of {money(limit)}; {elapsed:.0%} of the day is over", 24, parts
    )


def _y(value: Decimal, top: Decimal) -> float:
    return _BASE - float(value / top) * (_BASE - _TOP)


def _said(usd: Decimal | None, recorded: bool) -> str:
    if not recorded:
        return "no data"
    return "price not known" if usd is None else money(usd)


def _bar(
    x: float, width: float, day: tuple[str, Decimal | None, bool], top: Decimal, place: int, of: int
) -> str:
    name, usd, recorded = day
    wide, middle = width * 0.55, x + width * 0.275
    parts = []
    if not recorded:
        parts.append(f'<rect class="void" x="{x:.2f}%" width="{wide:.2f}%" y="96" height="24"/>')
    elif usd is None:
        parts.append(f'<rect class="void" x="{x:.2f}%" width="{wide:.2f}%" y="60" height="60"/>')
        parts.append(f'<text x="{middle:.2f}%" y="56" text-anchor="middle">?</text>')
    elif usd == 0:
        parts.append(f'<rect class="bar" x="{x:.2f}%" width="{wide:.2f}%" y="118" height="2"/>')
        parts.append(f'<text x="{middle:.2f}%" y="113" text-anchor="middle">0</text>')
    else:
        y = _y(usd, top)
        kind = "bar now" if place == of - 1 else "bar"
        parts.append(
            f'<rect class="{kind}" x="{x:.2f}%" width="{wide:.2f}%" y="{y:.1f}" '
            f'height="{_BASE - y:.1f}"/>'
        )
    if place % 3 == (of - 1) % 3:
        bold = ' class="i"' if place == of - 1 else ""
        parts.append(
            f'<text x="{middle:.2f}%" y="138" text-anchor="middle"{bold}>{escape(name[-2:])}</text>'
        )
    return "".join(parts)


def reliability(pairs: Sequence[tuple[float, bool]]) -> Markup:
    """Draw forecast probabilities against how often they came true, in bins, with n.

    Below twenty pairs nothing is drawn: it would be a picture of chance.
    """
    if len(pairs) < ENOUGH:
        text = f"not enough runs: {len(pairs)} of {ENOUGH}"
        parts = [
            '<rect class="void" x="0" y="6" width="100%" height="120"/>',
            f'<text x="50%" y="70" text-anchor="middle">{text}</text>',
        ]
        return svg(text, 150, parts)
    parts = [
        '<line class="base" x1="0" x2="100%" y1="126" y2="126"/>',
        '<line class="rule" x1="0" x2="100%" y1="126" y2="6"/>',
        '<line class="ax" x1="0" x2="100%" y1="6" y2="6"/>',
        '<text x="0" y="142">0 % said</text><text x="50%" y="142" text-anchor="middle">50</text>',
        '<text x="100%" y="142" text-anchor="end">100</text>',
        '<text x="0" y="20">100 % happened</text>',
    ]
    said = []
    for low in (0.0, 0.2, 0.4, 0.6, 0.8):
        inside = [(p, came) for p, came in pairs if low <= p < low + 0.2 or (low == 0.8 and p == 1)]
        if not inside:
            continue
        n, good = len(inside), sum(came for _, came in inside)
        x = sum(p for p, _ in inside) / n * 100
        found = wilson(good, n)
        y = 126 - good / n * 120
        parts.append(
            f'<line class="iv" x1="{x:.1f}%" x2="{x:.1f}%" y1="{126 - found.lower * 120:.1f}" '
            f'y2="{126 - found.upper * 120:.1f}"/><circle class="pt" cx="{x:.1f}%" cy="{y:.1f}" '
            f'r="3.5"/><svg x="{x:.1f}%" overflow="visible">'
            f'<text x="8" y="{y + 4:.1f}">{n}</text></svg>'
        )
        said.append(f"{x:.0f} percent said, {good} of {n} happened")
    return svg(f"Forecast chance against what happened: {'; '.join(said)}", 150, parts)
