"""Errors in production from Rollbar.

Needs a project token with `read`. Source: docs.rollbar.com/reference (read 2026-03).
"""

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Final

from unlit.context.api import Api, Page
from unlit.context.changes import Change, Transition
from unlit.context.model import Item, Ref, Trust
from unlit.context.rules.reading import moment, named
from unlit.core.clock import Clock
from unlit.core.errors import UsageError

_URL: Final = re.compile(r"https://(?:app\.)?rollbar\.com/.*?/items/(\d+)")
_STATES: Final = ("active", "resolved", "muted", "archived")
_FRAMES: Final = 30


class Rollbar:
    """One project.

    Args:
        api: Base URL ``https://api.rollbar.com/api/1``.
        clock: Says when something was read.
        name: Name of this instance.
        project: Not used; a token belongs to one project.
    """

    kind: ClassVar[str] = "error"

    writes: ClassVar[frozenset[type]] = frozenset({Transition})

    def __init__(self, api: Api, clock: Clock, name: str = "rollbar", project: str = "") -> None:
        self.name = name
        self._api = api
        self._clock = clock
        self._project = project

    def _result(self, path: str, **query: str | int | None) -> Any:
        answer = self._api.get(path, **query)
        if answer is None:
            return None
        if not isinstance(answer, dict) or "result" not in answer:
            raise self._api.unexpected("a result", answer)
        return answer["result"]

    def search(self, query: str) -> Iterator[Ref]:
        """Yield active errors, or those that have the words."""

        def ask(number: int | None) -> Page | None:
            wanted = number or 1
            page = self._result("/items/", status="active", query=query or None, page=wanted)
            if page is None:
                return None
            items = page.get("items") if isinstance(page, dict) else None
            return Page(items, wanted + 1 if items else None, page)

        for raw in self._api.paged(ask):
            yield Ref(self.name, "error", str(raw["id"]))

    def fetch(self, ref: Ref) -> Item | None:
        """Read one error with the stack of its latest occurrence."""
        raw = self._result(f"/item/{ref.key}")
        if raw is None:
            return None
        page = self._result(f"/item/{ref.key}/instances/") or {}
        listed = page.get("instances") or []
        body = f"Seen {raw.get('total_occurrences')} times in {raw.get('environment')}.\n" + (
            _stack(listed[0].get("data") or {}) if listed else ""
        )
        return Item(
            ref=ref,
            revision=str(raw.get("last_occurrence_timestamp") or ""),
            title=named(raw, "title") or f"error {ref.key}",
            body=body.strip(),
            trust=Trust.PUBLIC,
            fetched_at=self._clock.now(),
            status=named(raw, "status") or None,
            time=moment(raw.get("last_occurrence_timestamp")),
        )

    def owns(self, text: str) -> Ref | None:
        """Recognise an item's URL by its counter."""
        found = _URL.match(text.strip())
        if found is None:
            return None
        raw = self._result(f"/item_by_counter/{found[1]}")
        return Ref(self.name, "error", str(raw.get("id") or raw.get("itemId"))) if raw else None

    def statuses(self, ref: Ref) -> tuple[str, ...]:
        """Return the states of an error."""
        return _STATES

    def apply(self, change: Change) -> Ref:
        """Set the state of an error."""
        if not isinstance(change, Transition) or change.state not in _STATES:
            raise UsageError(
                "CTX-213",
                f"{self.name} cannot do that.",
                "an error has a state, nothing else can be written.",
                f"use `transition` with one of: {', '.join(_STATES)}.",
            )
        self._api.send("PATCH", f"/item/{change.ref.key}", {"status": change.state})
        return change.ref


def _stack(data: dict[str, Any]) -> str:
    body = data.get("body") or {}
    traces = body.get("trace_chain") or ([body["trace"]] if "trace" in body else [])
    lines = []
    for trace in traces:
        error = trace.get("exception") or {}
        lines.append(f"\n{error.get('class')}: {error.get('message')}")
        for frame in (trace.get("frames") or [])[-_FRAMES:]:
            place = f"{frame.get('filename')}:{frame.get('lineno')}"
            lines.append(f"  {place} in {frame.get('method')}")
    return "\n".join(lines)
