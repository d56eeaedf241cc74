"""What agents print, read into events and an end; pure and never believed."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from unlit.harness.model import AgentEvent

_KEPT: Final = 2000
_GOOSE_FAILED: Final = ("Ran into this error:", "Network error:")
"""How goose begins to tell of a failed model call, as its model's words, ending with code 0."""


@dataclass(frozen=True, slots=True)
class Read:
    """What was understood of an agent's output.

    Attributes:
        understood: Lines that had the agent's form; 0 of a JSON agent means garbage.
        last: Its last words.
        failed: What it says went wrong, if it says so.
    """

    events: tuple[AgentEvent, ...] = ()
    understood: int = 0
    last: str = ""
    failed: str = ""
    reported: Mapping[str, Any] = field(default_factory=dict)


def read_lines(reader: str, output: bytes) -> Read:
    """Read a whole output."""
    if reader == "text":
        text = output.decode(errors="replace")
        return Read((), 1 if text.strip() else 0, text.strip()[-_KEPT:])
    events: list[AgentEvent] = []
    understood, last, failed = 0, "", ""
    reported: dict[str, Any] = {}
    for value in _objects(output):
        for event in READERS[reader](value):
            understood += 1
            if event.kind == "text" and event.text:
                last = event.text
            elif event.kind == "error":
                failed = event.text
            elif event.kind == "usage":
                reported.update(event.data)
            events.append(event)
    return Read(tuple(events), understood, last[-_KEPT:], failed[-_KEPT:], reported)


def read_line(reader: str, line: bytes) -> list[AgentEvent]:
    """Read one line while it comes; garbage gives nothing."""
    if reader == "text":
        text = line.decode(errors="replace").strip()
        return [AgentEvent("text", text[:200])] if text else []
    return [event for value in _objects(line) for event in READERS[reader](value)]


def _objects(output: bytes) -> Iterable[Mapping[str, Any]]:
    for line in output.splitlines():
        if not line.lstrip().startswith(b"{"):
            continue
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            yield value


def _claude(value: Mapping[str, Any]) -> Iterable[AgentEvent]:
    kind = value.get("type")
    if kind == "system":
        yield AgentEvent("started", str(value.get("model", "")))
    elif kind == "assistant":
        for block in value.get("message", {}).get("content", ()):
            if block.get("type") == "text":
                yield AgentEvent("text", str(block.get("text", "")))
            elif block.get("type") == "tool_use":
                yield _tool(str(block.get("name", "")), block.get("input"))
    elif kind == "result":
        failed = bool(value.get("is_error"))
        yield AgentEvent("error" if failed else "text", str(value.get("result", "")))
        yield AgentEvent("usage", data={"usage": value.get("usage")})


def _codex(value: Mapping[str, Any]) -> Iterable[AgentEvent]:
    kind, item = str(value.get("type", "")), value.get("item") or {}
    if kind == "thread.started":
        yield AgentEvent("started")
    elif kind == "item.completed" and item.get("type") == "agent_message":
        yield AgentEvent("text", str(item.get("text", "")))
    elif kind == "item.started" and item.get("type") == "command_execution":
        yield _tool("shell", {"command": item.get("command")})
    elif kind == "item.completed" and item.get("type") == "file_change":
        yield _tool("edit", {"paths": [c.get("path") for c in item.get("changes", ())]})
    elif kind == "turn.completed":
        yield AgentEvent("usage", data={"usage": value.get("usage")})
    elif kind in ("turn.failed", "error"):
        told = str((value.get("error") or value).get("message", ""))
        yield AgentEvent("text" if told.startswith("Reconnecting") else "error", told)


def _gemini(value: Mapping[str, Any]) -> Iterable[AgentEvent]:
    kind = value.get("type")
    if kind == "init":
        yield AgentEvent("started", str(value.get("model", "")))
    elif kind == "message" and value.get("role") == "assistant":
        yield AgentEvent("text", str(value.get("content", "")))
    elif kind == "tool_use":
        yield _tool(str(value.get("tool_name", "")), value.get("parameters"))
    elif kind == "error":
        yield AgentEvent("error", str(value.get("message", "")))
    elif kind == "result":
        if value.get("status") == "error":
            yield AgentEvent("error", str((value.get("error") or {}).get("message", "failed")))
        yield AgentEvent("usage", data={"usage": value.get("stats")})


def _opencode(value: Mapping[str, Any]) -> Iterable[AgentEvent]:
    kind, part = value.get("type"), value.get("part") or {}
    if kind == "step_start":
        yield AgentEvent("started")
    elif kind == "text":
        yield AgentEvent("text", str(part.get("text", "")))
    elif kind == "tool_use":
        yield _tool(str(part.get("tool", "")), (part.get("state") or {}).get("input"))
    elif kind == "step_finish":
        yield AgentEvent("usage", data={"usage": part.get("tokens")})
    elif kind == "error":
        yield AgentEvent("error", json.dumps(value.get("error"))[:500])


def _goose(value: Mapping[str, Any]) -> Iterable[AgentEvent]:
    kind, message = value.get("type"), value.get("message") or {}
    if kind == "message" and message.get("role") == "assistant":
        for block in message.get("content", ()):
            yield from _goose_block(block)
    elif kind == "error":
        yield AgentEvent("error", str(value.get("error", "failed")))
    elif kind == "complete":
        usage = {key: value.get(key) for key in ("input_tokens", "output_tokens")}
        yield AgentEvent("usage", data={"usage": usage})


def _goose_block(block: Mapping[str, Any]) -> Iterable[AgentEvent]:
    kind, text = block.get("type"), str(block.get("text", ""))
    if kind == "error":
        yield AgentEvent("error", str(block.get("message", "failed")))
    elif kind == "text":
        yield AgentEvent("error" if text.startswith(_GOOSE_FAILED) else "text", text)
    elif kind == "toolRequest":
        call = (block.get("toolCall") or {}).get("value") or {}
        yield _tool(str(call.get("name", "")), call.get("arguments"))


def _own(value: Mapping[str, Any]) -> Iterable[AgentEvent]:
    kind = str(value.get("kind", ""))
    if kind in ("started", "text", "tool", "usage", "error"):
        yield AgentEvent(kind, str(value.get("text", "")), value.get("data") or {})
    elif kind == "hook":
        yield AgentEvent("permission", str(value.get("text", "")), value.get("data") or {})


def _tool(name: str, arguments: Any) -> AgentEvent:
    shown = arguments if isinstance(arguments, Mapping) else {}
    words = shown.get("command") or shown.get("file_path") or shown.get("filePath") or ""
    return AgentEvent("tool", f"{name} {words}".strip()[:200], {"name": name})


Reader = Callable[[Mapping[str, Any]], Iterable[AgentEvent]]

READERS: Final[Mapping[str, Reader]] = {
    "claude": _claude,
    "codex": _codex,
    "gemini": _gemini,
    "opencode": _opencode,
    "goose": _goose,
    "own": _own,
}
