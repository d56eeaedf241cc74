"""Amplitude: taxonomy, totals, funnels, retention, users and cohorts of one project.

Needs an API key and secret key (basic authentication). A key says what is read: an event's name,
``property:NAME``, ``cohort:ID``, ``funnel:FIRST>SECOND``, ``retention:FIRST>BACK``, ``user:NAME``.
Source: amplitude.com/docs/apis/analytics: taxonomy, dashboard-rest, cohorts (read 2026-11).
"""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, ClassVar, Final
from urllib.parse import quote, urlencode

from unlit.context.api import Api
from unlit.context.model import Item, Ref, Trust
from unlit.context.rules.reading import moment, named, table
from unlit.core.clock import Clock

_DAYS: Final = 28
_KINDS: Final = ("event", "property", "cohort", "funnel", "retention", "user")
Row = dict[str, Any]


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
        """Yield the events, user properties and cohorts whose name has every word."""
        words = query.lower().split()
        for kind, key, text in self._named():
            if all(word in text.lower() for word in words):
                yield Ref(self.name, kind, key)

    def _named(self) -> Iterator[tuple[str, str, str]]:
        for raw in self._listed("/api/2/taxonomy/event", "data"):
            yield "event", str(raw["event_type"]), str(raw["event_type"])
        for raw in self._listed("/api/2/taxonomy/user-property", "data"):
            yield "property", str(raw["user_property"]), str(raw["user_property"])
        for raw in self._listed("/api/3/cohorts", "cohorts"):
            yield "cohort", str(raw["id"]), str(raw.get("name") or raw["id"])

    def _listed(self, path: str, field: str) -> list[Row]:
        page = self._api.send("GET", path)
        if not isinstance(page, dict) or not isinstance(page.get(field), list):
            raise self._api.unexpected(f"a list in {field}", page)
        found: list[Row] = page[field]
        return found

    def fetch(self, ref: Ref) -> Item | None:
        """Read one thing of the project; numbers are those of the last 28 days."""
        readers: dict[str, Callable[[str], str | None]] = {
            "property": self._property,
            "cohort": self._cohort,
            "funnel": self._funnel,
            "retention": self._retention,
            "user": self._user,
        }
        body = readers.get(ref.kind, self._event)(ref.key)
        if body is None:
            return None
        now = self._clock.now()
        return Item(
            ref=ref,
            revision=now.date().isoformat(),
            title=f"{ref.kind.capitalize()} {ref.key}",
            body=body.strip(),
            trust=Trust.INTERNAL,
            fetched_at=now,
            time=now,
        )

    def owns(self, text: str) -> Ref | None:
        """Recognise ``funnel:A>B`` and its like; an event has no URL of its own."""
        kind, colon, key = text.strip().partition(":")
        return Ref(self.name, kind, key.strip()) if colon and kind in _KINDS and key else None

    @property
    def _range(self) -> dict[str, str]:
        now = self._clock.now()
        return {"start": f"{now - timedelta(days=_DAYS):%Y%m%d}", "end": f"{now:%Y%m%d}"}

    def _event(self, key: str) -> str | None:
        about = self._api.get("/api/2/taxonomy/event/" + quote(key, safe=""))
        if about is None:
            return None
        counts = self._api.get(
            "/api/2/events/segmentation", e=_event(key), m="totals", **self._range
        )
        data = (counts or {}).get("data") or {}
        values = (data.get("series") or [[]])[0]
        days = zip(data.get("xValues") or [], values, strict=False)
        rows = [{"day": day, "times": value} for day, value in days]
        return f"{named(about.get('data'), 'description') or 'No description.'}\n\n{table(rows)}"

    def _property(self, key: str) -> str | None:
        about = self._api.get("/api/2/taxonomy/user-property/" + quote(key, safe=""))
        if about is None:
            return None
        raw = about.get("data") or {}
        kind = named(raw, "type") or "unknown type"
        return f"{named(raw, 'description') or 'No description.'}\n\nType: {kind}"

    def _cohort(self, key: str) -> str | None:
        for raw in self._listed("/api/3/cohorts", "cohorts"):
            if str(raw["id"]) == key:
                computed = moment(raw.get("lastComputed"))
                about = named(raw, "description") or "No description."
                when = f", computed {computed:%Y-%m-%d}" if computed else ""
                return f"{raw.get('name')}: {raw.get('size')} users{when}.\n\n{about}"
        return None

    def _funnel(self, key: str) -> str | None:
        steps = [step.strip() for step in key.split(">") if step.strip()]
        # the parameter `e` is repeated, once for each step
        asked = [*(("e", _event(step)) for step in steps), *self._range.items()]
        found = self._api.send("GET", f"/api/2/funnels?{urlencode(asked)}")
        rows: list[Row] = []
        for data in (found or {}).get("data") or []:
            shares = zip(steps, data.get("cumulativeRaw") or [], strict=False)
            rows += [{"step": step, "users": users} for step, users in shares]
        return table(rows)

    def _retention(self, key: str) -> str | None:
        first, _, back = key.partition(">")
        asked = {"se": _event(first.strip()), "re": _event(back.strip() or first.strip())}
        found = self._api.send("GET", "/api/2/retention", **asked, **self._range)
        series = (((found or {}).get("data") or {}).get("series") or [{}])[0]
        rows = [
            {"day": day, "back": one.get("count"), "of": one.get("outof")}
            for day, one in enumerate(series.get("combined") or [])
        ]
        return table(rows)

    def _user(self, key: str) -> str | None:
        found = self._api.send("GET", "/api/2/usersearch", user=key)
        matches = (found or {}).get("matches") or []
        if not matches:
            return None
        number = str(matches[0]["amplitude_id"])
        activity = self._api.send("GET", "/api/2/useractivity", user=number) or {}
        rows = [
            {"time": one.get("event_time"), "event": one.get("event_type")}
            for one in activity.get("events") or []
        ]
        about = activity.get("userData") or {}
        return f"{about.get('num_events')} events since {about.get('first_used')}.\n\n{table(rows)}"


def _event(name: str) -> str:
    return json.dumps({"event_type": name}, separators=(",", ":"))
