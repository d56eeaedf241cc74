"""Design tokens in the W3C community group's format, from files in the repository.

Source: designtokens.org/tr/2025.10/format (read 2026-03).
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Final

from unlit.context.model import Item, Ref, Trust
from unlit.context.rules.reading import table
from unlit.core.canonical import digest_bytes
from unlit.core.clock import Clock
from unlit.core.errors import InvalidInput

_SUFFIXES: Final = (".tokens.json", ".tokens", "tokens.json")
_SKIPPED: Final = {"node_modules", "dist", "build"}


class DesignTokens:
    """Token files below a folder.

    Args:
        root: The folder.
        clock: Says when something was read.
        name: Name of this source.
    """

    kind: ClassVar[str] = "tokens"

    def __init__(self, root: Path, clock: Clock, name: str = "tokens") -> None:
        self.name = name
        self._root = root
        self._clock = clock

    def search(self, query: str) -> Iterator[Ref]:
        """Yield the token files whose path has every word."""
        for path in sorted(self._root.rglob("*")):
            key = path.relative_to(self._root).as_posix()
            hidden = any(part.startswith(".") or part in _SKIPPED for part in key.split("/"))
            if hidden or not path.is_file() or not path.name.endswith(_SUFFIXES):
                continue
            if all(word in key.lower() for word in query.lower().split()):
                yield Ref(self.name, "tokens", key)

    def fetch(self, ref: Ref) -> Item | None:
        """Read one file as a table of names, kinds and values; aliases are resolved.

        Raises:
            InvalidInput: The file is not JSON, or an alias points nowhere or at itself.
        """
        path = self._root / ref.key
        if not path.is_file() or not path.resolve().is_relative_to(self._root.resolve()):
            return None
        text = path.read_bytes()
        try:
            tokens = flatten(json.loads(text))
        except ValueError as error:
            raise InvalidInput(
                "CTX-215",
                f"{path} is not a token file: {error}.",
                "design tokens are JSON, and an alias names another token.",
                "correct the file.",
            ) from error
        rows = [
            {"token": name, "type": one["type"], "value": one["value"], "about": one["about"]}
            for name, one in sorted(tokens.items())
        ]
        return Item(
            ref=ref,
            revision=digest_bytes(text).removeprefix("sha256:")[:16],
            title=f"Design tokens {ref.key}",
            body=table(rows),
            trust=Trust.INTERNAL,
            fetched_at=self._clock.now(),
        )

    def owns(self, text: str) -> Ref | None:
        """Recognise nothing: tokens have no URL."""
        return None


def flatten(tree: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return each token by its dotted name, with type inherited and aliases resolved.

    Raises:
        ValueError: An alias points nowhere or at itself.
    """
    raw: dict[str, dict[str, Any]] = {}
    _collect(tree, (), None, raw)
    return {
        name: {
            "type": str(one["type"] or ""),
            "value": _shown(_resolve(one["value"], raw, (name,))),
            "about": str(one["about"] or ""),
        }
        for name, one in raw.items()
    }


def _collect(
    node: dict[str, Any], path: tuple[str, ...], kind: Any, raw: dict[str, dict[str, Any]]
) -> None:
    kind = node.get("$type", kind)
    if "$value" in node:
        raw[".".join(path)] = {
            "type": kind,
            "value": node["$value"],
            "about": node.get("$description"),
        }
        return
    for name, child in node.items():
        if isinstance(child, dict) and not name.startswith("$"):
            _collect(child, (*path, name), kind, raw)


def _resolve(value: Any, raw: dict[str, dict[str, Any]], seen: tuple[str, ...]) -> Any:
    if isinstance(value, str) and value.startswith("{") and value.endswith("}"):
        target = value[1:-1]
        if target not in raw or target in seen:
            raise ValueError(f"alias {value} points {'at itself' if target in seen else 'nowhere'}")
        return _resolve(raw[target]["value"], raw, (*seen, target))
    return value


def _shown(value: Any) -> str:
    if isinstance(value, dict) and set(value) == {"value", "unit"}:
        return f"{value['value']}{value['unit']}"
    return value if isinstance(value, str) else json.dumps(value)
