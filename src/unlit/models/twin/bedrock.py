"""Amazon Bedrock Converse. Source: docs.aws.amazon.com/bedrock, API_runtime_Converse (2026)."""

import json
from collections.abc import Mapping
from typing import Any, Final

from unlit.models.eventstream import frame
from unlit.models.twin.model import Ask, Reply, Tool
from unlit.models.twin.sse import pieces
from unlit.models.twin.turns import turns_held

_ERRORS: Final = {
    400: "ValidationException",
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    503: "ServiceUnavailableException",
}


def parse(body: Mapping[str, Any], model: str, *, stream: bool) -> Ask:
    """Read a request of ``POST /model/MODEL/converse`` or ``…/converse-stream``."""
    messages = body.get("messages") or []
    texts = ["\n".join(_text(block) for block in body.get("system") or ())]
    texts += [_content(message) for message in messages]
    offered = (body.get("toolConfig") or {}).get("tools") or ()
    specs = [tool["toolSpec"] for tool in offered if isinstance(tool.get("toolSpec"), Mapping)]
    return Ask(
        protocol="bedrock",
        model=model,
        text="\n".join(texts),
        turn=turns_held(_called(row) for row in messages if row.get("role") == "assistant"),
        last=texts[-1],
        tools=tuple(
            Tool(str(spec.get("name", "")), (spec.get("inputSchema") or {}).get("json") or {})
            for spec in specs
        ),
        stream=stream,
    )


def render(reply: Reply) -> dict[str, Any]:
    """Make the body of a reply that is not streamed."""
    message = {"role": "assistant", "content": _blocks(reply)}
    return {"output": {"message": message}, "stopReason": _stop(reply), **_end(reply)}


def stream(reply: Reply) -> list[bytes]:
    """Make the frames of a streamed reply."""
    events = [frame("messageStart", {"role": "assistant"})]
    for index, block in enumerate(_blocks(reply)):
        at = {"contentBlockIndex": index}
        use = block.get("toolUse")
        if use is not None:
            start = {"toolUse": {"toolUseId": use["toolUseId"], "name": use["name"]}}
            events.append(frame("contentBlockStart", {"start": start, **at}))
        whole = block["text"] if use is None else json.dumps(use["input"])
        for piece in pieces(whole):
            delta = {"text": piece} if use is None else {"toolUse": {"input": piece}}
            events.append(frame("contentBlockDelta", {"delta": delta, **at}))
        events.append(frame("contentBlockStop", at))
    events.append(frame("messageStop", {"stopReason": _stop(reply)}))
    return [*events, frame("metadata", _end(reply))]


def error(status: int, message: str) -> dict[str, Any]:
    """Make the body of an error."""
    return {"__type": _ERRORS.get(status, "InternalServerException"), "message": message}


def _end(reply: Reply) -> dict[str, Any]:
    used = reply.usage
    usage = {
        "inputTokens": used.input_tokens,
        "outputTokens": used.output_tokens,
        "totalTokens": used.input_tokens + used.output_tokens,
        "cacheReadInputTokens": used.cache_read_tokens,
        "cacheWriteInputTokens": used.cache_write_tokens,
    }
    return {"usage": usage, "metrics": {"latencyMs": 1}}


def _blocks(reply: Reply) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if reply.text or not reply.calls:
        blocks.append({"text": reply.text or " "})
    for call in reply.calls:
        name = f"tooluse_{call.id.removeprefix('call_')}"
        use = {"toolUseId": name, "name": call.name, "input": dict(call.arguments)}
        blocks.append({"toolUse": use})
    return blocks


def _stop(reply: Reply) -> str:
    return "tool_use" if reply.calls else "end_turn"


def _called(message: Mapping[str, Any]) -> list[str]:
    blocks = message.get("content") or ()
    return [str(block["toolUse"].get("toolUseId")) for block in blocks if "toolUse" in block]


def _content(message: Mapping[str, Any]) -> str:
    return "\n".join(_text(block) for block in message.get("content") or ())


def _text(block: Mapping[str, Any]) -> str:
    if "toolUse" in block:
        return json.dumps(block["toolUse"].get("input", {}))
    if "toolResult" in block:
        parts = block["toolResult"].get("content") or ()
        return "\n".join(_text(part) for part in parts)
    return json.dumps(block["json"]) if "json" in block else str(block.get("text", ""))
