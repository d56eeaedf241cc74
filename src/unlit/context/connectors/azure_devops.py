"""Azure DevOps work items (REST 7.1).

Needs a token with `vso.work`; for writing `vso.work_write`.
Source: learn.microsoft.com/rest/api/azure/devops/wit (read 2026-03).
"""

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Final
from urllib.parse import quote

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
from unlit.context.rules.reading import facts, html_to_text, matching, moment, named
from unlit.core.clock import Clock
from unlit.core.errors import InvalidInput

_WIQL: Final = "SELECT [System.Id] FROM WorkItems WHERE {} ORDER BY [System.ChangedDate] DESC"
_VERSION: Final = "7.1"
_COMMENTS: Final = "7.1-preview.4"
_URL: Final = re.compile(r"https://[^/]+/[^?]*?_workitems/edit/(\d+)")


class AzureDevOps:
    """One project.

    Args:
        api: Base URL ``https://dev.azure.com/ORGANISATION``.
        clock: Says when something was read.
        name: Name of this instance.
        project: The project's name.
    """

    kind: ClassVar[str] = "item"

    writes: ClassVar[frozenset[type]] = frozenset(
        {Create, Edit, Transition, Assign, Start, Comment, Delete, SetField}
    )

    def __init__(self, api: Api, clock: Clock, name: str = "azure", project: str = "") -> None:
        self.name = name
        self._api = api
        self._clock = clock
        self._project = project
        self._root = f"/{quote(project)}/_apis/wit"

    def search(self, query: str) -> Iterator[Ref]:
        """Yield open work items, or those whose title has the words; WIQL is taken as it is."""
        asked = query
        if not query.lower().startswith("select"):
            escaped = query.replace("'", "''")
            clauses = ["[System.TeamProject] = @project", "[System.State] <> 'Closed'"]
            if query:
                clauses.append(f"[System.Title] CONTAINS WORDS '{escaped}'")
            asked = _WIQL.format(" AND ".join(clauses))
        path = f"{self._root}/wiql?api-version={_VERSION}"
        found = self._api.send("POST", path, {"query": asked})
        if not isinstance(found, dict) or "workItems" not in found:
            raise self._api.unexpected("a list of work items", found)
        for raw in found["workItems"]:
            yield Ref(self.name, "item", str(raw["id"]))

    def fetch(self, ref: Ref) -> Item | None:
        """Read one work item."""
        raw = self._item(ref)
        if raw is None:
            return None
        fields = raw["fields"]
        people = [fields.get("System.AssignedTo"), fields.get("System.CreatedBy")]
        relations = raw.get("relations") or []
        return Item(
            ref=Ref(self.name, "item", str(raw["id"])),
            revision=str(raw.get("rev") or ""),
            title=str(fields.get("System.Title") or ""),
            body=html_to_text(str(fields.get("System.Description") or "")),
            trust=Trust.INTERNAL,
            fetched_at=self._clock.now(),
            status=fields.get("System.State"),
            people=tuple(dict.fromkeys(n for one in people if (n := named(one, "displayName")))),
            links=tuple(Link(str(one["rel"]), str(one["url"])) for one in relations),
            url=named((raw.get("_links") or {}).get("html"), "href") or None,
            time=moment(fields.get("System.ChangedDate")),
            facts=facts(
                type=fields.get("System.WorkItemType"),
                priority=fields.get("Microsoft.VSTS.Common.Priority"),
                labels=str(fields.get("System.Tags") or "").split("; "),
            ),
        )

    def _item(self, ref: Ref) -> dict[str, Any] | None:
        path = f"{self._root}/workitems/{ref.key}"
        raw: dict[str, Any] | None = self._api.get(
            path, **{"api-version": _VERSION, "$expand": "relations"}
        )
        if raw is not None and not isinstance(raw.get("fields"), dict):
            raise self._api.unexpected("a work item with its fields", raw)
        return raw

    def owns(self, text: str) -> Ref | None:
        """Recognise a work item's URL of this organisation."""
        found = _URL.match(text.strip())
        mine = text.strip().startswith(self._api.base_url)
        return Ref(self.name, "item", found[1]) if found and mine else None

    def comments(self, ref: Ref) -> Iterator[Item]:
        """Read the comments, oldest first."""

        def ask(token: str | None) -> Page | None:
            given = {"api-version": _COMMENTS, "order": "asc", "continuationToken": token}
            page = self._api.get(f"{self._root}/workItems/{ref.key}/comments", **given)
            if page is None:
                return None
            return Page(page.get("comments"), page.get("continuationToken"), page)

        for raw in self._api.paged(ask):
            author = named(raw.get("createdBy"), "displayName") or "somebody"
            yield Item(
                ref=Ref(self.name, "comment", f"{ref.key}/{raw['id']}"),
                revision=str(raw.get("version") or ""),
                title=f"Comment by {author}",
                body=html_to_text(str(raw.get("text") or "")),
                trust=Trust.INTERNAL,
                fetched_at=self._clock.now(),
                people=(author,),
                time=moment(raw.get("createdDate")),
            )

    def places(self) -> Iterator[Named]:
        """Yield the organisation's projects."""

        def ask(token: str | None) -> Page | None:
            given = {"api-version": _VERSION, "$top": "500", "continuationToken": token}
            reply = self._api.reply("GET", "/_apis/projects", query=given)
            page = self._api.parsed(reply)
            listed = page.get("value") if isinstance(page, dict) else None
            return Page(listed, reply.headers.get("x-ms-continuationtoken"), page)

        for raw in self._api.paged(ask):
            yield Named("project", str(raw["name"]), str(raw["name"]))

    def fields(self, ref: Ref) -> Iterator[Named]:
        """Yield the fields of the work item's type, with what they hold."""
        held = (self._item(ref) or {"fields": {}})["fields"]
        kind = quote(str(held.get("System.WorkItemType") or ""))
        page = self._api.get(
            f"{self._root}/workitemtypes/{kind}/fields", **{"api-version": _VERSION}
        )
        for raw in (page or {}).get("value") or []:
            key = str(raw["referenceName"])
            value = held.get(key)
            shown = named(value, "displayName") or ("" if value is None else str(value))
            yield Named("field", key, named(raw, "name"), shown)

    def _states(self, ref: Ref) -> list[dict[str, Any]]:
        raw = self._item(ref)
        kind = quote(str((raw or {"fields": {}})["fields"].get("System.WorkItemType") or ""))
        page = self._api.get(
            f"{self._root}/workitemtypes/{kind}/states", **{"api-version": _VERSION}
        )
        return list((page or {}).get("value") or [])

    def statuses(self, ref: Ref) -> tuple[str, ...]:
        """Return the states of the work item's type."""
        return tuple(str(state["name"]) for state in self._states(ref))

    def apply(self, change: Change) -> Ref:
        """Write one change."""
        match change:
            case Create():
                return self._create(change)
            case Edit():
                fields = {"System.Title": change.title, "System.Description": change.body}
                self._patch(change.ref, {k: v for k, v in fields.items() if v is not None})
            case Transition():
                self._move(change.ref, change.state)
            case Start():
                going = [one for one in self._states(change.ref) if one["category"] == "InProgress"]
                moved = {"System.State": going[0]["name"]} if going else {}
                self._patch(change.ref, {**moved, "System.AssignedTo": self._person("me")})
            case Assign():
                self._patch(change.ref, {"System.AssignedTo": self._person(change.person)})
            case SetField():
                found = matching(change.field, self.fields(change.ref))
                self._patch(change.ref, {found.key if found else change.field: change.value})
            case Comment():
                path = f"{self._root}/workItems/{change.ref.key}/comments"
                self._api.send("POST", f"{path}?api-version={_COMMENTS}", {"text": change.body})
            case Delete():
                path = f"{self._root}/workitems/{change.ref.key}?api-version={_VERSION}"
                self._api.send("DELETE", path)
        return change.ref

    def _move(self, ref: Ref, state: str) -> None:
        known = {one.casefold(): one for one in self.statuses(ref)}
        if state.casefold() not in known:
            raise InvalidInput(
                "CTX-211",
                f"{ref.key} cannot move to {state!r} in {self.name}.",
                "its type has no such state.",
                f"choose one of: {', '.join(known.values()) or 'none'}.",
            )
        self._patch(ref, {"System.State": known[state.casefold()]})

    def _create(self, change: Create) -> Ref:
        kind = quote(f"${change.kind or 'Task'}")
        root = f"/{quote(change.project)}/_apis/wit" if change.project else self._root
        fields: dict[str, Any] = {"System.Title": change.title, "System.Description": change.body}
        if change.labels:
            fields["System.Tags"] = "; ".join(change.labels)
        document = _patch_document(fields)
        if change.parent:
            value = {
                "rel": "System.LinkTypes.Hierarchy-Reverse",
                "url": f"{self._api.base_url}/_apis/wit/workItems/{change.parent}",
            }
            document.append({"op": "add", "path": "/relations/-", "value": value})
        path = f"{root}/workitems/{kind}?api-version={_VERSION}"
        made = self._api.patch("POST", path, document)
        return Ref(self.name, "item", str(made["id"]))

    def _patch(self, ref: Ref, fields: dict[str, Any]) -> None:
        path = f"{self._root}/workitems/{ref.key}?api-version={_VERSION}"
        self._api.patch("PATCH", path, _patch_document(fields))

    def _person(self, person: str) -> str:
        if person != "me":
            return person
        about = self._api.get("/_apis/connectionData", **{"api-version": "7.1-preview"})
        user = about["authenticatedUser"]
        account = named((user.get("properties") or {}).get("Account"), "$value")
        return account or str(user["providerDisplayName"])


def _patch_document(fields: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"op": "add", "path": f"/fields/{name}", "value": value} for name, value in fields.items()
    ]
