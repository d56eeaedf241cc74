"""Which changes another person must agree to, and which nobody may make; pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Final

from unlit.context.changes import NAMES, Assign, Change, Transition
from unlit.context.model import Ref

KINDS: Final = {word: kind for kind, word in NAMES.items()}


@dataclass(frozen=True, slots=True)
class WriteRules:
    """What a source says about changes: ``delete``, or ``transition:Done`` with its argument."""

    confirm: tuple[str, ...] = ("delete",)
    block: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pending:
    """A change that waits for another person.

    Attributes:
        revision: The thing's version when it was asked; another one needs another question.
    """

    id: str
    source: str
    change: Change
    title: str
    revision: str
    asked_by: str
    asked_at: datetime


def named_in(change: Change, rules: tuple[str, ...]) -> bool:
    """Whether a rule names this change, by its word alone or with its argument."""
    word = NAMES[type(change)]
    argument = ""
    if isinstance(change, Transition):
        argument = change.state
    elif isinstance(change, Assign):
        argument = change.person
    wanted = {word.casefold(), f"{word}:{argument}".casefold()}
    return any(rule.casefold() in wanted for rule in rules)


def change_json(change: Change) -> dict[str, Any]:
    """Return a change as plain JSON values."""
    return {"do": NAMES[type(change)], **asdict(change)}


def change_from(value: Mapping[str, Any]) -> Change:
    """Read what `change_json` wrote.

    Raises:
        KeyError: It names no change.
    """
    kind = KINDS[str(value["do"])]
    given = {name: value[name] for name in (one.name for one in fields(kind)) if name in value}
    if "ref" in given:
        given["ref"] = Ref(**given["ref"])
    if "labels" in given:
        given["labels"] = tuple(given["labels"])
    made: Change = kind(**given)
    return made
