"""Small readings of what services send, shared by connectors."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from unlit.context.model import Fact, Named
from unlit.core.errors import InvalidInput

_TAG: Final = re.compile(r"<[^>]+>")
_BLOCK_END: Final = re.compile(
    r"</(p|div|h[1-6]|li|tr|ul|ol|table|pre|blockquote)>|<br\s*/?>", re.I
)
_HEADING: Final = re.compile(r"<h([1-6])[^>]*>", re.I)
_ITEM: Final = re.compile(r"<li[^>]*>", re.I)
_DROPPED: Final = re.compile(r"<(script|style)\b.*?</\1>", re.I | re.S)


def moment(value: Any) -> datetime | None:
    """Read an ISO 8601 text or Unix seconds or milliseconds; anything else is unknown."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value / 1000 if value > 100_000_000_000 else value
        return datetime.fromtimestamp(seconds, UTC)
    text = str(value or "")
    if text.isdigit():
        return moment(int(text))
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def html_to_text(html: str) -> str:
    """Reduce HTML to readable Markdown: headings, items, paragraphs; scripts and styles go."""
    from html import unescape

    text = _DROPPED.sub("", html)
    text = _HEADING.sub(lambda found: "\n\n" + "#" * int(found[1]) + " ", text)
    text = _ITEM.sub("\n- ", text)
    text = _BLOCK_END.sub("\n", text)
    lines = [" ".join(line.split()) for line in unescape(_TAG.sub("", text)).splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def named(value: Any, *keys: str) -> str:
    """Return the first of `keys` that a mapping has as a non-empty value, as text."""
    if isinstance(value, dict):
        for key in keys:
            if value.get(key):
                return str(value[key])
    return ""


def as_number(field: str, value: str) -> float:
    """Read what a user gave for a numeric field.

    Raises:
        InvalidInput: It is no number.
    """
    try:
        return float(value)
    except ValueError:
        raise InvalidInput(
            "CTX-216",
            f"{value!r} is no number.",
            f"the field {field} holds numbers.",
            "give a number, such as 3 or 2.5.",
        ) from None


def matching(wanted: str, found: Iterable[Named]) -> Named | None:
    """Return what is called `wanted`, by key or by name in any case."""
    for one in found:
        if wanted == one.key or wanted.casefold() == one.name.casefold():
            return one
    return None


def table(rows: list[dict[str, Any]]) -> str:
    """Render rows as a Markdown table; columns in order of first appearance."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    if not columns:
        return ""
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    for row in rows:
        cells = [
            str(row.get(column, "")).replace("|", "\\|").replace("\n", " ") for column in columns
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def facts(**said: Any) -> tuple[Fact, ...]:
    """Return what a source says of a thing, without what it leaves empty; lists by commas."""
    found = []
    for name, value in said.items():
        parts = value if isinstance(value, list | tuple) else [value]
        text = ", ".join(str(part) for part in parts if part not in (None, ""))
        if text:
            found.append(Fact(name, text))
    return tuple(found)
