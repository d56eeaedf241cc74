"""Errors in production: Sentry's API, and servers that speak it.

Needs `event:read` and `project:read`; for writing `event:write`.
Source: docs.sentry.io/api/events and the vendor's @sentry/api 0.1.0 (read 2026-11).
Bugsink has an API of its own for reading: see `bugsink.py`.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from unlit.context.api import Api
from unlit.context.changes import Assign, Change, Delete, Transition
from unlit.context.model import Item, Named, Ref, Trust
from unlit.context.rules.reading import moment, named
from unlit.core.clock import Clock
from unlit.core.errors import UsageError

_URL: Final = re.compile(r"https?://[^/]+/(?:organizations/[^/]+/)?issues/(\d+)")
_FRAMES: Final = 30


class Sentry:
    """One project of one organisation.

    Args:
        api: Base URL such as ``https://sentry.io/api/0``.
        clock: Says when something was read.
        name: Name of this instance.
        project: ``organisation/project``.
    """

    kind: ClassVar[str] = "error"

    writes: ClassVar[frozenset[type]] = frozenset({Transition, Assign, Delete})

    def __init__(self, api: Api, clock: Clock, name: str = "sentry", project: str = "") -> None:
        self.name = name
        self._api = api
        self._clock = clock
        self._project = project

    @property
    def _root(self) -> str:
        return f"/organizations/{self._project.partition('/')[0]}/issues/"

    @property
    def _slug(self) -> str:
        return self._project.partition("/")[2]

    def search(self, query: str) -> Iterator[Ref]:
        """Yield unresolved error groups, most frequent first; `query` is Sentry's own syntax."""
        wanted = query or "is:unresolved"
        if self._slug:
            wanted = f"project:{self._slug} {wanted}"
        for raw in self._api.pages(self._root, query=wanted, sort="freq"):
            yield Ref(self.name, "error", str(raw["id"]))

    def errors_since(self, since: datetime) -> Iterator[Ref]:
        """Yield unresolved error groups that were first seen since then."""
        return self.search(f"is:unresolved firstSeen:>={since.astimezone(UTC):%Y-%m-%dT%H:%M:%S}")

    def fetch(self, ref: Ref) -> Item | None:
        """Read one error group with the stack of its latest event."""
        raw = self._api.get(f"{self._root}{ref.key}/")
        if raw is None:
            return None
        if "title" not in raw:
            raise self._api.unexpected("an error group", raw)
        event = self._api.get(f"{self._root}{ref.key}/events/latest/")
        lines = [
            f"Seen {raw.get('count')} times by {raw.get('userCount')} users.",
            f"First {raw.get('firstSeen')}, last {raw.get('lastSeen')}.",
            f"Where: {raw.get('culprit') or 'unknown'}",
        ]
        return Item(
            ref=ref,
            revision=str(raw.get("lastSeen") or ""),
            title=str(raw["title"]),
            body="\n".join(lines) + _stack(event or {}),
            trust=Trust.PUBLIC,
            fetched_at=self._clock.now(),
            status=named(raw, "status") or None,
            url=named(raw, "permalink") or None,
            time=moment(raw.get("lastSeen")),
        )

    def owns(self, text: str) -> Ref | None:
        """Recognise the URL of an error group on this server."""
        found = _URL.match(text.strip())
        host = self._api.base_url.split("/api/")[0]
        return (
            Ref(self.name, "error", found[1]) if found and text.strip().startswith(host) else None
        )

    def statuses(self, ref: Ref) -> tuple[str, ...]:
        """Return the states of an error group."""
        return ("resolved", "unresolved", "ignored")

    def places(self) -> Iterator[Named]:
        """Yield the organisation's projects, as ``organisation/project``."""
        organisation = self._project.partition("/")[0]
        for raw in self._api.pages(f"/organizations/{organisation}/projects/"):
            yield Named("project", f"{organisation}/{raw['slug']}", named(raw, "name"))

    def apply(self, change: Change) -> Ref:
        """Set the state of an error group, give it to somebody, or delete it."""
        match change:
            case Transition() if change.state in self.statuses(change.ref):
                self._put(change.ref, {"status": change.state})
            case Assign() if change.person != "me":
                self._put(change.ref, {"assignedTo": change.person})
            case Delete():
                self._api.send("DELETE", f"{self._root}{change.ref.key}/")
            case _:
                raise UsageError(
                    "CTX-213",
                    f"{self.name} cannot do that.",
                    "an error group is resolved, unresolved or ignored, given to a named person, "
                    "or deleted; a token has no `me`.",
                    "use `transition`, `assign NAME` or `delete`.",
                )
        return change.ref

    def _put(self, ref: Ref, fields: dict[str, str]) -> None:
        self._api.send("PUT", f"{self._root}{ref.key}/", fields)


def _stack(event: dict[str, Any]) -> str:
    lines = []
    for entry in event.get("entries") or []:
        if entry.get("type") != "exception":
            continue
        for value in (entry.get("data") or {}).get("values") or []:
            lines.append(f"\n{value.get('type')}: {value.get('value')}")
            frames = (value.get("stacktrace") or {}).get("frames") or []
            for frame in frames[-_FRAMES:]:
                place = f"{frame.get('filename')}:{frame.get('lineNo')}"
                lines.append(f"  {place} in {frame.get('function')}")
    return "\n" + "\n".join(lines) if lines else ""
