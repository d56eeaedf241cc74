"""What a JQL query consists of."""

from dataclasses import dataclass, field
from typing import Literal

Operator = Literal[
    "=",
    "!=",
    "<",
    ">",
    "<=",
    ">=",
    "~",
    "!~",
    "in",
    "not in",
    "is",
    "is not",
    "was",
    "was not",
    "was in",
    "was not in",
    "changed",
]


class JqlError(ValueError):
    """The query cannot be run; the text is the vendor's."""


@dataclass(frozen=True, slots=True)
class Word:
    """A single value as written."""

    text: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments."""

    name: str
    args: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Empty:
    """The operand EMPTY or NULL."""


@dataclass(frozen=True, slots=True)
class Values:
    """A list in parentheses."""

    items: tuple["Word | Call | Empty", ...]


Operand = Word | Call | Empty | Values


@dataclass(frozen=True, slots=True)
class Predicate:
    """What narrows a history clause: AFTER, BEFORE, ON, DURING, BY, FROM, TO."""

    name: str
    operand: Operand


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition: field, operator, operand."""

    field: str
    operator: Operator
    operand: Operand | None = None
    predicates: tuple[Predicate, ...] = ()


@dataclass(frozen=True, slots=True)
class Not:
    """A negated condition."""

    inner: "Condition"


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions joined by AND or OR."""

    word: Literal["and", "or"]
    parts: tuple["Condition", ...]


Condition = Clause | Not | Group


@dataclass(frozen=True, slots=True)
class Sort:
    """One entry of ORDER BY; `descending` is `None` when not said."""

    field: str
    descending: bool | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """A whole query."""

    where: Condition | None = None
    order: tuple[Sort, ...] = field(default=())
