"""Comparing one answer of a twin with the recorded one: status, error, shape, values."""

import re
from dataclasses import dataclass
from typing import Any, Final

from unlit.twins.fidelity.mapping import Mapping, pairs
from unlit.twins.fidelity.recording import Interaction, is_opaque

_TIME: Final = re.compile(r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?([+-]\d\d:?\d\d|Z)?)?$")
_TS: Final = re.compile(r"^\d{9,11}\.\d{5,6}$")
_ID_NAME: Final = re.compile(r"(?:^|_|[a-z])[iI]d$")


@dataclass(frozen=True, slots=True)
class Comparison:
    """How alike one answer is.

    Attributes:
        error: For errors, whether the vendor's code is the same; `None` where there is none.
        at_least: No recorded key is missing, no type differs, status and error are right.
        exact: Also no key more than recorded.
        values: Also every value that does not change by itself is equal.
        missing: Recorded keys that are missing.
        extra: Keys that the original did not send.
        differing: Values that differ, as ``key: recorded / own``.
    """

    status: bool
    error: bool | None
    at_least: bool
    exact: bool
    values: bool
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()


def compare(row: Interaction, status: int, body: Any, mapping: Mapping) -> Comparison:
    """Compare an own answer with a recorded one."""
    right = status == row.status
    if row.service == "slack":
        both = isinstance(row.response, dict) == isinstance(body, dict)
        right = right and both
        if right and isinstance(body, dict):
            right = row.response.get("ok") == body.get("ok")
    code = error_code(row.service, row.response)
    error = None
    if code is not None or row.status >= 400:
        error = code == error_code(row.service, body)
    if not isinstance(row.response, dict | list):
        same = (row.response is None) == (body is None or body == "")
        good = right and same and error is not False
        return Comparison(right, error, good, good, good, () if same else ("(body)",))
    if not isinstance(body, dict | list):
        return Comparison(right, error, False, False, False, ("(no json)",))
    recorded, own = key_paths(row.response), key_paths(body)
    missing = sorted(recorded.keys() - own.keys())
    extra = sorted(_extra(recorded, own))
    clash = any(
        (a := recorded[path] - {"null"}) and (b := own[path] - {"null"}) and not a & b
        for path in recorded.keys() & own.keys()
    )
    at_least = right and not missing and not clash and error is not False
    exact = at_least and not extra
    differing: list[str] = []
    _values(row.response, body, mapping, "", differing)
    return Comparison(
        right, error, at_least, exact, exact and not differing,
        tuple(missing), tuple(extra), tuple(differing[:6]),
    )  # fmt: skip


def error_code(service: str, body: Any) -> str | None:
    """Return the vendor's error code of an answer."""
    if not isinstance(body, dict):
        return None
    if service == "slack":
        return body.get("error") if body.get("ok") is False else None
    if service == "okta":
        return body.get("errorCode") or body.get("error")
    if service == "jira":
        marks = "M" if body.get("errorMessages") else ""
        return marks + ",".join(sorted(body.get("errors") or {})) or None
    error = body.get("error")
    if isinstance(error, dict):
        return str(error.get("status") or error.get("code"))
    return error if isinstance(error, str) else None


def key_paths(
    value: Any, path: str = "", out: dict[str, set[str]] | None = None
) -> dict[str, set[str]]:
    """Return every key path of a JSON value with the types seen there."""
    out = {} if out is None else out
    out.setdefault(path, set()).add(_type(value))
    if isinstance(value, dict):
        for key, item in value.items():
            named = is_opaque(key) and len(key) >= 10 and re.search(r"\d", key)
            key_paths(item, f"{path}/" + ("{id}" if named else key), out)
    elif isinstance(value, list):
        for item in value[:200]:
            key_paths(item, path + "[]", out)
    return out


def _type(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _extra(recorded: dict[str, set[str]], own: dict[str, set[str]]) -> set[str]:
    """Return own keys that the original did not send; an empty list says nothing of its rows."""
    found = own.keys() - recorded.keys()
    open_ended = [
        path
        for path, types in recorded.items()
        if "array" in types
        or ("object" in types and not any(other.startswith(path + "/") for other in recorded))
    ]
    return {
        path
        for path in found
        if not any(path.startswith((place + "[]", place + "/{id}")) for place in open_ended)
    }


def volatile(name: str, value: Any) -> bool:
    """Whether a value changes from run to run by itself: times, ids, addresses, large numbers."""
    if isinstance(value, str):
        return bool(
            _TIME.match(value)
            or _TS.match(value)
            or value.startswith(("http://", "https://", "<"))
            or (is_opaque(value) and len(value) >= 10)
        )
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value > 10**8 or bool(_ID_NAME.search(name))
    return False


def _values(recorded: Any, own: Any, mapping: Mapping, name: str, out: list[str]) -> None:
    if isinstance(recorded, dict) and isinstance(own, dict):
        for key in [name for name in recorded if name in own]:
            _values(recorded[key], own[key], mapping, key, out)
    elif isinstance(recorded, list) and isinstance(own, list):
        if len(recorded) != len(own):
            out.append(f"{name}[]: {len(recorded)} / {len(own)} items")
        for left, right in pairs(recorded, own):
            _values(left, right, mapping, name, out)
    elif not isinstance(recorded, dict | list) and not isinstance(own, dict | list):
        if volatile(name, recorded) or recorded == own:
            return
        if not (isinstance(recorded, str) and mapping.text(recorded) == own):
            out.append(f"{name}: {str(recorded)[:40]!r} / {str(own)[:40]!r}")
