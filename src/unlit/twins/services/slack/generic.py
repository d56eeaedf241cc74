"""Methods that the reference alone describes: arguments checked, things kept, shapes filled.

What cannot be answered truly (a call to an enterprise organisation that is not there) is
refused with an error that the method documents.
"""

import zlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec

from unlit.twins.services.slack import workspace
from unlit.twins.services.slack.ask import Ask, Method, SlackError, missing

_MAKE: Final = ("create", "add", "start", "share", "upload")
_READ: Final = ("info", "get", "lookup")
_LIST: Final = ("list", "search", "listAll", "listConnectInvites")
_CHANGE: Final = ("update", "edit", "set", "rename", "end", "complete", "enable", "disable")
_DROP: Final = ("delete", "remove", "revoke", "deleteMultiple")


@cache
def contract() -> Mapping[str, Any]:
    """Return the compiled method reference: arguments, errors, tier and shape by method."""
    data = files("unlit.twins.services.slack").joinpath("contract.bin").read_bytes()
    found: Mapping[str, Any] = msgspec.json.decode(zlib.decompress(data))
    return found


def method(name: str, entry: Mapping[str, Any]) -> Method:
    """Return a method that behaves by convention."""
    noun, _, verb = name.rpartition(".")

    def answer(ask: Ask) -> dict[str, Any]:
        _check(ask, name, entry)
        table = ask.table(f"generic:{noun}")
        if verb in _LIST:
            return _listed(ask, entry, table)
        if verb in _MAKE:
            return _made(ask, entry, table)
        if verb in (*_READ, *_CHANGE, *_DROP):
            return _touched(ask, name, entry, verb)
        _note(ask, name)
        if set(entry["shape"]) - {"response_metadata"}:
            raise SlackError(
                "method_not_supported",
                response_metadata={"messages": [f"[ERROR] the twin does not do {name}"]},
            )
        return {}

    return answer


def _check(ask: Ask, name: str, entry: Mapping[str, Any]) -> None:
    errors = entry["errors"]
    if name.startswith("admin.") and ask.call.actor.kind == "bot":
        raise SlackError(
            "not_allowed_token_type" if "not_allowed_token_type" in errors else "not_allowed"
        )
    lacking = [arg for arg, (_, needed) in entry["args"].items() if needed and not ask.has(arg)]
    if lacking:
        raise missing(*lacking)
    if name.startswith("admin.") and "feature_not_enabled" in errors:
        raise SlackError("feature_not_enabled")


def _note(ask: Ask, name: str) -> None:
    """Keep what was asked, so that the state shows it."""
    args = {key: ask.text(key) for key in ask.args if key != "token"}
    ask.table("asked").put(ask.world.number("slack.asked"), {"method": name, **args})


def _not_found(entry: Mapping[str, Any]) -> SlackError:
    for code in entry["errors"]:
        if code.endswith("not_found") and code != "team_not_found":
            return SlackError(code)
    return SlackError("not_found")


def _key(ask: Ask, entry: Mapping[str, Any]) -> str | None:
    for name, (_, needed) in entry["args"].items():
        if (
            (needed or name in ("id", "external_id", "file"))
            and ask.has(name)
            and (name.endswith(("id", "file", "_ids", "call")))
        ):
            return ask.text(name)
    return None


def _listed(ask: Ask, entry: Mapping[str, Any], table: Any) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, shape in entry["shape"].items():
        if isinstance(shape, list):
            rows, cursor = workspace.page(
                ask,
                list(table.values()),
                "generic",
                key=lambda row: str(row["_key"]),
                usual=100,
                most=1000,
            )
            out[name] = [_shown(row) for row in rows]
            if "response_metadata" in entry["shape"]:
                out["response_metadata"] = {"next_cursor": cursor}
        elif name not in out:
            out[name] = _filled(ask, shape, {}, name)
    return out


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if not key.startswith("_")}


def _made(ask: Ask, entry: Mapping[str, Any], table: Any) -> dict[str, Any]:
    args = {key: value for key, value in ask.args.items() if key != "token"}
    out = {name: _filled(ask, shape, args, name) for name, shape in entry["shape"].items()}
    inner = next((value for value in out.values() if isinstance(value, dict)), {})
    key = (
        inner.get("id")
        or next(
            (
                value
                for name, value in out.items()
                if name.endswith("id") and isinstance(value, str)
            ),
            None,
        )
        or workspace.mint(ask.world, "X")
    )
    kept = {**args, **(inner or out)}
    table.put(key, {**kept, "_key": key, **({} if "id" in kept else {"id": key})})
    return out


def _touched(ask: Ask, name: str, entry: Mapping[str, Any], verb: str) -> dict[str, Any]:
    table = ask.table(f"generic:{name.rpartition('.')[0]}")
    key = _key(ask, entry)
    row = table.get(key) if key is not None else None
    if row is None and key is not None:
        row = next((r for r in table.values() if key in (r.get("external_id"), r.get("id"))), None)
    if row is None:
        raise _not_found(entry)
    if verb in _DROP:
        table.drop(row["_key"])
        return {}
    if verb in _CHANGE:
        changes = {k: v for k, v in ask.args.items() if k not in ("token",) and v is not None}
        row = table.put(row["_key"], {**row, **changes, "id": row.get("id")})
    out: dict[str, Any] = {}
    for part, shape in entry["shape"].items():
        out[part] = _filled(ask, shape, _shown(row), part)
    return out


def _filled(ask: Ask, shape: Any, known: Mapping[str, Any], name: str) -> Any:
    if isinstance(shape, dict):
        inner = known.get(name)
        source = inner if isinstance(inner, dict) else known
        return {key: _filled(ask, part, source, key) for key, part in shape.items()}
    if name in known and not isinstance(shape, list):
        return known[name]
    if isinstance(shape, list):
        found = known.get(name)
        return found if isinstance(found, list) else []
    return _leaf(ask, shape)


def _leaf(ask: Ask, shape: Any) -> Any:
    if not isinstance(shape, str) or not shape.startswith("$"):
        return shape
    kind, _, rest = shape.partition(":")
    if kind == "$mint":
        return workspace.mint(ask.world, rest or "X")
    if kind == "$seconds":
        return workspace.seconds(ask.world)
    if kind == "$ts":
        return f"{ask.world.now():.6f}"
    return {"$null": None, "$number": 0, "$list": [], "$text": ""}.get(kind)
