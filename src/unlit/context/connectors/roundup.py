"""Roundup issues (REST of Roundup 2).

Needs a user's name and password (basic); nobody but an administrator can list people.
Source: Roundup 2.6, run for real; roundup-tracker.org/docs/rest.html (read 2026-11).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from unlit.context.api import Api, Page
from unlit.context.changes import Assign, Change, Comment, Create, Delete, Edit, Start, Transition
from unlit.context.model import Item, Named, Ref, Trust
from unlit.context.rules.reading import matching, moment, named
from unlit.core.clock import Clock
from unlit.core.errors import InvalidInput

_PAGE: Final = 100


class Roundup:
    """One tracker.

    Args:
        api: Base URL of the tracker, with its name.
        clock: Says when something was read.
        name: Name of this instance.
        project: Not used; a tracker is one project.
    """

    kind: ClassVar[str] = "issue"

    writes: ClassVar[frozenset[type]] = frozenset(
        {Create, Edit, Transition, Assign, Start, Comment, Delete}
    )

    def __init__(self, api: Api, clock: Clock, name: str = "roundup", project: str = "") -> None:
        self.name = name
        self._api = api
        self._clock = clock
        self._project = project

    def search(self, query: str) -> Iterator[Ref]:
        """Yield issues, or those whose title has the words."""
        for raw in self._all("issue", "title", title=query or None):
            yield Ref(self.name, "issue", str(raw["id"]))

    def _all(self, kind: str, fields: str, **more: str | None) -> Iterator[dict[str, Any]]:
        def ask(number: int | None) -> Page:
            wanted = number or 1
            given = {"@page_size": str(_PAGE), "@page_index": str(wanted), "@fields": fields}
            page = self._api.send("GET", f"/rest/data/{kind}", **given, **more)
            listed = page["data"]["collection"]
            return Page(listed, wanted + 1 if len(listed) >= _PAGE else None, page)

        return self._api.paged(ask)

    def _raw(self, kind: str, key: str) -> dict[str, Any] | None:
        asked = {"@verbose": "3", "@protected": "true"}
        page = self._api.get(f"/rest/data/{kind}/{key}", **asked)
        if page is None:
            return None
        found: dict[str, Any] = page["data"]
        return found

    def fetch(self, ref: Ref) -> Item | None:
        """Read one issue; its first message is its text. A retired one is gone."""
        raw = self._raw("issue", ref.key)
        if raw is None or not any(self._all("issue", "id", id=ref.key)):
            return None  # what is retired can still be read, but is in no list
        held = raw["attributes"]
        messages = held["messages"]
        message = self._raw("msg", str(messages[0]["id"])) if messages else None
        about: dict[str, Any] = message["attributes"] if message else {}
        return Item(
            ref=ref,
            revision=str(raw["@etag"]).strip('"'),
            title=str(held["title"]),
            body=str(about.get("content") or ""),
            trust=Trust.PUBLIC,  # trackers of this kind take issues by mail, from anybody
            fetched_at=self._clock.now(),
            status=named(held.get("status"), "name") or None,
            people=tuple(n for n in [named(held.get("assignedto"), "username", "name")] if n),
            url=f"{self._api.base_url}/issue{ref.key}",
            time=_moment(about.get("creation")),
        )

    def owns(self, text: str) -> Ref | None:
        """Recognise an issue's URL in this tracker, or ``issue12``."""
        short = text.strip().removeprefix(f"{self._api.base_url}/")
        found = re.match(r"issue(\d+)\Z", short)
        return Ref(self.name, "issue", found[1]) if found else None

    def comments(self, ref: Ref) -> Iterator[Item]:
        """Read the messages after the first, oldest first."""
        raw = self._raw("issue", ref.key) or {"attributes": {"messages": []}}
        for one in raw["attributes"]["messages"][1:]:
            about = (self._raw("msg", str(one["id"])) or {"attributes": {}})["attributes"]
            author = named(about.get("author"), "username", "name", "id") or "somebody"
            yield Item(
                ref=Ref(self.name, "comment", f"{ref.key}/{one['id']}"),
                revision=str(one["id"]),
                title=f"Comment by {author}",
                body=str(about.get("content") or ""),
                trust=Trust.PUBLIC,
                fetched_at=self._clock.now(),
                people=(author,),
                time=_moment(about.get("creation")),
            )

    def people(self) -> Iterator[Named]:
        """Yield the tracker's users."""
        for raw in self._all("user", "username,realname"):
            yield Named("user", str(raw["username"]), named(raw, "realname") or raw["username"])

    def _states(self) -> list[Named]:
        found = sorted(self._all("status", "name,order"), key=lambda one: float(one["order"]))
        return [Named("status", str(one["id"]), str(one["name"])) for one in found]

    def statuses(self, ref: Ref) -> tuple[str, ...]:
        """Return the tracker's states, in order."""
        return tuple(one.name for one in self._states())

    def apply(self, change: Change) -> Ref:
        """Write one change; `delete` retires."""
        match change:
            case Create():
                return self._create(change)
            case Edit():
                fields = {} if change.title is None else {"title": change.title}
                self._patch(change.ref, fields)
                if change.body is not None:
                    self._say(change.ref, change.body)
            case Transition():
                self._patch(change.ref, {"status": self._state(change.ref, change.state)})
            case Start():
                self._patch(change.ref, {"status": self._state(change.ref, "in-progress")})
            case Assign():
                self._patch(change.ref, {"assignedto": self._person(change.person)})
            case Comment():
                self._say(change.ref, change.body)
            case Delete():
                self._written("DELETE", change.ref, {})  # it reads a body even here
        return change.ref

    def _create(self, change: Create) -> Ref:
        body: dict[str, Any] = {"title": change.title}
        if change.kind:
            body["priority"] = change.kind
        if change.body:
            body["messages"] = [self._message(change.body)]
        made = self._send("POST", "/rest/data/issue", body)
        return Ref(self.name, "issue", str(made["data"]["id"]))

    def _message(self, text: str) -> str:
        made = self._send("POST", "/rest/data/msg", {"content": text})
        key = str(made["data"]["id"])
        # a message without an author cannot be told to anybody; the author is who made it
        about = self._api.send("GET", f"/rest/data/msg/{key}", **{"@protected": "true"})["data"]
        author = {"author": str(about["attributes"]["creator"]["id"])}
        etag = {"if-match": str(about["@etag"])}
        self._send("PATCH", f"/rest/data/msg/{key}", {"@op": "replace", **author}, etag)
        return key

    def _say(self, ref: Ref, text: str) -> None:
        self._written("PATCH", ref, {"@op": "add", "messages": [self._message(text)]})

    def _patch(self, ref: Ref, fields: dict[str, Any]) -> None:
        if fields:
            self._written("PATCH", ref, {"@op": "replace", **fields})

    def _written(self, method: str, ref: Ref, body: Any) -> None:
        """Write to an issue as it was just read: the tracker wants its etag."""
        now = self._api.send("GET", f"/rest/data/issue/{ref.key}")["data"]["@etag"]
        self._send(method, f"/rest/data/issue/{ref.key}", body, {"if-match": str(now)})

    def _send(
        self, method: str, path: str, body: Any, headers: Mapping[str, str] | None = None
    ) -> Any:
        """Write with the header that the tracker takes as proof that no other page asked."""
        parts = urlsplit(self._api.base_url)
        given = {"origin": f"{parts.scheme}://{parts.netloc}", **(headers or {})}
        reply = self._api.reply(method, path, body=body, headers=given)
        return self._api.parsed(reply)

    def _state(self, ref: Ref, name: str) -> str:
        known = self._states()
        found = matching(name, known)
        if found is None:
            raise InvalidInput(
                "CTX-211",
                f"{ref.key} cannot move to {name!r} in {self.name}.",
                "the tracker has no such state.",
                f"choose one of: {', '.join(one.name for one in known)}.",
            )
        return found.key

    def _person(self, person: str) -> str:
        users = list(self._all("user", "username", username=person)) if person != "me" else []
        for raw in users:
            if raw["username"] == person:
                return str(raw["id"])
        raise InvalidInput(
            "CTX-212",
            f"{self.name} knows nobody called {person!r}.",
            "an issue is given to a user by name; the tracker does not say who `me` is.",
            f"look at `unlit context people {self.name}`.",
        )


def _moment(text: Any) -> Any:
    """Read the tracker's dates, such as ``2026-11-25.20:38:58``."""
    return moment(str(text or "").replace(".", "T", 1))
