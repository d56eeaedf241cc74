"""Shortcut stories (REST v3).

Needs an API token. Source: developer.shortcut.com/api/rest/v3 (read 2026-03).
"""

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Final

from unlit.context.api import Api, Page
from unlit.context.changes import Assign, Change, Comment, Create, Delete, Edit, Start, Transition
from unlit.context.model import Item, Named, Ref, Trust
from unlit.context.rules.reading import facts, moment, named
from unlit.core.clock import Clock
from unlit.core.errors import InvalidInput

_URL: Final = re.compile(r"https://app\.shortcut\.com/[^/]+/story/(\d+)")


class Shortcut:
    """One workspace.

    Args:
        api: Base URL ``https://api.app.shortcut.com/api/v3``.
        clock: Says when something was read.
        name: Name of this instance.
        project: Id of the team (group) whose stories are made and listed; empty for all.
    """

    kind: ClassVar[str] = "story"

    writes: ClassVar[frozenset[type]] = frozenset(
        {Create, Edit, Transition, Assign, Start, Comment, Delete}
    )

    def __init__(self, api: Api, clock: Clock, name: str = "shortcut", project: str = "") -> None:
        self.name = name
        self._api = api
        self._clock = clock
        self._project = project

    def search(self, query: str) -> Iterator[Ref]:
        """Yield stories that are not done, or those that have the words."""
        path = "/search/stories"
        given: dict[str, str | int | None] = {"query": query or "!is:done", "page_size": 25}

        def ask(following: str | None) -> Page:
            page = self._api.get(following or path, **({} if following else given))
            if not isinstance(page, dict) or "data" not in page:
                raise self._api.unexpected("a page of stories", page)
            return Page(page["data"], str(page.get("next") or "").removeprefix("/api/v3"), page)

        for raw in self._api.paged(ask):
            if not self._project or raw.get("group_id") == self._project:
                yield Ref(self.name, "story", str(raw["id"]))

    def fetch(self, ref: Ref) -> Item | None:
        """Read one story."""
        raw = self._api.get(f"/stories/{ref.key}")
        if raw is None:
            return None
        if "name" not in raw:
            raise self._api.unexpected("a story", raw)
        states = {one["id"]: one["name"] for one in self._states()}
        return Item(
            ref=Ref(self.name, "story", str(raw["id"])),
            revision=str(raw.get("updated_at") or ""),
            title=str(raw["name"]),
            body=str(raw.get("description") or ""),
            trust=Trust.INTERNAL,
            fetched_at=self._clock.now(),
            status=states.get(raw.get("workflow_state_id")),
            url=named(raw, "app_url") or None,
            time=moment(raw.get("updated_at")),
            facts=facts(
                type=raw.get("story_type"),
                labels=[named(one, "name") for one in raw.get("labels") or []],
            ),
        )

    def owns(self, text: str) -> Ref | None:
        """Recognise a story's URL, or ``sc-12``."""
        found = _URL.match(text.strip()) or re.match(r"sc-(\d+)\Z", text.strip())
        return Ref(self.name, "story", found[1]) if found else None

    def comments(self, ref: Ref) -> Iterator[Item]:
        """Read the comments, oldest first."""
        for raw in self._api.get(f"/stories/{ref.key}/comments") or []:
            if raw.get("deleted"):
                continue
            yield Item(
                ref=Ref(self.name, "comment", f"{ref.key}/{raw['id']}"),
                revision=str(raw.get("updated_at") or ""),
                title="a comment",
                body=str(raw.get("text") or ""),
                trust=Trust.INTERNAL,
                fetched_at=self._clock.now(),
                time=moment(raw.get("created_at")),
            )

    def places(self) -> Iterator[Named]:
        """Yield the teams."""
        for raw in self._api.get("/groups") or []:
            yield Named("team", str(raw["id"]), named(raw, "name"))

    def people(self) -> Iterator[Named]:
        """Yield the members who are not disabled."""
        for raw in self._api.get("/members") or []:
            profile = raw.get("profile") or {}
            if not raw.get("disabled"):
                yield Named("member", named(profile, "mention_name"), named(profile, "name"))

    def _states(self) -> list[dict[str, Any]]:
        return [state for flow in self._api.get("/workflows") or [] for state in flow["states"]]

    def statuses(self, ref: Ref) -> tuple[str, ...]:
        """Return the workspace's states, in order."""
        return tuple(str(state["name"]) for state in self._states())

    def apply(self, change: Change) -> Ref:
        """Write one change."""
        match change:
            case Create():
                return self._create(change)
            case Edit():
                fields = {"name": change.title, "description": change.body}
                self._put(change.ref, {k: v for k, v in fields.items() if v is not None})
            case Transition():
                self._put(change.ref, {"workflow_state_id": self._state(change.state)})
            case Start():
                started = [one for one in self._states() if one["type"] == "started"]
                fields = {"workflow_state_id": started[0]["id"]} if started else {}
                self._put(change.ref, {**fields, "owner_ids": [self._member("me")]})
            case Assign():
                self._put(change.ref, {"owner_ids": [self._member(change.person)]})
            case Comment():
                path = f"/stories/{change.ref.key}/comments"
                self._api.send("POST", path, {"text": change.body})
            case Delete():
                self._api.send("DELETE", f"/stories/{change.ref.key}")
        return change.ref

    def _create(self, change: Create) -> Ref:
        body: dict[str, Any] = {"name": change.title, "description": change.body}
        body["workflow_state_id"] = self._states()[0]["id"]
        if group := change.project or self._project:
            body["group_id"] = group
        if change.labels:
            body["labels"] = [{"name": label} for label in change.labels]
        if change.kind:
            body["story_type"] = change.kind
        if change.parent:
            body["parent_story_id"] = int(change.parent)
        made = self._api.send("POST", "/stories", body)
        return Ref(self.name, "story", str(made["id"]))

    def _put(self, ref: Ref, fields: dict[str, Any]) -> None:
        self._api.send("PUT", f"/stories/{ref.key}", fields)

    def _state(self, name: str) -> int:
        for one in self._states():
            if str(one["name"]).casefold() == name.casefold():
                return int(one["id"])
        names = ", ".join(str(one["name"]) for one in self._states())
        raise InvalidInput(
            "CTX-211",
            f"A story cannot move to {name!r} in {self.name}.",
            "no workflow has such a state.",
            f"choose one of: {names}.",
        )

    def _member(self, person: str) -> str:
        if person == "me":
            return str(self._api.get("/member")["id"])
        for raw in self._api.get("/members") or []:
            profile = raw.get("profile") or {}
            names = (profile.get("mention_name"), profile.get("email_address"), profile.get("name"))
            if person in names:
                return str(raw["id"])
        raise InvalidInput(
            "CTX-212",
            f"{self.name} knows nobody called {person!r}.",
            "a story is given to a member.",
            "use the member's name, e-mail address or mention name.",
        )
