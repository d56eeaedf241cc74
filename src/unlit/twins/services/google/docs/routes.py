"""Documents: create, get, batchUpdate."""

from typing import Any, Final

from unlit.twins.services.google import errors, store, threads
from unlit.twins.services.google.call import Ask, Routes, Row
from unlit.twins.services.google.docs import (
    document,
    edits,
    objects,
    remarks,
    show,
    styling,
    tables,
)
from unlit.twins.services.google.docs.edits import Draft, Edit

_A: Final = "https://www.googleapis.com/auth/"
WRITE: Final = (f"{_A}documents", f"{_A}drive", f"{_A}drive.file")
READ: Final = (*WRITE, f"{_A}documents.readonly", f"{_A}drive.readonly")
routes = Routes("/v1/documents", "docs.documents", WRITE)
EDITS: Final[dict[str, Edit]] = {
    "insertText": edits.insert_text,
    "deleteContentRange": edits.delete_range,
    "updateTextStyle": styling.update_text,
    "updateParagraphStyle": styling.update_paragraph,
    "createParagraphBullets": styling.create_bullets,
    "deleteParagraphBullets": styling.delete_bullets,
    "updateDocumentStyle": styling.update_document,
    "updateNamedStyle": styling.update_named,
    "updateSectionStyle": styling.update_section,
    "insertTable": tables.insert_table,
    "insertTableRow": tables.insert_row,
    "insertTableColumn": tables.insert_column,
    "deleteTableRow": tables.delete_row,
    "deleteTableColumn": tables.delete_column,
    "mergeTableCells": tables.merge,
    "unmergeTableCells": tables.unmerge,
    "updateTableCellStyle": tables.update_cells,
    "updateTableRowStyle": tables.update_rows,
    "updateTableColumnProperties": tables.update_columns,
    "pinTableHeaderRows": tables.pin_rows,
    "insertPageBreak": objects.insert_page_break,
    "insertSectionBreak": objects.insert_section_break,
    "insertInlineImage": objects.insert_image,
    "replaceImage": objects.replace_image,
    "deletePositionedObject": objects.delete_positioned,
    "insertPerson": objects.insert_person,
    "insertRichLink": objects.insert_rich_link,
    "insertDate": objects.insert_date,
    "createFootnote": objects.create_footnote,
    "createHeader": objects.create_header,
    "createFooter": objects.create_footer,
    "deleteHeader": objects.delete_header,
    "deleteFooter": objects.delete_footer,
    "createNamedRange": objects.create_named,
    "deleteNamedRange": objects.delete_named,
    "replaceNamedRangeContent": objects.replace_named,
    "replaceAllText": objects.replace_all,
    "addDocumentTab": objects.add_tab,
    "deleteTab": objects.delete_tab,
    "updateDocumentTabProperties": objects.update_tab,
}
# Kinds the vendor has and this twin cannot do truly: dropdowns.
UNDONE: Final = frozenset(
    [
        "createDropdownDefinition",
        "deleteDropdownDefinition",
        "insertDropdown",
        "updateDropdownDefinitionProperties",
        "updateDropdownProperties",
    ]  # reads better
)
# A twin's documents have no suggestions, so no id of one is known.
SUGGESTED: Final = frozenset(("acceptSuggestion", "rejectSuggestion", "deleteSuggestion"))


def the_document(ask: Ask, *, write: bool = False) -> Row:
    """Return the document that the path names."""
    ident = ask.params["documentId"]
    found = store.visible(ask, ident)
    row: Row | None = ask.table("documents").get(ident)
    if found is None or row is None:
        raise store.unseen(ask, ident)
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
    """Render a document as the caller wants to see it."""
    mode = ask.arg("suggestionsViewMode", "DEFAULT_FOR_CURRENT_ACCESS")
    if mode not in _MODES:
        text = (
            "Invalid value at 'suggestions_view_mode' "
            f'(type.googleapis.com/google.apps.docs.v1.SuggestionsViewMode), "{mode}"'
        )
        raise errors.violated(("suggestions_view_mode", text))
    if mode.startswith("DEFAULT"):
        mode = "SUGGESTIONS_INLINE"
    tabs = ask.flag("includeTabsContent")
    return remarks.seen(ask, row, show.document(row, tabs=tabs, mode=mode), tabs=tabs)


_MODES: Final = (
    "DEFAULT_FOR_CURRENT_ACCESS",
    "SUGGESTIONS_INLINE",
    "PREVIEW_SUGGESTIONS_ACCEPTED",
    "PREVIEW_WITHOUT_SUGGESTIONS",
)


@routes.add("POST", "/{documentId}:batchUpdate", "batchUpdate")
def batch_update(ask: Ask) -> Any:
    """Apply requests in order, all or none."""
    row = the_document(ask, write=True)
    body = ask.body()
    requests = body.get("requests") or []
    _controlled(ask, row, body.get("writeControl") or {})
    if not requests:
        raise errors.invalid("Must specify at least one request.")
    talked = any(threads.KINDS & set(one) for one in requests if isinstance(one, dict))
    draft = Draft(ask.world, row, me=ask.me)
    with ask.world.atomic():
        for number, request in enumerate(requests):
            draft.replies.append(applied(draft, number, request))
        new = {**draft.row, "revision": document.revision(ask.world)}
        ask.table("documents").put(row["id"], new)
        ask.table("revised").put((row["id"], row["revision"]), True)
        store.modified(ask, row["id"])
    return ask.masked(
        {
            "replies": draft.replies,
            "writeControl": {"requiredRevisionId": new["revision"]},
            "documentId": row["id"],
            **({"commentUpdateState": "ALL_SAVED"} if talked else {}),
        }
    )


def _controlled(ask: Ask, row: Row, control: Row) -> None:
    if control.get("writeMode") == "SUGGEST":
        raise errors.rpc(501, "The twin does not write suggestions.")
    required, target = control.get("requiredRevisionId"), control.get("targetRevisionId")
    if required and target:
        raise errors.invalid("Only one of required_revision_id and target_revision_id may be set.")
    if required and required != row["revision"]:
        raise errors.invalid(
            f"The required revision ID '{required}' does not match the latest revision."
        )
    known = target == row["revision"] or (row["id"], target) in ask.table("revised")
    if target and not known:
        raise errors.invalid(f"The target revision ID '{target}' is invalid.")


KNOWN: Final = frozenset(EDITS) | UNDONE | SUGGESTED | threads.KINDS


def applied(draft: Draft, number: int, request: Any) -> Row:
    """Apply one request and return its reply."""
    where = f"requests[{number}]"
    if not isinstance(request, dict):
        raise errors.violated((where, f"Invalid value at '{where}'"))
    kinds = [name for name in request if request[name] is not None]
    unknown = [name for name in kinds if name not in KNOWN]
    if unknown:
        text = (
            f'Invalid JSON payload received. Unknown name "{unknown[0]}" at '
            f"'{where}': Cannot find field."
        )
        raise errors.violated((where, text))
    if len(kinds) != 1:
        raise errors.invalid(f"Invalid {where}: No request set.")
    kind = kinds[0]
    if kind in UNDONE:
        raise errors.rpc(501, f"The twin does not do {kind}.")
    body = request[kind]
    if not isinstance(body, dict):
        raise errors.violated((f"{where}.{kind}", f"Invalid value at '{where}.{kind}'"))
    draft.at = f"{where}.{kind}"
    if kind in SUGGESTED:
        raise draft.refuse(f"The suggestion with ID {body.get('suggestionId')} was not found.")
    if kind in threads.KINDS:
        return remarks.apply(draft, kind, body)
    return EDITS[kind](draft, body)
