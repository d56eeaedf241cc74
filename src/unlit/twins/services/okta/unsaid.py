"""Creates without a body, in a world of a quick start: taken to have said what is usual.

Recordings lose bodies. A world whose caller came with an unknown token (`--any-token`) answers such
a create as if the keys that creates of the kind usually send had been sent, under names of its own,
and says so in the header ``x-twin-believed``. Every other world refuses it, as Okta does.
"""

from collections.abc import Mapping
from typing import Any, Final

from unlit.twins.kit.contract import Operation
from unlit.twins.kit.crud import Crud
from unlit.twins.kit.making import SERVERS
from unlit.twins.kit.resources import place
from unlit.twins.kit.twin import Exchange
from unlit.twins.kit.world import Table
from unlit.twins.services.okta import groups, keys

HEADER: Final = "x-twin-believed"
_QUICK: Final = "quick"
_TEXT: Final = "$text"
_ORIGIN: Final = "https://unsaid{0}.example.com"


def welcome(meta: Table) -> None:
    """Mark a world as one of a quick start."""
    meta.put(_QUICK, True)


def body(crud: Crud, call: Exchange) -> Any:
    """Return what a call without a body is taken to have said; `None` for nothing."""
    if call.request.method not in ("POST", "PUT") or not call.table("meta").get(_QUICK):
        return None
    operation = crud.maker.contract.by_route.get((call.request.method, call.route.template))
    if operation is None or operation.request is None:
        return None
    where = place(crud.maker.contract, operation)
    if where.role == "collection" and operation.method == "POST":
        said = _made(call, crud.maker.kind(where.kind).asked, where.kind)
    elif where.role == "item" and operation.method == "PUT":
        said = _unchanged(crud, call, operation)
    else:
        return None
    return said or None


def _unchanged(crud: Crud, call: Exchange, operation: Operation) -> Any:
    kind, _, last = operation.template.rpartition("/")
    row = crud.table(call.world, crud.path(kind, call.params)).get(call.params.get(last[1:-1], ""))
    return {k: v for k, v in row.items() if k not in SERVERS} if isinstance(row, dict) else None


def _made(call: Exchange, asked: Mapping[str, Any], kind: str) -> dict[str, Any]:
    number = call.world.number("okta.unsaid")
    out = {
        key: _filled(call, value, key, number) for key, value in asked.items() if key not in SERVERS
    }
    if "id" in asked and kind.endswith("/users"):
        out["id"] = next(reversed(list(call.table("users"))))  # whom the caller knows best
    return out


def _filled(call: Exchange, shape: Any, name: str, number: int) -> Any:
    if isinstance(shape, dict):
        table = {key: _filled(call, inner, key, number) for key, inner in shape.items()}
        if name == "groups" and "include" in table:
            everyone = groups.by_name(call.world, "Everyone")
            table["include"] = [everyone["id"]] if everyone else []
        return table
    if isinstance(shape, list):
        if name == "x5c":
            return list(keys.made(call.world, 2)["x5c"])
        return [] if _TEXT in shape else [_filled(call, inner, name, number) for inner in shape]
    return _named(name, number) if shape == _TEXT else shape


def _named(name: str, number: int) -> str:
    low = name.lower()
    if low in ("login", "email", "secondemail"):
        return f"unsaid{number}@example.com"
    if low.endswith(("url", "uri", "origin", "issuer")):
        return _ORIGIN.format(number)
    return f"Unsaid {number}"
