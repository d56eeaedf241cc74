"""Learning which id of ours stands for which recorded one, by walking both answers side by side."""

import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from unlit.twins.fidelity.recording import is_opaque

NATURAL: Final = ("name", "login", "title", "key", "label", "email", "emailAddress", "displayName")
_ID_NAME: Final = re.compile(r"(?:^|_|[a-z])[iI]d$|Ids$")


class Mapping:
    """Recorded id to own id, learnt as answers come."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.numbers: dict[tuple[str, int], int] = {}

    def learn(self, recorded: Any, own: Any, name: str = "") -> None:
        """Walk a recorded and an own answer in parallel."""
        if isinstance(recorded, dict) and isinstance(own, dict):
            self._table(recorded, own)
        elif isinstance(recorded, list) and isinstance(own, list):
            for left, right in pairs(recorded, own):
                self.learn(left, right, name)
        elif isinstance(recorded, str) and isinstance(own, str) and recorded != own:
            if recorded.startswith("http") and own.startswith("http"):
                self.learn_url(recorded, own)
            elif is_opaque(recorded) and own:
                self.texts.setdefault(recorded, own)
        elif type(recorded) is int and type(own) is int and _ID_NAME.search(name):
            self.numbers.setdefault((name, recorded), own)

    def _table(self, recorded: dict[str, Any], own: dict[str, Any]) -> None:
        for key in [name for name in recorded if name in own]:
            self.learn(recorded[key], own[key], key)
        mine = [key for key in own if key not in recorded and is_opaque(key)]
        theirs = [key for key in recorded if key not in own and is_opaque(key)]
        for left, right in zip(theirs, mine, strict=False):
            self.texts.setdefault(left, right)
            self.learn(recorded[left], own[right])

    def learn_url(self, recorded: str, own: str) -> None:
        """Learn from the segments and parameters of two addresses."""
        left, right = urlsplit(recorded), urlsplit(own)
        both = zip(reversed(left.path.split("/")), reversed(right.path.split("/")), strict=False)
        for theirs, mine in both:
            if theirs != mine and is_opaque(theirs) and mine:
                self.texts.setdefault(theirs, mine)
        ours = dict(parse_qsl(right.query))
        for key, value in parse_qsl(left.query):
            if key in ours and ours[key] != value and is_opaque(value):
                self.texts.setdefault(value, ours[key])

    def text(self, value: str) -> str:
        """Return a text with the recorded ids replaced by our own."""
        if value in self.texts:
            return self.texts[value]
        if self.texts and re.search(r"\d", value):
            inside = [key for key in self.texts if len(key) >= 6 and key in value]
            for key in sorted(inside, key=len, reverse=True):
                value = value.replace(key, self.texts[key])
        return value

    def body(self, value: Any, name: str = "") -> Any:
        """Return a JSON value with the recorded ids replaced by our own."""
        if isinstance(value, dict):
            return {self.text(key): self.body(item, key) for key, item in value.items()}
        if isinstance(value, list):
            return [self.body(item, name) for item in value]
        if isinstance(value, str):
            return self.text(value)
        if type(value) is int:
            return self.numbers.get((name, value), value)
        return value


def natural_key(row: Any) -> tuple[str, str] | None:
    """Return what names a row among its neighbours."""
    if not isinstance(row, dict):
        return None
    for source in (row, row.get("profile"), row.get("properties")):
        if isinstance(source, dict):
            for name in NATURAL:
                if isinstance(source.get(name), str):
                    return (name, source[name])
    return None


def pairs(recorded: Sequence[Any], own: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Pair the rows of two lists by their natural keys, otherwise by position."""
    keys = [natural_key(row) for row in recorded]
    if recorded and all(keys) and len(set(keys)) == len(keys):
        by_key = {natural_key(row): row for row in own}
        found = [
            (row, by_key[key]) for row, key in zip(recorded, keys, strict=True) if key in by_key
        ]
        if found:
            return found
    return list(zip(recorded, own, strict=False))
