"""Errors in production from Bugsink, a server that takes Sentry's events.

Read only; needs a token with `issues_read` and `events_read`, sent as `Authorization: Bearer …`.
Source: Bugsink 2.6.2, run for real. The stack carries local variables, as Bugsink renders it.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar, Final

from unlit.context.api import Api, Page
from unlit.context.model import Item, Ref, Trust
from unlit.context.rules.reading import moment, named
from unlit.core.clock import Clock

_PATH: Final = re.compile(r"/issues/issue/([0-9a-f-]{36})(?:/|$)")


class Bugsink:
    """One project of a Bugsink server.

    Args:
        api: Base URL of the server, followed by ``/api/canonical/0``.
        clock: Says when something was read.
        name: Name of this instance.
        project: The project's number.
    """

    kind: ClassVar[str] = "error"

    def __init__(self, api: Api, clock: Clock, name: str = "bugsink", project: str = "1") -> None:
        self.name = name
        self._api = api
        self._clock = clock
        self._project = project

    def search(self, query: str) -> Iterator[Ref]:
        """Yield open error groups whose type or message has every word, latest first."""
        for raw in self._open():
            text = _title(raw).lower()
            if all(word in text for word in query.lower().split()):
                yield Ref(self.name, "error", str(raw["id"]))

    def errors_since(self, since: datetime) -> Iterator[Ref]:
        """Yield open error groups that were first seen since then."""
        for raw in self._open():
            first = moment(raw.get("first_seen"))
            if first is not None and first >= since:
                yield Ref(self.name, "error", str(raw["id"]))

    def _open(self) -> Iterator[dict[str, Any]]:
        url = "/issues/"
        first: dict[str, str | int | None] = {
            "project": self._project,
            "sort": "last_seen",
            "order": "desc",
            "state": "unresolved",
        }

        def ask(following: str | None) -> Page:
            # no such project is a failure, not nothing
            page = self._api.send("GET", following or url, **({} if following else first))
            if not isinstance(page, dict) or "results" not in page:
                raise self._api.unexpected("a page of error groups", page)
            return Page(page["results"], page.get("next"), page)

        return (raw for raw in self._api.paged(ask) if not raw.get("is_resolved"))

    def fetch(self, ref: Ref) -> Item | None:
        """Read one error group with the stack of its latest event."""
        raw = self._api.get(f"/issues/{ref.key}/")
        if raw is None:
            return None
        if "id" not in raw:
            raise self._api.unexpected("an error group", raw)
        events = self._api.get("/events/", issue=ref.key, order="desc") or {}
        stack = ""
        if listed := events.get("results"):
            reply = self._api.reply("GET", f"/events/{listed[0]['id']}/stacktrace/")
            stack = reply.body.decode("utf-8", "replace") if reply.status == 200 else ""
        body = (
            f"Seen {raw.get('digested_event_count')} times.\n"
            f"First {raw.get('first_seen')}, last {raw.get('last_seen')}.\n"
            f"Where: {raw.get('transaction') or 'unknown'}\n\n{stack}"
        )
        return Item(
            ref=ref,
            revision=str(raw.get("last_seen") or ""),
            title=_title(raw),
            body=body.strip(),
            trust=Trust.PUBLIC,
            fetched_at=self._clock.now(),
            status=_status(raw),
            url=f"{self._server}/issues/issue/{raw['id']}/event/last/",
            time=moment(raw.get("last_seen")),
        )

    def owns(self, text: str) -> Ref | None:
        """Recognise the URL of an error group on this server."""
        found = _PATH.match(text.strip().removeprefix(self._server))
        return Ref(self.name, "error", found[1]) if found else None

    @property
    def _server(self) -> str:
        return self._api.base_url.split("/api/")[0]


def _status(raw: dict[str, Any]) -> str:
    if raw.get("is_resolved"):
        return "resolved"
    return "muted" if raw.get("is_muted") else "open"


def _title(raw: dict[str, Any]) -> str:
    kind = named(raw, "calculated_type", "type")
    value = named(raw, "calculated_value", "value")
    return f"{kind}: {value}" if value else kind or "an error"
