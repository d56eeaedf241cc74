"""Plausible: visitors, pages and goals of one site (Stats API v2).

Needs a Stats API key. Source: plausible.io/docs/stats-api (read 2026-03).
"""

from collections.abc import Iterator
from typing import Any, ClassVar, Final

from unlit.context.api import Api
from unlit.context.model import Item, Ref, Trust
from unlit.context.rules.reading import table
from unlit.core.clock import Clock

_REPORTS: Final[dict[str, dict[str, Any]]] = {
    "by-day": {"metrics": ["visitors", "pageviews"], "dimensions": ["time:day"]},
    "by-page": {"metrics": ["visitors", "bounce_rate"], "dimensions": ["event:page"]},
    "by-goal": {"metrics": ["visitors", "conversion_rate"], "dimensions": ["event:goal"]},
}
_RANGE: Final = "28d"


class Plausible:
    """One site; three reports of the last 28 days.

    Args:
        api: Base URL ``https://plausible.io``.
        clock: Says when something was read.
        name: Name of this instance.
        project: The site's domain.
    """

    kind: ClassVar[str] = "report"

    def __init__(self, api: Api, clock: Clock, name: str = "plausible", project: str = "") -> None:
        self.name = name
        self._api = api
        self._clock = clock
        self._project = project

    def search(self, query: str) -> Iterator[Ref]:
        """Yield the reports whose name has every word."""
        for report in _REPORTS:
            if all(word in report for word in query.lower().split()):
                yield Ref(self.name, "report", report)

    def fetch(self, ref: Ref) -> Item | None:
        """Read one report."""
        if ref.key not in _REPORTS:
            return None
        asked = {"site_id": self._project, "date_range": _RANGE, **_REPORTS[ref.key]}
        raw = self._api.send("POST", "/api/v2/query", asked)
        if not isinstance(raw, dict) or "results" not in raw:
            raise self._api.unexpected("a report", raw)
        rows = [
            dict(zip(asked["dimensions"], row["dimensions"], strict=True))
            | dict(zip(asked["metrics"], row["metrics"], strict=True))
            for row in raw["results"]
        ]
        now = self._clock.now()
        return Item(
            ref=ref,
            revision=now.date().isoformat(),
            title=f"{self._project} {ref.key.replace('-', ' ')}, last 28 days",
            body=table(rows),
            trust=Trust.INTERNAL,
            fetched_at=now,
            url=f"{self._api.base_url}/{self._project}",
            time=now,
        )

    def owns(self, text: str) -> Ref | None:
        """Recognise the URL of the site's page."""
        mine = text.strip().rstrip("/") == f"{self._api.base_url}/{self._project}"
        return Ref(self.name, "report", "by-day") if mine else None
