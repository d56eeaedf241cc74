"""Design tokens in the W3C community group's format, from files in the repository.

Source: designtokens.org/tr/2025.10/format (read 2026-03).
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from unlit.context.folders import visible_files
from unlit.context.model import Item, Ref, Trust
from unlit.context.rules.reading import table
from unlit.core.canonical import digest_bytes
from unlit.core.clock import Clock
from unlit.core.errors import InvalidInput

_SUFFIXES: Final = (".tokens.json", ".tokens", "tokens.json")
_SKIPPED: Final = {"node_modules", "dist", "build"}
_ALIAS: Final = re.compile(r"\{([^{}]+)\}")
_Raw = dict[str, dict[str, Any]]


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
        for path in self._files():
            key = path.relative_to(self._root).as_posix()
            if all(word in key.lower() for word in query.lower().split()):
                yield Ref(self.name, "tokens", key)

    def _files(self) -> Iterator[Path]:
        files = visible_files(self._root, _SKIPPED)
        return (path for path in files if path.name.endswith(_SUFFIXES))

    def _others(self, path: Path) -> list[_Raw]:
        """Read the folder's other token files, nearest first; one that is broken is left out."""
        here = path.parent.parts
        found: list[tuple[int, str, _Raw]] = []
        for other in self._files():
            if other == path:
                continue
            try:
                raw = collected(json.loads(other.read_bytes()))
            except (ValueError, AttributeError):
                continue
            shared = sum(one == two for one, two in zip(here, other.parent.parts, strict=False))
            found.append((-shared, str(other), raw))
        return [raw for _, _, raw in sorted(found, key=lambda one: one[:2])]

    def fetch(self, ref: Ref) -> Item | None:
        """Read one file as a table of names, kinds and values; aliases are resolved.

        An alias that the file does not define is looked for in the folder's other token files.
        If these disagree, as two themes do, all are shown; what none defines stays an alias.

        Raises:
            InvalidInput: The file is not JSON, or an alias points at itself.
        """
        path = self._root / ref.key
        if not path.is_file() or not path.resolve().is_relative_to(self._root.resolve()):
            return None
        text = path.read_bytes()
        try:
            tree = json.loads(text)
            if not isinstance(tree, dict):
                raise ValueError("it holds no object")
            defined = collected(tree)
            tokens = flatten(tree, self._others(path) if _lacking(defined) else ())
        except ValueError as error:
            raise InvalidInput(
                "CTX-215",
                f"{path} is not a token file: {error}.",
                "design tokens are JSON, and an alias leads to another token.",
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


def collected(tree: dict[str, Any]) -> _Raw:
    """Return each token of a tree by its dotted name, with type inherited, as it is written."""
    raw: _Raw = {}
    _collect(tree, (), None, raw)
    return raw


def flatten(tree: dict[str, Any], others: Sequence[_Raw] = ()) -> dict[str, dict[str, str]]:
    """Return each token by its dotted name, with type inherited and aliases resolved.

    `others` are the tokens of other files, for aliases that `tree` does not define.

    Raises:
        ValueError: An alias points at itself.
    """
    raw = collected(tree)
    return {
        name: {
            "type": str(one["type"] or ""),
            "value": _values(name, one["value"], raw, others),
            "about": str(one["about"] or ""),
        }
        for name, one in raw.items()
    }


def _lacking(raw: _Raw) -> bool:
    names = set(_ALIAS.findall(json.dumps([one["value"] for one in raw.values()])))
    return not names <= set(raw)


def _values(name: str, value: Any, raw: _Raw, others: Sequence[_Raw]) -> str:
    """Show a value; where other files disagree about what it leads to, each of theirs."""
    shown = [_shown(_resolve(value, raw, (name,)))]
    if _ALIAS.search(shown[0]) and others:
        shown = [_shown(_resolve(value, {**one, **raw}, (name,))) for one in others]
        merged = {key: one for other in reversed(others) for key, one in other.items()}
        known = [text for text in shown if not _ALIAS.search(text)]
        shown = known or [_shown(_resolve(value, {**merged, **raw}, (name,)))]
    return " or ".join(dict.fromkeys(shown))


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


def _resolve(value: Any, raw: Mapping[str, dict[str, Any]], seen: tuple[str, ...]) -> Any:
    if isinstance(value, dict):
        return {key: _resolve(part, raw, seen) for key, part in value.items()}
    if isinstance(value, list):
        return [_resolve(part, raw, seen) for part in value]
    found = _ALIAS.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    target = found[1].removesuffix(".value")
    if target in seen:
        raise ValueError(f"alias {value} leads to itself")
    if target not in raw:
        return value
    return _resolve(raw[target]["value"], raw, (*seen, target))


def _shown(value: Any) -> str:
    if isinstance(value, dict) and set(value) == {"value", "unit"}:
        return f"{value['value']}{value['unit']}"
    return value if isinstance(value, str) else json.dumps(value)
