"""Partial responses: ``fields=kind,files(id,owners/emailAddress)``."""

import re
from typing import Any, Final

Mask = dict[str, "Mask"]
_TOKEN: Final = re.compile(r"[^,()/\s]+|[,()/]")
ALL: Final = "*"


class BadMask(ValueError):
    """The mask cannot be read; the text is the part that is wrong."""


def parse(text: str) -> Mask:
    """Read a mask into a tree; an empty subtree means everything below.

    Raises:
        BadMask: The text is not a mask.
    """
    tokens = _TOKEN.findall(text)
    tree, at = _list(tokens, 0)
    if at != len(tokens) or not tokens:
        raise BadMask(text)
    return tree


def _list(tokens: list[str], at: int) -> tuple[Mask, int]:
    tree: Mask = {}
    while True:
        at = _path(tokens, at, tree)
        if at < len(tokens) and tokens[at] == ",":
            at += 1
            continue
        return tree, at


def _path(tokens: list[str], at: int, tree: Mask) -> int:
    if at >= len(tokens) or tokens[at] in ",()/":
        raise BadMask(tokens[at] if at < len(tokens) else "")
    parts = tokens[at].split(".") if "." in tokens[at] else [tokens[at]]
    node, full = tree, False
    for part in parts:
        full = part in node and not node[part]
        node = node.setdefault(part, {})
    at += 1
    if at < len(tokens) and tokens[at] == "/":
        at = _path(tokens, at + 1, node)
    elif at < len(tokens) and tokens[at] == "(":
        inner, at = _list(tokens, at + 1)
        if at >= len(tokens) or tokens[at] != ")":
            raise BadMask("(")
        at += 1
        _merge(node, inner)
    else:
        node.clear()
        return at
    if full:
        node.clear()
    return at


def _merge(into: Mask, more: Mask) -> None:
    for key, tree in more.items():
        if key in into and not into[key]:
            continue
        if not tree:
            into[key] = {}
        else:
            _merge(into.setdefault(key, {}), tree)


def apply(value: Any, mask: Mask) -> Any:
    """Return the part of `value` that the mask selects; what holds nothing selected stays empty."""
    if not mask or (ALL in mask and not mask[ALL]):
        return value
    if isinstance(value, list):
        return [apply(item, mask) for item in value]
    if not isinstance(value, dict):
        return value
    out: dict[str, Any] = {}
    for key, item in value.items():
        tree = mask.get(key, mask.get(ALL))
        if tree is None:
            continue
        out[key] = apply(item, tree)
    return out


def merged(old: dict[str, Any], new: dict[str, Any], mask: Mask) -> dict[str, Any]:
    """Return `old` with the masked parts taken from `new`; a masked part that is absent goes."""
    if ALL in mask:
        return {key: value for key, value in new.items() if value is not None}
    out = dict(old)
    for key, tree in mask.items():
        name = camel(key)
        if not tree or ALL in tree:
            if new.get(name) is None:
                out.pop(name, None)
            else:
                out[name] = new[name]
            continue
        below = merged(dict(old.get(name) or {}), dict(new.get(name) or {}), tree)
        if below:
            out[name] = below
        else:
            out.pop(name, None)
    return out


def camel(name: str) -> str:
    """Return a field's JSON name; masks may be written in snake_case."""
    if "_" not in name:
        return name
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def names(mask: Mask, name: str) -> bool:
    """Say whether a mask selects `name`."""
    return ALL in mask or any(camel(key) == name for key in mask)
