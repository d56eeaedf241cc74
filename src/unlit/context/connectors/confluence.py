"""Confluence pages (Cloud, REST v2 and CQL search).

Needs a token that may read the space.
Source: developer.atlassian.com/cloud/confluence/rest/v2 (read 2026-03).
"""

import json
import re
from collections.abc import Iterator
from typing import ClassVar, Final

from unlit.context.api import Api
from unlit.context.model import Item, Ref, Trust
from unlit.context.rules.adf import to_markdown
from unlit.context.rules.reading import html_to_text, moment, named
from unlit.core.clock import Clock

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
        path: str | None = "/wiki/rest/api/search"
        given: dict[str, str | int | None] = {
            "cql": " and ".join(clauses) + " order by lastmodified desc",
            "limit": 100,
        }
        while path:
            page = self._api.get(path, **given)
            if not isinstance(page, dict) or "results" not in page:
                raise self._api.unexpected("a page of results", page)
            for raw in page["results"]:
                yield Ref(self.name, "page", str(raw["content"]["id"]))
            following = (page.get("_links") or {}).get("next")
            path, given = (f"/wiki{following}" if following else None), {}

    def fetch(self, ref: Ref) -> Item | None:
        """Read one page."""
        raw = self._api.get(f"/wiki/api/v2/pages/{ref.key}", **{"body-format": "atlas_doc_format"})
        if raw is None:
            return None
        if "title" not in raw:
            raise self._api.unexpected("a page", raw)
        body = raw.get("body") or {}
        if document := named(body.get("atlas_doc_format"), "value"):
            text = to_markdown(json.loads(document))
        else:
            text = html_to_text(named(body.get("storage"), "value"))
        version = raw.get("version") or {}
        link = named(raw.get("_links"), "webui")
        return Item(
            ref=ref,
            revision=str(version.get("number") or ""),
            title=str(raw["title"]),
            body=text,
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
