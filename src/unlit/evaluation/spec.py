"""What a grading needs of the spec."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from unlit.core.errors import InvalidInput
from unlit.core.ids import CriterionId
from unlit.intent import parse_spec


@dataclass(frozen=True, slots=True)
class SpecFacts:
    """The criteria of a spec in order, its digest and who answers for it."""

    criteria: Mapping[CriterionId, str]
    digest: str | None = None
    owner: str | None = None
    id: str | None = None


def read_spec(path: Path) -> SpecFacts:
    """Return the criteria of a spec.

    Raises:
        InvalidInput: It cannot be read, or it is no spec.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            "EVA-132", f"The spec {path} cannot be read.", f"{error}.", "name a spec file."
        ) from error
    spec = parse_spec(text, str(path))
    return SpecFacts(
        {c.id: c.title or c.text for c in spec.criteria}, spec.digest, spec.owner, spec.id
    )
