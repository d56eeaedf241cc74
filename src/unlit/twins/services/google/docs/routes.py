"""Documents: create, get, batchUpdate."""

from typing import Any, Final

from unlit.twins.services.google import errors
from unlit.twins.services.google.call import Ask, Routes, Row
from unlit.twins.services.google.docs import document, edits, render
from unlit.twins.services.google.docs.edits import Draft, Edit
from unlit.twins.services.google.drive import store

_A: Final = "https://www.googleapis.com/auth/"
WRITE: Final = (f"{_A}documents", f"{_A}drive", f"{_A}drive.file")
READ: Final = (*WRITE, f"{_A}documents.readonly", f"{_A}drive.readonly")
routes = Routes("/v1/documents", "docs.documents", WRITE)
EDITS: Final[dict[str, Edit]] = {
    "insertText": edits.insert_text,
    "deleteContentRange": edits.delete_range,
}


def the_document(ask: Ask, *, write: bool = False) -> Row:
    """Return the document that the path names."""
    ident = ask.params["documentId"]
    found = store.visible(ask, ident)
    row: Row | None = ask.table("documents").get(ident)
    if found is None or row is None:
        raise errors.rpc(404, "Requested entity was not found.")
    if write and not store.may(ask, found, "writer"):
        raise errors.rpc(403, "The caller does not have permission")
    return row


@routes.add("POST", "", "create")
def create(ask: Ask) -> Any:
    """Make an empty document; only the title of the body counts."""
    title = str(ask.body().get("title") or "Untitled document")
    row = store.add(ask.world, ask.me, {"name": title, "mimeType": store.DOCUMENT})
    return ask.masked(shown(ask, document.create(ask.world, row["id"], title)))


@routes.add("GET", "/{documentId}", "get", scopes=READ)
def get(ask: Ask) -> Any:
    """Return a document."""
    return ask.masked(shown(ask, the_document(ask)))


def shown(ask: Ask, row: Row) -> Row:
    """Render a document."""
    mode = ask.arg("suggestionsViewMode", "DEFAULT_FOR_CURRENT_ACCESS")
    if mode == "DEFAULT_FOR_CURRENT_ACCESS":
        mode = "SUGGESTIONS_INLINE"
    out: Row = {"title": row["title"]}
    first = row["tabs"][0]
    out |= {
        "body": {"content": render.content(first["body"])},
        "revisionId": row["revision"],
        "suggestionsViewMode": mode,
        "documentId": row["id"],
    }
    return out


@routes.add("POST", "/{documentId}:batchUpdate", "batchUpdate")
def batch_update(ask: Ask) -> Any:
    """Apply requests in order, all or none."""
    row = the_document(ask, write=True)
    body = ask.body()
    requests = body.get("requests") or []
    control = body.get("writeControl") or {}
    required = control.get("requiredRevisionId")
    if required and required != row["revision"]:
        raise errors.invalid(
            "The required revision ID '" + str(required) + "' does not match the latest revision."
        )
    if not requests:
        raise errors.invalid("Must specify at least one request.")
    draft = Draft(ask.world, row)
    with ask.world.atomic():
        for number, request in enumerate(requests):
            kinds = [name for name in request if request[name] is not None]
            if len(kinds) != 1:
                raise errors.invalid(f"Invalid requests[{number}]: No request set.")
            draft.at = f"requests[{number}].{kinds[0]}"
            edit = EDITS.get(kinds[0])
            if edit is None:
                raise errors.violated(
                    (
                        f"requests[{number}]",
                        f'Invalid JSON payload received. Unknown name "{kinds[0]}" at '
                        f"'requests[{number}]': Cannot find field.",
                    )
                )
            draft.replies.append(edit(draft, request[kinds[0]]))
        new = {**draft.row, "revision": document.revision(ask.world)}
        ask.table("documents").put(row["id"], new)
        store.modified(ask, row["id"])
    return ask.masked(
        {
            "replies": draft.replies,
            "writeControl": {"requiredRevisionId": new["revision"]},
            "documentId": row["id"],
        }
    )
