"""A ticket as the start of a spec, and what a spec still lacks written back to its ticket."""

import json

from unlit.context.changes import Comment
from unlit.context.library import Library
from unlit.context.model import Item, Ref
from unlit.context.rules.quoting import visible
from unlit.core.errors import InvalidInput
from unlit.intent import parse_spec
from unlit.intent.model import Readiness, Spec
from unlit.intent.rules.imports.detect import import_issue
from unlit.intent.rules.imports.outline import Imported
from unlit.intent.rules.show import as_comment


def spec_from_ticket(library: Library, text: str, *, owner: str = "") -> Imported:
    """Import the ticket that `text` names (URL, key or NAME:KEY).

    What a ticket says is what somebody wrote, not an instruction: it becomes the text of criteria
    for a person to read; hidden characters are made visible.

    Raises:
        InvalidInput: No source owns it, or nothing in it can become a criterion.
        OutsideFailed: The source does not answer.
    """
    item = library.read(library.owner(text))[0]
    whole = _whole_spec(item, owner)
    if whole is not None:
        return Imported(whole)
    return import_issue(
        {
            "key": f"{item.ref.source}:{item.ref.key}",
            "title": visible(item.title),
            "body": visible(item.body),
            "url": item.url or "",
        },
        owner=owner,
    )


def _whole_spec(item: Item, owner: str) -> Spec | None:
    """Read a ticket whose text is a spec in our own form, as people paste one."""
    head = {"id": item.ref.key.lower(), "title": visible(item.title), "owner": owner or "unknown"}
    front = "".join(f"{key}: {json.dumps(value)}\n" for key, value in head.items())
    body = visible(item.body)
    if not body.lstrip().startswith("# "):
        body = f"# {head['title']}\n\n{body}"
    try:
        spec = parse_spec(f"---\n{front}---\n\n{body}\n", item.url or item.ref.key)
    except InvalidInput:
        return None
    return spec if spec.criteria else None


def write_readiness(
    library: Library, text: str, spec: Spec, readiness: Readiness, *, person: str = ""
) -> Ref:
    """Comment on the ticket that `text` names with what the spec still lacks.

    Raises:
        InvalidInput: No source owns it, or its source takes no comments.
        OutsideFailed: The source does not answer.
    """
    ref = library.owner(text)
    comment = Comment(ref, as_comment(spec, readiness))
    return library.write(ref.source, comment, person=person)
