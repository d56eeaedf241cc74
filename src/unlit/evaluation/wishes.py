"""What a product's wishes for access may say outside the evaluator: origins its own files name.

A product chooses what it asks for, and may choose it by what it saw: a path, a reason or a made-up
host or port would carry a scenario out. So a wish leaves as method and origin only, sorted, a few
of them, and only if the host, with its port unless that is the usual one, stands in the candidate's
files, which were written before any of it.
"""

import re
from collections.abc import Iterable, Iterator, Set
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

MOST: Final = 3
"""Wishes of one grading that a person is asked about."""

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
_USUAL: Final = {"http": 80, "https": 443}
_LARGEST: Final = 1_000_000
_MOST_FILES: Final = 5_000
_LONGEST_HOST: Final = 100
_BEGINS: Final = rb"(?<![a-z0-9.-])"
_ENDS: Final = rb"(?![a-z0-9-]|\.[a-z0-9])"
"""What stands around a place: more of a name or a port would make it another one."""


def passed_on(requests: Iterable[str], candidate: Path) -> tuple[str, ...]:
    """Return the wishes that people are asked about.

    Args:
        requests: ``METHOD URL``, as products asked.
        candidate: The folder whose files may name a host.
    """
    wanted = {found for request in requests if (found := _origin(request)) is not None}
    if not wanted:
        return ()
    named = _named({where for _, where in wanted}, candidate)
    return tuple(sorted(told for told, where in wanted if where in named)[:MOST])


def _origin(request: str) -> tuple[str, str] | None:
    method, _, url = request.partition(" ")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    known = method in _METHODS and parts.scheme in _USUAL
    if not known or "." not in host or len(host) > _LONGEST_HOST or not host.isascii():
        return None
    where = host if port in (None, _USUAL[parts.scheme]) else f"{host}:{port}"
    return f"{method} {parts.scheme}://{where}/", where


def _named(places: Set[str], candidate: Path) -> set[str]:
    """Return which of the places, ``host`` or ``host:port``, the candidate's files name."""
    forms = {place: re.compile(_BEGINS + re.escape(place.encode()) + _ENDS) for place in places}
    named: set[str] = set()
    for text in _texts(candidate):
        named |= {place for place, form in forms.items() if form.search(text)}
    return named


def _texts(candidate: Path) -> Iterator[bytes]:
    for number, path in enumerate(sorted(candidate.rglob("*"))):
        if number >= _MOST_FILES:
            return
        text = _text(path)
        if text is not None:
            yield text


def _text(path: Path) -> bytes | None:
    """Read a file; one that cannot be read names nothing."""
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _LARGEST:
            return None
        return path.read_bytes().lower()
    except OSError:
        return None
