"""Other ways in which a server may read a request: what policy forbids stays forbidden in each.

Policy decides about the one canonical path. A lenient server may not care about case, parameters,
a slash at the end or blanks, and some take the method from the query. A forbid that names a path
must hold for those readings too, and a method so smuggled in must be allowed by itself.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final
from urllib.parse import unquote

from unlit.policy.model import Decision, Policy, Request
from unlit.policy.rules.table import decide

_METHOD: Final = re.compile(
    rb"(?:^|&)(?:_method|_httpmethod|x-http-method(?:-override)?|http_method)=([A-Za-z]{1,20})(?:&|$)",
    re.IGNORECASE,
)


def strictest(policy: Policy, request: Request, query: bytes | None) -> Decision:
    """Decide a request; a forbid that meets another reading of it wins over the plain decision."""
    decision = decide(policy, request)
    if not decision.allowed:
        return decision
    if query is not None and (match := _METHOD.search(query)) is not None:
        method = match.group(1).decode("ascii").upper()
        by_method = decide(policy, replace(request, method=method))
        if not by_method.allowed:
            return by_method
    table = policy.table
    rows = table.rows(request.role, request.scheme, request.host, request.port) if table else ()
    if rows and rows[0].rule.effect == "forbid":  # forbids come first
        for path in _readings(request.path):
            other = decide(policy, replace(request, path=path))
            if other.grant is not None and other.grant.effect == "forbid":
                return other
    return decision


def _readings(path: str) -> Iterator[str]:
    text = path
    for _ in range(3):
        text = unquote(text, errors="replace")
    parts = [part.partition(";")[0].strip().rstrip(".") for part in text.split("/")]
    plain = "/".join(parts)
    bare = re.sub("/+", "/", plain).rstrip("/") or "/"
    for one in dict.fromkeys((bare, f"{bare}/", bare.lower(), f"{bare.lower()}/")):
        if one != path:
            yield one
