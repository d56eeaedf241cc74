"""The Agent Client Protocol, client side: JSON-RPC lines over a program's standard streams.

No file and no terminal capability is declared: agents use the fence's own file system. A permission
request is answered and shown; it is a courtesy, never the fence. Source: agentclientprotocol.com,
protocol version 1 (read 2026-11).
"""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from unlit.harness.model import AgentEvent
from unlit.harness.ports import Running, Sink

VERSION: Final = 1
_METHOD_NOT_FOUND: Final = -32601
_AUTH_REQUIRED: Final = -32000
_LONGEST: Final = 2000


class AcpError(Exception):
    """The agent answered with an error, or went away."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class AcpClient:
    """Talks to one agent process.

    Args:
        running: The process.
        sink: Told what the agent does.
    """

    def __init__(self, running: Running, sink: Sink) -> None:
        self._running = running
        self._sink = sink
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._count = 0
        self._text: list[str] = []
        self.permissions = 0
        self._reading = asyncio.create_task(self._read())

    @property
    def last_words(self) -> str:
        """What the agent said last."""
        return "".join(self._text)[-_LONGEST:]

    async def begin(self, folder: str, tools: str = "") -> str:
        """Shake hands and open a session in `folder`; return its id.

        `tools` is the URL of an MCP server, told to an agent that says it can reach one over HTTP.

        Raises:
            AcpError: The agent refuses, or cannot be authenticated by an API key.
        """
        hello = await self._ask(
            "initialize",
            {
                "protocolVersion": VERSION,
                "clientCapabilities": {
                    "fs": {"readTextFile": False, "writeTextFile": False},
                    "terminal": False,
                },
            },
        )
        can = (hello.get("agentCapabilities") or {}).get("mcpCapabilities") or {}
        server = {"type": "http", "name": "unlit-context", "url": tools, "headers": []}
        asked = {"cwd": folder, "mcpServers": [server] if tools and can.get("http") else []}
        try:
            session = await self._ask("session/new", asked)
        except AcpError as error:
            method = _by_key(hello.get("authMethods") or [])
            if method is None or error.code != _AUTH_REQUIRED:
                raise
            await self._ask("authenticate", {"methodId": method})
            session = await self._ask("session/new", asked)
        return str(session["sessionId"])

    async def prompt(self, session: str, text: str) -> str:
        """Give the task and wait for the end of the turn; return why it stopped.

        Raises:
            AcpError: The agent failed.
        """
        blocks = [{"type": "text", "text": text}]
        done = await self._ask("session/prompt", {"sessionId": session, "prompt": blocks})
        return str(done.get("stopReason", "end_turn"))

    async def cancel(self, session: str) -> None:
        """Ask the agent to stop the turn."""
        await self._send({"method": "session/cancel", "params": {"sessionId": session}})

    async def close(self) -> None:
        """Stop listening."""
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading

    async def _ask(self, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        self._count += 1
        number = self._count
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        await self._send({"id": number, "method": method, "params": params})
        result = await future
        return result if isinstance(result, Mapping) else {}

    async def _send(self, message: Mapping[str, Any]) -> None:
        line = json.dumps({"jsonrpc": "2.0", **message}, ensure_ascii=False)
        await self._running.write(line.encode() + b"\n")

    async def _read(self) -> None:
        async for line in self._running.lines():
            try:
                message = json.loads(line)
            except ValueError:
                continue
            if isinstance(message, dict):
                await self._take(message)
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(AcpError(0, "the agent ended in the middle of its turn"))

    async def _take(self, message: Mapping[str, Any]) -> None:
        if "method" not in message:
            self._answered(message)
        elif "id" in message:
            await self._asked(message)
        elif message["method"] == "session/update":
            self._update((message.get("params") or {}).get("update") or {})

    def _answered(self, message: Mapping[str, Any]) -> None:
        number = message.get("id")
        future = self._waiting.pop(number, None) if isinstance(number, int) else None
        if future is None or future.done():
            return
        error = message.get("error")
        if isinstance(error, Mapping):
            told = f"{error.get('message', 'failed')} {json.dumps(error.get('data') or '')[:300]}"
            future.set_exception(AcpError(int(error.get("code", 0)), told))
        else:
            future.set_result(message.get("result"))

    async def _asked(self, message: Mapping[str, Any]) -> None:
        params = message.get("params") or {}
        if message["method"] == "session/request_permission":
            self.permissions += 1
            tool = str((params.get("toolCall") or {}).get("title", ""))
            chosen = _allow(params.get("options") or [])
            self._sink.event(AgentEvent("permission", tool[:200], {"answer": chosen}))
            outcome = {"outcome": "selected", "optionId": chosen} if chosen else None
            result = {"outcome": outcome or {"outcome": "cancelled"}}
            await self._send({"id": message["id"], "result": result})
            return
        refusal = {"code": _METHOD_NOT_FOUND, "message": "not offered by this client"}
        await self._send({"id": message["id"], "error": refusal})

    def _update(self, update: Mapping[str, Any]) -> None:
        kind = update.get("sessionUpdate")
        if kind == "agent_message_chunk":
            text = str((update.get("content") or {}).get("text", ""))
            self._text.append(text)
            self._sink.event(AgentEvent("text", text[:_LONGEST]))
        elif kind == "tool_call":
            paths = [str(place.get("path")) for place in update.get("locations") or ()]
            title = str(update.get("title", ""))[:200]
            self._sink.event(AgentEvent("tool", title, {"paths": paths}))


def _by_key(methods: list[Mapping[str, Any]]) -> str | None:
    """Return the way to authenticate that needs an API key only."""
    names = [str(method.get("id", "")) for method in methods]
    return next((name for name in names if "key" in name.lower()), None)


def _allow(options: list[Mapping[str, Any]]) -> str | None:
    for wanted in ("allow_once", "allow_always"):
        for option in options:
            if option.get("kind") == wanted:
                return str(option.get("optionId"))
    return None
