"""What a model call used, read off the vendor's own answer, streamed or not.

Formats: Anthropic Messages, OpenAI Chat Completions and Responses, Gemini generateContent, Bedrock
Converse (vendors' API references, read 2026-11). A call is recognised by its path, so that
resellers and servers of one's own that speak a vendor's format are read too.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal
from urllib.parse import unquote

from unlit.models.eventstream import KIND, frames
from unlit.models.model import ModelUsage
from unlit.models.prices import price

Format = Literal["anthropic", "openai-chat", "openai-responses", "gemini", "bedrock"]

_PATHS: Final[tuple[tuple[re.Pattern[str], Format], ...]] = (
    (re.compile(r"(?:/.*)?/v1/messages"), "anthropic"),
    (re.compile(r"(?:/.*)?/chat/completions"), "openai-chat"),
    (re.compile(r"(?:/.*)?/responses"), "openai-responses"),
    (re.compile(r"/v1(?:alpha|beta\d?)?/models/([^/:]+):(?:stream)?[gG]enerateContent"), "gemini"),
    (re.compile(r"/model/(.+)/converse(?:-stream)?"), "bedrock"),
)
_SELLERS: Final = (
    (".openai.azure.com", "azure"),
    (".cognitiveservices.azure.com", "azure"),
    (".services.ai.azure.com", "azure"),
    ("openrouter.ai", "openrouter"),
)
PROVIDERS: Final[Mapping[Format, str]] = {
    "anthropic": "anthropic",
    "openai-chat": "openai",
    "openai-responses": "openai",
    "gemini": "google",
    "bedrock": "aws",
}
_LONGEST_BODY: Final = 16 << 20
_LONGEST_LINE: Final = 4 << 20


def model_format(path: str) -> Format | None:
    """Return the vendor's format that a request path belongs to, or `None` if it is no call."""
    for pattern, name in _PATHS:
        if pattern.fullmatch(path):
            return name
    return None


def provider_of(host: str, form: Format) -> str:
    """Return who sells a call: the format's vendor, or a seller known by its host."""
    for ending, name in _SELLERS:
        if host.removeprefix(".") == ending or host.endswith(f".{ending.lstrip('.')}"):
            return name
    return PROVIDERS[form]


def model_in_path(path: str) -> str:
    """Return the model that a path names; empty when it names none."""
    for pattern, _ in _PATHS:
        match = pattern.fullmatch(path)
        if match:
            return unquote(match.group(1)) if match.groups() else ""
    return ""


class UsageReader:
    """Reads one answer piece by piece; tokens are cumulative, so the last word counts."""

    def __init__(self, form: Format, path: str, host: str = "") -> None:
        self._form = form
        self._provider = provider_of(host, form)
        self._model = model_in_path(path)
        self._frames = False
        self._found: ModelUsage | None = None
        self._failed = False
        self._streamed = False
        self._rest = b""

    def begin(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """Take the answer's head; a refusal by the vendor costs nothing."""
        self._failed = not 200 <= status < 300
        kinds = [value.lower() for name, value in headers if name.lower() == b"content-type"]
        self._streamed = any(kind.startswith(b"text/event-stream") for kind in kinds)
        self._frames = any(kind.startswith(KIND.encode()) for kind in kinds)

    def feed(self, data: bytes) -> None:
        """Take a piece of the body, without content coding."""
        if self._failed or len(self._rest) > _LONGEST_BODY:
            return
        self._rest += data
        if self._frames:
            whole = list(frames(self._rest))
            for _, payload in whole:
                if b'"usage"' in payload:
                    self._event(payload)
            self._rest = self._rest[whole[-1][0] :] if whole else self._rest
        elif self._streamed:
            *lines, self._rest = self._rest.split(b"\n")
            for line in lines:
                if line.startswith(b"data:") and (b"sage" in line or b'"model' in line):
                    self._event(line[5:].strip())
            if len(self._rest) > _LONGEST_LINE:
                self._rest = b""

    def finish(self) -> ModelUsage | None:
        """Return what the call used; `None` if it was refused by the vendor."""
        if self._failed:
            return None
        if not self._streamed and not self._frames:
            self._event(self._rest)
        self._rest = b""
        found = self._found or ModelUsage(self._provider, self._model, 0, 0)
        return replace(found, cost_usd=price(found) if self._found is not None else None)

    def _event(self, text: bytes) -> None:
        try:
            value = json.loads(text)
        except ValueError:
            return
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                self._take(item)

    def _take(self, item: dict[str, Any]) -> None:
        inner = item.get("message") or item.get("response")
        holder: dict[str, Any] = inner if isinstance(inner, dict) else item
        named = holder.get("model") or holder.get("modelVersion")
        if isinstance(named, str) and named:
            self._model = named[:200]
        usage = holder.get("usage") or holder.get("usageMetadata")
        if isinstance(usage, dict):
            before = self._found or ModelUsage(self._provider, self._model, 0, 0)
            self._found = replace(_READERS[self._form](usage, before), model=self._model)


def usage_reader(host: str, path: str) -> UsageReader | None:
    """Return a reader for the answer to a POST, or `None` if it is no model call."""
    form = model_format(path)
    return None if form is None else UsageReader(form, path, host)


def read_usage(host: str, path: str, body: bytes, *, streamed: bool = False) -> ModelUsage | None:
    """Read the usage of a whole answer; `streamed` says that it is server-sent events."""
    reader = usage_reader(host, path)
    if reader is None:
        return None
    kind = b"text/event-stream" if streamed else b"application/json"
    reader.begin(200, [(b"content-type", kind)])
    reader.feed(body)
    return reader.finish()


def _count(usage: Mapping[str, Any], *path: str) -> int | None:
    value: Any = usage
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _anthropic(usage: Mapping[str, Any], before: ModelUsage) -> ModelUsage:
    # `input_tokens` of this vendor leaves the cached ones out; ours counts all
    read = _count(usage, "cache_read_input_tokens")
    write = _count(usage, "cache_creation_input_tokens")
    read = before.cache_read_tokens if read is None else read
    write = before.cache_write_tokens if write is None else write
    plain = _count(usage, "input_tokens")
    if plain is None:
        plain = before.input_tokens - before.cache_read_tokens - before.cache_write_tokens
    output = _count(usage, "output_tokens")
    return replace(
        before,
        input_tokens=plain + read + write,
        output_tokens=before.output_tokens if output is None else output,
        cache_read_tokens=read,
        cache_write_tokens=write,
    )


def _chat(usage: Mapping[str, Any], before: ModelUsage) -> ModelUsage:
    return replace(
        before,
        input_tokens=_count(usage, "prompt_tokens") or 0,
        output_tokens=_count(usage, "completion_tokens") or 0,
        cache_read_tokens=_count(usage, "prompt_tokens_details", "cached_tokens") or 0,
    )


def _responses(usage: Mapping[str, Any], before: ModelUsage) -> ModelUsage:
    return replace(
        before,
        input_tokens=_count(usage, "input_tokens") or 0,
        output_tokens=_count(usage, "output_tokens") or 0,
        cache_read_tokens=_count(usage, "input_tokens_details", "cached_tokens") or 0,
    )


def _gemini(usage: Mapping[str, Any], before: ModelUsage) -> ModelUsage:
    thought = _count(usage, "thoughtsTokenCount") or 0
    return replace(
        before,
        input_tokens=_count(usage, "promptTokenCount") or before.input_tokens,
        output_tokens=(_count(usage, "candidatesTokenCount") or 0) + thought,
        cache_read_tokens=_count(usage, "cachedContentTokenCount") or 0,
    )


def _bedrock(usage: Mapping[str, Any], before: ModelUsage) -> ModelUsage:
    # as this vendor's `inputTokens` leaves the cached ones out; ours counts all
    read = _count(usage, "cacheReadInputTokens") or 0
    write = _count(usage, "cacheWriteInputTokens") or 0
    return replace(
        before,
        input_tokens=(_count(usage, "inputTokens") or 0) + read + write,
        output_tokens=_count(usage, "outputTokens") or 0,
        cache_read_tokens=read,
        cache_write_tokens=write,
    )


_READERS: Final[Mapping[Format, Callable[[Mapping[str, Any], ModelUsage], ModelUsage]]] = {
    "anthropic": _anthropic,
    "openai-chat": _chat,
    "openai-responses": _responses,
    "gemini": _gemini,
    "bedrock": _bedrock,
}
