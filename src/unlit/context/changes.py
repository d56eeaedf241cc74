"""What may be written back to a source: one frozen value per operation."""

from dataclasses import dataclass
from typing import Final

from unlit.context.model import Ref


@dataclass(frozen=True, slots=True)
class Create:
    """Open a new thing.

    Attributes:
        project: Where: project key, repository, team, channel; the source's own word.
        kind: The source's own type, such as ``Task``; empty means its default.
        parent: Key of the thing it belongs under, or empty.
    """

    project: str
    title: str
    body: str = ""
    kind: str = ""
    parent: str = ""
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """Change title or body; `None` leaves it."""

    ref: Ref
    title: str | None = None
    body: str | None = None


@dataclass(frozen=True, slots=True)
class Transition:
    """Move to a state, by the name a person sees."""

    ref: Ref
    state: str


@dataclass(frozen=True, slots=True)
class Assign:
    """Give to a person; ``me`` is the owner of the credential."""

    ref: Ref
    person: str = "me"


@dataclass(frozen=True, slots=True)
class Start:
    """Move to the first state that means work has begun, and take it oneself."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class Comment:
    """Add a comment, in Markdown."""

    ref: Ref
    body: str


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove; where the source cannot, close. Needs another person's confirmation."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class SetField:
    """Set one field of the source's own making, by its name or key."""

    ref: Ref
    field: str
    value: str


Change = Create | Edit | Transition | Assign | Start | Comment | Delete | SetField

NAMES: Final[dict[type, str]] = {
    Create: "create",
    Edit: "edit",
    Transition: "transition",
    Assign: "assign",
    Start: "start",
    Comment: "comment",
    Delete: "delete",
    SetField: "set",
}
"""The word of each operation on the command line and in policy."""
