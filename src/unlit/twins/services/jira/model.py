"""Words shared by the parts of the Jira twin."""

from dataclasses import dataclass
from typing import Any, Final

Row = dict[str, Any]
CLOUD: Final = "Cloud"
SERVER: Final = "Server"


@dataclass(frozen=True, slots=True)
class Rich:
    """A rich text as it was written: wiki markup (v2) or an ADF document (v3)."""

    wiki: str | None = None
    adf: Row | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of an issue's history.

    Attributes:
        field: Field name as the changelog shows it.
        field_id: Field id; empty for links and other non-fields.
        before: Id of the value before, and its text.
        after: Id of the value after, and its text.
    """

    field: str
    field_id: str
    kind: str
    before: str | None
    before_text: str | None
    after: str | None
    after_text: str | None
