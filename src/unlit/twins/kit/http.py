"""Requests and replies as twins see them: parsed lazily, no framework."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, unquote_plus

import msgspec

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
Pairs = list[tuple[str, str]]


def parse_pairs(text: str) -> Pairs:
    """Return the pairs of a query or a form, blank values kept; ``+`` is a space."""
    if not text:
        return []
    found = []
    escaped = "%" in text
    if not escaped and "+" in text:
        text = text.replace("+", " ")
    for part in text.split("&"):
        if not part:
            continue
        name, _, value = part.partition("=")
        if escaped:
            name, value = unquote_plus(name), unquote_plus(value)
        found.append((name, value))
    return found


@lru_cache(maxsize=10_000)
def host_name(header: str) -> str:
    """Return the host of a ``host`` header without its port, lower case."""
    host = header.lower()
    return host.rsplit(":", 1)[0] if ":" in host and not host.endswith("]") else host


@lru_cache(maxsize=1000)
def media_type(header: str) -> str:
    """Return the media type of a ``content-type`` without parameters, lower case."""
    return header.split(";", 1)[0].strip().lower()


class Malformed(ValueError):
    """The body is not what its content type says."""


class Request:
    """One HTTP request.

    Args:
        method: Upper case.
        raw_path: Path as sent, percent-encoded, without the query.
        raw_query: Query as sent.
        headers: Names in lower case; the last of equal names wins.
        body: All bytes.
        origin: ``scheme://host[:port]`` as the client wrote it.
    """

    __slots__ = (
        "_form",
        "_json",
        "_query",
        "believed",
        "body",
        "headers",
        "method",
        "origin",
        "raw_path",
        "raw_query",
    )

    def __init__(
        self,
        method: str,
        raw_path: str,
        raw_query: str = "",
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        origin: str = "http://127.0.0.1",
    ) -> None:
        self.method = method
        self.raw_path = raw_path
        self.raw_query = raw_query
        self.headers: dict[str, str] = headers if headers is not None else {}
        self.body = body
        self.origin = origin
        self._query: Pairs | None = None
        self._json: Any = _decode
        self.believed = False
        self._form: Pairs | None = None

    @property
    def path(self) -> str:
        """Path, percent-decoded."""
        return unquote(self.raw_path)

    @property
    def host(self) -> str:
        """Host without port, lower case."""
        return host_name(self.headers.get("host", ""))

    @property
    def query(self) -> Pairs:
        """Query pairs in order, blank values kept."""
        if self._query is None:
            self._query = parse_pairs(self.raw_query)
        return self._query

    def arg(self, name: str, default: str | None = None) -> str | None:
        """Return the last value of the query parameter `name`."""
        found = default
        for key, value in self.query:
            if key == name:
                found = value
        return found

    def args(self, name: str) -> list[str]:
        """Return every value of the query parameter `name`."""
        return [value for key, value in self.query if key == name]

    @property
    def content_type(self) -> str:
        """Media type without parameters, lower case."""
        return media_type(self.headers.get("content-type", ""))

    def json(self) -> Any:
        """Return the decoded JSON body; `None` for an empty one.

        Raises:
            Malformed: The body is not JSON.
        """
        if self._json is _decode:
            if not self.body.strip():
                self._json = None
            else:
                try:
                    self._json = _decode(self.body)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    raise Malformed(str(error)) from error
        return self._json

    def believe(self, value: Any) -> None:
        """Take a request without a body to have sent `value`."""
        self._json, self.believed = value, True

    def form(self) -> Pairs:
        """Return the pairs of a form-encoded body."""
        if self._form is None:
            self._form = parse_pairs(self.body.decode("utf-8", "replace"))
        return self._form


@dataclass(slots=True)
class Reply:
    """An answer: JSON value, text or bytes, `None` for no body.

    Attributes:
        wait: Asks somebody outside first, through the sender given, and returns the true answer.
    """

    status: int = 200
    body: Any = None
    headers: Pairs = field(default_factory=list)
    wait: Callable[[Any], Awaitable["Reply"]] | None = None

    def encoded(self) -> bytes:
        """Return the body's bytes."""
        body = self.body
        if body is None:
            return b""
        if isinstance(body, bytes):
            return body
        if isinstance(body, Text):
            return body.encode()
        return _encode(body)

    def header(self, name: str) -> str | None:
        """Return the first header called `name` (lower case)."""
        return next((value for key, value in self.headers if key == name), None)


class Text(str):
    """A body that is sent as it is, not as a JSON string."""

    __slots__ = ()
