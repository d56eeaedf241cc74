"""What a product's wishes for access may say outside the evaluator: origins its own files name.

A product chooses what it asks for, and may choose it by what it saw: a path, a reason or a made-up
host would carry a scenario out. So a wish leaves as method and origin only, sorted, a few of them,
and only if the host stands in the candidate's files, which were written before any of it.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

MOST: Final = 3
"""Wishes of one grading that a person is asked about."""

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
_LARGEST: Final = 1_000_000
_MOST_FILES: Final = 5_000
_LONGEST_HOST: Final = 100


def passed_on(requests: Iterable[str], candidate: Path) -> tuple[str, ...]:
    """Return the wishes that people are asked about.

    Args:
        requests: ``METHOD URL``, as products asked.
        candidate: The folder whose files may name a host.
    """
    wanted = {found for request in requests if (found := _origin(request)) is not None}
    if not wanted:
        return ()
    hosts = {host for _, host in wanted}
    named = {host for text in _texts(candidate) for host in hosts if host.encode() in text}
    return tuple(sorted(told for told, host in wanted if host in named)[:MOST])


def _origin(request: str) -> tuple[str, str] | None:
    method, _, url = request.partition(" ")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    known = method in _METHODS and parts.scheme in ("http", "https")
    if not known or "." not in host or len(host) > _LONGEST_HOST or not host.isascii():
        return None
    where = host if port is None else f"{host}:{port}"
    return f"{method} {parts.scheme}://{where}/", host


def _texts(candidate: Path) -> Iterator[bytes]:
    for number, path in enumerate(sorted(candidate.rglob("*"))):
        if number >= _MOST_FILES:
            return
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _LARGEST:
            continue
        yield path.read_bytes().lower()
