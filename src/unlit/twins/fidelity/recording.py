"""The recording format: one interaction of a real service per line, in order, by cassette."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from unlit.core.errors import InvalidInput
from unlit.twins.kit.router import Match, Router
from unlit.twins.model import Fact

NEEDED: Final = ("service", "method", "upath", "status")
_WORDY: Final = re.compile(r"^[A-Za-z_ -]+$")
_OPAQUE: Final = re.compile(r"^[A-Za-z0-9._:\-=+/~|]{4,}$")
_TIME: Final = re.compile(r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?([+-]\d\d:?\d\d|Z)?)?$")
_SLACK_READ: Final = re.compile(r"\.(info|list|get|history|members|test|replies)$")


@dataclass(frozen=True, slots=True)
class Interaction:
    """One recorded call and its answer."""

    service: str
    cassette: str
    order: int
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    request_headers: Mapping[str, str]
    request: Any
    status: int
    response_headers: Mapping[str, str]
    response: Any
    has_auth: bool = True
    source: str = ""


@dataclass(frozen=True, slots=True)
class Cassette:
    """Interactions that belong together, in order."""

    name: str
    interactions: tuple[Interaction, ...] = field(default=())


def read_recordings(path: Path) -> list[Cassette]:
    """Read a file of interactions, or every ``*.interaction.jsonl`` below a folder.

    Raises:
        InvalidInput: There is nothing to read, or a line is no interaction.
    """
    files = sorted(path.rglob("*.interaction.jsonl")) if path.is_dir() else [path]
    groups: dict[str, list[Interaction]] = {}
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise _unreadable(file, str(error)) from error
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                found = _interaction(line, f"{file}:{number}")
                groups.setdefault(f"{found.source}::{found.cassette}", []).append(found)
    if not groups:
        raise _unreadable(path, "it holds no interaction")
    return [
        Cassette(name, tuple(sorted(rows, key=lambda row: row.order)))
        for name, rows in groups.items()
    ]


def _unreadable(path: Path, why: str) -> InvalidInput:
    return InvalidInput(
        "TWN-112",
        f"The recordings {str(path)!r} cannot be read.",
        " ".join(why.split()) + ".",
        "name a .jsonl file of interactions, or a folder with *.interaction.jsonl files.",
    )


def _interaction(line: str, where: str) -> Interaction:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise _unreadable(Path(where), str(error)) from error
    if not isinstance(row, dict) or any(name not in row for name in NEEDED):
        raise _unreadable(Path(where), f"a line needs {', '.join(NEEDED)}")
    return Interaction(
        str(row["service"]),
        str(row.get("cassette", "")),
        int(row.get("order", 0)),
        str(row["method"] or "GET").upper(),
        str(row["upath"] or "/"),
        tuple((str(k), str(v)) for k, v in row.get("query") or ()),
        row.get("req_headers") or {},
        row.get("req_body"),
        int(row["status"] or 0),
        row.get("resp_headers") or {},
        row.get("resp_body"),
        bool(row.get("has_auth", True)),
        str(row.get("source", "")),
    )


def is_opaque(text: Any) -> bool:
    """Whether a text looks like an id, not like a word, a time or an address."""
    if not isinstance(text, str) or not _OPAQUE.match(text) or "@" in text or _TIME.match(text):
        return False
    if re.search(r"\d", text):
        return True
    return (len(text) >= 12 and not _WORDY.match(text)) or (
        len(text) >= 16 and re.search(r"[a-z][A-Z]", text) is not None
    )


def prior_reads(rows: Iterable[Interaction], routers: Mapping[str, Router]) -> set[int]:
    """Return the positions of reads of state that existed before the cassette began.

    A read is of prior state when it succeeded, no earlier answer showed the ids of its path, and
    nothing was written below the same path before.
    """
    made, wrote, found = "", set(), set()
    for at, row in enumerate(rows):
        match = routers[row.service].match(row.method, row.path) if row.service in routers else None
        template = match.route.template if isinstance(match, Match) else row.path
        values = list(match.params.values()) if isinstance(match, Match) else []
        ids = [value for value in values if is_opaque(value) or not _WORDY.match(value)]
        stem = template.split("/{")[0]
        reads = row.method in ("GET", "HEAD") or (
            row.service == "slack" and _SLACK_READ.search(row.path) is not None
        )
        if not reads:
            wrote.add(stem)
            made += json.dumps(row.response) + " "
        elif row.status == 200 and stem not in wrote and all(key not in made for key in ids):
            found.add(at)
    return found


def as_fact(row: Interaction) -> Fact:
    """Return a recorded read as a fact to believe."""
    return Fact(
        row.service,
        row.method,
        row.path,
        row.query,
        row.request,
        row.response,
        row.response_headers,
    )
