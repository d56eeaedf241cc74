"""Heads that were seen before are not parsed again: programs and servers mostly repeat themselves.

What is malformed is looked at each time. A head names a session's own placeholder where it has one,
so no session learns from the time of its answers what another asked.
"""

from functools import lru_cache
from typing import Final

from unlit.fence.gateway.head import RequestHead, ResponseHead, parse_request, parse_response

_LONGEST: Final = 2_048
_MOST: Final = 512


def request_head(raw: bytes, scheme: str, port: int, *, proxied: bool = False) -> RequestHead:
    """Parse a request head as `parse_request` does; the caller may change what it gets."""
    if len(raw) > _LONGEST:
        return parse_request(raw, scheme, port, proxied=proxied)
    seen = _request(raw, scheme, port, proxied)
    return RequestHead(
        seen.method, seen.host, seen.port, seen.scheme, seen.path, seen.query, [*seen.headers],
        seen.length, seen.keep_alive, seen.expects_continue, seen.websocket,
        seen.has_encoded_slash, seen.over_h2, seen.knows_chunks,
    )  # fmt: skip


def response_head(raw: bytes, method: str) -> ResponseHead:
    """Parse a response head as `parse_response` does; the caller may change what it gets."""
    if len(raw) > _LONGEST:
        return parse_response(raw, method)
    seen = _response(raw, method)
    return ResponseHead(seen.status, seen.reason, [*seen.headers], seen.length, seen.keep_alive)


@lru_cache(maxsize=_MOST)
def _request(raw: bytes, scheme: str, port: int, proxied: bool) -> RequestHead:
    return parse_request(raw, scheme, port, proxied=proxied)


@lru_cache(maxsize=_MOST)
def _response(raw: bytes, method: str) -> ResponseHead:
    return parse_response(raw, method)
