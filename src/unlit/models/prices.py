"""What tokens cost, by the public list that genai-prices ships; an unlisted price is `None`."""

from decimal import Decimal

from unlit.models.model import ModelUsage


def price(usage: ModelUsage) -> Decimal | None:
    """Return the price of a call in dollars, or `None` if the model's price is not known."""
    from genai_prices import Usage, calc_price

    if not usage.model:
        return None
    tokens = Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )
    try:
        found = calc_price(tokens, model_ref=usage.model, provider_id=usage.provider)
    except (LookupError, ValueError):
        return None
    return Decimal(found.total_price)
