"""Requests that change text: insert and delete, with the vendor's checks of indices."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from unlit.twins.kit.world import World
from unlit.twins.services.google import errors
from unlit.twins.services.google.docs import units as u
from unlit.twins.services.google.docs.units import Paragraph, Unit, Units

Row = dict[str, Any]


@dataclass(slots=True)
class Draft:
    """A document while a batch of requests changes it.

    Attributes:
        row: The document as changed so far.
        at: Number and kind of the request, for messages.
        me: Who asks.
    """

    world: World
    row: Row
    at: str = ""
    me: Row = field(default_factory=dict)
    replies: list[Row] = field(default_factory=list)

    def refuse(self, message: str) -> Exception:
        """Return the vendor's error for the request at hand."""
        return errors.invalid(f"Invalid {self.at}: {message}")

    def tab(self, ident: str | None) -> Row:
        """Return a tab by id; none means the first."""
        tabs: tuple[Row, ...] = self.row["tabs"]
        if not ident:
            return tabs[0]
        for row in tabs:
            if row["id"] == ident:
                return row
        raise self.refuse(f"The tab with ID {ident} was not found.")

    def put_tab(self, row: Row) -> None:
        """Replace a tab."""
        tabs = tuple(row if old["id"] == row["id"] else old for old in self.row["tabs"])
        self.row = {**self.row, "tabs": tabs}

    def segment(self, place: Row) -> "Segment":
        """Return the segment that a location or range names."""
        tab = self.tab(place.get("tabId"))
        ident = place.get("segmentId") or ""
        if not ident:
            return Segment(self, tab["id"], "body", "", tab["body"])
        for kind in ("headers", "footers", "footnotes"):
            if ident in tab[kind]:
                return Segment(self, tab["id"], kind, ident, tab[kind][ident])
        raise self.refuse(f"Segment with ID {ident} was not found.")


@dataclass(slots=True)
class Segment:
    """One run of units and where it is kept."""

    draft: Draft
    tab: str
    kind: str
    ident: str
    units: Units

    def store(self, units: Units) -> None:
        """Replace the units; named ranges are moved by whoever knows how."""
        self.units = units
        tab = self.draft.tab(self.tab)
        if self.kind == "body":
            self.draft.put_tab({**tab, "body": units})
        else:
            self.draft.put_tab({**tab, self.kind: {**tab[self.kind], self.ident: units}})

    def splice(self, start: int, end: int, fresh: list[Unit]) -> None:
        """Replace units [start, end) and move named ranges and the like."""
        self.store((*self.units[:start], *fresh, *self.units[end:]))
        tab = self.draft.tab(self.tab)
        named = tuple(
            moved
            for row in tab["named"]
            if (moved := _moved(row, self.ident, start, end, len(fresh))) is not None
        )
        self.draft.put_tab({**tab, "named": named})

    def index(self, place: Row) -> int:
        """Return the checked index of a location for an insertion."""
        index = place.get("index", 0)
        first = 1 if self.kind == "body" else 0
        if index >= len(self.units):
            raise self.draft.refuse(
                f"Index {index} must be less than the end index of the referenced segment, "
                f"{len(self.units)}."
            )
        if index < first:
            raise self.draft.refuse(
                "The insertion index must be inside the bounds of an existing paragraph. You can "
                "still create new paragraphs by inserting newlines."
            )
        if self.units[index].kind in u.STRUCTURE:
            raise self.draft.refuse(
                "The insertion index must be inside the bounds of an existing paragraph. You can "
                "still create new paragraphs by inserting newlines."
            )
        if self.units[index].kind == u.FILLER:
            raise self.draft.refuse("The insertion index cannot be within an equation.")
        if index and "\udc00" <= self.units[index].text <= "\udfff":
            raise self.draft.refuse("The insertion index cannot be within a grapheme cluster.")
        return int(index)

    def span(self, box: Row) -> tuple[int, int]:
        """Return the checked start and end of a range."""
        start, end = int(box.get("startIndex", 0)), int(box.get("endIndex", 0))
        if end > len(self.units):
            raise self.draft.refuse(
                f"Index {end - 1} must be less than the end index of the referenced segment, "
                f"{len(self.units)}."
            )
        if end <= start:
            raise self.draft.refuse("The range should not be empty.")
        return start, end


def _moved(row: Row, segment: str, start: int, end: int, fresh: int) -> Row | None:
    spans: list[Row] = []
    shift = fresh - (end - start)
    for span in row["ranges"]:
        if (span.get("segmentId") or "") != segment:
            spans.append(span)
            continue
        a, b = span["startIndex"], span["endIndex"]
        a = a if a < start else start + fresh if a < end else a + shift
        b = (
            b
            if b <= start
            else start
            if b <= end and fresh == 0
            else b + shift
            if b >= end
            else start
        )
        if b > a:
            spans.append({**span, "startIndex": a, "endIndex": b})
    return {**row, "ranges": spans} if spans else None


def end_of(segment: Segment) -> int:
    """Return the index just before a segment's last newline."""
    return len(segment.units) - 1


def located(draft: Draft, body: Row) -> tuple[Segment, int]:
    """Return segment and index of a request's location or endOfSegmentLocation."""
    if "endOfSegmentLocation" in body:
        segment = draft.segment(body["endOfSegmentLocation"] or {})
        return segment, end_of(segment)
    if "location" not in body:
        raise draft.refuse("The insertion location must be specified.")
    segment = draft.segment(body["location"])
    return segment, segment.index(body["location"])


def cleaned(text: str) -> str:
    """Remove the characters that the vendor removes from inserted text."""
    return "".join(
        c
        for c in text.replace("\r\n", "\n").replace("\r", "\n")
        if not ("\x00" <= c <= "\x08" or "\x0c" <= c <= "\x1f" or "\ue000" <= c <= "\uf8ff")
    )


def insert_text(draft: Draft, body: Row) -> Row:
    """Insert text; it takes the style of what stands before it in the paragraph."""
    text = cleaned(str(body.get("text") or ""))
    if not text:
        raise draft.refuse("Insert text requests must specify text to insert.")
    segment, index = located(draft, body)
    put_text(segment, index, text)
    return {}


def put_text(segment: Segment, index: int, text: str, style: u.Style | None = None) -> None:
    """Insert text at a checked index."""
    start, end = u.paragraph_of(segment.units, index)
    paragraph: Paragraph = segment.units[end - 1].data
    if style is None:
        before = segment.units[index - 1] if index > start else segment.units[index]
        style = {k: v for k, v in before.style.items() if k != "link" or index > start}
        after = segment.units[index]
        if "link" in style and after.style.get("link") != style["link"]:
            style = {k: v for k, v in style.items() if k not in ("link",)}
    segment.splice(index, index, u.from_text(text, style, paragraph))


def delete_range(draft: Draft, body: Row) -> Row:
    """Delete a range; newlines merge paragraphs, tables go as a whole."""
    box = body.get("range")
    if not box:
        raise draft.refuse("The range must be specified.")
    segment = draft.segment(box)
    start, end = segment.span(box)
    check_deletion(segment, start, end)
    remove(segment, start, end)
    return {}


def check_deletion(segment: Segment, start: int, end: int) -> None:
    """Refuse what cannot be deleted: parts of tables, and newlines that hold things up."""
    draft, units = segment.draft, segment.units
    if end == len(units):
        raise draft.refuse(
            "The range cannot include the newline character at the end of the segment."
        )
    if units[start].kind == u.SECTION and start == 0:
        raise draft.refuse("Cannot delete the requested range.")
    if any("\udc00" <= units[at].text <= "\udfff" for at in (start, end)):
        raise draft.refuse("Cannot delete one code unit of a surrogate pair.")
    if not _whole(units[start:end]):
        raise draft.refuse("Invalid deletion range. Cannot delete the requested range.")
    held = (u.CELL, u.ROW, u.END, u.TABLE, u.CONTENTS, u.CONTENTS_END, u.SECTION)
    if units[end - 1].kind == u.NEWLINE and units[end].kind in held:
        raise draft.refuse("Invalid deletion range. Cannot delete the requested range.")


def _whole(units: Units) -> bool:
    """Say whether a run holds tables only as a whole."""
    depth = 0
    for unit in units:
        if unit.kind == u.TABLE:
            depth += 1
        elif unit.kind == u.END:
            depth -= 1
        elif unit.kind in (u.ROW, u.CELL) and depth == 0:
            return False
        if depth < 0:
            return False
    return depth == 0


def remove(segment: Segment, start: int, end: int) -> None:
    """Delete checked units; the paragraph that is left keeps the first one's style."""
    units = segment.units
    first_end = u.paragraph_of(units, start)[1] if units[start].kind not in u.STRUCTURE else None
    merged = (
        first_end is not None
        and first_end <= end
        and start > u.paragraph_of(units, start)[0]
        and units[end].kind not in u.STRUCTURE
    )
    kept = units[first_end - 1].data if merged and first_end is not None else None
    segment.splice(start, end, [])
    if kept is not None:
        last = u.paragraph_of(segment.units, start)[1] - 1
        fresh = u.restyled(segment.units[last], data=kept)
        segment.store((*segment.units[:last], fresh, *segment.units[last + 1 :]))


Edit = Callable[[Draft, Row], Row]
