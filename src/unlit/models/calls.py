"""What a model call asks for, read off its request: enough to say what it may cost at most."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import msgspec

from unlit.models.model import ModelUsage
from unlit.models.prices import price
from unlit.models.usage import model_format, model_in_path, provider_of

ASSUMED_OUTPUT: Final = 16_384
"""Output tokens assumed for a call that names no limit of its own."""

_ELSEWHERE: Final[Mapping[bytes, int]] = {
    b'"tools"': 600,
    b'"image_url"': 5_000,
    b'"file_id"': 50_000,
    b'"fileUri"': 50_000,
    b'"file_uri"': 50_000,
    b'"previous_response_id":"': 400_000,
    b'"previous_response_id": "': 400_000,
}
"""What a vendor adds of its own or a request only points to, and the tokens it may be."""

_CACHED: Final = ((b'"1h"', Decimal(2)), (b'"cache_control"', Decimal("1.25")))
"""What writing a prompt into a vendor's cache costs, in times its plain price."""


class _Body(msgspec.Struct):
    model: Any = None
    max_tokens: Any = None
    max_completion_tokens: Any = None
    max_output_tokens: Any = None
    generationConfig: Any = None  # noqa: N815 # the vendor's name
    inferenceConfig: Any = None  # noqa: N815 # the vendor's name


_DECODER: Final = msgspec.json.Decoder(_Body)


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One call before it is made; `max_tokens` is `None` if the request names no limit.

    `input_tokens` is the most that may be billed: a tokeniser of bytes makes at most one token of
    each, so that no prompt of rare words or scripts costs more than was held.
    """

    provider: str
    model: str
    input_tokens: int
    max_tokens: int | None

    def worst_usd(self) -> Decimal | None:
        """Return the most it may cost, or `None` if the model's price is not known."""
        output = self.max_tokens or ASSUMED_OUTPUT
        return price(ModelUsage(self.provider, self.model, self.input_tokens, output))


def read_call(path: str, body: bytes, host: str = "") -> ModelCall | None:
    """Read a model call's request; `None` if the path is no model call."""
    form = model_format(path)
    if form is None:
        return None
    named = model_in_path(path)
    try:
        asked = _DECODER.decode(body)
    except (msgspec.DecodeError, RecursionError):
        asked = _Body()
    config, inference = asked.generationConfig, asked.inferenceConfig
    limits = [asked.max_tokens, asked.max_completion_tokens, asked.max_output_tokens]
    if isinstance(config, Mapping):
        limits.append(config.get("maxOutputTokens"))
    if isinstance(inference, Mapping):
        limits.append(inference.get("maxTokens"))
    counts = [limit for limit in limits if type(limit) is int and limit > 0]
    model = asked.model if isinstance(asked.model, str) else ""
    return ModelCall(
        provider_of(host, form),
        (named or model)[:200],
        _most_input(body),
        max(counts) if counts else None,
    )


def _most_input(body: bytes) -> int:
    """Return the most input tokens that a request may be billed for, as tokens of plain price."""
    pointed = sum(body.count(mark) * tokens for mark, tokens in _ELSEWHERE.items())
    times = next((times for mark, times in _CACHED if mark in body and _CACHED[1][0] in body), 1)
    return int((len(body) + pointed) * times)


def quota_body(path: str, sentence: str) -> dict[str, Any]:
    """Return the body in which the path's vendor says that money is used up."""
    form = model_format(path)
    if form == "anthropic":
        return {"type": "error", "error": {"type": "billing_error", "message": sentence}}
    if form == "gemini":
        return {"error": {"code": 402, "message": sentence, "status": "RESOURCE_EXHAUSTED"}}
    if form == "bedrock":
        return {"__type": "ServiceQuotaExceededException", "message": sentence}
    kind = "insufficient_quota"
    return {"error": {"message": sentence, "type": kind, "code": kind, "param": None}}
