"""Requests that change styles: text, paragraphs, bullets, sections, the document."""

from dataclasses import replace
from typing import Any

from unlit.twins.services.google import errors, masks
from unlit.twins.services.google.docs import presets
from unlit.twins.services.google.docs import units as u
from unlit.twins.services.google.docs.edits import Draft, Segment
from unlit.twins.services.google.docs.units import Paragraph
from unlit.twins.services.google.sheets.presets import eighth, single

Row = dict[str, Any]


def mask_of(draft: Draft, body: Row) -> masks.Mask:
    """Return the request's `fields`, which must be there."""
    text = body.get("fields")
    if not text:
        raise draft.refuse("Fields must be specified.")
    try:
        return masks.parse(str(text))
    except masks.BadMask as error:
        raise errors.invalid(f"Invalid {draft.at}: Invalid field mask: {text}") from error


def coloured(value: Any) -> Any:
    """Return a style with its colours as they are kept: single precision, zero parts left out."""
    if isinstance(value, dict):
        if value and set(value) <= {"red", "green", "blue"}:
            return {k: eighth(v) for k, v in value.items() if v}
        return {k: coloured(v) for k, v in value.items()}
    return value


def spanned(draft: Draft, body: Row, kind: str = "range") -> tuple[Segment, int, int]:
    """Return segment, start and end of a request's range."""
    if not body.get(kind):
        raise draft.refuse("The range must be specified.")
    segment = draft.segment(body[kind])
    start, end = segment.span(body[kind])
    return segment, start, end


def update_text(draft: Draft, body: Row) -> Row:
    """Change the style of a range's text."""
    segment, start, end = spanned(draft, body)
    mask, given = mask_of(draft, body), coloured(body.get("textStyle") or {})
    if "link" in given and masks.names(mask, "link") and given["link"]:
        given = {**given, **_linked(given, mask)}
        mask = {
            **mask,
            **({"underline": {}, "foregroundColor": {}} if masks.ALL not in mask else {}),
        }
    units = list(segment.units)
    for at in range(start, end):
        unit = units[at]
        if unit.kind in (u.CHAR, u.NEWLINE, u.OBJECT):
            units[at] = u.restyled(unit, style=masks.merged(dict(unit.style), given, mask))
    segment.store(tuple(units))
    return {}


def _linked(given: Row, mask: masks.Mask) -> Row:
    blue = {
        "color": {
            "rgbColor": {"red": single(17 / 255), "green": single(85 / 255), "blue": single(0.8)}
        }
    }
    out: Row = {}
    if not masks.names(mask, "underline"):
        out["underline"] = True
    if not masks.names(mask, "foregroundColor"):
        out["foregroundColor"] = blue
    return out


def paragraphs(segment: Segment, start: int, end: int) -> list[int]:
    """Return the indices of the newlines that end paragraphs touched by [start, end)."""
    out: list[int] = []
    at = start
    while at < len(segment.units):
        unit = segment.units[at]
        if unit.kind == u.NEWLINE:
            out.append(at)
            if at + 1 >= end:
                break
        at += 1
    return out


def update_paragraph(draft: Draft, body: Row) -> Row:
    """Change the style of the paragraphs that a range touches."""
    segment, start, end = spanned(draft, body)
    mask, given = mask_of(draft, body), coloured(body.get("paragraphStyle") or {})
    kind = given.get("namedStyleType")
    if kind is not None and kind not in presets.NAMED_TYPES:
        raise errors.violated(
            (
                f"{draft.at}.paragraph_style.named_style_type",
                f"Invalid value at '{draft.at}.paragraph_style.named_style_type' "
                f'(type.googleapis.com/google.apps.docs.v1.NamedStyleType), "{kind}"',
            )
        )
    for name in ("headingId",):
        if masks.names(mask, name) and masks.ALL not in mask:
            raise draft.refuse(f"The field {name} is read-only.")
    units = list(segment.units)
    for at in paragraphs(segment, start, end):
        paragraph: Paragraph = units[at].data
        style = masks.merged(dict(paragraph.style), given, mask)
        style.setdefault("namedStyleType", "NORMAL_TEXT")
        style.setdefault("direction", "LEFT_TO_RIGHT")
        heading = style["namedStyleType"].startswith("HEADING")
        if heading and not style.get("headingId"):
            style = {"headingId": _mark(draft, "h."), **style}
        elif not heading:
            style.pop("headingId", None)
        units[at] = u.restyled(units[at], data=replace(paragraph, style=style))
    segment.store(tuple(units))
    return {}


def _mark(draft: Draft, prefix: str) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    return prefix + draft.world.text("google.mark", 12, letters)


def create_bullets(draft: Draft, body: Row) -> Row:
    """Make list items of paragraphs; leading tabs say how deep and are removed."""
    segment, start, end = spanned(draft, body)
    preset = str(body.get("bulletPreset") or "BULLET_DISC_CIRCLE_SQUARE")
    if preset not in presets.BULLETS and preset not in presets.NUMBERS:
        raise errors.violated(
            (
                f"{draft.at}.bullet_preset",
                f"Invalid value at '{draft.at}.bullet_preset' "
                f'(type.googleapis.com/google.apps.docs.v1.BulletGlyphPreset), "{preset}"',
            )
        )
    ident = _joined_list(draft, segment, start, preset) or _new_list(draft, segment, preset)
    for newline in reversed(paragraphs(segment, start, end)):
        first = u.paragraph_of(segment.units, newline)[0]
        depth = 0
        while (
            segment.units[first + depth].text == "\t"
            and segment.units[first + depth].kind == u.CHAR
        ):
            depth += 1
        _itemise(segment, newline, ident, min(depth, 8))
        if depth:
            segment.splice(first, first + depth, [])
    return {}


def _joined_list(draft: Draft, segment: Segment, start: int, preset: str) -> str | None:
    """Return the list of the paragraph just before, when it has the same glyphs."""
    first = u.paragraph_of(segment.units, start)[0]
    if first == 0 or segment.units[first - 1].kind != u.NEWLINE:
        return None
    bullet = segment.units[first - 1].data.bullet
    if bullet is None:
        return None
    ident = str(bullet["listId"])
    known = draft.tab(segment.tab)["lists"].get(ident)
    same = known and known["listProperties"] == presets.list_properties(preset)
    return ident if same else None


def _new_list(draft: Draft, segment: Segment, preset: str) -> str:
    ident = _mark(draft, "kix.")
    tab = draft.tab(segment.tab)
    lists = {**tab["lists"], ident: {"listProperties": presets.list_properties(preset)}}
    draft.put_tab({**tab, "lists": lists})
    return ident


def _itemise(segment: Segment, newline: int, ident: str, depth: int) -> None:
    unit = segment.units[newline]
    paragraph: Paragraph = unit.data
    style = {
        **paragraph.style,
        "indentFirstLine": presets.points(18 + 36 * depth),
        "indentStart": presets.points(36 + 36 * depth),
    }
    bullet: Row = {"listId": ident}
    if depth:
        bullet["nestingLevel"] = depth
    bullet["textStyle"] = {"underline": False}
    fresh = u.restyled(unit, data=replace(paragraph, style=style, bullet=bullet))
    segment.store((*segment.units[:newline], fresh, *segment.units[newline + 1 :]))


def delete_bullets(draft: Draft, body: Row) -> Row:
    """Make plain paragraphs of list items; the indent stays."""
    segment, start, end = spanned(draft, body)
    units = list(segment.units)
    for at in paragraphs(segment, start, end):
        paragraph: Paragraph = units[at].data
        units[at] = u.restyled(units[at], data=replace(paragraph, bullet=None))
    segment.store(tuple(units))
    return {}


def update_document(draft: Draft, body: Row) -> Row:
    """Change the document's style."""
    tab = draft.tab(body.get("tabId"))
    style = tab["style"] or presets.DOCUMENT_STYLE
    new = masks.merged(style, coloured(body.get("documentStyle") or {}), mask_of(draft, body))
    draft.put_tab({**tab, "style": new})
    return {}


def update_named(draft: Draft, body: Row) -> Row:
    """Change a named style."""
    tab = draft.tab(body.get("tabId"))
    given = body.get("namedStyle") or {}
    kind = given.get("namedStyleType")
    styles = (tab["styles"] or presets.named_styles())["styles"]
    if kind not in [row["namedStyleType"] for row in styles]:
        raise draft.refuse("The named style type must be specified.")
    mask = mask_of(draft, body)
    rows = [
        masks.merged(row, coloured(given), mask) if row["namedStyleType"] == kind else row
        for row in styles
    ]
    draft.put_tab({**tab, "styles": {"styles": rows}})
    return {}


def update_section(draft: Draft, body: Row) -> Row:
    """Change the style of the sections that a range touches."""
    segment, start, end = spanned(draft, body)
    if segment.kind != "body":
        raise draft.refuse("Section style can only be updated in the body.")
    mask, given = mask_of(draft, body), coloured(body.get("sectionStyle") or {})
    if start < 0:
        raise draft.refuse("The range's start index must not be negative.")
    first = max(at for at in range(start + 1) if segment.units[at].kind == u.SECTION)
    units = list(segment.units)
    for at in range(first, end):
        if units[at].kind == u.SECTION:
            units[at] = u.restyled(units[at], data=masks.merged(dict(units[at].data), given, mask))
    segment.store(tuple(units))
    return {}


__all__ = [
    "coloured",
    "create_bullets",
    "delete_bullets",
    "mask_of",
    "paragraphs",
    "spanned",
    "update_document",
    "update_named",
    "update_paragraph",
    "update_section",
    "update_text",
]
