"""Filters of the list of runs as addresses, and the views that a person has given a name."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from unlit.record.model import RunState

COOKIE: Final = "unlit_views"
MOST: Final = 12
NAME_MOST: Final = 40
KEPT_S: Final = 365 * 86_400
STATES: Final = tuple(state.value for state in RunState)
_FIELDS: Final = ("state", "agent", "spec", "q")
_VALUE_MOST: Final = 100


@dataclass(frozen=True, slots=True)
class Filter:
    """What of the runs is shown; empty is all."""

    state: str = ""
    agent: str = ""
    spec: str = ""
    q: str = ""

    @classmethod
    def of(cls, query: str) -> "Filter":
        """Read a query string; what is unknown or too long is left out."""
        given = dict(parse_qsl(query[:2000]))
        kept = {name: given.get(name, "")[:_VALUE_MOST] for name in _FIELDS}
        return cls(**kept) if kept["state"] in ("", *STATES) else cls(**{**kept, "state": ""})

    def where(self, **changes: str) -> str:
        """Return the address of the list with some fields changed."""
        text = replace(self, **changes).query()
        return f"/runs?{text}" if text else "/runs"

    def query(self) -> str:
        """Return it as a query string, always in the same order."""
        return urlencode([(name, getattr(self, name)) for name in _FIELDS if getattr(self, name)])

    @property
    def is_narrow(self) -> bool:
        """Whether anything is left out."""
        return self != Filter()


@dataclass(frozen=True, slots=True)
class View:
    """A filter with a name."""

    name: str
    filter: Filter


def read(cookie: str) -> tuple[View, ...]:
    """Read the views of a browser; a cookie that is not ours holds none."""
    try:
        found: Any = json.loads(base64.urlsafe_b64decode(cookie.encode("ascii")))
    except (ValueError, binascii.Error, RecursionError):
        return ()
    if not isinstance(found, list):
        return ()
    pairs = [
        row for row in found[:MOST]
        if isinstance(row, list) and len(row) == 2 and all(isinstance(one, str) for one in row)
    ]  # fmt: skip
    named = [(_name(name), Filter.of(query)) for name, query in pairs]
    return tuple(View(name, kept) for name, kept in named if name)


def write(views: Sequence[View]) -> str:
    """Return the cookie that holds views."""
    plain = [[view.name, view.filter.query()] for view in views]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode("ascii")


def keep(views: Sequence[View], name: str, query: str) -> tuple[View, ...]:
    """Return the views with one more; one of the same name is replaced, the oldest falls out."""
    new = View(_name(name), Filter.of(query))
    if not new.name:
        return tuple(views)
    return (*(view for view in views if view.name != new.name), new)[-MOST:]


def forget(views: Sequence[View], name: str) -> tuple[View, ...]:
    """Return the views without one."""
    return tuple(view for view in views if view.name != name)


def _name(text: str) -> str:
    return " ".join("".join(char for char in text if char.isprintable()).split())[:NAME_MOST]
