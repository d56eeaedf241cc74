"""Comment threads on ranges of a document, and how it shows them."""

from functools import partial
from typing import Any

from unlit.twins.services.google import errors
from unlit.twins.services.google.call import Ask
from unlit.twins.services.google.docs import units
from unlit.twins.services.google.docs.edits import Draft
from unlit.twins.services.google.docs.objects import mark
from unlit.twins.services.google.threads import MODES, Threads, included

Row = dict[str, Any]


def _place(draft: Draft, body: Row) -> tuple[str, str]:
    """Anchor a comment at a range, which moves with the text; return its id and the text."""
    span = body.get("range") or {}
    segment = draft.segment(span)
    start, end = segment.span(span)
    tab, ident = draft.tab(segment.tab), mark(draft, "kix.")
    box: Row = {"startIndex": start, "endIndex": end}
    if segment.ident:
        box = {"segmentId": segment.ident, **box}
    row = {"id": ident, "name": "", "ranges": [box], "comment": True}
    draft.put_tab({**tab, "named": (*tab["named"], row)})
    return ident, units.plain_text(segment.units[start:end])


def apply(draft: Draft, kind: str, body: Row) -> Row:
    """Apply one request about comments."""
    threads = Threads(draft.world, draft.row["id"], draft.me, draft.refuse)
    return threads.apply(kind, body, partial(_place, draft))


def seen(ask: Ask, row: Row, out: Row, *, tabs: bool) -> Row:
    """Add comments to a document, when the caller asks for them and may see them."""
    mode = ask.arg("commentsViewMode")
    if not mode:
        return out
    word = mode.removeprefix("COMMENTS_VIEW_MODE_")
    if word not in MODES:
        raise errors.violated(("comments_view_mode", f"Invalid value at 'comments_view_mode', "
                               f'"{mode}"'))  # fmt: skip
    if not tabs:
        raise errors.invalid("comments_view_mode requires include_tabs_content to be true.")
    if word == "INCLUDED" and ask.arg("suggestionsViewMode") != "SUGGESTIONS_INLINE":
        raise errors.invalid(
            "comments_view_mode requires suggestions_view_mode SUGGESTIONS_INLINE."
        )
    if not included(ask, row["id"], word):
        return out
    held = {tab["id"]: _anchors(tab) for tab in row["tabs"]}
    threads = Threads(ask.world, row["id"], ask.me, errors.invalid)
    shown = [_anchored(tab, held) for tab in out["tabs"]]
    return {**out, "tabs": shown, "comments": threads.listed(), "commentsViewMode": mode}


def _anchors(tab: Row) -> Row:
    return {
        row["id"]: {"anchorId": row["id"], "ranges": row["ranges"]}
        for row in tab["named"]
        if row.get("comment")
    }


def _anchored(tab: Row, held: dict[str, Row]) -> Row:
    anchors = held.get(tab["tabProperties"]["tabId"])
    content = {**tab["documentTab"], "commentAnchors": anchors} if anchors else tab["documentTab"]
    below = [_anchored(one, held) for one in tab.get("childTabs") or ()]
    return {**tab, "documentTab": content, **({"childTabs": below} if below else {})}
