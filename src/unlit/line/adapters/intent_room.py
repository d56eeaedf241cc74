"""The intent room as the line needs it."""

from decimal import Decimal
from pathlib import Path

from typing_extensions import override

from unlit.core.errors import InvalidInput
from unlit.intent import parse_spec, ready, visible_brief
from unlit.line.model import SpecFacts
from unlit.line.ports import Specs


class IntentRoom(Specs):
    """Reads specs."""

    @override
    def read(self, path: Path) -> SpecFacts:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(
                "LIN-051",
                f"The spec {path} cannot be read: {error}.",
                "a run begins with a spec, a readable UTF-8 Markdown file.",
                "name the file, for example specs/NAME.md.",
            ) from error
        spec = parse_spec(text, str(path))
        readiness = ready(spec)
        return SpecFacts(
            id=spec.id,
            title=spec.title,
            digest=spec.digest,
            owner=spec.owner,
            brief=visible_brief(spec),
            criteria=tuple(criterion.id for criterion in spec.criteria),
            missing=() if readiness.ready else tuple(item.message for item in readiness.missing),
            uses=tuple(spec.uses),
            risk=str(spec.risk or ""),
            product=dict(spec.product),
            budget={name: Decimal(str(usd)) for name, usd in spec.budget.items()},
        )
