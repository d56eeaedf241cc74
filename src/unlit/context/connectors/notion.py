"""Notion pages and databases, read as Markdown.

Needs an integration that the pages are shared with.
Source: developers.notion.com, version 2022-06-28 (read 2026-03).
"""

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Final

from unlit.context.api import Api
from unlit.context.model import Item, Ref, Trust
from unlit.context.rules.reading import moment, named
from unlit.core.clock import Clock

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
        cursor: str | None = None
        while True:
            more = {"start_cursor": cursor} if cursor else {}
            page = self._api.send("POST", path, {**body, "page_size": 100, **more})
            if not isinstance(page, dict) or "results" not in page:
                raise self._api.unexpected("a list of pages", page)
            for raw in page["results"]:
                yield Ref(self.name, "page", str(raw["id"]))
            cursor = page.get("next_cursor")
            if not page.get("has_more") or not cursor:
                return

    def fetch(self, ref: Ref) -> Item | None:
        """Read one page with its blocks, to a depth of four."""
        raw = self._api.get(f"/pages/{ref.key}")
        if raw is None:
            return None
        properties = raw.get("properties")
        if not isinstance(properties, dict):
            raise self._api.unexpected("a page with properties", raw)
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
        cursor: str | None = None
        while True:
            page = self._api.get(f"/blocks/{key}/children", page_size=100, start_cursor=cursor) or {
                "results": []
            }
            for block in page["results"]:
                yield from (("  " * depth) + line for line in _render(block).split("\n"))
                if block.get("has_children") and depth < _DEEPEST:
                    yield from self._blocks(str(block["id"]), depth + 1)
            cursor = page.get("next_cursor")
            if not page.get("has_more") or not cursor:
                return

    def owns(self, text: str) -> Ref | None:
        """Recognise a page's URL."""
        found = _URL.match(text.strip().split("?")[0])
        return Ref(self.name, "page", found[1]) if found else None


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
