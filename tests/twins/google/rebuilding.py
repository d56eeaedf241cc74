"""Rebuilds a real document on the twin: what batchUpdate can create, by batchUpdate.

A plan is made from the document's JSON, element by element, always at the end of the segment or
cell that is being filled. What the API cannot create (tables of contents, equations, rules, page
numbers, a table right at the start) makes the document one for the seed instead: `Unbuildable`.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

_PRIVATE = re.compile("[\ue000-\uf8ff]")  # the API removes these; a square stands in
Row = dict[str, Any]
Batch = Callable[[list[Row]], list[Row]]
Read = Callable[[], Row]


class Unbuildable(Exception):
    """The API has no request that creates this."""


def positions(value: Any, path: str = "") -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield every start and end index below a segment, with where it stands."""
    if isinstance(value, dict):
        if "endIndex" in value and "segmentId" not in value:
            yield path, (value.get("startIndex", 0), value["endIndex"])
        for key, item in value.items():
            yield from positions(item, f"{path}/{key}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from positions(item, f"{path}[{number}]")


class Builder:
    """Fills one tab of an empty document.

    Args:
        batch: Sends requests and returns the replies.
        read: Returns the document as it is now.
    """

    def __init__(self, batch: Batch, read: Read) -> None:
        self.batch = batch
        self.read = read
        self.ending: Row = {}

    def build(self, tab: Row) -> dict[str, str]:
        """Rebuild body, headers, footers and footnotes; return {real id: own id} of segments."""
        ids: dict[str, str] = {}
        content = tab["body"]["content"]
        self.fill(content[1:], 1, "", ids)
        for kind, word in (("headers", "Header"), ("footers", "Footer")):
            for real, value in list((tab.get(kind) or {}).items())[:1]:
                made = self.batch([{f"create{word}": {"type": "DEFAULT"}}])
                ids[real] = made[0][f"create{word}"][f"{word.lower()}Id"]
                self.fill(value.get("content") or [], 0, ids[real], ids)
        for real, value in (tab.get("footnotes") or {}).items():
            if real in ids:
                self.batch(
                    [
                        {
                            "deleteContentRange": {
                                "range": {"segmentId": ids[real], "startIndex": 0, "endIndex": 1}
                            }
                        }
                    ]
                )
                self.fill(value.get("content") or [], 0, ids[real], ids)
        return ids

    def fill(self, elements: list[Row], start: int, segment: str, ids: dict[str, str]) -> int:
        """Fill a place that holds one empty paragraph at `start`; return the index after it."""
        at = start
        for number, element in enumerate(elements):
            last = number == len(elements) - 1
            after = elements[number + 1] if not last else {}
            if "paragraph" in element:
                eats = "table" in after or "sectionBreak" in after
                at = self.paragraph(
                    element["paragraph"], at, segment, ids, newline=not last and not eats
                )
            elif "table" in element:
                if number == 0:
                    raise Unbuildable("a table right at the start")
                at = self.table(element["table"], at, segment, ids)
            elif "sectionBreak" in element:
                self.insert({"insertSectionBreak": {"sectionType": "NEXT_PAGE"}}, at, segment)
                self.styled(self.ending, at, "\n", segment)
                at += 2
            else:
                raise Unbuildable("a table of contents")
        return at + 1

    def insert(self, request: Row, at: int, segment: str) -> list[Row]:
        """Send one insertion."""
        ((kind, body),) = request.items()
        where: Row = {"index": at}
        if segment:
            where["segmentId"] = segment
        return self.batch([{kind: {**body, "location": where}}])

    def paragraph(
        self, value: Row, at: int, segment: str, ids: dict[str, str], *, newline: bool
    ) -> int:
        """Write a paragraph at the end; return where the next one begins, or its end mark."""
        for element in value["elements"]:
            if "textRun" in element:
                text = _PRIVATE.sub("\u25a1", element["textRun"]["content"].removesuffix("\n"))
                if text:
                    self.insert({"insertText": {"text": text}}, at, segment)
                    self.styled(element["textRun"].get("textStyle") or {}, at, text, segment)
                    at += len(text.encode("utf-16-le")) // 2
            else:
                self.object(element, at, segment, ids)
                at += 1
        if newline:
            self.insert({"insertText": {"text": "\n"}}, at, segment)
        style = value["elements"][-1].get("textRun", {}).get("textStyle") or {}
        self.styled(style, at, "\n", segment)
        self.ending = style
        return at + 1 if newline else at

    def styled(self, style: Row, at: int, text: str, segment: str) -> None:
        """Give new text its style, so that runs are cut where the original's are."""
        plain = {k: v for k, v in style.items() if not k.startswith("suggested")}
        end = at + len(text.encode("utf-16-le")) // 2
        box: Row = {"startIndex": at, "endIndex": end}
        if segment:
            box["segmentId"] = segment
        self.batch([{"updateTextStyle": {"range": box, "textStyle": plain, "fields": "*"}}])

    def object(self, element: Row, at: int, segment: str, ids: dict[str, str]) -> None:
        """Insert what is no text."""
        if "pageBreak" in element:
            self.insert({"insertPageBreak": {}}, at, segment)
            box = {"startIndex": at + 1, "endIndex": at + 2}
            self.batch([{"deleteContentRange": {"range": box}}])
        elif "inlineObjectElement" in element:
            uri = "https://example.com/image.png"
            self.insert({"insertInlineImage": {"uri": uri}}, at, segment)
        elif "footnoteReference" in element:
            made = self.insert({"createFootnote": {}}, at, segment)
            ids[element["footnoteReference"]["footnoteId"]] = made[0]["createFootnote"][
                "footnoteId"
            ]
        elif "person" in element:
            given = {"email": "person@example.com"}
            self.insert({"insertPerson": {"personProperties": given}}, at, segment)
        elif "richLink" in element:
            given = {"uri": "https://example.com/file"}
            self.insert({"insertRichLink": {"richLinkProperties": given}}, at, segment)
        elif element["endIndex"] - element.get("startIndex", 0) == 1:
            # No request creates it (a rule, a page number); something else of one index stands in.
            given = {"email": "stand-in@example.com"}
            self.insert({"insertPerson": {"personProperties": given}}, at, segment)
        else:
            names = set(element) - {"startIndex", "endIndex"}
            raise Unbuildable(f"an element: {', '.join(sorted(names))}")

    def table(self, value: Row, at: int, segment: str, ids: dict[str, str]) -> int:
        """Insert a table (the newline before it ends the paragraph at hand) and fill its cells."""
        rows = value["tableRows"]
        width = max(len(row["tableCells"]) for row in rows)
        if any(len(row["tableCells"]) != width for row in rows):
            raise Unbuildable("a table whose rows differ in length")
        self.insert({"insertTable": {"rows": len(rows), "columns": width}}, at, segment)
        self.styled(self.ending, at, "\n", segment)
        at += 2  # the newline and the table's own mark
        for row in rows:
            at += 1
            for cell in row["tableCells"]:
                at = self.fill(cell.get("content") or [], at + 1, segment, ids)
        return at + 1
