"""Confluence pages and their comments (Cloud, REST v2 and CQL search).

Needs e-mail and token (basic) that may read the space; for writing, one that may edit it.
Source: developer.atlassian.com/cloud/confluence/rest/v2 (read 2026-03).
"""

import json
import re
from collections.abc import Iterator
from typing import Any, ClassVar, Final

from unlit.context.api import Api, Page
from unlit.context.changes import Change, Comment, Create, Delete, Edit
from unlit.context.model import Item, Named, Ref, Trust
from unlit.context.rules.adf import from_markdown, to_markdown
from unlit.context.rules.reading import html_to_text, moment, named
from unlit.core.clock import Clock
from unlit.core.errors import InvalidInput, UsageError

_URL: Final = re.compile(r"https?://[^/]+/wiki/spaces/[^/]+/pages/(\d+)")


class Confluence:
    """One space.

    Args:
        api: Base URL ``https://SITE.atlassian.net``.
        clock: Says when something was read.
        name: Name of this instance.
        project: The space's key; empty for all.
    """

    kind: ClassVar[str] = "page"

    writes: ClassVar[frozenset[type]] = frozenset({Create, Edit, Comment, Delete})

    def __init__(self, api: Api, clock: Clock, name: str = "confluence", project: str = "") -> None:
        self.name = name
        self._api = api
        self._clock = clock
        self._project = project

    def search(self, query: str) -> Iterator[Ref]:
        """Yield pages, or those that contain the words, last changed first."""
        clauses = ["type = page"]
        if self._project:
            clauses.append(f'space = "{self._project}"')
        if query:
            words = query.replace("\\", " ").replace('"', " ")
            clauses.append(f'text ~ "{words}"')
        path = "/wiki/rest/api/search"
        given: dict[str, str | int | None] = {
            "cql": " and ".join(clauses) + " order by lastmodified desc",
            "limit": 100,
        }

        def ask(following: str | None) -> Page:
            page = self._api.get(following or path, **({} if following else given))
            if not isinstance(page, dict) or "results" not in page:
                raise self._api.unexpected("a page of results", page)
            link = (page.get("_links") or {}).get("next")
            return Page(page["results"], f"/wiki{link}" if link else None, page)

        for raw in self._api.paged(ask):
            yield Ref(self.name, "page", str(raw["content"]["id"]))

    def fetch(self, ref: Ref) -> Item | None:
        """Read one page."""
        raw = self._api.get(f"/wiki/api/v2/pages/{ref.key}", **{"body-format": "atlas_doc_format"})
        if raw is None:
            return None
        if "title" not in raw:
            raise self._api.unexpected("a page", raw)
        version = raw.get("version") or {}
        link = named(raw.get("_links"), "webui")
        return Item(
            ref=ref,
            revision=str(version.get("number") or ""),
            title=str(raw["title"]),
            body=_text(raw),
            trust=Trust.INTERNAL,
            fetched_at=self._clock.now(),
            status=named(raw, "status") or None,
            url=f"{self._api.base_url}/wiki{link}" if link else None,
            time=moment(version.get("createdAt")),
        )

    def owns(self, text: str) -> Ref | None:
        """Recognise a page's URL on this site."""
        found = _URL.match(text.strip())
        mine = text.strip().startswith(self._api.base_url)
        return Ref(self.name, "page", found[1]) if found and mine else None

    def comments(self, ref: Ref) -> Iterator[Item]:
        """Read the comments below a page, oldest first."""
        path = f"/wiki/api/v2/pages/{ref.key}/footer-comments"
        given = {"body-format": "atlas_doc_format", "limit": "100", "sort": "created-date"}
        for raw in self._listed(path, given):
            version = raw.get("version") or {}
            author = named(version, "authorId") or "somebody"
            yield Item(
                ref=Ref(self.name, "comment", f"{ref.key}/{raw['id']}"),
                revision=str(version.get("number") or ""),
                title=f"Comment by {author}",
                body=_text(raw),
                trust=Trust.INTERNAL,
                fetched_at=self._clock.now(),
                people=(author,),
                time=moment(version.get("createdAt")),
            )

    def _listed(self, path: str, given: dict[str, str]) -> Iterator[dict[str, Any]]:
        """Read a list of the second version of the API."""

        def ask(following: str | None) -> Page | None:
            page = self._api.get(following or path, **({} if following else given))
            if page is None:
                return None
            return Page(page.get("results"), (page.get("_links") or {}).get("next"), page)

        return self._api.paged(ask)

    def places(self) -> Iterator[Named]:
        """Yield the spaces."""
        for raw in self._listed("/wiki/api/v2/spaces", {"limit": "100"}):
            yield Named("space", str(raw["key"]), named(raw, "name"))

    def apply(self, change: Change) -> Ref:
        """Make a page, change it, comment on it, or put it into the bin."""
        match change:
            case Create():
                return self._create(change)
            case Edit():
                self._edit(change)
            case Comment():
                body = {"pageId": change.ref.key, "body": _document(change.body)}
                self._api.send("POST", "/wiki/api/v2/footer-comments", body)
            case Delete():
                self._api.send("DELETE", f"/wiki/api/v2/pages/{change.ref.key}")
            case _:
                raise UsageError(
                    "CTX-213",
                    f"{self.name} cannot do that.",
                    "a page has no state and no assignee.",
                    "create, edit, comment or delete.",
                )
        return change.ref

    def _create(self, change: Create) -> Ref:
        key = change.project or self._project
        found = (self._api.get("/wiki/api/v2/spaces", keys=key) or {}).get("results") or []
        if not key or not found:
            raise InvalidInput(
                "CTX-214",
                f"{self.name} has no space {key!r}.",
                "a page lies in a space.",
                "name the space's key with --project.",
            )
        body: dict[str, Any] = {
            "spaceId": str(found[0]["id"]),
            "status": "current",
            "title": change.title,
            "body": _document(change.body),
        }
        if change.parent:
            body["parentId"] = change.parent
        return Ref(self.name, "page", str(self._api.send("POST", "/wiki/api/v2/pages", body)["id"]))

    def _edit(self, change: Edit) -> None:
        path = f"/wiki/api/v2/pages/{change.ref.key}"
        now = self._api.send("GET", path, **{"body-format": "atlas_doc_format"})
        held = named((now.get("body") or {}).get("atlas_doc_format"), "value")
        body = {
            "id": change.ref.key,
            "status": "current",
            "title": now["title"] if change.title is None else change.title,
            "body": {"representation": "atlas_doc_format", "value": held}
            if change.body is None
            else _document(change.body),
            "version": {"number": int(now["version"]["number"]) + 1},
        }
        self._api.send("PUT", path, body)


def _text(raw: dict[str, Any]) -> str:
    body = raw.get("body") or {}
    if document := named(body.get("atlas_doc_format"), "value"):
        return to_markdown(json.loads(document))
    return html_to_text(named(body.get("storage"), "value"))


def _document(markdown: str) -> dict[str, str]:
    value = json.dumps(from_markdown(markdown))
    return {"representation": "atlas_doc_format", "value": value}
