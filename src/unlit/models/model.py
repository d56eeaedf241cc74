"""The words of the models room."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """Tokens of one call and what they cost; an unknown price is `None`, never zero.

    `input_tokens` counts all input, cache reads and writes included. A call whose answer told no
    usage has no tokens and an unknown cost.
    """

    provider: str
    model: str
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: Decimal | None = None
