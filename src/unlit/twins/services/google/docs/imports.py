"""Taking over a document from the vendor's JSON: its content becomes units again."""

from typing import Any

from unlit.twins.kit.world import World
from unlit.twins.services.google.docs import document as documents
from unlit.twins.services.google.docs import units as u
from unlit.twins.services.google.docs.units import Paragraph, Unit, Units

Row = dict[str, Any]


def document(world: World, ident: str, body: Row) -> Row:
    """Store a document that a read of the original showed."""
    tabs = tuple(flattened(body["tabs"])) if body.get("tabs") else (legacy(body),)
    row: Row = {
        "id": ident,
        "title": str(body.get("title", "")),
        "revision": body.get("revisionId") or documents.revision(world),
        "tabs": tabs,
    }
    return dict(world.table("google.documents").put(ident, row))


def flattened(tabs: list[Row], parent: str | None = None) -> list[Row]:
    """Return the rows of tabs and the tabs inside them, in order."""
    out: list[Row] = []
    for tab in tabs:
        shown = tab.get("tabProperties") or {}
        row = parts(tab.get("documentTab") or {})
        ident = str(shown.get("tabId", f"t.{len(out)}"))
        out.append(documents.tab(ident, str(shown.get("title", "Tab 1")), parent=parent, **row))
        out += flattened(tab.get("childTabs") or [], ident)
    return out


def legacy(body: Row) -> Row:
    """Return the only tab of a document read without tabs."""
    return documents.tab("t.0", "Tab 1", **parts(body))


def parts(body: Row) -> Row:
    """Return what a tab keeps, from a document or a documentTab."""
    out: Row = {"body": units((body.get("body") or {}).get("content") or [])}
    for name in ("headers", "footers", "footnotes"):
        out[name] = {
            key: units(value.get("content") or []) for key, value in (body.get(name) or {}).items()
        }
    out["lists"] = body.get("lists") or {}
    out["objects"] = body.get("inlineObjects") or {}
    out["positioned"] = body.get("positionedObjects") or {}
    out["style"] = body.get("documentStyle")
    out["styles"] = body.get("namedStyles")
    out["named"] = tuple(
        {"id": one["namedRangeId"], "name": name, "ranges": one.get("ranges") or []}
        for name, group in (body.get("namedRanges") or {}).items()
        for one in group.get("namedRanges") or []
    )
    return out


def units(content: list[Row]) -> Units:
    """Return the units of structural elements."""
    out: list[Unit] = []
    for element in content:
        if "sectionBreak" in element:
            out.append(
                Unit(u.SECTION, data=(element["sectionBreak"] or {}).get("sectionStyle") or {})
            )
        elif "paragraph" in element:
            out += _paragraph(element["paragraph"])
        elif "table" in element:
            out += _table(element["table"])
        elif "tableOfContents" in element:
            inner = units(element["tableOfContents"].get("content") or [])
            out += [Unit(u.CONTENTS), *inner, Unit(u.CONTENTS_END)]
    return tuple(out)


def _paragraph(value: Row) -> list[Unit]:
    paragraph = Paragraph(
        value.get("paragraphStyle") or {},
        value.get("bullet"),
        tuple(value.get("positionedObjectIds") or ()),
    )
    out: list[Unit] = []
    for element in value.get("elements") or []:
        if "textRun" in element:
            run = element["textRun"]
            extra = {k: v for k, v in run.items() if k not in ("content", "textStyle")} or None
            text = run.get("content", "")
            style = run.get("textStyle") or {}
            fresh = u.from_text(text, style, paragraph)
            if extra:
                fresh = [u.restyled(x, data=extra) if x.kind == u.CHAR else x for x in fresh]
            if fresh and out and out[-1].kind == u.CHAR and out[-1].style == style:
                fresh[0] = u.restyled(fresh[0], apart=True)
            out += fresh
            continue
        name = next(k for k in element if k not in ("startIndex", "endIndex"))
        inner = dict(element[name])
        style = inner.pop("textStyle", None)
        out.append(Unit(u.OBJECT, "", style or {}, (name, inner)))
        width = int(element.get("endIndex", 0)) - int(element.get("startIndex", 0))
        if name == "equation":
            out += [Unit(u.FILLER)] * max(0, width - 1)
    return out


def _table(value: Row) -> list[Unit]:
    out = [Unit(u.TABLE, data=value.get("tableStyle") or {})]
    for row in value.get("tableRows") or []:
        out.append(Unit(u.ROW, data=row.get("tableRowStyle") or {}))
        for cell in row.get("tableCells") or []:
            out.append(Unit(u.CELL, data=cell.get("tableCellStyle") or {}))
            out += units(cell.get("content") or [])
    return [*out, Unit(u.END)]
