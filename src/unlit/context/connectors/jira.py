"""Jira Cloud issues (REST v3): read, search, create, edit, transition, assign, comment, delete.

Needs a credential that may browse the project; for writing, one that may edit it.
Source: developer.atlassian.com/cloud/jira/platform/rest/v3 (read 2026-03).
"""

import re
from collections.abc import Iterator
from datetime import datetime
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
from unlit.context.model import Item, Link, Named, Ref, Trust
from unlit.context.rules.adf import from_markdown, to_markdown
from unlit.context.rules.reading import as_number, facts, matching
from unlit.core.clock import Clock
from unlit.core.errors import InvalidInput

_KEY: Final = re.compile(r"\b([A-Z][A-Z0-9_]+-\d+)\b")
_FIELDS: Final = (
    "summary,description,status,issuetype,priority,assignee,reporter,labels,updated,parent,"
    "issuelinks,project"
)
_PAGE: Final = 100


class Jira:
    """One Jira site.

    Args:
        api: Base URL ``https://SITE.atlassian.net``.
        clock: Says when something was read.
        name: Name of this instance.
        project: Project whose issues an empty search lists.
    """

    kind: ClassVar[str] = "issue"

    writes: ClassVar[frozenset[type]] = frozenset(
        {Create, Edit, Transition, Assign, Start, Comment, Delete, SetField}
    )

    def __init__(self, api: Api, clock: Clock, name: str = "jira", project: str = "") -> None:
        self.name = name
        self._api = api
        self._clock = clock
        self._project = project

    def search(self, query: str) -> Iterator[Ref]:
        """Yield open issues; `query` is JQL if it has an operator, words of any issue otherwise."""

        def ask(token: str | None) -> Page:
            page = self._api.get(
                "/rest/api/3/search/jql",
                jql=self._jql(query),
                fields="key",
                maxResults=_PAGE,
                nextPageToken=token,
            )
            if page is None or "issues" not in page:
                raise self._api.unexpected("a page of issues", page)
            return Page(page["issues"], page.get("nextPageToken"), page)

        for issue in self._api.paged(ask):
            yield Ref(self.name, "issue", str(issue["key"]))

    def _jql(self, query: str) -> str:
        if re.search(r"[=~<>]| in ", query):
            return query
        clauses = [f'project = "{self._project}"'] if self._project else []
        if query:
            words = query.replace("\\", " ").replace('"', " ")
            clauses.append(f'text ~ "{words}"')
        else:
            clauses.append("statusCategory != Done")
        if not self._project and not query:
            clauses.append("updated >= -90d")
        return " AND ".join(clauses) + " ORDER BY updated DESC"

    def fetch(self, ref: Ref) -> Item | None:
        """Read one issue."""
        raw = self._api.get(f"/rest/api/3/issue/{ref.key}", fields=_FIELDS)
        if raw is None:
            return None
        fields = raw.get("fields")
        if not isinstance(fields, dict) or "summary" not in fields:
            raise self._api.unexpected("an issue with its fields", raw)
        return Item(
            ref=Ref(self.name, "issue", str(raw["key"])),
            revision=str(fields.get("updated") or ""),
            title=str(fields["summary"]),
            body=to_markdown(fields.get("description")),
            trust=Trust.INTERNAL,
            fetched_at=self._clock.now(),
            status=(fields.get("status") or {}).get("name"),
            people=_people(fields),
            links=tuple(_links(fields)),
            url=f"{self._api.base_url}/browse/{raw['key']}",
            time=_time(fields.get("updated")),
            facts=facts(
                type=(fields.get("issuetype") or {}).get("name"),
                priority=(fields.get("priority") or {}).get("name"),
                labels=fields.get("labels"),
            ),
        )

    def owns(self, text: str) -> Ref | None:
        """Recognise a URL of this site, or a key such as ``SEC-12`` of the configured project."""
        found = _KEY.search(text)
        if found is None:
            return None
        if "://" in text:
            return (
                Ref(self.name, "issue", found[1]) if text.startswith(self._api.base_url) else None
            )
        mine = not self._project or found[1].startswith(f"{self._project}-")
        return Ref(self.name, "issue", found[1]) if mine and found[0] == text.strip() else None

    def comments(self, ref: Ref) -> Iterator[Item]:
        """Read the comments, oldest first."""
        start = 0
        while True:
            page = self._api.get(
                f"/rest/api/3/issue/{ref.key}/comment", startAt=start, maxResults=_PAGE
            )
            if page is None:
                return
            for raw in page["comments"]:
                author = (raw.get("author") or {}).get("displayName") or "somebody"
                yield Item(
                    ref=Ref(self.name, "comment", f"{ref.key}/{raw['id']}"),
                    revision=str(raw.get("updated") or ""),
                    title=f"Comment by {author}",
                    body=to_markdown(raw.get("body")),
                    trust=Trust.INTERNAL,
                    fetched_at=self._clock.now(),
                    people=(author,),
                    time=_time(raw.get("created")),
                    account=_account(raw),
                )
            start += len(page["comments"])
            if start >= page["total"] or not page["comments"]:
                return

    def places(self) -> Iterator[Named]:
        """Yield the projects."""
        start = 0
        while True:
            page = self._api.get("/rest/api/3/project/search", startAt=start, maxResults=50)
            for raw in (page or {}).get("values") or []:
                yield Named("project", str(raw["key"]), str(raw["name"]))
            start += len((page or {}).get("values") or [])
            if not page or page.get("isLast", True) or not page["values"]:
                return

    def people(self) -> Iterator[Named]:
        """Yield who can be given an issue of the project."""
        found = self._api.get(
            "/rest/api/3/user/assignable/search", project=self._project, maxResults=_PAGE
        )
        for raw in found or []:
            name = str(raw.get("displayName") or raw["accountId"])
            yield Named("user", str(raw.get("emailAddress") or name), name)

    def fields(self, ref: Ref) -> Iterator[Named]:
        """Yield the fields that can be edited, with what they hold."""
        meta = (self._api.get(f"/rest/api/3/issue/{ref.key}/editmeta") or {}).get("fields") or {}
        held = (self._api.get(f"/rest/api/3/issue/{ref.key}") or {}).get("fields") or {}
        for key, one in meta.items():
            kind = str((one.get("schema") or {}).get("type") or "")
            yield Named(kind, str(key), str(one.get("name") or key), _held(held.get(key)))

    def statuses(self, ref: Ref) -> tuple[str, ...]:
        """Return the states that the issue's workflow allows now."""
        return tuple(str(one["to"]["name"]) for one in self._transitions(ref))

    def _transitions(self, ref: Ref) -> list[dict[str, Any]]:
        page = self._api.get(f"/rest/api/3/issue/{ref.key}/transitions")
        return list((page or {}).get("transitions") or [])

    def apply(self, change: Change) -> Ref:
        """Write one change."""
        match change:
            case Create():
                return self._create(change)
            case Edit():
                self._edit(change)
            case Transition():
                self._move(change.ref, change.state)
            case Start():
                self._start(change.ref)
            case Assign():
                self._assign(change.ref, change.person)
            case SetField():
                self._set(change)
            case Comment():
                body = {"body": from_markdown(change.body)}
                self._api.send("POST", f"/rest/api/3/issue/{change.ref.key}/comment", body)
            case Delete():
                self._api.send("DELETE", f"/rest/api/3/issue/{change.ref.key}")
        return change.ref

    def _edit(self, change: Edit) -> None:
        fields: dict[str, Any] = {}
        if change.title is not None:
            fields["summary"] = change.title
        if change.body is not None:
            fields["description"] = from_markdown(change.body)
        self._api.send("PUT", f"/rest/api/3/issue/{change.ref.key}", {"fields": fields})

    def _set(self, change: SetField) -> None:
        known = list(self.fields(change.ref))
        found = matching(change.field, known)
        if found is None:
            raise InvalidInput(
                "CTX-216",
                f"{change.ref.key} has no editable field {change.field!r} in {self.name}.",
                "a field is set by its name or its key.",
                f"use one of: {', '.join(sorted(one.name for one in known)) or 'none'}.",
            )
        body = {"fields": {found.key: _typed(found, change.value)}}
        self._api.send("PUT", f"/rest/api/3/issue/{change.ref.key}", body)

    def _create(self, change: Create) -> Ref:
        fields: dict[str, Any] = {
            "project": {"key": change.project or self._project},
            "summary": change.title,
            "issuetype": {"name": change.kind or "Task"},
        }
        if change.body:
            fields["description"] = from_markdown(change.body)
        if change.labels:
            fields["labels"] = list(change.labels)
        if change.parent:
            fields["parent"] = {"key": change.parent}
        made = self._api.send("POST", "/rest/api/3/issue", {"fields": fields})
        return Ref(self.name, "issue", str(made["key"]))

    def _move(self, ref: Ref, state: str) -> None:
        for one in self._transitions(ref):
            if state.casefold() in (str(one["to"]["name"]).casefold(), str(one["name"]).casefold()):
                body = {"transition": {"id": one["id"]}}
                self._api.send("POST", f"/rest/api/3/issue/{ref.key}/transitions", body)
                return
        raise InvalidInput(
            "CTX-211",
            f"{ref.key} cannot move to {state!r} in {self.name}.",
            "its workflow does not allow that now.",
            f"choose one of: {', '.join(self.statuses(ref)) or 'none'}.",
        )

    def _start(self, ref: Ref) -> None:
        for one in self._transitions(ref):
            category = (one["to"].get("statusCategory") or {}).get("key")
            if category == "indeterminate":
                self._move(ref, str(one["to"]["name"]))
                break
        self._assign(ref, "me")

    def _assign(self, ref: Ref, person: str) -> None:
        if person == "me":
            account = self._api.get("/rest/api/3/myself")["accountId"]
        else:
            found = self._api.get("/rest/api/3/user/search", query=person) or []
            if not found:
                raise InvalidInput(
                    "CTX-212",
                    f"{self.name} knows nobody called {person!r}.",
                    "an issue is given to an account.",
                    "use the account's e-mail address or full name.",
                )
            account = found[0]["accountId"]
        self._api.send("PUT", f"/rest/api/3/issue/{ref.key}/assignee", {"accountId": account})


def _people(fields: dict[str, Any]) -> tuple[str, ...]:
    found = [(fields.get(role) or {}).get("displayName") for role in ("assignee", "reporter")]
    return tuple(dict.fromkeys(str(name) for name in found if name))


def _links(fields: dict[str, Any]) -> Iterator[Link]:
    if parent := fields.get("parent"):
        yield Link("parent", str(parent["key"]))
    for raw in fields.get("issuelinks") or []:
        for side, word in (("outwardIssue", "outward"), ("inwardIssue", "inward")):
            if side in raw:
                yield Link(str(raw["type"].get(word) or word), str(raw[side]["key"]))


def _account(raw: dict[str, Any]) -> str | None:
    """Who wrote a comment, unless it was edited: others may edit what one wrote."""
    if raw.get("updated") not in (None, raw.get("created")):
        return None
    return str((raw.get("author") or {}).get("accountId") or "") or None


def _time(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None


def _held(value: Any) -> str:
    if isinstance(value, dict):
        if value.get("type") == "doc":
            return to_markdown(value)
        return str(value.get("name") or value.get("value") or value.get("displayName") or "")
    if isinstance(value, list):
        return ", ".join(_held(one) for one in value)
    return "" if value is None else str(value)


def _typed(field: Named, value: str) -> Any:
    match field.kind:
        case "number":
            return as_number(field.name, value)
        case "array":
            return [part.strip() for part in value.split(",") if part.strip()]
        case "option":
            return {"value": value}
        case "priority" | "resolution" | "issuetype" | "version" | "component":
            return {"name": value}
        case _:
            return value
