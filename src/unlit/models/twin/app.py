"""The model twin as a raw ASGI application."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, unquote

from unlit.core.canonical import digest_bytes
from unlit.models.eventstream import KIND
from unlit.models.twin import anthropic, bedrock, chat, gemini, responses
from unlit.models.twin.model import Ask, Fault, Reply, Script, Seen
from unlit.models.twin.rules import answer, choose, tokens

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

HOSTS: Final[Mapping[str, tuple[str, ...]]] = {
    "anthropic": ("api.anthropic.com",),
    "openai": ("api.openai.com",),
    "google": ("generativelanguage.googleapis.com",),
    "aws": ("bedrock-runtime.us-east-1.amazonaws.com",),
    "azure": ("unlit.openai.azure.com",),
    "openrouter": ("openrouter.ai",),
    "compatible": ("models.example.com",),
}
"""The vendors' host names that the twin answers for, behind a gateway that routes by name.

Any other host works as well: requests are told apart by their paths.
"""

_BEDROCK: Final = re.compile(r"^/model/(.+)/(converse|converse-stream)$")
_GEMINI: Final = re.compile(r"^/v1(?:beta|alpha)?/models/([^/:]+):(\w+)$")
_MAX_BODY: Final = 64 * 1024 * 1024
_UNREADABLE: Final = (AttributeError, TypeError, LookupError, ValueError, RecursionError)
"""What a request raises that has a text where its vendor's has a table, and the like."""
_NO_REQUEST: Final = "The request does not have the form that it should have (model twin)."
_MODELS: Final = ("scripted", "claude-sonnet-4-5", "gpt-5.2", "gemini-2.5-pro")


@dataclass(frozen=True, slots=True)
class _Format:
    parse: Callable[[Mapping[str, Any]], Ask]
    render: Callable[[Reply], dict[str, Any]]
    stream: Callable[[Reply], list[bytes]]
    error: Callable[[int, str], dict[str, Any]]
    kind: str = "text/event-stream"


@dataclass(frozen=True, slots=True)
class _Request:
    form: _Format
    ask: Ask | None = None
    count: Callable[[int], dict[str, Any]] | None = None
    readable: bool = True


_FORMATS: Final = {
    "/messages": _Format(anthropic.parse, anthropic.render, anthropic.stream, anthropic.error),
    "/api/v1/chat/completions": _Format(
        chat.parse, chat.render_routed, chat.stream_routed, chat.error
    ),
    "/chat/completions": _Format(chat.parse, chat.render, chat.stream, chat.error),
    "/responses": _Format(responses.parse, responses.render, responses.stream, chat.error),
}


class ModelTwin:
    """Answers model requests from a script.

    Args:
        script: What to answer.
        keys: Keys that are accepted; empty accepts any key, but not none.
    """

    def __init__(self, script: Script, keys: frozenset[str] = frozenset()) -> None:
        self._script = script
        self._keys = keys
        self._failed: Counter[str] = Counter()
        self.seen: list[Seen] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] == "http":
            await self._http(scope, await _body(receive), send)

    async def _http(self, scope: Scope, body: bytes, send: Send) -> None:
        path = str(scope["path"]).rstrip("/")
        request = _read(path, body)
        form, ask = request.form, request.ask
        if not _key(scope):
            await _json(send, 401, form.error(401, "No API key was given (model twin)."))
        elif self._keys and _key(scope) not in self._keys:
            await _json(send, 401, form.error(401, "This API key is not valid (model twin)."))
        elif scope["method"] == "GET" and "/models" in path:
            await _json(send, 200, _models(path))
        elif not request.readable:
            await _json(send, 400, form.error(400, _NO_REQUEST))
        elif ask is None:
            await _json(send, 404, form.error(404, f"The model twin has no {path}."))
        elif request.count is not None:
            await _json(send, 200, request.count(tokens(ask.text)))
        else:
            await self._answer(form, ask, send)

    async def _answer(self, form: _Format, ask: Ask, send: Send) -> None:
        try:
            turn = choose(self._script, ask)
            reply = answer(turn, ask)
        except _UNREADABLE:
            await _json(send, 400, form.error(400, _NO_REQUEST))
            return
        fault = turn.fault if self._plays(turn.fault, reply.id) else None
        status = 200 if fault is None else fault.status
        self._note(ask, reply, status)
        if fault is not None and fault.delay_s:
            await asyncio.sleep(fault.delay_s)
        if fault is not None and status != 200:
            headers = {} if fault.retry_after_s is None else {"retry-after": fault.retry_after_s}
            await _json(send, status, form.error(status, "Scripted failure (model twin)."), headers)
        elif fault is not None and fault.garbage:
            await _bytes(send, 200, "application/json", [b'{"garbage": <<<'])
        elif ask.stream:
            await _bytes(send, 200, form.kind, _cut(form.stream(reply), fault))
        else:
            await _json(send, 200, form.render(reply))

    def _plays(self, fault: Fault | None, request: str) -> bool:
        """Whether a fault still has to be played for this very request."""
        if fault is None or self._failed[request] >= fault.times:
            return False
        self._failed[request] += 1
        return True

    def _note(self, ask: Ask, reply: Reply, status: int) -> None:
        billed = status == 200
        self.seen.append(
            Seen(
                protocol=ask.protocol,
                model=ask.model,
                turn=ask.turn,
                status=status,
                input_tokens=reply.usage.input_tokens if billed else 0,
                output_tokens=reply.usage.output_tokens if billed else 0,
                prompt_digest=digest_bytes(ask.text.encode()),
                tools=tuple(tool.name for tool in ask.tools),
            )
        )


def _read(path: str, body: bytes) -> _Request:
    """Find the format of a request and read it; a body that is not JSON is no request."""
    value = _value(body)
    found = _BEDROCK.match(path)
    if found:
        model, streams = unquote(found[1]), found[2] == "converse-stream"
        form = _Format(
            lambda plain: bedrock.parse(plain, model, stream=streams),
            bedrock.render,
            bedrock.stream,
            bedrock.error,
            KIND,
        )
        return _asked(form, value)
    return _read_others(path, value)


def _read_others(path: str, value: Any) -> _Request:
    found = _GEMINI.match(path)
    if found:
        streams = found[2] == "streamGenerateContent"
        form = _Format(
            lambda plain: gemini.parse(plain, found[1], stream=streams),
            gemini.render,
            gemini.stream,
            gemini.error,
        )
        known = found[2] in ("generateContent", "streamGenerateContent", "countTokens")
        counts = gemini.count if found[2] == "countTokens" else None
        return _asked(form, value if known else None, counts)
    if path.endswith("/messages/count_tokens"):
        form = _FORMATS["/messages"]
        return _asked(form, value, anthropic.count)
    for ending, form in _FORMATS.items():
        if path.endswith(ending):
            return _asked(form, value)
    return _Request(_FORMATS["/chat/completions"])


def _asked(
    form: _Format, value: Any, count: Callable[[int], dict[str, Any]] | None = None
) -> _Request:
    if not isinstance(value, Mapping):
        return _Request(form)
    try:
        return _Request(form, form.parse(value), count)
    except _UNREADABLE:
        return _Request(form, readable=False)


def _value(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _key(scope: Scope) -> str:
    headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    for name in (b"x-api-key", b"x-goog-api-key", b"api-key"):
        if headers.get(name):
            return str(headers[name])
    bearer = str(headers.get(b"authorization", ""))
    if bearer.lower().startswith("bearer "):
        return bearer[7:].strip()
    if bearer.startswith("AWS4-HMAC-SHA256 Credential="):
        return bearer.partition("=")[2].partition("/")[0]
    query = parse_qs(str(scope.get("query_string", b""), "latin-1"))
    return query.get("key", [""])[0]


def _models(path: str) -> dict[str, Any]:
    names = [path.rsplit("/", 1)[1]] if not path.endswith("/models") else list(_MODELS)
    rows = [{"id": name, "object": "model", "created": 0, "owned_by": "twin"} for name in names]
    return {"object": "list", "data": rows, "has_more": False}


def _cut(events: list[bytes], fault: Fault | None) -> list[bytes]:
    return events[: len(events) // 2] if fault is not None and fault.cut else events


async def _json(
    send: Send, status: int, value: Mapping[str, Any], headers: Mapping[str, Any] | None = None
) -> None:
    body = json.dumps(value, ensure_ascii=False).encode()
    await _bytes(send, status, "application/json", [body], headers)


async def _bytes(
    send: Send,
    status: int,
    kind: str,
    chunks: list[bytes],
    headers: Mapping[str, Any] | None = None,
) -> None:
    sent = [(b"content-type", kind.encode()), (b"x-model-twin", b"scripted")]
    sent += [(name.encode(), str(value).encode()) for name, value in (headers or {}).items()]
    if kind == "application/json":
        sent.append((b"content-length", str(sum(map(len, chunks))).encode()))
    await send({"type": "http.response.start", "status": status, "headers": sent})
    for chunk in chunks:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _body(receive: Receive) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""
        part = message.get("body", b"")
        size += len(part)
        if size <= _MAX_BODY:
            parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
