"""Recording one's own traffic: a loopback door that passes calls on and writes them down, clean.

Credentials never reach the file: they are removed from headers, and every text that a credential
header or a secret's field carried is replaced wherever else it appears.
"""

import contextlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import httpx2

from unlit.core.errors import OutsideFailed
from unlit.twins.kit.http import Reply, Request, Text
from unlit.twins.server import listen_on
from unlit.twins.wire import Door, Sent

SECRET_HEADERS: Final = frozenset(
    ("authorization", "cookie", "set-cookie", "dpop", "x-slack-signature", "x-api-key",
     "proxy-authorization", "x-atlassian-token")
)  # fmt: skip
HOP_BY_HOP: Final = (
    "content-encoding",
    "content-length",
    "transfer-encoding",
    "connection",
    "date",
)
NOT_PASSED_ON: Final = frozenset(
    ("host", "content-length", "connection", "accept-encoding", "transfer-encoding", "x-twin-world")
)
_SECRET_FIELD: Final = re.compile(
    r"(?i)(password|secret|token|private_key|assertion|^code$|recovery_question|answer$)"
)
_KEPT_HEADERS: Final = ("content-type", "link", "location", "retry-after", "etag",
                        "www-authenticate", "accept", "x-rate-limit-limit")  # fmt: skip
_EMAIL: Final = re.compile(r"[A-Za-z0-9._%+-]+@(?!example\.)[A-Za-z0-9.-]+\.[A-Za-z]{2,}")


@dataclass(slots=True)
class Recorder:
    """Turns exchanges into lines of a recording.

    Attributes:
        service: Name of the service in the recording.
        cassette: Name of what is recorded.
        lines: Written so far.
    """

    service: str
    cassette: str
    lines: list[dict[str, Any]] = field(default_factory=list)
    _secrets: set[str] = field(default_factory=set)
    _people: dict[str, str] = field(default_factory=dict)

    def take(
        self, request: Request, status: int, headers: Iterable[tuple[str, str]], body: bytes
    ) -> dict[str, Any]:
        """Write down one exchange and return its line."""
        for name, value in request.headers.items():
            if name in SECRET_HEADERS:
                self._remember(value)
        sent, answer = _parsed(request), _decoded(body)
        self._collect(sent)
        self._collect(answer)
        found = {
            "service": self.service,
            "cassette": self.cassette,
            "order": len(self.lines),
            "kind": "interaction",
            "method": request.method,
            "upath": self._clean(request.path),
            "query": [[key, self._clean(value, key)] for key, value in request.query],
            "req_headers": {
                name: self._clean(request.headers[name])
                for name in _KEPT_HEADERS
                if name in request.headers
            },
            "has_auth": "authorization" in request.headers,
            "req_body": self._clean(sent),
            "status": status,
            "resp_headers": {
                name.lower(): self._clean(value)
                for name, value in headers
                if name.lower() in _KEPT_HEADERS
            },
            "resp_body": self._clean(answer),
            "source": "own recording",
            "license": "the recorder's own",
        }
        self.lines.append(found)
        return found

    def _remember(self, value: str) -> None:
        for part in (value, value.rsplit(" ", 1)[-1]):
            if len(part) >= 6:
                self._secrets.add(part)

    def _collect(self, value: Any, name: str = "") -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                self._collect(item, name if _SECRET_FIELD.search(name) else key)
        elif isinstance(value, list):
            for item in value:
                self._collect(item, name)
        elif isinstance(value, str) and _SECRET_FIELD.search(name):
            self._remember(value)

    def _clean(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {
                self._clean(key): self._clean(item, name if _SECRET_FIELD.search(name) else key)
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self._clean(item, name) for item in value]
        if not isinstance(value, str):
            return value
        if value and _SECRET_FIELD.search(name):
            return "<SECRET>"
        for secret in sorted(self._secrets, key=len, reverse=True):
            value = value.replace(secret, "<SECRET>")
        return _EMAIL.sub(lambda found: self._person(found[0]), value)

    def _person(self, address: str) -> str:
        if address not in self._people:
            self._people[address] = f"person{len(self._people) + 1}@example.com"
        return self._people[address]


def _parsed(request: Request) -> Any:
    if not request.body:
        return None
    if request.content_type == "application/x-www-form-urlencoded":
        text = request.body.decode("utf-8", "replace")
        return {"$form": dict(parse_qsl(text, keep_blank_values=True))}
    found = _decoded(request.body)
    if isinstance(found, str):
        return {"$binary": True, "bytes": len(request.body)}
    return found


def _decoded(body: bytes) -> Any:
    if not body:
        return None
    try:
        return json.loads(body)
    except (ValueError, UnicodeDecodeError):
        return body.decode("utf-8", "replace")


class RecordingProxy:
    """Passes requests on to the original and records what it answers.

    Args:
        upstream: ``https://host`` of the original; `None`: the host that is asked for, by https.
        recorder: Takes the exchanges.
        out: File that every line is appended to.
    """

    def __init__(self, upstream: str | None, recorder: Recorder, out: Path) -> None:
        self._upstream = None if upstream is None else upstream.rstrip("/")
        self._recorder = recorder
        self._out = out
        self._client = httpx2.AsyncClient(timeout=60, follow_redirects=False)

    async def respond(self, request: Request) -> Sent:
        """Ask the original, keep what it answers, and pass it on."""
        headers = {
            name: value for name, value in request.headers.items() if name not in NOT_PASSED_ON
        }
        url = (self._upstream or f"https://{request.headers.get('host', '')}") + request.raw_path
        url += f"?{request.raw_query}" if request.raw_query else ""
        try:
            answer = await self._client.request(
                request.method, url, headers=headers, content=request.body
            )
        except httpx2.HTTPError as error:
            why = f"The original cannot be reached: {type(error).__name__}."
            return Sent(Reply(502, Text(why), [("content-type", "text/plain")]))
        line = self._recorder.take(
            request, answer.status_code, answer.headers.multi_items(), answer.content
        )
        with self._out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
        kept = [
            (name.lower(), value)
            for name, value in answer.headers.multi_items()
            if name.lower() not in HOP_BY_HOP
        ]
        return Sent(Reply(answer.status_code, answer.content, kept))

    async def close(self) -> None:
        """Close the connections to the original."""
        await self._client.aclose()


@contextlib.asynccontextmanager
async def recording(proxy: RecordingProxy, address: str) -> Any:
    """Serve a recording proxy; yield its URL."""
    if urlsplit(f"//{address}").port is None:
        raise OutsideFailed(
            "TWN-110", f"Cannot listen on {address!r}.", "it has no port.", "write HOST:PORT."
        )
    listener, shown = listen_on(address)
    door = Door(proxy.respond)
    await door.listen(listener)
    try:
        yield f"http://{shown}"
    finally:
        await door.close()
        await proxy.close()
