"""What Google's discovery documents say of an answer: which fields it may have."""

from functools import cache
from typing import Final

from unlit.twins.kit.contract import Contract
from unlit.twins.kit.router import Route
from unlit.twins.services.google import masks

PACKAGE: Final = "unlit.twins.services.google"


@cache
def contract() -> Contract:
    """Return the compiled discovery documents, read once."""
    return Contract.load(PACKAGE)


def unknown_field(route: Route, mask: masks.Mask) -> str | None:
    """Return the first path of a mask that the answer of a route cannot have."""
    operation = contract().by_route.get((route.method, route.template))
    if operation is None or operation.response is None:
        return None
    return _unknown(operation.response, mask, "")


def _unknown(number: int | None, mask: masks.Mask, at: str) -> str | None:
    schema = contract().schema(number)
    while schema.get("t") == "array":
        schema = contract().schema(schema.get("i"))
    known = schema.get("p")
    if known is None:
        return None
    for name, below in mask.items():
        path = f"{at}{name}"
        if name == masks.ALL:
            continue
        inner = known.get(masks.camel(name))
        if inner is None:
            return path
        found = _unknown(inner, below, f"{path}.") if below else None
        if found is not None:
            return found
    return None
