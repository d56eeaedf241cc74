"""Storybook: the components and stories of a built or running book.

Needs nothing but reach to its `index.json`. Source: storybook.js.org/docs, index v5 (read 2026-03).
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, ClassVar

from unlit.context.api import Api
from unlit.context.model import Item, Ref, Trust
from unlit.core.canonical import digest_json
from unlit.core.clock import Clock


class Storybook:
    """One book.

    Args:
        api: Base URL of the book.
        clock: Says when something was read.
        name: Name of this instance.
        project: Not used.
    """

    kind: ClassVar[str] = "component"

    def __init__(self, api: Api, clock: Clock, name: str = "storybook", project: str = "") -> None:
        self.name = name
        self._api = api
        self._clock = clock
        self._project = project

    def _components(self) -> dict[str, list[dict[str, Any]]]:
        raw = self._api.get("/index.json")
        if not isinstance(raw, dict) or "entries" not in raw:
            raise self._api.unexpected("an index of stories", raw)
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for entry in raw["entries"].values():
            found[str(entry["title"])].append(entry)
        return found

    def search(self, query: str) -> Iterator[Ref]:
        """Yield the components whose title has every word."""
        for title in sorted(self._components()):
            if all(word in title.lower() for word in query.lower().split()):
                yield Ref(self.name, "component", title)

    def fetch(self, ref: Ref) -> Item | None:
        """Read one component: its stories and where their source lies."""
        entries = self._components().get(ref.key)
        if not entries:
            return None
        lines = [
            f"- {entry['name']} ({entry['type']}): {entry.get('importPath') or 'no source'}"
            for entry in entries
        ]
        return Item(
            ref=ref,
            revision=digest_json(entries).removeprefix("sha256:")[:16],
            title=ref.key,
            body="\n".join(lines),
            trust=Trust.INTERNAL,
            fetched_at=self._clock.now(),
            url=f"{self._api.base_url}/?path=/{entries[0]['type']}/{entries[0]['id']}",
        )

    def owns(self, text: str) -> Ref | None:
        """Recognise the URL of a story in this book."""
        if not text.strip().startswith(f"{self._api.base_url}/?path="):
            return None
        wanted = text.strip().rsplit("/", 1)[-1]
        for title, entries in self._components().items():
            if any(entry["id"] == wanted for entry in entries):
                return Ref(self.name, "component", title)
        return None
