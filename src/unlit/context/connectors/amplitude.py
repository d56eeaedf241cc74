"""Amplitude: the event taxonomy and how often each event happens.

Needs an API key and secret key (basic authentication).
Source: amplitude.com/docs/apis/analytics (read 2026-03).
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import ClassVar, Final

from unlit.context.api import Api
from unlit.context.model import Item, Ref, Trust
from unlit.context.rules.reading import table
from unlit.core.clock import Clock

_DAYS: Final = 28


class Amplitude:
    """One project.

    Args:
        api: Base URL ``https://amplitude.com``, or the European one.
        clock: Says when something was read.
        name: Name of this instance.
        project: Not used; a key belongs to one project.
    """

    kind: ClassVar[str] = "event"

    def __init__(self, api: Api, clock: Clock, name: str = "amplitude", project: str = "") -> None:
        self.name = name
        self._api = api
        self._clock = clock
        self._project = project

    def search(self, query: str) -> Iterator[Ref]:
        """Yield the events whose name has every word."""
        page = self._api.get("/api/2/taxonomy/event")
        if not isinstance(page, dict) or "data" not in page:
            raise self._api.unexpected("the list of events", page)
        for raw in page["data"]:
            name = str(raw["event_type"])
            if all(word in name.lower() for word in query.lower().split()):
                yield Ref(self.name, "event", name)

    def fetch(self, ref: Ref) -> Item | None:
        """Read one event: its description, and its totals of the last 28 days."""
        about = self._api.get("/api/2/taxonomy/event/" + ref.key)
        if about is None:
            return None
        now = self._clock.now()
        counts = self._api.get(
            "/api/2/events/segmentation",
            e=f'{{"event_type":"{ref.key}"}}',
            m="totals",
            start=f"{now - timedelta(days=_DAYS):%Y%m%d}",
            end=f"{now:%Y%m%d}",
        )
        data = (counts or {}).get("data") or {}
        values = (data.get("series") or [[]])[0]
        rows = [
            {"day": day, "times": value}
            for day, value in zip(data.get("xValues") or [], values, strict=False)
        ]
        described = (about.get("data") or {}).get("description") or "No description."
        return Item(
            ref=ref,
            revision=now.date().isoformat(),
            title=f"Event {ref.key}",
            body=f"{described}\n\n{table(rows)}".strip(),
            trust=Trust.INTERNAL,
            fetched_at=now,
            time=now,
        )

    def owns(self, text: str) -> Ref | None:
        """Recognise nothing: an event has no URL of its own."""
        return None
