"""How a frozen row becomes columns and back; pure."""

import json
import types
import typing
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

Row = TypeVar("Row")

_KNOWN: dict[str, Mapping[str, Any]] = {}


def to_columns(row: Any) -> dict[str, Any]:
    """Turn a frozen row into column values."""
    return {name: _encode(getattr(row, name)) for name in _decoders(type(row))}


def encode(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Turn changed fields into column values."""
    return {name: _encode(value) for name, value in changes.items()}


def from_columns(kind: type[Row], columns: Mapping[str, Any]) -> Row:
    """Turn column values into a frozen row of `kind`."""
    return kind(
        **{
            name: None if columns[name] is None else decode(columns[name])
            for name, decode in _decoders(kind).items()
        }
    )


def _encode(value: Any) -> Any:
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping | tuple):
        return json.dumps(value, sort_keys=True, default=_plain)
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"not JSON: {type(value).__name__}")


def _decoders(kind: type[Any]) -> Mapping[str, Any]:
    name = f"{kind.__module__}.{kind.__qualname__}"
    known = _KNOWN.get(name)
    if known is None:
        hints = typing.get_type_hints(kind)
        known = {field.name: _decoder(hints[field.name]) for field in fields(kind)}
        _KNOWN[name] = known
    return known


def _decoder(hint: Any) -> Any:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    base = typing.get_origin(hint) or getattr(hint, "__supertype__", hint)
    if base is datetime:
        return datetime.fromisoformat
    if base is Decimal or (isinstance(base, type) and issubclass(base, StrEnum)):
        return base
    if base is tuple:
        return _tuple
    if isinstance(base, type) and issubclass(base, Mapping):
        return json.loads
    return _same


def _tuple(text: str) -> tuple[Any, ...]:
    return tuple(json.loads(text))


def _same(value: Any) -> Any:
    return value
