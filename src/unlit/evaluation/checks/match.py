"""Does this value fit that expectation? Each answer is a list of misfits, empty when it fits."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from unlit.evaluation.scenarios.template import as_text

_PATTERN_LIMIT: Final = 200_000


def match_text(expected: Any, actual: str) -> list[str]:
    """Compare a text with an expectation (`equals`, `contains`, `matches`, `json` …).

    A bare text ignores blank space at both ends; `equals` is exact but for one final newline.
    """
    if not isinstance(expected, Mapping):
        fits = actual.strip() == as_text(expected).strip()
        return [] if fits else [f"is not {_short(expected)}"]
    misfits: list[str] = []
    for condition, value in expected.items():
        misfits += _TEXT[condition](value, actual)
    return misfits


def _equals(value: Any, actual: str) -> list[str]:
    wanted = as_text(value)
    fits = wanted in (actual, actual.removesuffix("\n"))
    return [] if fits else [f"is not exactly {_short(value)}"]


def _contains(value: Any, actual: str) -> list[str]:
    return [f"does not contain {_short(part)}" for part in _many(value) if str(part) not in actual]


def _not_contains(value: Any, actual: str) -> list[str]:
    return [f"contains {_short(part)}" for part in _many(value) if str(part) in actual]


def _matches(value: Any, actual: str) -> list[str]:
    found = re.search(str(value), actual[:_PATTERN_LIMIT], re.MULTILINE)
    return [] if found else [f"does not match {_short(value)}"]


def _json(value: Any, actual: str) -> list[str]:
    try:
        document = json.loads(actual)
    except (ValueError, RecursionError):
        return ["is not JSON"]
    return match_json(value, document)


def _empty(value: Any, actual: str) -> list[str]:
    if bool(actual.strip()) != bool(value):
        return []
    return ["is not empty"] if value else ["is empty"]


def _lines(value: Any, actual: str) -> list[str]:
    count = len(actual.splitlines())
    return [] if count == int(value) else [f"has {count} lines, not {value}"]


def _at(value: Any, actual: str) -> list[str]:
    try:
        document = json.loads(actual)
    except (ValueError, RecursionError):
        return ["is not JSON"]
    misfits: list[str] = []
    for path, expected in value.items():
        found = value_at(document, path)
        if isinstance(expected, Mapping) and expected.get("missing"):
            misfits += [] if found is None else [f"{path} is there"]
        elif found is None and expected is not None:
            misfits.append(f"{path} is missing")
        else:
            misfits += match_field(expected, found, path)
    return misfits


def value_at(document: Any, path: str) -> Any:
    """Return the value at a dotted path (``items.0.id``), or None."""
    value = document
    for part in path.split(".") if path else ():
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


_TEXT: Final = {
    "at": _at,
    "equals": _equals,
    "contains": _contains,
    "not_contains": _not_contains,
    "matches": _matches,
    "json": _json,
    "empty": _empty,
    "lines": _lines,
}
_CONDITIONS: Final = frozenset(_TEXT) | {
    "any", "not", "one_of", "min", "max", "count", "missing", "type",
}  # fmt: skip


def match_json(expected: Any, actual: Any, path: str = "") -> list[str]:
    """Compare JSON: objects hold at least the expected members, arrays are exact and in order."""
    here = path or "the value"
    if isinstance(expected, Mapping):
        if expected and set(expected) <= _CONDITIONS and not isinstance(actual, Mapping):
            return match_field(expected, actual, here)
        if not isinstance(actual, Mapping):
            return [f"{here} is not an object"]
        misfits = []
        for key, value in expected.items():
            inner = f"{path}.{key}" if path else str(key)
            if key not in actual:
                misfits.append(f"{inner} is missing")
            else:
                misfits += match_json(value, actual[key], inner)
        return misfits
    if isinstance(expected, list | tuple):
        return _match_array(expected, actual, path)
    return (
        [] if _same(expected, actual) else [f"{here} is {_short(actual)}, not {_short(expected)}"]
    )


def _match_array(expected: Sequence[Any], actual: Any, path: str) -> list[str]:
    here = path or "the value"
    if not isinstance(actual, list | tuple):
        return [f"{here} is not an array"]
    if len(actual) != len(expected):
        return [f"{here} has {len(actual)} items, not {len(expected)}"]
    misfits: list[str] = []
    for n, (want, have) in enumerate(zip(expected, actual, strict=True)):
        misfits += match_json(want, have, f"{path}[{n}]")
    return misfits


def match_field(expected: Any, actual: Any, name: str = "the value") -> list[str]:
    """Compare one field of a twin's object with a value or with conditions."""
    if not isinstance(expected, Mapping) or not set(expected) <= _CONDITIONS or not expected:
        return match_json(expected, actual, name)
    misfits: list[str] = []
    for condition, value in expected.items():
        misfits += _condition(condition, value, actual)
    return [f"{name} {misfit}" for misfit in misfits]


def _condition(condition: str, value: Any, actual: Any) -> list[str]:
    match condition:
        case "any" | "missing":
            return []
        case "count":
            size = len(actual) if isinstance(actual, list | tuple | dict | str) else None
            return [] if size == int(value) else [f"has {size} items, not {value}"]
        case "type":
            return [] if _type(actual) == value else [f"is {_type(actual)}, not {value}"]
        case "not":
            return ["is what it must not be"] if _same(value, actual) else []
        case "one_of":
            fits = any(_same(item, actual) for item in value)
            return [] if fits else [f"is {_short(actual)}, none of {_short(value)}"]
        case "min":
            return [] if _number(actual) >= _number(value) else [f"is less than {value}"]
        case "max":
            return [] if _number(actual) <= _number(value) else [f"is more than {value}"]
        case "contains" if isinstance(actual, list | tuple):
            missing = [part for part in _many(value) if part not in actual]
            return [f"does not contain {_short(part)}" for part in missing]
        case "not_contains" if isinstance(actual, list | tuple):
            return [f"contains {_short(part)}" for part in _many(value) if part in actual]
    text = actual if isinstance(actual, str) else json.dumps(actual, ensure_ascii=False)
    return list(_TEXT[condition](value, text))


def match_exit(expected: Any, actual: int | None) -> list[str]:
    """Compare an exit code or an HTTP status."""
    if actual is None:
        return ["there is none"]
    if isinstance(expected, Mapping):
        misfits = []
        if "not" in expected and actual == int(expected["not"]):
            misfits.append(f"is {actual}")
        if "one_of" in expected and actual not in [int(item) for item in expected["one_of"]]:
            misfits.append(f"is {actual}, none of {_short(expected['one_of'])}")
        return misfits
    return [] if actual == int(expected) else [f"is {actual}, not {expected}"]


def _type(value: Any) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array",
             dict: "object"}  # fmt: skip
    return names.get(type(value), "null")


def _same(expected: Any, actual: Any) -> bool:
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if isinstance(expected, int | float) and isinstance(actual, int | float):
        return expected == actual
    return bool(expected == actual)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def _many(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else [value]


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = text if len(text) <= 80 else text[:77] + "…"
    return f"`{text}`"
