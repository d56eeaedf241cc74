"""Requests about images, breaks, footnotes, headers, named ranges, tabs, and replacing."""

import re
from typing import Any
from urllib.parse import urlsplit

from unlit.twins.services.google import masks
from unlit.twins.services.google.docs import document, edits, presets
from unlit.twins.services.google.docs import units as u
from unlit.twins.services.google.docs.edits import Draft, Segment
from unlit.twins.services.google.docs.styling import mask_of
from unlit.twins.services.google.docs.units import Unit

Row = dict[str, Any]
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


def mark(draft: Draft, prefix: str) -> str:
    """Return a fresh id in the vendor's form."""
    return prefix + draft.world.text("google.mark", 12, _LETTERS)


def in_body(draft: Draft, segment: Segment, what: str) -> None:
    """Refuse what may only stand in the body."""
    if segment.kind != "body":
        raise draft.refuse(f"Cannot insert {what} in a header, footer or footnote.")


def in_table(segment: Segment, index: int) -> bool:
    """Say whether an index lies in a table."""
    depth = 0
    for unit in segment.units[:index]:
        depth += (unit.kind == u.TABLE) - (unit.kind == u.END)
    return depth > 0


def put_object(segment: Segment, index: int, name: str, value: Row) -> None:
    """Insert an element of one index."""
    style = segment.units[index - 1].style if index else u.NO_STYLE
    segment.splice(index, index, [Unit(u.OBJECT, "", style, (name, value))])


def insert_page_break(draft: Draft, body: Row) -> Row:
    """Insert a page break and a newline after it."""
    segment, index = edits.located(draft, body)
    in_body(draft, segment, "a page break")
    if in_table(segment, index):
        raise draft.refuse("Cannot insert a page break inside a table.")
    edits.put_text(segment, index, "\n")
    put_object(segment, index, "pageBreak", {})
    return {}


def insert_section_break(draft: Draft, body: Row) -> Row:
    """Insert a section break; a newline comes before it."""
    segment, index = edits.located(draft, body)
    in_body(draft, segment, "a section break")
    if in_table(segment, index):
        raise draft.refuse("Cannot insert a section break inside a table.")
    kind = body.get("sectionType", "NEXT_PAGE")
    edits.put_text(segment, index, "\n")
    style = {**u.DEFAULT_SECTION, "sectionType": kind}
    segment.splice(index + 1, index + 1, [Unit(u.SECTION, data=style)])
    return {}


def _image(draft: Draft, uri: str) -> None:
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https") or not parts.netloc or len(uri) > 2048:
        raise draft.refuse(
            "There was a problem retrieving the image. The provided image should be publicly "
            "accessible, within size limit, and in supported formats."
        )


def insert_image(draft: Draft, body: Row) -> Row:
    """Insert an image by its address (never fetched)."""
    uri = str(body.get("uri") or "")
    _image(draft, uri)
    segment, index = edits.located(draft, body)
    if segment.kind == "footnotes":
        raise draft.refuse("Cannot insert an image in a footnote.")
    ident = mark(draft, "kix.")
    size = body.get("objectSize") or {"height": presets.points(100), "width": presets.points(100)}
    tab = draft.tab(segment.tab)
    shown = {
        "objectId": ident,
        "inlineObjectProperties": {
            "embeddedObject": {
                "imageProperties": {
                    "contentUri": f"https://lh7-rt.googleusercontent.com/docsz/{ident[4:]}",
                    "sourceUri": uri,
                    "cropProperties": {},
                },
                "embeddedObjectBorder": {
                    "color": {"color": {"rgbColor": {}}},
                    "width": presets.points(),
                    "dashStyle": "SOLID",
                    "propertyState": "NOT_RENDERED",
                },
                "size": size,
                "marginTop": presets.points(9),
                "marginBottom": presets.points(9),
                "marginRight": presets.points(9),
                "marginLeft": presets.points(9),
            }
        },
    }
    draft.put_tab({**tab, "objects": {**tab["objects"], ident: shown}})
    put_object(segment, index, "inlineObjectElement", {"inlineObjectId": ident})
    return {"insertInlineImage": {"objectId": ident}}


def replace_image(draft: Draft, body: Row) -> Row:
    """Give an image another source."""
    uri, ident = str(body.get("uri") or ""), str(body.get("imageObjectId") or "")
    _image(draft, uri)
    for tab in draft.row["tabs"]:
        found = tab["objects"].get(ident)
        if found is None:
            continue
        inner = found["inlineObjectProperties"]["embeddedObject"]
        image = {**inner.get("imageProperties", {}), "sourceUri": uri}
        new = {
            **found,
            "inlineObjectProperties": {"embeddedObject": {**inner, "imageProperties": image}},
        }
        draft.put_tab({**tab, "objects": {**tab["objects"], ident: new}})
        return {}
    raise draft.refuse(f"The image with ID {ident} was not found.")


def delete_positioned(draft: Draft, body: Row) -> Row:
    """Delete a positioned object."""
    ident, tab = str(body.get("objectId") or ""), draft.tab(body.get("tabId"))
    if ident not in tab["positioned"]:
        raise draft.refuse(f"The positioned object with ID {ident} was not found.")
    left = {k: v for k, v in tab["positioned"].items() if k != ident}
    draft.put_tab({**tab, "positioned": left})
    return {}


def insert_person(draft: Draft, body: Row) -> Row:
    """Insert a mention of a person."""
    given = body.get("personProperties") or {}
    if "@" not in str(given.get("email") or ""):
        raise draft.refuse("The email address must be specified.")
    segment, index = edits.located(draft, body)
    value = {"personId": mark(draft, "kix."), "personProperties": given}
    put_object(segment, index, "person", value)
    return {}


def insert_rich_link(draft: Draft, body: Row) -> Row:
    """Insert a link to a file as a chip."""
    given = body.get("richLinkProperties") or {}
    segment, index = edits.located(draft, body)
    value = {"richLinkId": mark(draft, "kix."), "richLinkProperties": given}
    put_object(segment, index, "richLink", value)
    return {}


def insert_date(draft: Draft, body: Row) -> Row:
    """Insert a date as a chip."""
    segment, index = edits.located(draft, body)
    given = body.get("dateElementProperties") or {}
    put_object(
        segment,
        index,
        "dateElement",
        {"dateId": mark(draft, "kix."), "dateElementProperties": given},
    )
    return {}


def create_footnote(draft: Draft, body: Row) -> Row:
    """Insert a reference and its footnote: a space and a newline."""
    segment, index = edits.located(draft, body)
    if segment.kind != "body":
        raise draft.refuse("Cannot insert a footnote in a header, footer or footnote.")
    ident = mark(draft, "kix.")
    tab = draft.tab(segment.tab)
    note = tuple(u.from_text(" \n", u.NO_STYLE, u.PLAIN))
    draft.put_tab({**tab, "footnotes": {**tab["footnotes"], ident: note}})
    number = str(len(tab["footnotes"]) + 1)
    put_object(segment, index, "footnoteReference", {"footnoteId": ident, "footnoteNumber": number})
    return {"createFootnote": {"footnoteId": ident}}


def _create_margin(draft: Draft, body: Row, table: str, key: str, kind: str) -> Row:
    place = body.get("sectionBreakLocation") or {}
    tab = draft.tab(place.get("tabId"))
    style = tab["style"] or presets.DOCUMENT_STYLE
    name = "default" + key[0].upper() + key[1:]
    ident = mark(draft, "kix.")
    body_units = tab["body"]
    at = int(place.get("index") or 0)
    if at:
        if at >= len(body_units) or body_units[at].kind != u.SECTION:
            raise draft.refuse("The provided section break location is invalid.")
        section = body_units[at]
        if name in section.data:
            raise draft.refuse(f"Default {kind} already exists.")
        fresh = u.restyled(section, data={**section.data, name: ident})
        body_units = (*body_units[:at], fresh, *body_units[at + 1 :])
    else:
        if name in style:
            raise draft.refuse(f"Default {kind} already exists.")
        style = {**style, name: ident}
    content = (Unit(u.NEWLINE, "\n", u.NO_STYLE, u.PLAIN),)
    draft.put_tab(
        {**tab, "body": body_units, "style": style, table: {**tab[table], ident: content}}
    )
    return {"create" + kind.capitalize(): {key: ident}}


def create_header(draft: Draft, body: Row) -> Row:
    """Add a header."""
    return _create_margin(draft, body, "headers", "headerId", "header")


def create_footer(draft: Draft, body: Row) -> Row:
    """Add a footer."""
    return _create_margin(draft, body, "footers", "footerId", "footer")


def _delete_margin(draft: Draft, body: Row, table: str, key: str) -> Row:
    ident, tab = str(body.get(key) or ""), draft.tab(body.get("tabId"))
    if ident not in tab[table]:
        raise draft.refuse(f"Segment with ID {ident} was not found.")
    style = {k: v for k, v in (tab["style"] or presets.DOCUMENT_STYLE).items() if v != ident}
    units = tuple(
        u.restyled(x, data={k: v for k, v in x.data.items() if v != ident})
        if x.kind == u.SECTION
        else x
        for x in tab["body"]
    )
    left = {k: v for k, v in tab[table].items() if k != ident}
    draft.put_tab({**tab, "style": style, "body": units, table: left})
    return {}


def delete_header(draft: Draft, body: Row) -> Row:
    """Remove a header."""
    return _delete_margin(draft, body, "headers", "headerId")


def delete_footer(draft: Draft, body: Row) -> Row:
    """Remove a footer."""
    return _delete_margin(draft, body, "footers", "footerId")


# --- named ranges
def create_named(draft: Draft, body: Row) -> Row:
    """Name a range."""
    name = str(body.get("name") or "")
    if not 1 <= len(u.code_units(name)) <= 256:
        raise draft.refuse("The name must be between 1 and 256 UTF-16 code units.")
    segment = draft.segment(body.get("range") or {})
    start, end = segment.span(body.get("range") or {})
    tab = draft.tab(segment.tab)
    span: Row = {"startIndex": start, "endIndex": end}
    if segment.ident:
        span = {"segmentId": segment.ident, **span}
    ident = mark(draft, "kix.")
    draft.put_tab({**tab, "named": (*tab["named"], {"id": ident, "name": name, "ranges": [span]})})
    return {"createNamedRange": {"namedRangeId": ident}}


def _named(draft: Draft, body: Row) -> list[tuple[Row, Row]]:
    wanted, name = body.get("namedRangeId"), body.get("name") or body.get("namedRangeName")
    only = (body.get("tabsCriteria") or {}).get("tabIds")
    found = [
        (tab, row)
        for tab in draft.row["tabs"]
        for row in tab["named"]
        if (row["id"] == wanted if wanted else row["name"] == name)
        and (not only or tab["id"] in only)
    ]
    if not found and wanted:
        raise draft.refuse(f"The named range with ID {wanted} was not found.")
    return found


def delete_named(draft: Draft, body: Row) -> Row:
    """Remove a name; its content stays."""
    gone = {row["id"] for _, row in _named(draft, body)}
    for tab in draft.row["tabs"]:
        draft.put_tab({**tab, "named": tuple(r for r in tab["named"] if r["id"] not in gone)})
    return {}


def replace_named(draft: Draft, body: Row) -> Row:
    """Replace the content of named ranges by text."""
    text = edits.cleaned(str(body.get("text") or ""))
    for tab, row in _named(draft, body):
        for span in row["ranges"]:
            segment = draft.segment({**span, "tabId": tab["id"]})
            start, end = span["startIndex"], span["endIndex"]
            style = segment.units[start].style
            paragraph = segment.units[u.paragraph_of(segment.units, start)[1] - 1].data
            segment.store(
                (*segment.units[:start], *u.from_text(text, style, paragraph), *segment.units[end:])
            )
            size = len(u.code_units(text))
            new = {**row, "ranges": [{**span, "endIndex": start + size}]} if size else None
            current = draft.tab(tab["id"])
            rows = [
                new if r["id"] == row["id"] else _shifted(r, end, start + size - end)
                for r in current["named"]
            ]
            draft.put_tab({**current, "named": tuple(r for r in rows if r is not None)})
    return {}


def _shifted(row: Row, after: int, by: int) -> Row:
    spans = [
        {**s, "startIndex": s["startIndex"] + by, "endIndex": s["endIndex"] + by}
        if s["startIndex"] >= after
        else s
        for s in row["ranges"]
    ]
    return {**row, "ranges": spans}


# --- replacing everywhere
def replace_all(draft: Draft, body: Row) -> Row:
    """Replace a text in every segment of every tab."""
    criteria = body.get("containsText") or {}
    wanted = str(criteria.get("text") or "")
    if not wanted:
        raise draft.refuse("The search text cannot be empty.")
    halves = "".join(u.code_units(wanted))  # documents are kept in UTF-16 code units
    try:
        pattern = re.compile(
            halves if criteria.get("searchByRegex") else re.escape(halves),
            0 if criteria.get("matchCase") else re.IGNORECASE,
        )
    except re.error as error:
        raise draft.refuse("The search text is not a valid regular expression.") from error
    new = edits.cleaned(str(body.get("replaceText") or ""))
    only = (body.get("tabsCriteria") or {}).get("tabIds")
    count = 0
    for tab in draft.row["tabs"]:
        if only and tab["id"] not in only:
            continue
        places: list[Row] = [{"tabId": tab["id"]}]
        for kind in ("headers", "footers", "footnotes"):
            places += [{"tabId": tab["id"], "segmentId": ident} for ident in tab[kind]]
        count += sum(_replace_in(draft.segment(place), pattern, new) for place in places)
    return {"replaceAllText": {"occurrencesChanged": count} if count else {}}


def _replace_in(segment: Segment, pattern: re.Pattern[str], new: str) -> int:
    # Marks and objects become a character that no text holds, so that matches never cross them.
    text = "".join(x.text if x.kind in (u.CHAR, u.NEWLINE) else "\ufdd0" for x in segment.units)
    found = [m for m in pattern.finditer(text) if m.end() > m.start() and "\n" not in m[0]]
    for match in reversed(found):
        start, end = match.span()
        style = segment.units[start].style
        paragraph = segment.units[u.paragraph_of(segment.units, start)[1] - 1].data
        segment.splice(start, end, u.from_text(new, style, paragraph))
    return len(found)


# --- tabs
def add_tab(draft: Draft, body: Row) -> Row:
    """Add a tab."""
    given = body.get("tabProperties") or {}
    parent = given.get("parentTabId")
    if parent is not None:
        draft.tab(parent)
    ident = mark(draft, "t.")
    title = str(given.get("title") or f"Tab {len(draft.row['tabs']) + 1}")
    row = document.tab(ident, title, parent=parent, emoji=given.get("iconEmoji"))
    tabs = list(draft.row["tabs"])
    siblings = [t for t in tabs if t["parent"] == parent]
    index = given.get("index")
    if index is not None and int(index) < len(siblings):
        tabs.insert(tabs.index(siblings[int(index)]), row)
    else:
        tabs.append(row)
    draft.row = {**draft.row, "tabs": tuple(tabs)}
    shown = {
        "tabId": ident,
        "title": title,
        "index": len(siblings) if index is None else int(index),
    }
    return {"addDocumentTab": {"tabProperties": shown}}


def delete_tab(draft: Draft, body: Row) -> Row:
    """Delete a tab and the tabs inside it; one must stay."""
    ident = str(body.get("tabId") or "")
    draft.tab(ident)
    gone = {ident}
    while True:
        more = {t["id"] for t in draft.row["tabs"] if t["parent"] in gone} | gone
        if more == gone:
            break
        gone = more
    left = tuple(t for t in draft.row["tabs"] if t["id"] not in gone)
    if not left:
        raise draft.refuse("Cannot delete the last tab of a document.")
    draft.row = {**draft.row, "tabs": left}
    return {}


def update_tab(draft: Draft, body: Row) -> Row:
    """Rename a tab."""
    given = body.get("tabProperties") or {}
    tab, mask = draft.tab(given.get("tabId")), mask_of(draft, body)
    changes: Row = {}
    if masks.names(mask, "title"):
        changes["title"] = str(given.get("title") or "")
    if masks.names(mask, "iconEmoji"):
        changes["emoji"] = given.get("iconEmoji")
    draft.put_tab({**tab, **changes})
    return {}
