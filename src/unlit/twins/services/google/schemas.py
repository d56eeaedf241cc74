"""What Google's discovery documents say of an answer: which fields it may have."""

import math
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Final

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


# --- bodies
Problem = tuple[str, str]
_SCALARS: Final[dict[str, tuple[tuple[type, ...], str]]] = {
    "string": ((str,), "TYPE_STRING"),
    "boolean": ((bool,), "TYPE_BOOL"),
    "integer": ((int, float, str), "TYPE_INT32"),
    "number": ((int, float, str), "TYPE_DOUBLE"),
}
_DRIVE: Final = "drive"
_PACKAGES: Final = {
    "sheets": "google.apps.sheets.v4",
    "docs": "google.apps.docs.v1",
    "drive": _DRIVE,
}


def as_texts(route: Route, body: Any) -> Any:
    """Return a body of Drive with numbers where texts belong read as texts, as Drive does."""
    operation = contract().by_route.get((route.method, route.template))
    return _texts(operation.request, body) if operation is not None else body


def _texts(number: int | None, value: Any) -> Any:
    schema = contract().schema(number)
    known = schema.get("p") or {}
    if isinstance(value, dict):
        return {key: _texts(known.get(key), item) for key, item in value.items()}
    if isinstance(value, list):
        return [_texts(schema.get("i"), item) for item in value]
    if schema.get("t") == "string" and isinstance(value, bool | int | float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return value


def eased(route: Route, body: Any) -> Any:
    """Return a body as Google's reader of JSON takes it, for the newer front door.

    It takes names in snake case, one message where a list of them belongs, numbers and truth
    values in text; what it does not take stays as it is, for `problems` to name.
    """
    operation = contract().by_route.get((route.method, route.template))
    return _eased(operation.request, body) if operation is not None else body


def _eased(number: int | None, value: Any) -> Any:
    schema = contract().schema(number)
    kind = schema.get("t")
    if isinstance(value, dict):
        if kind == "array":
            inner = contract().schema(schema.get("i"))
            return [_eased(schema.get("i"), value)] if inner.get("t") == "object" else value
        known = schema.get("p")
        if known is None:
            return value
        out = {}
        for name, item in value.items():
            camel = masks.camel(name)
            at = camel if name not in known and camel in known and camel not in value else name
            out[at] = _eased(known.get(camel), item)
        return out
    if isinstance(value, list):
        return [_eased(schema.get("i"), item) for item in value] if kind == "array" else value
    if kind == "boolean" and value in ("true", "false"):
        return value == "true"
    if kind in ("integer", "number") and isinstance(value, str):
        return _number(value, kind)
    return value


def _number(text: str, kind: str) -> Any:
    try:
        found = float(text)
    except ValueError:
        return text
    if not math.isfinite(found):
        return text
    return int(found) if kind == "integer" and found.is_integer() else found


def problems(route: Route, body: Any) -> list[Problem]:
    """Return what a body has that its message does not allow: (field, sentence) each."""
    operation = contract().by_route.get((route.method, route.template))
    package = _PACKAGES.get(route.op.partition(".")[0])
    if operation is None or operation.request is None or package is None:
        return []
    found = list(_wrong(operation.request, body, "", package))
    if package != _DRIVE:
        return found
    # Drive's older front door ignores names that it does not know.
    return [problem for problem in found if problem[1].startswith("Invalid value at")]


COMMON: Final = frozenset(
    ("access_token", "alt", "callback", "fields", "key", "oauth_token", "prettyPrint", "quotaUser",
     "uploadType", "upload_protocol", "$.xgafv", "xgafv", "bearer_token", "pp", "userIp", "trace")
)  # fmt: skip


def unknown_parameters(route: Route, names: Iterable[str]) -> list[Problem]:
    """Return what the front door of Docs and Sheets says of parameters that it cannot bind."""
    if route.op.partition(".")[0] not in ("docs", "sheets"):
        return []  # Drive's older front door ignores them
    operation = contract().by_route.get((route.method, route.template))
    if operation is None:
        return []
    path = set(re.findall(r"{(\w+)", route.template))
    return [
        ("", f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter. '
             f"Field '{name}' could not be found in request message.")
        for name in dict.fromkeys(names)
        if name.removeprefix("$") not in COMMON and name not in COMMON
        and masks.camel(name) not in operation.query and name not in path
    ]  # fmt: skip


def _wrong(number: int | None, value: Any, at: str, package: str) -> Iterator[Problem]:
    schema = contract().schema(number)
    kind = schema.get("t")
    if value is None or kind in (None, "any"):
        return
    if kind == "object":
        yield from _message(schema, value, at, package)
    elif kind == "array":
        inner = contract().schema(schema.get("i"))
        if not isinstance(value, list):
            yield at, f"Invalid value at '{at}' ({_named(inner, package)}), {_shown(value)}"
            return
        for place, item in enumerate(value):
            yield from _wrong(schema.get("i"), item, f"{at}[{place}]", package)
    elif isinstance(value, list):
        owner, _, name = at.rpartition(".")
        text = "Proto field is not repeating, cannot start list."
        yield owner, f"Invalid JSON payload received. Unknown name \"{name}\" at '{owner}': {text}"
    elif kind in _SCALARS:
        yield from _scalar(schema, value, at, package)


def _scalar(schema: Any, value: Any, at: str, package: str) -> Iterator[Problem]:
    accepted, word = _SCALARS[schema["t"]]
    good = isinstance(value, accepted) and (schema["t"] == "boolean" or not isinstance(value, bool))
    if good and schema["t"] in ("integer", "number") and isinstance(value, str):
        good = re.fullmatch(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|NaN|-?Infinity", value) is not None
    if not good:
        yield at, f"Invalid value at '{at}' ({word}), {_shown(value)}"
    elif "e" in schema and value not in schema["e"]:
        enum = at.rpartition(".")[2].replace("_", " ").title().replace(" ", "")
        kind = f"type.googleapis.com/{package}.{enum}"
        yield at, f"Invalid value at '{at}' ({kind}), {_shown(value)}"


def _message(schema: Any, value: Any, at: str, package: str) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield at, f"Invalid value at '{at}' ({_named(schema, package)}), {_shown(value)}"
        return
    known = schema.get("p")
    if known is None:
        return
    for name, item in value.items():
        inner = known.get(masks.camel(name))
        if inner is None:
            where = f" at '{at}'" if at else ""
            text = (
                f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.'
            )
            yield at, text
            continue
        path = f"{at}.{_snake(name)}" if at else _snake(name)
        yield from _wrong(inner, item, path, package)


def _named(schema: Any, package: str) -> str:
    if schema.get("t") == "array":
        return "type.googleapis.com/google.protobuf.ListValue"
    if "n" in schema:
        return f"type.googleapis.com/{package}.{schema['n']}"
    return _SCALARS.get(schema.get("t", ""), ((), "TYPE_MESSAGE"))[1]


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return str(value).lower() if isinstance(value, bool) else str(value)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
