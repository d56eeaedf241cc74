"""Gemini generateContent. Source: ai.google.dev/api/generate-content (2026)."""

import json
from collections.abc import Mapping
from typing import Any, Final

from unlit.models.twin.model import Ask, Reply, Tool
from unlit.models.twin.sse import event, pieces

_STATUS: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


def parse(body: Mapping[str, Any], model: str, *, stream: bool) -> Ask:
    """Read a request of ``POST /v1beta/models/MODEL:generateContent``."""
    contents = body.get("contents", [])
    if isinstance(contents, Mapping):
        contents = [contents]
    system = body.get("systemInstruction") or body.get("system_instruction") or {}
    texts = [_text(system), *(_text(content) for content in contents)]
    declarations = [
        declaration
        for tool in body.get("tools") or ()
        for declaration in tool.get("functionDeclarations")
        or tool.get("function_declarations")
        or ()
    ]
    return Ask(
        protocol="gemini",
        model=model,
        text="\n".join(texts),
        turn=sum(content.get("role") == "model" for content in contents),
        last=texts[-1],
        tools=tuple(_tool(declaration) for declaration in declarations),
        stream=stream,
        shape=_shape(body.get("generationConfig") or body.get("generation_config") or {}),
    )


def _shape(config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    shape = config.get("responseJsonSchema") or config.get("responseSchema")
    if shape is None and config.get("responseMimeType") == "application/json":
        shape = {"type": "object"}
    return shape if isinstance(shape, Mapping) else None


def render(reply: Reply) -> dict[str, Any]:
    """Make the body of a reply that is not streamed."""
    return _body(reply, _parts(reply), done=True)


def stream(reply: Reply) -> list[bytes]:
    """Make the events of a streamed reply."""
    parts: list[dict[str, Any]] = [{"text": piece} for piece in pieces(reply.text, 200)]
    parts += [part for part in _parts(reply) if "functionCall" in part]
    parts = parts or [{"text": ""}]
    last = len(parts) - 1
    return [event(_body(reply, [part], done=number == last)) for number, part in enumerate(parts)]


def error(status: int, message: str) -> dict[str, Any]:
    """Make the body of an error."""
    shown = 503 if status == 529 else status
    return {"error": {"code": shown, "message": message, "status": _STATUS.get(shown, "UNKNOWN")}}


def count(ask_tokens: int) -> dict[str, Any]:
    """Make the body of ``:countTokens``."""
    return {"totalTokens": ask_tokens}


def _body(reply: Reply, parts: list[dict[str, Any]], *, done: bool) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if done:
        candidate["finishReason"] = "STOP"
    used = reply.usage
    return {
        "candidates": [candidate],
        "usageMetadata": {
            "promptTokenCount": used.input_tokens,
            "candidatesTokenCount": used.output_tokens,
            "cachedContentTokenCount": used.cache_read_tokens,
            "totalTokenCount": used.input_tokens + used.output_tokens,
        },
        "modelVersion": reply.model,
        "responseId": reply.id,
    }


def _parts(reply: Reply) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [{"text": reply.text}] if reply.text or not reply.calls else []
    parts += [
        {"functionCall": {"name": call.name, "args": dict(call.arguments)}} for call in reply.calls
    ]
    return parts


def _tool(declaration: Mapping[str, Any]) -> Tool:
    schema = (
        declaration.get("parametersJsonSchema")
        or declaration.get("parameters_json_schema")
        or declaration.get("parameters")
        or {}
    )
    return Tool(str(declaration.get("name", "")), _lower(schema))


def _lower(schema: Any) -> Any:
    """Gemini writes types in capitals; everybody else does not."""
    if isinstance(schema, Mapping):
        return {
            key: value.lower() if key == "type" and isinstance(value, str) else _lower(value)
            for key, value in schema.items()
        }
    return [_lower(item) for item in schema] if isinstance(schema, list) else schema


def _text(content: Mapping[str, Any]) -> str:
    texts = []
    for part in content.get("parts") or ():
        if "text" in part:
            texts.append(str(part["text"]))
        elif "functionCall" in part:
            texts.append(json.dumps(part["functionCall"].get("args", {})))
        elif "functionResponse" in part:
            texts.append(json.dumps(part["functionResponse"].get("response", {})))
    return "\n".join(texts)
