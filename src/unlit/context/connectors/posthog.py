"""PostHog: saved insights with their latest numbers.

Needs a personal key with `insight:read`. Source: posthog.com/docs/api/insights (read 2026-03).
"""

from collections.abc import Iterator
from typing import Any, ClassVar

from unlit.context.api import Api, Page
from unlit.context.model import Item, Ref, Trust
from unlit.context.rules.reading import moment, named, table
from unlit.core.clock import Clock


class PostHog:
    """One project.

    Args:
        api: Base URL such as ``https://eu.posthog.com``.
        clock: Says when something was read.
        name: Name of this instance.
        project: The project's number.
    """

    kind: ClassVar[str] = "insight"

    def __init__(self, api: Api, clock: Clock, name: str = "posthog", project: str = "") -> None:
        self.name = name
        self._api = api
        self._clock = clock
        self._project = project

    def search(self, query: str) -> Iterator[Ref]:
        """Yield saved insights that have the words."""
        path = f"/api/projects/{self._project}/insights/"
        given: dict[str, str | int | None] = {
            "saved": "true",
            "search": query or None,
            "limit": 100,
            "basic": "true",
        }

        def ask(following: str | None) -> Page:
            page = self._api.get(following or path, **({} if following else given))
            if not isinstance(page, dict) or "results" not in page:
                raise self._api.unexpected("a page of insights", page)
            return Page(page["results"], page.get("next"), page)

        for raw in self._api.paged(ask):
            yield Ref(self.name, "insight", str(raw["id"]))

    def fetch(self, ref: Ref) -> Item | None:
        """Read one insight: each series with its dates and values."""
        raw = self._api.get(f"/api/projects/{self._project}/insights/{ref.key}/")
        if raw is None:
            return None
        parts = [str(raw.get("description") or "")]
        for series in raw.get("result") or []:
            if isinstance(series, dict):
                parts += [f"## {series.get('label') or 'series'}", _series(series)]
        return Item(
            ref=ref,
            revision=str(raw.get("last_refresh") or raw.get("last_modified_at") or ""),
            title=named(raw, "name", "derived_name") or f"insight {ref.key}",
            body="\n\n".join(part for part in parts if part),
            trust=Trust.INTERNAL,
            fetched_at=self._clock.now(),
            url=f"{self._api.base_url}/project/{self._project}/insights/{raw.get('short_id')}",
            time=moment(raw.get("last_refresh")),
        )

    def owns(self, text: str) -> Ref | None:
        """Recognise nothing: an insight's URL holds a short id that only a search resolves."""
        return None


def _series(series: dict[str, Any]) -> str:
    if "labels" in series and "data" in series:
        pairs = zip(series["labels"], series["data"], strict=False)
        return table([{"when": when, "value": value} for when, value in pairs])
    if "aggregated_value" in series or "count" in series:
        return str(series.get("aggregated_value", series.get("count")))
    return ""
