"""What a model call used, read off the vendor's own answer."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """Tokens of one call and what they cost; an unknown price is `None`, never zero.

    `input_tokens` counts all input, cache reads and writes included.
    """

    provider: str
    model: str
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: Decimal | None = None
