"""Notion pages, databases and comments, read as Markdown; pages and comments written.

Needs an integration that the pages are shared with, with comment capabilities for comments.
Source: developers.notion.com, version 2022-06-28 (read 2026-03).
"""

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Final

from unlit.context.api import Api, Page
from unlit.context.changes import Change, Comment, Create, Delete, Edit
from unlit.context.model import Item, Named, Ref, Trust
from unlit.context.rules.reading import moment, named
from unlit.core.clock import Clock
from unlit.core.errors import InvalidInput, UsageError

_URL: Final = re.compile(r"https://(?:www\.)?notion\.(?:so|site)/.*?([0-9a-f]{32})")
_PREFIX: Final = {
    "heading_1": "# ",
    "heading_2": "## ",
    "heading_3": "### ",
    "bulleted_list_item": "- ",
    "numbered_list_item": "1. ",
    "quote": "> ",
    "callout": "> ",
    "toggle": "- ",
}
_DEEPEST: Final = 4


class Notion:
    """The pages that an integration can see.

    Args:
        api: Base URL ``https://api.notion.com/v1``; the version header is the registry's.
        clock: Says when something was read.
        name: Name of this instance.
        project: Id of a database whose pages an empty search lists; empty for all pages.
    """

    kind: ClassVar[str] = "page"

    writes: ClassVar[frozenset[type]] = frozenset({Create, Edit, Comment, Delete})

    def __init__(self, api: Api, clock: Clock, name: str = "notion", project: str = "") -> None:
        self.name = name
        self._api = api
        self._clock = clock
        self._project = project

    def search(self, query: str) -> Iterator[Ref]:
        """Yield pages whose title has the words, last edited first."""
        if self._project and not query:
            path, body = f"/databases/{self._project}/query", {}
        else:
            path = "/search"
            body = {"query": query, "filter": {"property": "object", "value": "page"}}
        for raw in self._posted(path, body):
            yield Ref(self.name, "page", str(raw["id"]))

    def _posted(self, path: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        def ask(cursor: str | None) -> Page:
            more = {"start_cursor": cursor} if cursor else {}
            return self._page(self._api.send("POST", path, {**body, "page_size": 100, **more}))

        return self._api.paged(ask)

    def _page(self, page: Any) -> Page:
        if not isinstance(page, dict) or "results" not in page:
            raise self._api.unexpected("a list of results", page)
        following = page.get("next_cursor") if page.get("has_more") else None
        return Page(page["results"], following, page)

    def fetch(self, ref: Ref) -> Item | None:
        """Read one page with its blocks, to a depth of four."""
        raw = self._api.get(f"/pages/{ref.key}")
        if raw is None:
            return None
        properties = raw.get("properties")
        if not isinstance(properties, dict):
            raise self._api.unexpected("a page with properties", raw)
        if raw.get("archived") or raw.get("in_trash"):
            return None
        title = next(
            (_plain(one["title"]) for one in properties.values() if one.get("type") == "title"), ""
        )
        return Item(
            ref=ref,
            revision=str(raw.get("last_edited_time") or ""),
            title=title or "untitled",
            body="\n".join(self._blocks(ref.key, 0)).strip(),
            trust=Trust.INTERNAL,
            fetched_at=self._clock.now(),
            url=named(raw, "url") or None,
            time=moment(raw.get("last_edited_time")),
        )

    def _blocks(self, key: str, depth: int) -> Iterator[str]:
        for block in self._listed(f"/blocks/{key}/children"):
            yield from (("  " * depth) + line for line in _render(block).split("\n"))
            if block.get("has_children") and depth < _DEEPEST:
                yield from self._blocks(str(block["id"]), depth + 1)

    def _listed(self, path: str, **given: str) -> Iterator[dict[str, Any]]:
        def ask(cursor: str | None) -> Page | None:
            page = self._api.get(path, **given, page_size=100, start_cursor=cursor)
            return None if page is None else self._page(page)

        return self._api.paged(ask)

    def owns(self, text: str) -> Ref | None:
        """Recognise a page's URL."""
        found = _URL.match(text.strip().split("?")[0])
        return Ref(self.name, "page", found[1]) if found else None

    def comments(self, ref: Ref) -> Iterator[Item]:
        """Read the open comments on a page, oldest first."""
        for raw in self._listed("/comments", block_id=ref.key):
            author = named(raw.get("created_by"), "name", "id") or "somebody"
            yield Item(
                ref=Ref(self.name, "comment", f"{ref.key}/{raw['id']}"),
                revision=str(raw.get("last_edited_time") or ""),
                title=f"Comment by {author}",
                body=_plain(raw.get("rich_text") or []),
                trust=Trust.INTERNAL,
                fetched_at=self._clock.now(),
                people=(author,),
                time=moment(raw.get("created_time")),
            )

    def places(self) -> Iterator[Named]:
        """Yield the databases that are shared with the integration."""
        for raw in self._posted("/search", {"filter": {"property": "object", "value": "database"}}):
            yield Named("database", str(raw["id"]), _plain(raw.get("title") or []))

    def people(self) -> Iterator[Named]:
        """Yield the workspace's members."""
        for raw in self._listed("/users"):
            yield Named(named(raw, "type"), str(raw["id"]), named(raw, "name"))

    def apply(self, change: Change) -> Ref:
        """Make a page, change its title or add to its text, comment, or put it into the bin."""
        match change:
            case Create():
                return self._create(change)
            case Edit():
                self._edit(change)
            case Comment():
                body = {"parent": {"page_id": change.ref.key}, "rich_text": _rich(change.body)}
                self._api.send("POST", "/comments", body)
            case Delete():
                self._api.send("PATCH", f"/pages/{change.ref.key}", {"archived": True})
            case _:
                raise UsageError(
                    "CTX-213",
                    f"{self.name} cannot do that.",
                    "a page has no state and no assignee of its own.",
                    "create, edit, comment or delete.",
                )
        return change.ref

    def _create(self, change: Create) -> Ref:
        title: dict[str, Any] = {"title": _rich(change.title)}
        if change.parent:
            parent, properties = {"page_id": change.parent}, {"title": title}
        elif database := change.project or self._project:
            schema = (self._api.get(f"/databases/{database}") or {}).get("properties") or {}
            parent, properties = {"database_id": database}, {_title_name(schema): title}
        else:
            raise InvalidInput(
                "CTX-214",
                f"{self.name} does not know where the page should lie.",
                "a page lies in a database or under another page.",
                "name --parent PAGE or --project DATABASE.",
            )
        body = {"parent": parent, "properties": properties, "children": _paragraphs(change.body)}
        return Ref(self.name, "page", str(self._api.send("POST", "/pages", body)["id"]))

    def _edit(self, change: Edit) -> None:
        key = change.ref.key
        if change.title is not None:
            page = self._api.get(f"/pages/{key}") or {}
            name = _title_name(page.get("properties") or {})
            fields = {"properties": {name: {"title": _rich(change.title)}}}
            self._api.send("PATCH", f"/pages/{key}", fields)
        if change.body is not None:
            added = {"children": _paragraphs(change.body)}
            self._api.send("PATCH", f"/blocks/{key}/children", added)


def _title_name(properties: dict[str, Any]) -> str:
    return next((n for n, one in properties.items() if one.get("type") == "title"), "title")


def _rich(text: str) -> list[dict[str, Any]]:
    """Cut a text into the pieces that the API takes: 2,000 characters each."""
    parts = [text[at : at + 2000] for at in range(0, len(text), 2000)]
    return [{"type": "text", "text": {"content": part}} for part in parts]


def _paragraphs(markdown: str) -> list[dict[str, Any]]:
    """Make one block of each paragraph, at most the hundred that one call takes."""
    texts = [text for text in markdown.split("\n\n") if text.strip()]
    return [{"type": "paragraph", "paragraph": {"rich_text": _rich(one)}} for one in texts[:100]]


def _render(block: dict[str, Any]) -> str:
    kind = str(block.get("type"))
    value = block.get(kind) or {}
    text = _plain(value.get("rich_text") or [])
    if kind == "to_do":
        return f"- [{'x' if value.get('checked') else ' '}] {text}"
    if kind == "code":
        return f"```{value.get('language') or ''}\n{text}\n```"
    if kind == "divider":
        return "---"
    if kind == "table_row":
        return "| " + " | ".join(_plain(cell) for cell in value.get("cells") or []) + " |"
    return _PREFIX.get(kind, "") + text


def _plain(parts: list[dict[str, Any]]) -> str:
    return "".join(str(part.get("plain_text") or "") for part in parts)
