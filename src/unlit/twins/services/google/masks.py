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
    """Return the part of `value` that the mask selects."""
    if not mask or (ALL in mask and not mask[ALL]):
        return value
    if isinstance(value, list):
        return [item for item in (apply(item, mask) for item in value) if item != {}]
    if not isinstance(value, dict):
        return value
    out: dict[str, Any] = {}
    for key, item in value.items():
        tree = mask.get(key, mask.get(ALL))
        if tree is None:
            continue
        kept = apply(item, tree)
        if tree and isinstance(kept, dict) and not kept:
            continue
        out[key] = kept
    return out
