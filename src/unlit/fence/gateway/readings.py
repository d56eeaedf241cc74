"""Other ways in which a server may read a request: what policy forbids stays forbidden in each.

Policy decides about the one canonical path. A lenient server may not care about case, parameters,
a slash at the end or blanks, and some take the method from the query. A forbid that names a path
must hold for those readings too, and a method so smuggled in must be allowed by itself.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Final
from urllib.parse import unquote, unquote_to_bytes

from unlit.policy.model import Decision, Policy, Request
from unlit.policy.rules.globs import path_pattern
from unlit.policy.rules.table import Row, decide

_METHOD_NAMES: Final = frozenset(
    {b"_method", b"_httpmethod", b"x-http-method", b"x-http-method-override", b"http_method"}
)
_LONGEST_METHOD: Final = 20
_READ_AS_UNDERSCORE: Final = bytes.maketrans(b". ", b"__")
_MANY_READINGS: Final = re.compile(r"[%;]|\.(?:/|\Z)")


def strictest(policy: Policy, request: Request, query: bytes | None) -> Decision:
    """Decide a request; a forbid that meets another reading of it wins over the plain decision."""
    decision = decide(policy, request)
    if decision.grant is not None and decision.grant.effect == "forbid":
        return decision
    methods = tuple(dict.fromkeys(_methods(query))) if query else ()
    table = policy.table
    rows = table.rows(request.role, request.scheme, request.host, request.port) if table else ()
    if rows and rows[0].rule.effect == "forbid":  # forbids come first
        # also where nothing is allowed: a policy that only watches lets that go, but no forbid
        row = _met(rows, frozenset((request.method, *methods)), request.path)
        if row is not None:
            return row.decision
    if decision.allowed:
        for method in methods:
            by_method = decide(policy, replace(request, method=method))
            if not by_method.allowed:
                return by_method
    return decision


def _methods(query: bytes) -> Iterator[str]:
    if b"%" not in query and b"method" not in query.lower():
        return
    for part in re.split(rb"[&;]", query):
        raw, _, value = part.partition(b"=")
        if b"%" not in raw and b"method" not in raw.lower():
            continue
        name = _text(raw).lower().translate(_READ_AS_UNDERSCORE)
        method = _text(value)
        known = method.replace(b"-", b"").isalpha() and len(method) <= _LONGEST_METHOD
        if name in _METHOD_NAMES and known:
            yield method.decode("ascii").upper()


def _text(part: bytes) -> bytes:
    return unquote_to_bytes(part.replace(b"+", b" ")).strip()


def _met(rows: tuple[Row, ...], methods: frozenset[str], path: str) -> Row | None:
    """Return the forbid that is for one of the methods and a reading of the path, if there is."""
    paths = (path, *_readings(path))
    for row in rows:
        if row.rule.effect != "forbid":
            break
        if row.methods and row.methods.isdisjoint(methods):
            continue
        if any(_fits(row.rule.paths, one) and _fits(row.rule.within, one) for one in paths):
            return row
    return None


def _fits(globs: tuple[str, ...], path: str) -> bool:
    return not globs or _in_any_case(globs).match(path) is not None


@lru_cache(maxsize=4096)
def _in_any_case(globs: tuple[str, ...]) -> re.Pattern[str]:
    spelled = dict.fromkeys((*globs, *(unquote(glob, errors="replace") for glob in globs)))
    return re.compile("|".join(map(path_pattern, spelled)), re.DOTALL | re.IGNORECASE)


def _readings(path: str) -> Iterator[str]:
    texts = [path]
    if _MANY_READINGS.search(path) is not None:
        text = path
        for _ in range(3):
            text = unquote(text, errors="replace")
        parts = [part.partition(";")[0].strip().rstrip(". ") for part in text.split("/")]
        texts += [text, "/".join(parts)]
    for text in dict.fromkeys(texts):
        bare = re.sub("/+", "/", text).rstrip("/") or "/"
        yield bare
        yield f"{bare}/"
