"""Google Docs found through Drive, read as Markdown; documents and comments written as text.

Needs `drive.readonly` and `documents.readonly`; for writing `drive` and `documents`.
Source: developers.google.com/workspace/docs/api and /drive/api (read 2026-03).
"""

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Final

from unlit.context.api import Api, Page
from unlit.context.changes import Change, Comment, Create, Delete, Edit
from unlit.context.model import Item, Ref, Trust
from unlit.context.rules.reading import moment, named
from unlit.core.clock import Clock
from unlit.core.errors import UsageError

_URL: Final = re.compile(r"https://docs\.google\.com/document/d/([\w-]+)")
_DOCUMENT: Final = "application/vnd.google-apps.document"
_DRIVE: Final = "https://www.googleapis.com"
_HEADINGS: Final = {"TITLE": 1, "SUBTITLE": 2} | {f"HEADING_{n}": n for n in range(1, 7)}


class GoogleDocs:
    """The documents that one account can read.

    Args:
        api: Base URL ``https://docs.googleapis.com``.
        clock: Says when something was read.
        name: Name of this instance.
        project: Id of a Drive folder, or empty for all.
    """

    kind: ClassVar[str] = "document"

    writes: ClassVar[frozenset[type]] = frozenset({Create, Edit, Comment, Delete})

    def __init__(self, api: Api, clock: Clock, name: str = "docs", project: str = "") -> None:
        self.name = name
        self._api = api
        self._clock = clock
        self._project = project
        # Drive is another host at Google, and the same one at a stand-in
        self._drive = _DRIVE if "docs.googleapis.com" in api.base_url else api.base_url

    def search(self, query: str) -> Iterator[Ref]:
        """Yield documents, or those that contain the words."""
        clauses = [f"mimeType = '{_DOCUMENT}'", "trashed = false"]
        if self._project:
            clauses.append(f"'{self._project}' in parents")
        if query:
            escaped = query.replace("\\", "\\\\").replace("'", "\\'")
            clauses.append(f"fullText contains '{escaped}'")

        def ask(token: str | None) -> Page:
            page = self._api.get(
                f"{self._drive}/drive/v3/files",
                q=" and ".join(clauses),
                fields="nextPageToken,files(id)",
                pageSize=100,
                pageToken=token,
            )
            if page is None or "files" not in page:
                raise self._api.unexpected("a page of files", page)
            return Page(page["files"], page.get("nextPageToken"), page)

        for raw in self._api.paged(ask):
            yield Ref(self.name, "document", str(raw["id"]))

    def fetch(self, ref: Ref) -> Item | None:
        """Read one document."""
        raw = self._api.get(f"/v1/documents/{ref.key}")
        if raw is None:
            return None
        if "title" not in raw:
            raise self._api.unexpected("a document", raw)
        wanted = "modifiedTime,trashed,owners(displayName)"
        about = self._api.get(f"{self._drive}/drive/v3/files/{ref.key}", fields=wanted)
        if (about or {}).get("trashed"):
            return None
        content = (raw.get("body") or {}).get("content") or []
        return Item(
            ref=ref,
            revision=str(raw.get("revisionId") or ""),
            title=str(raw["title"]),
            body=_markdown(content).strip(),
            trust=Trust.INTERNAL,
            fetched_at=self._clock.now(),
            people=tuple(
                n for o in (about or {}).get("owners") or [] if (n := named(o, "displayName"))
            ),
            url=f"https://docs.google.com/document/d/{ref.key}/edit",
            time=moment((about or {}).get("modifiedTime")),
        )

    def owns(self, text: str) -> Ref | None:
        """Recognise a document's URL."""
        found = _URL.match(text.strip())
        return Ref(self.name, "document", found[1]) if found else None

    def comments(self, ref: Ref) -> Iterator[Item]:
        """Read the comments of a document, oldest first."""
        for raw in self._talk(ref.key):
            author = named(raw.get("author"), "displayName") or "somebody"
            yield Item(
                ref=Ref(self.name, "comment", f"{ref.key}/{raw['id']}"),
                revision=str(raw.get("createdTime") or ""),
                title=f"Comment by {author}",
                body=str(raw.get("content") or ""),
                trust=Trust.INTERNAL,
                fetched_at=self._clock.now(),
                people=(author,),
                time=moment(raw.get("createdTime")),
            )

    def _talk(self, key: str) -> Iterator[dict[str, Any]]:
        def ask(token: str | None) -> Page | None:
            page = self._api.get(
                f"{self._drive}/drive/v3/files/{key}/comments",
                fields="nextPageToken,comments(id,content,createdTime,author(displayName))",
                pageSize=100,
                pageToken=token,
            )
            if page is None:
                return None
            return Page(page.get("comments", []), page.get("nextPageToken"), page)

        return self._api.paged(ask)

    def apply(self, change: Change) -> Ref:
        """Make a document, change it, comment on it, or put it into the bin."""
        match change:
            case Create():
                return self._create(change)
            case Edit():
                self._edit(change)
            case Comment():
                path = f"{self._drive}/drive/v3/files/{change.ref.key}/comments"
                self._api.send("POST", path, {"content": change.body}, fields="id")
            case Delete():
                path = f"{self._drive}/drive/v3/files/{change.ref.key}"
                self._api.send("PATCH", path, {"trashed": True})
            case _:
                raise UsageError(
                    "CTX-213",
                    f"{self.name} cannot do that.",
                    "a document has no state and no assignee.",
                    "create, edit, comment or delete.",
                )
        return change.ref

    def _create(self, change: Create) -> Ref:
        key = str(self._api.send("POST", "/v1/documents", {"title": change.title})["documentId"])
        if folder := change.project or self._project:
            path = f"{self._drive}/drive/v3/files/{key}"
            self._api.send("PATCH", path, {}, addParents=folder)
        if change.body:
            self._put(key, change.body, 1)
        return Ref(self.name, "document", key)

    def _edit(self, change: Edit) -> None:
        key = change.ref.key
        if change.title is not None:
            self._api.send("PATCH", f"{self._drive}/drive/v3/files/{key}", {"name": change.title})
        if change.body is not None:
            raw = self._api.send("GET", f"/v1/documents/{key}")
            content = (raw.get("body") or {}).get("content") or []
            self._put(key, change.body, int(content[-1]["endIndex"]) if content else 1)

    def _put(self, key: str, text: str, end: int) -> None:
        """Write a text in the place of what stands before `end`; the last break stays."""
        span = {"startIndex": 1, "endIndex": end - 1}
        first = [{"deleteContentRange": {"range": span}}] if end > 2 else []
        then = {"insertText": {"location": {"index": 1}, "text": text}}
        self._api.send("POST", f"/v1/documents/{key}:batchUpdate", {"requests": [*first, then]})


def _markdown(content: list[dict[str, Any]]) -> str:
    blocks = []
    for element in content:
        if paragraph := element.get("paragraph"):
            blocks.append(_paragraph(paragraph))
        elif grid := element.get("table"):
            rows = [
                [
                    " ".join(_markdown(cell.get("content") or []).split())
                    for cell in row.get("tableCells") or []
                ]
                for row in grid.get("tableRows") or []
            ]
            for number, row in enumerate(rows):
                blocks.append("| " + " | ".join(row) + " |")
                if number == 0:
                    blocks.append("|" + " --- |" * len(row))
    return "\n".join(blocks)


def _paragraph(paragraph: dict[str, Any]) -> str:
    text = "".join(
        str((part.get("textRun") or {}).get("content") or "")
        for part in paragraph.get("elements") or []
    ).rstrip("\n")
    style = named(paragraph.get("paragraphStyle"), "namedStyleType")
    if text and style in _HEADINGS:
        return f"{'#' * _HEADINGS[style]} {text}"
    return f"- {text}" if paragraph.get("bullet") else text
