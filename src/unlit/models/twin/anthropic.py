"""Anthropic Messages. Source: docs.anthropic.com/en/api/messages and /messages-streaming (2026)."""

import json
from collections.abc import Mapping
from typing import Any, Final

from unlit.models.twin.model import Ask, Reply, Tool
from unlit.models.twin.sse import event, pieces
from unlit.models.twin.turns import turns_held

_ERRORS: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}


def parse(body: Mapping[str, Any]) -> Ask:
    """Read a request of ``POST /v1/messages``."""
    messages = body.get("messages", [])
    texts = [_text(body.get("system", ""))]
    texts += [_text(message.get("content", "")) for message in messages]
    return Ask(
        protocol="anthropic",
        model=str(body.get("model", "")),
        text="\n".join(texts),
        turn=turns_held(_called(row) for row in messages if row.get("role") == "assistant"),
        last=texts[-1],
        tools=tuple(
            Tool(str(tool.get("name", "")), tool.get("input_schema") or {})
            for tool in body.get("tools", ())
        ),
        stream=bool(body.get("stream", False)),
        shape=_shape(body),
    )


def _shape(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    form = body.get("output_format") or (body.get("output_config") or {}).get("format") or {}
    shape = form.get("schema")
    return shape if isinstance(shape, Mapping) else None


def render(reply: Reply) -> dict[str, Any]:
    """Make the body of a reply that is not streamed."""
    return {**_message(reply), "content": _blocks(reply), "stop_reason": _stop(reply)}


def stream(reply: Reply) -> list[bytes]:
    """Make the events of a streamed reply."""
    start = _message(reply)
    start["usage"] = {**start["usage"], "output_tokens": 1}
    events = [event({"type": "message_start", "message": start}, "message_start")]
    for index, block in enumerate(_blocks(reply)):
        events += _block_events(index, block)
    delta = {"stop_reason": _stop(reply), "stop_sequence": None}
    usage = {"output_tokens": reply.usage.output_tokens}
    last = {"type": "message_delta", "delta": delta, "usage": usage}
    return [*events, event(last, "message_delta"), event({"type": "message_stop"}, "message_stop")]


def error(status: int, message: str) -> dict[str, Any]:
    """Make the body of an error."""
    kind = _ERRORS.get(status, "api_error")
    return {"type": "error", "error": {"type": kind, "message": message}}


def count(ask_tokens: int) -> dict[str, Any]:
    """Make the body of ``POST /v1/messages/count_tokens``."""
    return {"input_tokens": ask_tokens}


def _message(reply: Reply) -> dict[str, Any]:
    return {
        "id": f"msg_{reply.id}",
        "type": "message",
        "role": "assistant",
        "model": reply.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {
            "input_tokens": reply.usage.input_tokens,
            "output_tokens": reply.usage.output_tokens,
            "cache_creation_input_tokens": reply.usage.cache_write_tokens,
            "cache_read_input_tokens": reply.usage.cache_read_tokens,
        },
    }


def _blocks(reply: Reply) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if reply.text or not reply.calls:
        blocks.append({"type": "text", "text": reply.text})
    for call in reply.calls:
        name = f"toolu_{call.id.removeprefix('call_')}"
        blocks.append(
            {"type": "tool_use", "id": name, "name": call.name, "input": dict(call.arguments)}
        )
    return blocks


def _block_events(index: int, block: Mapping[str, Any]) -> list[bytes]:
    is_text = block["type"] == "text"
    empty = {**block, "text": ""} if is_text else {**block, "input": {}}
    start = {"type": "content_block_start", "index": index, "content_block": empty}
    events = [event(start, "content_block_start")]
    whole = block["text"] if is_text else json.dumps(block["input"])
    for piece in pieces(whole):
        delta = (
            {"type": "text_delta", "text": piece}
            if is_text
            else {"type": "input_json_delta", "partial_json": piece}
        )
        value = {"type": "content_block_delta", "index": index, "delta": delta}
        events.append(event(value, "content_block_delta"))
    stop = {"type": "content_block_stop", "index": index}
    return [*events, event(stop, "content_block_stop")]


def _stop(reply: Reply) -> str:
    return "tool_use" if reply.calls else "end_turn"


def _called(message: Mapping[str, Any]) -> list[str]:
    content = message.get("content")
    blocks = content if isinstance(content, list) else []
    return [str(block.get("id")) for block in blocks if block.get("type") == "tool_use"]


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = []
    for block in content or ():
        if isinstance(block, str):
            parts.append(block)
        elif block.get("type") == "tool_use":
            parts.append(json.dumps(block.get("input", {})))
        else:
            parts.append(_text(block.get("content") or block.get("text") or ""))
    return "\n".join(parts)
