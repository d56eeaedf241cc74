"""Seeds as people write them: counted templates and relative times."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from unlit.core.errors import InvalidInput

_RELATIVE: Final = re.compile(r"^([+-]?\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)$")
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def expand(entries: Any) -> Iterator[dict[str, Any]]:
    """Yield each entry; one with ``count: N`` is yielded N times with ``{n}`` counting from 1.

    A plain text entry becomes ``{"name": text}``.

    Raises:
        InvalidInput: An entry is neither text nor a table, or a count is not a number.
    """
    if entries is None:
        return
    if isinstance(entries, dict) or not isinstance(entries, Iterable):
        entries = [entries]
    for entry in entries:
        if isinstance(entry, str):
            yield {"name": entry}
        elif not isinstance(entry, dict):
            raise _wrong(entry)
        elif "count" not in entry:
            yield dict(entry)
        else:
            rest = {key: value for key, value in entry.items() if key != "count"}
            for n in range(1, whole(entry["count"]) + 1):
                yield fill(rest, n)


def fill(value: Any, n: int) -> Any:
    """Replace ``{n}`` in every text inside `value`."""
    if isinstance(value, str):
        return value.replace("{n}", str(n))
    if isinstance(value, dict):
        return {fill(key, n): fill(item, n) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, n) for item in value]
    return value


def whole(value: Any) -> int:
    """Return a count ≥ 0 from a number or its text."""
    try:
        number = int(str(value))
    except ValueError as error:
        raise _wrong(value) from error
    if number < 0:
        raise _wrong(value)
    return number


def moment(value: Any, now: float) -> datetime | None:
    """Read a time: ``-120d`` (relative to `now`), ISO 8601, seconds since 1970, or nothing.

    Raises:
        InvalidInput: It is none of these.
    """
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, int | float):
        return datetime.fromtimestamp(float(value), UTC)
    text = str(value).strip()
    found = _RELATIVE.match(text)
    if found:
        span = timedelta(seconds=float(found[1]) * _UNITS[found[2]])
        return datetime.fromtimestamp(now, UTC) + span
    if text == "now":
        return datetime.fromtimestamp(now, UTC)
    try:
        parsed = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise _wrong(value) from error
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def iso(value: datetime | float | None) -> str | None:
    """Render a time as ``2026-03-01T09:00:00.000Z``."""
    if value is None:
        return None
    when = value if isinstance(value, datetime) else datetime.fromtimestamp(value, UTC)
    when = when.astimezone(UTC)
    return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03d}Z"


def _wrong(entry: Any) -> InvalidInput:
    return InvalidInput(
        "TWN-102",
        f"Seed value {entry!r} cannot be used.",
        "a seed entry is a table, a name, a count, or a time such as -120d or 2026-03-01T09:00Z.",
        "correct the seed.",
    )
