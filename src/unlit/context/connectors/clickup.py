"""ClickUp tasks (API v2).

Needs a personal token. Source: developer.clickup.com/reference (read 2026-03).
"""

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Final

from unlit.context.api import Api, Page
from unlit.context.changes import (
    Assign,
    Change,
    Comment,
    Create,
    Delete,
    Edit,
    SetField,
    Start,
    Transition,
)
from unlit.context.model import Item, Named, Ref, Trust
from unlit.context.rules.reading import as_number, facts, matching, moment, named
from unlit.core.clock import Clock
from unlit.core.errors import InvalidInput

_COMMENTS: Final = 25  # on a page
_URL: Final = re.compile(r"https://app\.clickup\.com/t/(?:\d+/)?(\w+)")


class ClickUp:
    """One list of tasks.

    Args:
        api: Base URL ``https://api.clickup.com/api/v2``.
        clock: Says when something was read.
        name: Name of this instance.
        project: The list's id.
    """

    kind: ClassVar[str] = "task"

    writes: ClassVar[frozenset[type]] = frozenset(
        {Create, Edit, Transition, Assign, Start, Comment, Delete, SetField}
    )

    def __init__(self, api: Api, clock: Clock, name: str = "clickup", project: str = "") -> None:
        self.name = name
        self._api = api
        self._clock = clock
        self._project = project

    def search(self, query: str) -> Iterator[Ref]:
        """Yield open tasks whose name or description has every word."""

        def ask(number: int | None) -> Page:
            page = self._api.get(f"/list/{self._project}/task", page=number or 0, subtasks="true")
            if not isinstance(page, dict) or "tasks" not in page:
                raise self._api.unexpected("a page of tasks", page)
            is_last = page.get("last_page", True) or not page["tasks"]
            return Page(page["tasks"], None if is_last else (number or 0) + 1, page)

        for raw in self._api.paged(ask):
            text = f"{raw.get('name')} {raw.get('text_content') or ''}".lower()
            if all(word in text for word in query.lower().split()):
                yield Ref(self.name, "task", str(raw["id"]))

    def fetch(self, ref: Ref) -> Item | None:
        """Read one task."""
        raw = self._api.get(f"/task/{ref.key}", include_markdown_description="true")
        if raw is None:
            return None
        if "name" not in raw:
            raise self._api.unexpected("a task", raw)
        people = [*(raw.get("assignees") or []), raw.get("creator")]
        return Item(
            ref=Ref(self.name, "task", str(raw["id"])),
            revision=str(raw.get("date_updated") or ""),
            title=str(raw["name"]),
            body=named(raw, "markdown_description", "description"),
            trust=Trust.INTERNAL,
            fetched_at=self._clock.now(),
            status=named(raw.get("status"), "status") or None,
            people=tuple(dict.fromkeys(n for one in people if (n := named(one, "username")))),
            url=named(raw, "url") or None,
            time=moment(raw.get("date_updated")),
            facts=facts(
                priority=named(raw.get("priority"), "priority"),
                labels=[named(one, "name") for one in raw.get("tags") or []],
            ),
        )

    def owns(self, text: str) -> Ref | None:
        """Recognise a task's URL."""
        found = _URL.match(text.strip())
        return Ref(self.name, "task", found[1]) if found else None

    def comments(self, ref: Ref) -> Iterator[Item]:
        """Read the comments, oldest first (ClickUp sends 25 at a time, the newest first)."""

        def ask(after: dict[str, str] | None) -> Page | None:
            page = self._api.get(f"/task/{ref.key}/comment", **(after or {}))
            if page is None:
                return None
            listed = page.get("comments") or []
            last = listed[-1] if len(listed) >= _COMMENTS else None
            after = {"start": str(last["date"]), "start_id": str(last["id"])} if last else None
            return Page(listed, after, page)

        for raw in reversed(list(self._api.paged(ask))):
            author = named(raw.get("user"), "username") or "somebody"
            yield Item(
                ref=Ref(self.name, "comment", f"{ref.key}/{raw['id']}"),
                revision=str(raw.get("date") or ""),
                title=f"Comment by {author}",
                body=str(raw.get("comment_text") or ""),
                trust=Trust.INTERNAL,
                fetched_at=self._clock.now(),
                people=(author,),
                time=moment(raw.get("date")),
            )

    def places(self) -> Iterator[Named]:
        """Yield spaces, folders and lists; a list's id is what a source's `project` takes."""
        for team in (self._api.get("/team") or {}).get("teams") or []:
            spaces = (self._api.get(f"/team/{team['id']}/space") or {}).get("spaces") or []
            for space in spaces:
                yield Named("space", str(space["id"]), named(space, "name"))
                loose = (self._api.get(f"/space/{space['id']}/list") or {}).get("lists") or []
                folders = (self._api.get(f"/space/{space['id']}/folder") or {}).get("folders") or []
                yield from (_place("list", one, space) for one in loose)
                for folder in folders:
                    yield _place("folder", folder, space)
                    yield from (_place("list", one, folder) for one in folder.get("lists") or [])

    def people(self) -> Iterator[Named]:
        """Yield the list's members."""
        page = self._api.get(f"/list/{self._project}/member") or {}
        for raw in page.get("members") or []:
            yield Named("member", named(raw, "email", "username"), named(raw, "username"))

    def fields(self, ref: Ref) -> Iterator[Named]:
        """Yield the task's custom fields, with what they hold."""
        raw = self._api.get(f"/task/{ref.key}") or {}
        for one in raw.get("custom_fields") or []:
            value = one.get("value")
            shown = "" if value is None else str(value)
            yield Named(named(one, "type"), str(one["id"]), named(one, "name"), shown)

    def _states(self) -> list[dict[str, Any]]:
        return list((self._api.get(f"/list/{self._project}") or {}).get("statuses") or [])

    def statuses(self, ref: Ref) -> tuple[str, ...]:
        """Return the list's states, in order."""
        return tuple(str(state["status"]) for state in self._states())

    def apply(self, change: Change) -> Ref:
        """Write one change."""
        match change:
            case Create():
                return self._create(change)
            case Edit():
                fields = {"name": change.title, "markdown_content": change.body}
                self._put(change.ref, {k: v for k, v in fields.items() if v is not None})
            case Transition():
                self._move(change.ref, change.state)
            case Start():
                self._start(change.ref)
            case Assign():
                self._assign(change.ref, change.person)
            case SetField():
                self._set(change)
            case Comment():
                path = f"/task/{change.ref.key}/comment"
                self._api.send("POST", path, {"comment_text": change.body, "notify_all": False})
            case Delete():
                self._api.send("DELETE", f"/task/{change.ref.key}")
        return change.ref

    def _create(self, change: Create) -> Ref:
        body: dict[str, Any] = {
            "name": change.title,
            "markdown_content": change.body,
            "tags": list(change.labels),
        }
        if change.parent:
            body["parent"] = change.parent
        made = self._api.send("POST", f"/list/{change.project or self._project}/task", body)
        return Ref(self.name, "task", str(made["id"]))

    def _start(self, ref: Ref) -> None:
        going = [one for one in self._states() if one.get("type") == "custom"]
        if going:
            self._put(ref, {"status": going[0]["status"]})
        self._assign(ref, "me")

    def _put(self, ref: Ref, fields: dict[str, Any]) -> None:
        self._api.send("PUT", f"/task/{ref.key}", fields)

    def _set(self, change: SetField) -> None:
        known = list(self.fields(change.ref))
        found = matching(change.field, known)
        if found is None:
            raise InvalidInput(
                "CTX-216",
                f"{change.ref.key} has no field {change.field!r} in {self.name}.",
                "custom fields belong to the task's list.",
                f"use one of: {', '.join(one.name for one in known) or 'none'}.",
            )
        numeric = found.kind in ("number", "currency")
        value: Any = as_number(change.field, change.value) if numeric else change.value
        path = f"/task/{change.ref.key}/field/{found.key}"
        self._api.send("POST", path, {"value": value})

    def _move(self, ref: Ref, state: str) -> None:
        known = {one.casefold(): one for one in self.statuses(ref)}
        if state.casefold() not in known:
            raise InvalidInput(
                "CTX-211",
                f"{ref.key} cannot move to {state!r} in {self.name}.",
                "its list has no such state.",
                f"choose one of: {', '.join(known.values())}.",
            )
        self._put(ref, {"status": known[state.casefold()]})

    def _assign(self, ref: Ref, person: str) -> None:
        if person == "me":
            number = self._api.get("/user")["user"]["id"]
        else:
            members = (self._api.get(f"/list/{self._project}/member") or {}).get("members") or []
            found = [one for one in members if person in (one.get("username"), one.get("email"))]
            if not found:
                raise InvalidInput(
                    "CTX-212",
                    f"{self.name} knows nobody called {person!r}.",
                    "a task is given to a member of its list.",
                    "use the member's name or e-mail address.",
                )
            number = found[0]["id"]
        self._put(ref, {"assignees": {"add": [number]}})


def _place(kind: str, raw: dict[str, Any], above: dict[str, Any]) -> Named:
    return Named(kind, str(raw["id"]), f"{named(above, 'name')} / {named(raw, 'name')}")
