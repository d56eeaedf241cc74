"""Whole documents in the vendor's JSON: legacy body or tabs, headers, lists, named ranges."""

from typing import Any

from unlit.twins.services.google.docs import presets, render

Row = dict[str, Any]


def document(row: Row, *, tabs: bool, mode: str) -> Row:
    """Render a document; `tabs` chooses tabs instead of the first tab's content."""
    out: Row = {"title": row["title"]}
    if tabs:
        out["tabs"] = _tabs(row["tabs"], None)
    else:
        out |= content(row["tabs"][0])
    return out | {
        "revisionId": row["revision"],
        "suggestionsViewMode": mode,
        "documentId": row["id"],
    }


def _tabs(rows: tuple[Row, ...], parent: str | None, depth: int = 0) -> list[Row]:
    out: list[Row] = []
    for index, row in enumerate(r for r in rows if r["parent"] == parent):
        shown: Row = {"tabId": row["id"], "title": row["title"], "index": index}
        if parent is not None:
            shown |= {"parentTabId": parent, "nestingLevel": depth}
        if row.get("emoji"):
            shown["iconEmoji"] = row["emoji"]
        tab: Row = {"tabProperties": shown, "documentTab": content(row)}
        below = _tabs(rows, row["id"], depth + 1)
        if below:
            tab["childTabs"] = below
        out.append(tab)
    return out


def content(tab: Row) -> Row:
    """Render what a tab holds."""
    out: Row = {"body": {"content": render.content(tab["body"])}}
    for name, key in (
        ("headers", "headerId"),
        ("footers", "footerId"),
        ("footnotes", "footnoteId"),
    ):
        if tab[name]:
            out[name] = {
                ident: {key: ident, "content": render.content(units)}
                for ident, units in tab[name].items()
            }
    out["documentStyle"] = tab["style"] or presets.DOCUMENT_STYLE
    out["namedStyles"] = tab["styles"] or presets.named_styles()
    if tab["lists"]:
        out["lists"] = tab["lists"]
    ranges = named(tab["named"])
    if ranges:
        out["namedRanges"] = ranges
    if tab["objects"]:
        out["inlineObjects"] = tab["objects"]
    if tab["positioned"]:
        out["positionedObjects"] = tab["positioned"]
    return out


def named(rows: tuple[Row, ...]) -> Row:
    """Render named ranges, grouped by name."""
    out: Row = {}
    for row in rows:
        if row.get("comment"):
            continue
        group = out.setdefault(row["name"], {"name": row["name"], "namedRanges": []})
        one = {"namedRangeId": row["id"], "name": row["name"], "ranges": row["ranges"]}
        group["namedRanges"].append(one)
    return out
