"""Shapes of answers, learnt from real ones: which keys are there, and what stands there unasked.

A shape is a tree: a table of shapes, a list of shapes, or a leaf. Leaves are constants that the
vendor's contract declares (booleans, small numbers, enumerated words) or say what is put there:
``$null``, ``$blank`` (null, also when an empty text is sent), ``$now``, ``$id``, ``$text``,
``$list``, ``$table``, ``$param:NAME``, ``$mint:PREFIX``,
``$url:TEMPLATE``. A table under ``$when`` is there only where one
was sent. Nothing in a shape is an id, a name or a text of a recording.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Final

DROP: Final = "$drop"
FORCE: Final = "$force"
EACH: Final = "$each"
ELSE: Final = "$else"
WHEN: Final = "$when"
_PART: Final = re.compile(r"\{([^}]+)\}")
_EMPTY: Final[dict[str, Callable[[], Any]]] = {
    "$null": lambda: None,
    "$blank": lambda: None,
    "$list": list,
    "$table": dict,
}
MADE_BY: Final = ("createdBy", "lastUpdatedBy", "updatedBy")
REFRESHED: Final = ("lastUpdated", "updated", "lastUpdatedDate", "updatedAt")


@dataclass(frozen=True, slots=True)
class Kind:
    """The shapes of one kind of thing.

    Attributes:
        by: Property that chooses the variant.
        prefix: First letters of its ids.
        variants: Shapes by the value of `by`.
        any: Shape of every variant's common keys.
        links: Shape of the links by status.
        statuses: HTTP status of a success, by method.
        promised: Learnt from the contract's examples, not from real answers.
        asked: What creates usually send.
    """

    by: str | None
    prefix: str
    variants: Mapping[str, Any]
    any: Any
    links: Mapping[str, Any] = field(default_factory=dict)
    statuses: Mapping[str, int] = field(default_factory=dict)
    promised: bool = False
    asked: Mapping[str, Any] = field(default_factory=dict)

    def shape(self, value: Any) -> Any:
        """Return the shape for a body."""
        if self.by and isinstance(value, Mapping):
            found = self.variants.get(str(value.get(self.by)))
            if found is not None:
                return found
        return self.any


class Shapes:
    """All learnt shapes of a twin.

    Args:
        document: ``{source, date, kinds}``.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.source: str = document.get("source", "")
        self.date: str = document.get("date", "")
        self.kinds: dict[str, Kind] = {
            name: Kind(
                entry.get("by"),
                entry.get("prefix", ""),
                entry.get("variants", {}),
                entry.get("any", {}),
                entry.get("links", {}),
                entry.get("statuses", {}),
                bool(entry.get("promised")),
                entry.get("asked", {}),
            )
            for name, entry in document.get("kinds", {}).items()
        }

    @classmethod
    def load(cls, package: str, name: str = "shapes.json") -> "Shapes":
        """Read the shapes that lie in a package."""
        return cls(json.loads(files(package).joinpath(name).read_text(encoding="utf-8")))


@dataclass(frozen=True, slots=True)
class Filling:
    """What the leaves of a shape are filled from.

    Attributes:
        id: The thing's own id.
        params: Parameters of the path.
        origin: ``scheme://host`` of URLs.
        now: The time, as the vendor writes it.
        mint: Prefix to a fresh id.
        old: What stood there before, for a replacement.
        number: The next whole number of the kind.
        actor: Who calls; stands in ``createdBy`` and the like.
        sent: The body, whose ids links may name.
    """

    id: str
    params: Mapping[str, str]
    origin: str
    now: str
    mint: Callable[[str], str]
    old: Any = None
    number: Callable[[], int] = lambda: 0
    actor: str = ""
    sent: Mapping[str, Any] = field(default_factory=dict)


def fill(shape: Any, sent: Any, filling: Filling) -> Any:
    """Return what the vendor answers: what was sent, inside what it puts there itself."""
    return _fill(shape, sent, filling, filling.old, "")


def over(base: Any, shape: Any) -> Any:
    """Return `base` with what `shape` says over it, tables inside tables too."""
    if not (isinstance(base, dict) and isinstance(shape, dict)) or EACH in shape or FORCE in shape:
        return base if base is not None and _says_nothing(shape) else shape
    inside = base.get(WHEN, base)
    if WHEN in shape:
        return {WHEN: over(inside, shape[WHEN])}
    return {**inside, **{key: over(inside.get(key), inner) for key, inner in shape.items()}}


def _says_nothing(shape: Any) -> bool:
    if isinstance(shape, str) and shape.startswith("$url:"):
        return "{~" in shape or shape == "$url:/"  # leads to what only the example knew
    return shape is None or shape in ("$list", "$null", "$text", "$table")


def _fill(shape: Any, sent: Any, filling: Filling, old: Any, name: str) -> Any:
    if isinstance(shape, dict):
        if WHEN in shape:
            return _fill(shape[WHEN], sent, filling, old, name)
        if FORCE in shape:
            return _fill(shape[FORCE], None, filling, old, name)
        if EACH in shape:
            return _each(shape, sent, filling, old)
        if sent is not None and not isinstance(sent, dict):
            return sent
        return _table(shape, sent or {}, filling, old if isinstance(old, dict) else {})
    if sent is not None and not (sent == "" and shape == "$blank"):
        return sent
    if isinstance(shape, list):
        return [_fill(item, None, filling, None, "") for item in shape]
    return _leaf(shape, filling, old, name)


def _each(shape: Mapping[str, Any], sent: Any, filling: Filling, old: Any) -> Any:
    if not isinstance(sent, list):
        return sent if sent is not None else _fill(shape[ELSE], None, filling, old, "")
    before = old if isinstance(old, list) and len(old) == len(sent) else [None] * len(sent)
    return [
        _fill(shape[EACH], item, filling, was, "") for item, was in zip(sent, before, strict=True)
    ]


def _table(shape: Mapping[str, Any], sent: Mapping[str, Any], filling: Filling, old: Any) -> Any:
    dropped = shape.get(DROP, ())
    out = {}
    for key, inner in shape.items():
        absent = isinstance(inner, dict) and WHEN in inner and not isinstance(sent.get(key), dict)
        if key != DROP and not absent:
            out[key] = _fill(inner, sent.get(key), filling, old.get(key), key)
    for key, value in sent.items():
        if key not in out and key not in dropped and value is not None:
            out[key] = value
    return out


def _leaf(shape: Any, filling: Filling, old: Any, name: str) -> Any:
    if not isinstance(shape, str) or not shape.startswith("$"):
        return shape
    kind, _, rest = shape.partition(":")
    if kind in _EMPTY:
        return _EMPTY[kind]()
    if kind == "$now":
        return filling.now if old is None or name in REFRESHED else old
    if kind == "$id":
        return filling.id
    if kind == "$const":
        return rest
    if kind == "$param":
        return filling.params.get(rest, "")
    if kind == "$mint" and filling.actor and name in MADE_BY:
        return old if old is not None and name == "createdBy" else filling.actor
    return old if old is not None else _fresh(kind, rest, filling)


def _fresh(kind: str, rest: str, filling: Filling) -> Any:
    if kind == "$number":
        return filling.number()
    if kind == "$mint":
        return filling.mint(rest)
    if kind == "$url":
        return filling.origin + _PART.sub(lambda found: _part(found[1], filling), rest)
    return None


def _part(name: str, filling: Filling) -> str:
    if name == "id":
        return filling.id
    if name.startswith("~"):
        return filling.mint(name[1:])
    if name.startswith("="):
        return str(filling.sent.get(name[1:]) or filling.mint("twn"))
    return filling.params.get(name, filling.id)
