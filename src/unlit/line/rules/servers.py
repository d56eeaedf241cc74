"""Whether a repository's program is a server, and where it listens: from its own text. Pure."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

SOURCES: Final = (".py", ".js", ".mjs", ".cjs", ".ts")
"""Endings of the files that are looked at."""

_FRAMEWORKS: Final = frozenset(
    {"express", "fastify", "koa", "hono", "@hapi/hapi", "restify", "polka", "@nestjs/core"}
)
_SERVES: Final = re.compile(
    r"\.listen\(|\bserve_forever\(|\buvicorn\.run\(|\bapp\.run\(|\brun_app\(|\bmake_server\("
)
_PORTS: Final = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        r"PORT\b[\"']?\s*[\])]?\s*(?:\|\||\?\?|,|or)\s*[\"']?(\d{2,5})\b",
        r"\bport\b\s*(?::\s*\w+\s*)?[=:]\s*(?:int\(|Number\()?[\"']?(\d{2,5})\b",
        r"--port[= ](\d{2,5})\b",
        r"\.listen\(\s*(\d{2,5})\b",
        r"Server\(\s*\(\s*[\"'][^\"']*[\"']\s*,\s*(\d{2,5})\b",
        r"\bmake_server\([^)\n]*?(\d{2,5})\b",
    )
)


@dataclass(frozen=True, slots=True)
class Server:
    """A program that listens; `port` is `None` where its text does not say which."""

    port: int | None
    source: str


def find_server(run: str | None, package: str, sources: Mapping[str, str]) -> Server | None:
    """Say whether what is started listens, and where.

    Args:
        run: How the product starts.
        package: Text of package.json, or nothing.
        sources: Text of the source files, by path.
    """
    if run is None:
        return None
    declared = _json(package)
    started = _started(run, declared)
    chosen = {path: text for path, text in sources.items() if path in started} or sources
    for path, text in sorted(chosen.items()):
        if _SERVES.search(text):
            return Server(next(_ports(f"{text}\n{started}"), None), path)
    if _FRAMEWORKS & set(_table(declared.get("dependencies"))):
        found = (port for text in chosen.values() for port in _ports(text))
        return Server(next(found, None), "the dependencies of package.json")
    return None


def _ports(text: str) -> Iterator[int]:
    for pattern in _PORTS:
        for match in pattern.finditer(text):
            if 0 < int(match[1]) < 65_536:  # ports end there
                yield int(match[1])


def _started(run: str, declared: Mapping[str, Any]) -> str:
    """Return the words that start it; `npm start` stands for its script."""
    if run != "npm start":
        return run
    return str(_table(declared.get("scripts")).get("start", ""))


def _json(text: str) -> Mapping[str, Any]:
    try:
        return _table(json.loads(text or "{}"))
    except ValueError:
        return {}


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
