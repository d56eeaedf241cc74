"""GitLab issues and merge requests (REST v4).

Needs a token with `read_api`; for writing, `api`. Source: docs.gitlab.com/api (read 2026-03).
"""

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Final
from urllib.parse import quote

from unlit.context.api import Api
from unlit.context.changes import Assign, Change, Comment, Create, Delete, Edit, Start, Transition
from unlit.context.model import Item, Named, Ref, Trust
from unlit.context.rules.reading import facts, moment, named
from unlit.core.clock import Clock
from unlit.core.errors import InvalidInput

_URL: Final = re.compile(r"https?://[^/]+/(.+?)/-/(issues|merge_requests)/(\d+)")
_EVENTS: Final = {"closed": "close", "opened": "reopen"}


class GitLab:
    """One project.

    Args:
        api: Base URL such as ``https://gitlab.com/api/v4``.
        clock: Says when something was read.
        name: Name of this instance.
        project: ``group/name``.
    """

    kind: ClassVar[str] = "issue"

    writes: ClassVar[frozenset[type]] = frozenset(
        {Create, Edit, Transition, Assign, Start, Comment, Delete}
    )

    def __init__(self, api: Api, clock: Clock, name: str = "gitlab", project: str = "") -> None:
        self.name = name
        self._api = api
        self._clock = clock
        self._project = project

    def _path(self, kind: str, key: str = "") -> str:
        folder = "merge_requests" if kind == "merge" else "issues"
        root = f"/projects/{quote(self._project, safe='')}/{folder}"
        return f"{root}/{key}" if key else root

    def search(self, query: str) -> Iterator[Ref]:
        """Yield open issues, or those that have the words."""
        state = None if query else "opened"
        for raw in self._api.pages(
            self._path("issue"), state=state, search=query or None, per_page=100
        ):
            yield Ref(self.name, "issue", str(raw["iid"]))

    def fetch(self, ref: Ref) -> Item | None:
        """Read an issue or a merge request."""
        raw = self._api.get(self._path(ref.kind, ref.key))
        if raw is None:
            return None
        if "title" not in raw:
            raise self._api.unexpected("an issue", raw)
        people = [raw.get("author"), *(raw.get("assignees") or [])]
        return Item(
            ref=Ref(self.name, ref.kind, str(raw["iid"])),
            revision=str(raw.get("updated_at") or ""),
            title=str(raw["title"]),
            body=str(raw.get("description") or ""),
            trust=Trust.PUBLIC,
            fetched_at=self._clock.now(),
            status=named(raw, "state") or None,
            people=tuple(dict.fromkeys(n for one in people if (n := named(one, "username")))),
            url=named(raw, "web_url") or None,
            time=moment(raw.get("updated_at")),
            facts=facts(
                type=raw.get("issue_type"),
                labels=raw.get("labels"),
                milestone=named(raw.get("milestone"), "title"),
            ),
        )

    def owns(self, text: str) -> Ref | None:
        """Recognise a URL of this project."""
        found = _URL.match(text.strip())
        if found is None or found[1] != self._project:
            return None
        return Ref(self.name, "merge" if found[2] == "merge_requests" else "issue", found[3])

    def comments(self, ref: Ref) -> Iterator[Item]:
        """Read the notes that people wrote, oldest first."""
        path = f"{self._path(ref.kind, ref.key)}/notes"
        for raw in self._api.pages(path, sort="asc", order_by="created_at", per_page=100):
            if raw.get("system"):
                continue
            author = named(raw.get("author"), "username") or "somebody"
            yield Item(
                ref=Ref(self.name, "comment", f"{ref.key}/{raw['id']}"),
                revision=str(raw.get("updated_at") or ""),
                title=f"Comment by {author}",
                body=str(raw.get("body") or ""),
                trust=Trust.PUBLIC,
                fetched_at=self._clock.now(),
                people=(author,),
                time=moment(raw.get("created_at")),
                account=_account(raw),
            )

    def places(self) -> Iterator[Named]:
        """Yield the projects that the account belongs to."""
        for raw in self._api.pages("/projects", membership="true", simple="true", per_page=100):
            yield Named("project", str(raw["path_with_namespace"]), named(raw, "name"))

    def people(self) -> Iterator[Named]:
        """Yield the project's members, inherited ones too."""
        root = f"/projects/{quote(self._project, safe='')}"
        for raw in self._api.pages(f"{root}/members/all", per_page=100):
            yield Named("member", str(raw["username"]), named(raw, "name"))

    def statuses(self, ref: Ref) -> tuple[str, ...]:
        """Return the states of an issue."""
        return tuple(_EVENTS)

    def apply(self, change: Change) -> Ref:
        """Write one change."""
        match change:
            case Create():
                body: dict[str, Any] = {"title": change.title, "description": change.body}
                if change.labels:
                    body["labels"] = ",".join(change.labels)
                if change.kind:
                    body["issue_type"] = change.kind
                project = quote(change.project or self._project, safe="")
                made = self._api.send("POST", f"/projects/{project}/issues", body)
                return Ref(self.name, "issue", str(made["iid"]))
            case Edit():
                fields = {"title": change.title, "description": change.body}
                self._put(change.ref, {k: v for k, v in fields.items() if v is not None})
            case Transition():
                self._move(change.ref, change.state)
            case Start():
                self._assign(change.ref, "me")
            case Assign():
                self._assign(change.ref, change.person)
            case Comment():
                path = f"{self._path(change.ref.kind, change.ref.key)}/notes"
                self._api.send("POST", path, {"body": change.body})
            case Delete():
                self._api.send("DELETE", self._path(change.ref.kind, change.ref.key))
        return change.ref

    def _put(self, ref: Ref, fields: dict[str, Any]) -> None:
        self._api.send("PUT", self._path(ref.kind, ref.key), fields)

    def _move(self, ref: Ref, state: str) -> None:
        if state not in _EVENTS:
            raise InvalidInput(
                "CTX-211",
                f"{ref.key} cannot move to {state!r} in {self.name}.",
                "GitLab knows two states.",
                f"choose one of: {', '.join(_EVENTS)}.",
            )
        self._put(ref, {"state_event": _EVENTS[state]})

    def _assign(self, ref: Ref, person: str) -> None:
        if person == "me":
            number = self._api.get("/user")["id"]
        else:
            found = self._api.get("/users", username=person)
            if not found:
                raise InvalidInput(
                    "CTX-212",
                    f"{self.name} knows nobody called {person!r}.",
                    "an issue is given to an account.",
                    "use the account's user name.",
                )
            number = found[0]["id"]
        self._put(ref, {"assignee_ids": [number]})


def _account(raw: dict[str, Any]) -> str | None:
    """Who wrote a comment, unless it was edited: others may edit what one wrote."""
    if raw.get("updated_at") not in (None, raw.get("created_at")):
        return None
    return named(raw.get("author"), "username") or None
