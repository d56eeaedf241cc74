"""Strict reading of a TOML table: what is not known is refused, with line and column."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from unlit.core.errors import InvalidInput
from unlit.policy.model import Position
from unlit.policy.rules.positions import Path, Positions


def refuse(source: str, at: Position, what: str, remedy: str, code: str = "POL-102") -> NoReturn:
    """Refuse a policy file at a place.

    Raises:
        InvalidInput: Always.
    """
    why = "a policy that is not fully understood must not decide anything"
    raise InvalidInput(code, f"{source}:{at}: {what}", why, remedy)


class Section:
    """One table of the file, read key by key; `done` refuses what was not asked for."""

    def __init__(self, source: str, positions: Positions, path: Path, value: Any) -> None:
        self.source = source
        self.positions = positions
        self.path = path
        if not isinstance(value, Mapping):
            self.fail(None, f"{_dotted(path)} must be a table.", f"Write [{_dotted(path)}].")
        self._value: Mapping[str, Any] = value
        self._known: set[str] = set()

    @property
    def at(self) -> Position:
        """Where the table begins."""
        return self.positions.of(*self.path)

    def where(self, *key: str | int) -> Position:
        """Where a key of the table stands."""
        return self.positions.of(*self.path, *key)

    def fail(self, key: str | None, what: str, remedy: str, code: str = "POL-102") -> NoReturn:
        """Refuse the file at `key` (or at the table)."""
        at = self.at if key is None else self.where(key)
        refuse(self.source, at, what, remedy, code)

    def raw(self, key: str) -> Any:
        """Return a value unread, or `None`."""
        self._known.add(key)
        return self._value.get(key)

    def text(self, key: str, default: str | None = None) -> str | None:
        """Return a text value."""
        value = self.raw(key)
        if value is None:
            return default
        if not isinstance(value, str) or not value:
            self.fail(key, f"{key} must be text, not {value!r}.", f'Write {key} = "…".')
        return value

    def needed(self, key: str) -> str:
        """Return a text value that must be there."""
        value = self.text(key)
        if value is None:
            others = [other for other in self._value if other not in self._known]
            for slip in get_close_matches(key, others, 1):
                self.fail(slip, f"unknown key {slip!r}.", f"Did you mean {key}?", "POL-101")
            self.fail(None, f"{_dotted(self.path)} has no {key}.", f"Add {key} = …", "POL-103")
        return value

    def flag(self, key: str, default: bool = False) -> bool:
        """Return a yes or no."""
        value = self.raw(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.fail(key, f"{key} must be true or false, not {value!r}.", f"Write {key} = true.")
        return value

    def number(self, key: str) -> float | None:
        """Return a number greater than 0."""
        value = self.raw(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e15:
            self.fail(key, f"{key} must be a number above 0, not {value!r}.", "Write a number.")
        return float(value)

    def whole(self, key: str) -> int | None:
        """Return a whole number greater than 0."""
        value = self.number(key)
        if value is not None and value != int(value):
            self.fail(key, f"{key} must be a whole number, not {value!r}.", "Drop the fraction.")
        return None if value is None else int(value)

    def texts(self, key: str, *, single: bool = False) -> tuple[str, ...]:
        """Return a list of texts; with `single`, one text stands for a list of one."""
        value = self.raw(key)
        if value is None:
            return ()
        if single and isinstance(value, str):
            value = [value]
        if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
            self.fail(key, f"{key} must be a list of texts.", f'Write {key} = ["…"].')
        if not value:
            self.fail(
                key, f"{key} is empty, so it matches nothing.", f"Leave {key} out or fill it."
            )
        return tuple(value)

    def ports(self, default: tuple[int, ...]) -> tuple[int, ...]:
        """Return a list of ports."""
        value = self.raw("ports")
        if value is None:
            return default
        good = isinstance(value, list) and value
        if not good or not all(type(port) is int and 0 < port < 65536 for port in value):
            self.fail("ports", "ports must be numbers from 1 to 65535.", "Write ports = [443].")
        return tuple(value)

    def one_of(self, key: str, words: Sequence[str], default: str) -> str:
        """Return one of some words."""
        value = self.text(key, default)
        if value not in words:
            known = ", ".join(words)
            self.fail(key, f"{key} = {value!r} is not known.", f"Use one of: {known}.")
        return str(value)

    def table(self, key: str) -> "Section | None":
        """Return a table inside this one."""
        value = self.raw(key)
        if value is None:
            return None
        return Section(self.source, self.positions, (*self.path, key), value)

    def tables(self, key: str) -> "tuple[Section, ...]":
        """Return a list of tables (``[[key]]``)."""
        value = self.raw(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            self.fail(key, f"{key} must be a list of tables.", f"Write [[{key}]].")
        path = (*self.path, key)
        return tuple(
            Section(self.source, self.positions, (*path, i), item) for i, item in enumerate(value)
        )

    def named(self, key: str) -> "dict[str, Section]":
        """Return the tables ``[key.NAME]`` by name."""
        section = self.table(key)
        if section is None:
            return {}
        return {
            name: Section(self.source, self.positions, (*section.path, name), value)
            for name, value in section._value.items()
        }

    def done(self) -> None:
        """Refuse keys that nothing asked for."""
        for key in self._value:
            if key not in self._known:
                known = f"Known here: {', '.join(sorted(self._known))}."
                near = get_close_matches(key, self._known, 1)
                remedy = f"Did you mean {near[0]}? {known}" if near else known
                self.fail(key, f"unknown key {key!r}.", remedy, "POL-101")


def _dotted(path: Path) -> str:
    return ".".join(str(part) for part in path if isinstance(part, str)) or "the file"
