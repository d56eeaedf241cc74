"""Find out which format a text has, and import it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from unlit.core.errors import InvalidInput
from unlit.intent.rules.imports.folders import import_kiro, import_openspec, import_speckit
from unlit.intent.rules.imports.issues import read_issue
from unlit.intent.rules.imports.outline import Imported
from unlit.intent.rules.imports.prd import import_prd

FORMATS: Final = ("prd", "spec-kit", "openspec", "kiro")

_IMPORTERS: Final[Mapping[str, Callable[..., Imported]]] = {
    "prd": import_prd,
    "spec-kit": import_speckit,
    "openspec": import_openspec,
    "kiro": import_kiro,
}


def detect(text: str) -> str:
    """Return the format of `text`, one of `FORMATS`."""
    if re.search(r"^### Requirement:", text, re.M):
        return "openspec"
    if re.search(r"^#{1,4} Requirement \d+", text, re.M):
        return "kiro"
    if re.search(r"^# Feature Specification:|\bFR-\d{3}\b", text, re.M):
        return "spec-kit"
    return "prd"


def import_text(text: str, *, form: str | None = None, name: str = "", owner: str = "") -> Imported:
    """Import a text.

    Args:
        text: Markdown.
        form: One of `FORMATS`; found out when None.
        name: Title when the text has none, such as the folder's name.
        owner: Who answers for the spec.

    Raises:
        InvalidInput: Nothing in it can become a criterion.
    """
    chosen = form or detect(text)
    imported = _IMPORTERS[chosen](text, name=name, owner=owner)
    if not imported.spec.criteria:
        raise InvalidInput(
            "INT-130", f"Nothing in `{name or 'the text'}` can become a criterion.",
            f"It was read as {chosen}: requirements are list items or marked paragraphs.",
            "Put each demand in a list below a heading `Requirements`, or give --from.",
        )  # fmt: skip
    return imported


def import_issue(issue: Mapping[str, Any], *, owner: str = "") -> Imported:
    """Import a tracker's issue, in the form in which the tracker exports it.

    Raises:
        InvalidInput: Neither body nor title can become a criterion.
    """
    read = read_issue(issue)
    title, body, key, url = read.title, read.body, read.key, read.url
    person = owner or read.owner
    text = body if re.match(r"\s*# ", body) else f"# {title}\n\n{body}"
    imported = import_text(text, name=title or key, owner=person)
    source = " ".join(part for part in (key, url) if part)
    intent = imported.spec.intent
    spec = replace(
        imported.spec, intent=f"{intent}\n\nFrom {source}.".strip() if source else intent
    )
    return Imported(spec, imported.unmapped)
