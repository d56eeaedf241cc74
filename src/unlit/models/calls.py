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

_BYTES_PER_TOKEN: Final = 4


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
    """One call before it is made; `max_tokens` is `None` if the request names no limit."""

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
        max(1, len(body) // _BYTES_PER_TOKEN),
        max(counts) if counts else None,
    )


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
