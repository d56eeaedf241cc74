"""Readings of a metric from CSV, JSON lines, or the table in a context item."""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from unlit.core.errors import InvalidInput
from unlit.ship.rules.effect import Reading

COLUMNS: Final = ("time", "value", "unit", "group", "before")
_GROUPS: Final = {
    "treated": "treated", "treatment": "treated", "on": "treated", "true": "treated",
    "1": "treated",
    "control": "control", "off": "control", "false": "control", "0": "control", "": "",
}  # fmt: skip


def parse_readings(text: str, source: str) -> tuple[Reading, ...]:
    """Parse CSV with a header, or one JSON object a line.

    Raises:
        InvalidInput: A line cannot be read; the message names it.
    """
    rows: Iterable[Mapping[str, Any]]
    if text.lstrip().startswith("{"):
        rows = [_object(line, number, source) for number, line in _lines(text)]
    else:
        reader = csv.DictReader(io.StringIO(text))
        names = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = names
        if not {"time", "value"} <= set(names):
            raise _wrong(f"{source} has the columns {', '.join(names) or 'none'}")
        rows = list(reader)
    return tuple(_reading(row, number, source) for number, row in enumerate(rows, start=1))


def parse_table(body: str, column: str, source: str) -> tuple[Reading, ...]:
    """Read the first Markdown table whose first column is a time.

    Args:
        body: Text of a context item.
        column: Which column holds the value; empty is the second.
        source: For messages.

    Raises:
        InvalidInput: There is no such table or column.
    """
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in body.splitlines()
        if line.strip().startswith("|")
    ]
    if len(rows) < 3:
        raise _wrong(f"{source} holds no table")
    head, lines = rows[0], rows[2:]
    at = head.index(column) if column in head else (1 if not column else -1)
    if at < 1 or at >= len(head):
        raise _wrong(f"{source} has the columns {', '.join(head)}, not {column!r}")
    return tuple(
        _reading({"time": row[0], "value": row[at]}, number, source)
        for number, row in enumerate(lines, start=1)
        if len(row) == len(head)
    )


def _lines(text: str) -> Iterable[tuple[int, str]]:
    return ((n, line) for n, line in enumerate(text.splitlines(), start=1) if line.strip())


def _object(line: str, number: int, source: str) -> Mapping[str, Any]:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise _wrong(f"{source}:{number} is not JSON") from error
    if not isinstance(value, Mapping):
        raise _wrong(f"{source}:{number} is no object")
    return value


def _reading(row: Mapping[str, Any], number: int, source: str) -> Reading:
    where = f"{source}, reading {number}"
    group = str(row.get("group") or "").strip().lower()
    if group not in _GROUPS:
        raise _wrong(f"{where}: group {group!r} is neither treated nor control")
    before = row.get("before")
    return Reading(
        _time(row.get("time"), where),
        _number(row.get("value"), where),
        str(row.get("unit") or "").strip(),
        _GROUPS[group],
        None if before in (None, "") else _number(before, where),
    )


def _time(value: Any, where: str) -> datetime:
    try:
        at = datetime.fromisoformat(str(value).strip())
    except ValueError as error:
        raise _wrong(f"{where}: time {str(value)[:40]!r} is no ISO 8601 date or time") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _number(value: Any, where: str) -> float:
    try:
        number = float(str(value).replace(",", "").strip())
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise _wrong(f"{where}: {str(value)[:40]!r} is no number")
    return number


def _wrong(what: str) -> InvalidInput:
    return InvalidInput(
        "SHP-062",
        f"The metric cannot be read: {what}.",
        f"readings have the columns time and value, and may have {', '.join(COLUMNS[2:])}.",
        "correct the file; nothing was skipped silently.",
    )
