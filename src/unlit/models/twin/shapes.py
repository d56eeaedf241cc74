"""The smallest value of a JSON Schema, for clients that ask for structured output."""

import json
from collections.abc import Mapping
from typing import Any, Final

_DEEPEST: Final = 24
_MOST: Final = 1000
"""Items of a list and characters of a string, whatever a schema says is the least."""
_ROOM: Final = 2000
"""Values and parts of schemas that are looked at; a text counts once more for each piece."""
_PIECE: Final = 500
_PLAIN: Final[Mapping[str, Any]] = {"boolean": False, "array": [], "null": None}


def smallest(schema: Mapping[str, Any]) -> Any:
    """Return a small value that a schema accepts; strings say that a script wrote them.

    A schema that never ends, or wants more than anybody reads, is cut off: with null, with less.

    Args:
        schema: JSON Schema, or the vendors' dialects of it (types in capitals, `anyOf`, `$ref`).
    """
    return _Maker(schema).value(schema, 0)


class _Maker:
    """Makes one value; `root` is where `$ref` points into."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._room = _ROOM

    def value(self, schema: Any, depth: int) -> Any:
        self._room -= 1
        if depth > _DEEPEST or self._room < 0:
            return None
        if isinstance(schema, bool):  # anything, or nothing at all
            return self._of_type({}, depth)
        target = schema.get("$ref")
        if isinstance(target, str):
            return self.value(_at(self._root, self._paid(target)), depth + 1)
        for key in ("const", "default"):
            if key in schema:
                return self._paid(schema[key])
        if schema.get("enum"):
            return self._paid(schema["enum"][0])
        for key in ("anyOf", "oneOf"):
            if schema.get(key):
                return self.value(schema[key][0], depth + 1)
        return self._of_type(self._merged(schema), depth)

    def _paid(self, given: Any) -> Any:
        """Return what a schema says as it is, for its size."""
        self._room -= len(given if isinstance(given, str) else json.dumps(given)) // _PIECE
        return given

    def _merged(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        parts = schema.get("allOf")
        if not parts:
            return schema
        merged: dict[str, Any] = {}
        for part in (schema, *parts):
            self._room -= len(part)
            merged.update(part)
        return merged

    def _of_type(self, schema: Mapping[str, Any], depth: int) -> Any:
        kind = schema.get("type", "object" if "properties" in schema else "string")
        name = str(kind if isinstance(kind, str) else kind[0]).lower()
        if name == "object":
            return self._table(schema, depth)
        if name == "array":
            return self._list(schema, depth)
        if name in ("integer", "number"):
            return self._paid(schema.get("minimum", 0))
        if name in _PLAIN:
            return _PLAIN[name]
        return "scripted".ljust(_least(schema.get("minLength")), ".")

    def _table(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties") or {}
        made: dict[str, Any] = {}
        for key in schema.get("required") or properties:
            if self._room <= 0:
                break
            self._paid(key)
            made[key] = self.value(properties.get(key) or {}, depth + 1)
        return made

    def _list(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        made: list[Any] = []
        for _ in range(_least(schema.get("minItems"))):
            if self._room <= 0:
                break
            made.append(self.value(schema.get("items") or {}, depth + 1))
        return made


def _least(said: Any) -> int:
    """Return how many a schema wants at least; one vendor writes numbers as strings."""
    number = int(said) if isinstance(said, str) else said or 0
    return int(min(number, _MOST)) if number > 0 else 0


def _at(root: Mapping[str, Any], target: str) -> Mapping[str, Any]:
    found: Any = root
    for step in target.removeprefix("#").strip("/").split("/"):
        if step:
            found = found.get(step) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}
