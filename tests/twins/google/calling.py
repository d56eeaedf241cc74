"""Calling a twin in process, as a client would, without a socket."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from unlit.twins.kit.http import Request
from unlit.twins.universe import Universe


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: Any
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Caller:
    """One caller of one world."""

    universe: Universe
    world: str
    service: str
    token: str | None = None

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        **query: Any,
    ) -> Answer:
        """Send a request; a body that is not bytes is sent as JSON."""
        token = self.universe.tokens(self.world)[self.service] if self.token is None else self.token
        given = {"host": "twin.example", "authorization": f"Bearer {token}"}
        data = b""
        if isinstance(body, bytes):
            data = body
        elif body is not None:
            data = json.dumps(body).encode()
            given["content-type"] = "application/json"
        given |= {"x-twin-world": self.world, **(headers or {})}
        request = Request(
            method, path, urlencode(query, doseq=True), given, data, "http://t.example"
        )
        reply = self.universe.answer(self.service, request).reply
        raw = reply.encoded()
        try:
            shown = json.loads(raw) if raw else None
        except ValueError:
            shown = raw
        return Answer(reply.status, shown, {k.lower(): v for k, v in reply.headers})
