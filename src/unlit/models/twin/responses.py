"""OpenAI Responses. Source: platform.openai.com/docs/api-reference/responses (2026)."""

import json
from collections.abc import Mapping
from typing import Any

from unlit.models.twin.model import Ask, Reply, Tool
from unlit.models.twin.sse import event, pieces
from unlit.models.twin.turns import turns_held

_CREATED = 1_772_355_600


def parse(body: Mapping[str, Any]) -> Ask:
    """Read a request of ``POST /v1/responses``."""
    items = body.get("input", [])
    if isinstance(items, str):
        items = [{"type": "message", "role": "user", "content": items}]
    texts = [str(body.get("instructions") or ""), *(_text(item) for item in items)]
    return Ask(
        protocol="responses",
        model=str(body.get("model", "")),
        text="\n".join(texts),
        turn=_turns(items),
        last=texts[-1],
        tools=tuple(
            Tool(str(tool.get("name") or tool.get("type", "")), tool.get("parameters") or {})
            for tool in body.get("tools") or ()
        ),
        stream=bool(body.get("stream", False)),
        shape=_shape((body.get("text") or {}).get("format") or {}),
    )


def _shape(form: Mapping[str, Any]) -> Mapping[str, Any] | None:
    shape = {"type": "object"} if form.get("type") == "json_object" else form.get("schema")
    return shape if isinstance(shape, Mapping) else None


def render(reply: Reply) -> dict[str, Any]:
    """Make the body of a reply that is not streamed."""
    return {**_head(reply, "completed"), "output": _output(reply), "usage": _usage(reply)}


def stream(reply: Reply) -> list[bytes]:
    """Make the events of a streamed reply."""
    values: list[dict[str, Any]] = [
        {"type": "response.created", "response": _head(reply, "in_progress")},
        {"type": "response.in_progress", "response": _head(reply, "in_progress")},
    ]
    for index, item in enumerate(_output(reply)):
        values += _message(index, item) if item["type"] == "message" else _function(index, item)
    values.append({"type": "response.completed", "response": render(reply)})
    return [
        event({**value, "sequence_number": number}, str(value["type"]))
        for number, value in enumerate(values)
    ]


def _message(index: int, item: Mapping[str, Any]) -> list[dict[str, Any]]:
    where = {"item_id": item["id"], "output_index": index, "content_index": 0}
    part = item["content"][0]
    empty = {**part, "text": ""}
    begun = {**item, "status": "in_progress", "content": []}
    return [
        {"type": "response.output_item.added", "output_index": index, "item": begun},
        {"type": "response.content_part.added", **where, "part": empty},
        *(
            {"type": "response.output_text.delta", **where, "delta": piece, "logprobs": []}
            for piece in pieces(part["text"])
        ),
        {"type": "response.output_text.done", **where, "text": part["text"], "logprobs": []},
        {"type": "response.content_part.done", **where, "part": part},
        {"type": "response.output_item.done", "output_index": index, "item": dict(item)},
    ]


def _function(index: int, item: Mapping[str, Any]) -> list[dict[str, Any]]:
    where = {"item_id": item["id"], "output_index": index}
    begun = {**item, "status": "in_progress", "arguments": ""}
    whole = item["arguments"]
    return [
        {"type": "response.output_item.added", "output_index": index, "item": begun},
        *(
            {"type": "response.function_call_arguments.delta", **where, "delta": piece}
            for piece in pieces(whole)
        ),
        {"type": "response.function_call_arguments.done", **where, "arguments": whole},
        {"type": "response.output_item.done", "output_index": index, "item": dict(item)},
    ]


def _output(reply: Reply) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if reply.text or not reply.calls:
        part = {"type": "output_text", "text": reply.text, "annotations": [], "logprobs": []}
        items.append(
            {
                "type": "message",
                "id": f"msg_{reply.id}",
                "status": "completed",
                "role": "assistant",
                "content": [part],
            }
        )
    items += [
        {
            "type": "function_call",
            "id": f"fc_{call.id.removeprefix('call_')}",
            "call_id": call.id,
            "status": "completed",
            "name": call.name,
            "arguments": json.dumps(dict(call.arguments)),
        }
        for call in reply.calls
    ]
    return items


def _head(reply: Reply, status: str) -> dict[str, Any]:
    return {
        "id": f"resp_{reply.id}",
        "object": "response",
        "created_at": _CREATED,
        "status": status,
        "model": reply.model,
        "output": [],
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": None,
    }


def _usage(reply: Reply) -> dict[str, Any]:
    used = reply.usage
    return {
        "input_tokens": used.input_tokens,
        "input_tokens_details": {"cached_tokens": used.cache_read_tokens},
        "output_tokens": used.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": used.input_tokens + used.output_tokens,
    }


def _turns(items: Any) -> int:
    """Count turns of the model: runs of items that it made."""
    turns: list[list[str]] = []
    inside = False
    for item in items:
        mine = item.get("type") in ("function_call", "reasoning") or item.get("role") == "assistant"
        if mine and not inside:
            turns.append([])
        if mine:
            turns[-1].append(str(item.get("call_id")))
        inside = mine
    return turns_held(turns)


def _text(item: Mapping[str, Any]) -> str:
    if item.get("type") == "function_call":
        return str(item.get("arguments", ""))
    content = item.get("content") or item.get("output") or ""
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
