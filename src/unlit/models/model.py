"""The words of the models room."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any


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

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "provider": self.provider,
            "model": self.model,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cache_read_tokens": self.cache_read_tokens,
            "cache_write_tokens": self.cache_write_tokens,
            "cost_usd": None if self.cost_usd is None else str(self.cost_usd),
        }


def usage_from_json(row: Mapping[str, Any]) -> ModelUsage:
    """Read what `ModelUsage.to_json` made; what it does not tell is nothing, a price unknown."""
    usd = row.get("cost_usd")
    return ModelUsage(
        str(row["provider"]),
        str(row["model"]),
        int(row.get("input_tokens") or 0),
        int(row.get("output_tokens") or 0),
        int(row.get("cache_read_tokens") or 0),
        int(row.get("cache_write_tokens") or 0),
        None if usd is None else Decimal(str(usd)),
    )
