"""HTTP driver: one request over a socket opened inside the fence; exact bytes, no redirects."""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlencode

import h11

from unlit.evaluation.checks.observation import Observation
from unlit.evaluation.ports import Connection
from unlit.evaluation.stage import STEP_TIMEOUT_S, Stage, captured

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
MAX_BODY_BYTES: Final = 4_000_000
_SAFE: Final = "/:?#[]@!$&'()*+,;=%-._~"


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it goes over the wire."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; `problem` says what kept it from being complete."""

    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    problem: str = ""

    def header_table(self) -> dict[str, str]:
        """Return headers by lower-case name; repeated ones are joined by a comma."""
        table: dict[str, str] = {}
        for name, value in self.headers:
            key = name.lower()
            table[key] = f"{table[key]}, {value}" if key in table else value
        return table


async def perform(params: Mapping[str, Any], stage: Stage) -> None:
    """Send the step's request to the product's port and note the answer."""
    if stage.server is None and not stage.extra.get("down"):
        await stage.start_server()
    session = stage.sessions.setdefault(str(params.get("as", "")), {})
    request = request_of(params, session, stage.launch.host)
    started = stage.clock.monotonic_s()
    timeout_s = min(float(params.get("timeout_s") or STEP_TIMEOUT_S), stage.launch.step_s)
    answer = await send(stage, request, timeout_s)
    _keep_cookies(answer, session)
    observation = Observation(
        step=stage.step,
        kind="http",
        status=answer.status,
        headers=answer.header_table(),
        body=answer.body.decode("utf-8", "backslashreplace"),
        duration_s=stage.clock.monotonic_s() - started,
        timed_out=answer.problem == "timeout",
        problem=answer.problem,
    )
    stage.note(observation)
    for name, rule in (params.get("capture") or {}).items():
        stage.values[name] = captured(rule, observation)


def request_of(
    params: Mapping[str, Any], cookies: Mapping[str, str], host: str = "localhost"
) -> Request:
    """Build the request of an `http` step."""
    method = next(name for name in METHODS if name in params)
    headers = {"host": host, "accept": "*/*", "connection": "close"}
    body = b""
    if "json" in params:
        body = json.dumps(params["json"], ensure_ascii=False).encode()
        headers["content-type"] = "application/json"
    elif "form" in params:
        body = urlencode({key: str(value) for key, value in params["form"].items()}).encode()
        headers["content-type"] = "application/x-www-form-urlencoded"
    elif "body" in params:
        body = str(params["body"]).encode("utf-8", "surrogateescape")
    if cookies:
        headers["cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    headers |= {name.lower(): str(value) for name, value in (params.get("headers") or {}).items()}
    if body or method in ("POST", "PUT", "PATCH"):
        headers["content-length"] = str(len(body))
    return Request(method, quote(str(params[method]), safe=_SAFE), headers, body)


async def send(stage: Stage, request: Request, timeout_s: float) -> Answer:
    """Send one request into the fence; a product that misbehaves makes an answer, not an error."""
    import asyncio

    try:
        async with asyncio.timeout(timeout_s):
            connection = await stage.sandbox.connect(stage.launch.port or 0)
            try:
                return await _exchange(connection, request)
            finally:
                connection.writer.close()
    except TimeoutError:
        return Answer(problem="timeout")
    except (OSError, EOFError, ssl.SSLError):
        return Answer(problem="no answer")


async def _exchange(connection: Connection, request: Request) -> Answer:
    wire = h11.Connection(h11.CLIENT, max_incomplete_event_size=256 * 1024)
    headers = [(name.encode(), value.encode("latin-1", "replace")) for name, value in
               request.headers.items()]  # fmt: skip
    try:
        head = h11.Request(method=request.method, target=request.target.encode(), headers=headers)
        data = wire.send(head) or b""
        if request.body:
            data += wire.send(h11.Data(data=request.body)) or b""
        data += wire.send(h11.EndOfMessage()) or b""
    except h11.LocalProtocolError as error:
        return Answer(problem=f"the request cannot be sent: {error}")
    connection.writer.write(data)
    await connection.writer.drain()
    return await _receive(connection, wire)


async def _receive(connection: Connection, wire: h11.Connection) -> Answer:
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body = bytearray()
    while True:
        try:
            event = wire.next_event()
        except h11.RemoteProtocolError:
            return Answer(status, headers, bytes(body), "the answer is not HTTP")
        if event is h11.NEED_DATA:
            wire.receive_data(await connection.reader.read(65536))
        elif isinstance(event, h11.Response):
            status = event.status_code
            headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in
                            event.headers)  # fmt: skip
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > MAX_BODY_BYTES:
                return Answer(status, headers, bytes(body), "the answer is too large")
        elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
            return Answer(status, headers, bytes(body))


def _keep_cookies(answer: Answer, session: dict[str, str]) -> None:
    for name, value in answer.headers:
        if name.lower() == "set-cookie":
            pair = value.split(";", 1)[0]
            key, _, content = pair.partition("=")
            session[key.strip()] = content.strip()
