"""The smallest value of a JSON Schema, for clients that ask for structured output."""

from collections.abc import Mapping
from typing import Any, Final

_DEEPEST: Final = 24
_PLAIN: Final[Mapping[str, Any]] = {"boolean": False, "array": [], "null": None}


def smallest(
    schema: Mapping[str, Any], root: Mapping[str, Any] | None = None, depth: int = 0
) -> Any:
    """Return a small value that a schema accepts; strings say that a script wrote them.

    Args:
        schema: JSON Schema, or the vendors' dialects of it (types in capitals, `anyOf`, `$ref`).
        root: Where `$ref` points into; `schema` itself at first.
        depth: How deep it is already; a schema that never ends is cut off with null.
    """
    root = schema if root is None else root
    if depth > _DEEPEST:
        return None
    target = schema.get("$ref")
    if isinstance(target, str):
        return smallest(_at(root, target), root, depth + 1)
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if schema.get("enum"):
        return schema["enum"][0]
    for key in ("anyOf", "oneOf"):
        if schema.get(key):
            return smallest(schema[key][0], root, depth + 1)
    merged = dict(schema)
    for part in schema.get("allOf") or ():
        merged = {**merged, **part}
    return _of_type(merged, root, depth)


def _of_type(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> Any:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if not isinstance(kind, str):
        kind = kind[0]
    name = str(kind).lower()
    if name == "object":
        properties = schema.get("properties") or {}
        wanted = schema.get("required") or list(properties)
        return {key: smallest(properties.get(key) or {}, root, depth + 1) for key in wanted}
    if name == "array":
        few = int(schema.get("minItems") or 0)
        return [smallest(schema.get("items") or {}, root, depth + 1) for _ in range(few)]
    if name in ("integer", "number"):
        return schema.get("minimum", 0)
    if name in _PLAIN:
        return _PLAIN[name]
    return "scripted".ljust(int(schema.get("minLength") or 0), ".")


def _at(root: Mapping[str, Any], target: str) -> Mapping[str, Any]:
    found: Any = root
    for step in target.removeprefix("#").strip("/").split("/"):
        if step:
            found = found.get(step) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}
