"""OpenAI Chat Completions. Source: platform.openai.com/docs/api-reference/chat (2026)."""

import json
from collections.abc import Mapping
from typing import Any, Final

from unlit.models.twin.model import Ask, Reply, Tool
from unlit.models.twin.sse import event, pieces
from unlit.models.twin.turns import turns_held

ROUTED: Final = "Model twin"
_CREATED = 1_772_355_600


def parse(body: Mapping[str, Any]) -> Ask:
    """Read a request of ``POST /v1/chat/completions``."""
    messages = body.get("messages", [])
    texts = [_text(message) for message in messages]
    return Ask(
        protocol="chat",
        model=str(body.get("model", "")),
        text="\n".join(texts),
        turn=turns_held(_called(row) for row in messages if row.get("role") == "assistant"),
        last=texts[-1] if texts else "",
        tools=tuple(
            Tool(str(tool["function"].get("name", "")), tool["function"].get("parameters") or {})
            for tool in body.get("tools") or ()
            if isinstance(tool.get("function"), Mapping)
        ),
        stream=bool(body.get("stream", False)),
        shape=_shape(body.get("response_format") or {}),
    )


def _shape(form: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if form.get("type") == "json_object":
        return {"type": "object"}
    shape = (form.get("json_schema") or {}).get("schema")
    return shape if isinstance(shape, Mapping) else None


def render(reply: Reply) -> dict[str, Any]:
    """Make the body of a reply that is not streamed."""
    message: dict[str, Any] = {"role": "assistant", "content": reply.text or None, "refusal": None}
    if reply.calls:
        message["tool_calls"] = _calls(reply)
    choice = {"index": 0, "message": message, "finish_reason": _stop(reply), "logprobs": None}
    return {**_head(reply, "chat.completion"), "choices": [choice], "usage": _usage(reply)}


def stream(reply: Reply) -> list[bytes]:
    """Make the events of a streamed reply; usage comes in the last chunk, as when asked for."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": piece} for piece in pieces(reply.text)]
    for index, call in enumerate(_calls(reply)):
        function = {"name": call["function"]["name"], "arguments": ""}
        first = {"index": index, "id": call["id"], "type": "function", "function": function}
        deltas.append({"tool_calls": [first]})
        deltas += [
            {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
            for piece in pieces(call["function"]["arguments"])
        ]
    events = [event(_chunk(reply, delta, None)) for delta in deltas]
    events.append(event(_chunk(reply, {}, _stop(reply))))
    last = {**_head(reply, "chat.completion.chunk"), "choices": [], "usage": _usage(reply)}
    return [*events, event(last), b"data: [DONE]\n\n"]


def render_routed(reply: Reply) -> dict[str, Any]:
    """Make the body as OpenRouter does, which names who answered."""
    body = render(reply)
    body["choices"][0]["native_finish_reason"] = _stop(reply)
    return {**body, "provider": ROUTED}


def stream_routed(reply: Reply) -> list[bytes]:
    """Make the events as OpenRouter does."""
    *events, done = stream(reply)
    head = b"data: {"
    named = head + json.dumps({"provider": ROUTED})[1:-1].encode() + b", "
    return [*(named + part.removeprefix(head) for part in events), done]


def error(status: int, message: str) -> dict[str, Any]:
    """Make the body of an error."""
    kind = {
        401: "invalid_request_error",
        404: "invalid_request_error",
        429: "rate_limit_exceeded",
    }.get(status, "server_error" if status >= 500 else "invalid_request_error")
    code = {401: "invalid_api_key", 429: "rate_limit_exceeded"}.get(status)
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _head(reply: Reply, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{reply.id}",
        "object": kind,
        "created": _CREATED,
        "model": reply.model,
        "system_fingerprint": "fp_model_twin",
    }


def _chunk(reply: Reply, delta: Mapping[str, Any], stop: str | None) -> dict[str, Any]:
    choice = {"index": 0, "delta": dict(delta), "finish_reason": stop, "logprobs": None}
    return {**_head(reply, "chat.completion.chunk"), "choices": [choice], "usage": None}


def _calls(reply: Reply) -> list[dict[str, Any]]:
    return [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(dict(call.arguments))},
        }
        for call in reply.calls
    ]


def _usage(reply: Reply) -> dict[str, Any]:
    used = reply.usage
    return {
        "prompt_tokens": used.input_tokens,
        "completion_tokens": used.output_tokens,
        "total_tokens": used.input_tokens + used.output_tokens,
        "prompt_tokens_details": {"cached_tokens": used.cache_read_tokens},
    }


def _stop(reply: Reply) -> str:
    return "tool_calls" if reply.calls else "stop"


def _called(message: Mapping[str, Any]) -> list[str]:
    return [str(call.get("id")) for call in message.get("tool_calls") or ()]


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    if not isinstance(content, str):
        content = "\n".join(str(part.get("text", "")) for part in content)
    called = [
        str(call.get("function", {}).get("arguments", ""))
        for call in message.get("tool_calls") or ()
    ]
    return "\n".join([content, *called])
