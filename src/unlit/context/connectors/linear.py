"""Linear issues (GraphQL).

Needs an API key; for writing, one with write access. Source: linear.app/developers (read 2026-03).
"""

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Final

from unlit.context.api import Api, Page
from unlit.context.changes import Assign, Change, Comment, Create, Delete, Edit, Start, Transition
from unlit.context.model import Item, Link, Named, Ref, Trust
from unlit.context.rules.reading import facts, moment, named
from unlit.core.clock import Clock
from unlit.core.errors import InvalidInput, OutsideFailed

_KEY: Final = re.compile(r"\b([A-Z][A-Z0-9]*-\d+)\b")
_ISSUE: Final = (
    "identifier title description url updatedAt state { name type } assignee { name } "
    "creator { name } parent { identifier } priorityLabel labels { nodes { name } }"
)


class _GoneError(OutsideFailed):
    """Linear says `Entity not found` with status 200: `issue(id)` cannot be null there."""

    def __init__(self) -> None:
        super().__init__(
            "CTX-208",
            "Linear refused: Entity not found.",
            "what is named was deleted, or the key may not see it.",
            "check the key.",
        )


class Linear:
    """One team of a workspace.

    Args:
        api: Base URL ``https://api.linear.app``.
        clock: Says when something was read.
        name: Name of this instance.
        project: The team's key.
    """

    kind: ClassVar[str] = "issue"

    writes: ClassVar[frozenset[type]] = frozenset(
        {Create, Edit, Transition, Assign, Start, Comment, Delete}
    )

    def __init__(self, api: Api, clock: Clock, name: str = "linear", project: str = "") -> None:
        self.name = name
        self._api = api
        self._clock = clock
        self._project = project

    def _ask(self, query: str, **variables: Any) -> dict[str, Any]:
        answer = self._api.send("POST", "/graphql", {"query": query, "variables": variables})
        if not isinstance(answer, dict):
            raise self._api.unexpected("a GraphQL answer", answer)
        if answer.get("errors"):
            if _is_gone(answer["errors"]):
                raise _GoneError
            words = "; ".join(named(one, "message") for one in answer["errors"])
            raise OutsideFailed(
                "CTX-208",
                f"{self.name} refused: {words}.",
                "GraphQL says no with status 200 and a list of errors.",
                "the words are the service's own; correct what they name.",
            )
        found: dict[str, Any] = answer["data"]
        return found

    def search(self, query: str) -> Iterator[Ref]:
        """Yield the team's issues that are not finished, or those that have the words."""
        wanted: dict[str, Any] = {"team": {"key": {"eq": self._project}}}
        if query:
            wanted["searchableContent"] = {"contains": query}
        else:
            wanted["state"] = {"type": {"nin": ["completed", "canceled"]}}

        def ask(after: str | None) -> Page:
            page = self._ask(
                "query($f: IssueFilter, $a: String) { issues(filter: $f, first: 100, after: $a) "
                "{ nodes { identifier } pageInfo { hasNextPage endCursor } } }",
                f=wanted,
                a=after,
            )["issues"]
            return _page(page)

        for node in self._api.paged(ask):
            yield Ref(self.name, "issue", str(node["identifier"]))

    def _issue(self, key: str, fields: str) -> dict[str, Any] | None:
        try:
            found = self._ask(f"query($id: String!) {{ issue(id: $id) {{ {fields} }} }}", id=key)
        except _GoneError:
            return None
        issue: dict[str, Any] | None = found.get("issue")
        return issue

    def fetch(self, ref: Ref) -> Item | None:
        """Read one issue."""
        raw = self._issue(ref.key, _ISSUE)
        if raw is None:
            return None
        above = named(raw.get("parent"), "identifier")
        people = [named(raw.get(role), "name") for role in ("assignee", "creator")]
        return Item(
            ref=Ref(self.name, "issue", str(raw["identifier"])),
            revision=str(raw.get("updatedAt") or ""),
            title=str(raw["title"]),
            body=str(raw.get("description") or ""),
            trust=Trust.INTERNAL,
            fetched_at=self._clock.now(),
            status=named(raw.get("state"), "name") or None,
            people=tuple(dict.fromkeys(name for name in people if name)),
            links=(Link("parent", above),) if above else (),
            url=named(raw, "url") or None,
            time=moment(raw.get("updatedAt")),
            facts=facts(
                priority=raw.get("priorityLabel"),
                labels=[named(one, "name") for one in (raw.get("labels") or {}).get("nodes") or []],
            ),
        )

    def owns(self, text: str) -> Ref | None:
        """Recognise a URL of Linear, or a key of this team."""
        found = _KEY.search(text)
        if found is None or not found[1].startswith(f"{self._project}-"):
            return None
        mine = "linear.app/" in text or found[0] == text.strip()
        return Ref(self.name, "issue", found[1]) if mine else None

    def comments(self, ref: Ref) -> Iterator[Item]:
        """Read the comments, oldest first."""
        fields = "comments(first: 250) { nodes { id body createdAt user { name } } }"
        raw = self._issue(ref.key, fields) or {"comments": {"nodes": []}}
        for one in sorted(raw["comments"]["nodes"], key=lambda node: str(node["createdAt"])):
            author = named(one.get("user"), "name") or "somebody"
            yield Item(
                ref=Ref(self.name, "comment", f"{ref.key}/{one['id']}"),
                revision=str(one["createdAt"]),
                title=f"Comment by {author}",
                body=str(one.get("body") or ""),
                trust=Trust.INTERNAL,
                fetched_at=self._clock.now(),
                people=(author,),
                time=moment(one["createdAt"]),
            )

    def places(self) -> Iterator[Named]:
        """Yield the teams."""
        for raw in self._nodes("teams", "id key name"):
            yield Named("team", str(raw["key"]), str(raw["name"]))

    def people(self) -> Iterator[Named]:
        """Yield the members of the workspace."""
        for raw in self._nodes("users", "id name email"):
            yield Named("member", str(raw["email"]), str(raw["name"]))

    def _nodes(self, field: str, wanted: str) -> Iterator[dict[str, Any]]:
        def ask(after: str | None) -> Page:
            page = self._ask(
                f"query($a: String) {{ {field}(first: 100, after: $a) "
                f"{{ nodes {{ {wanted} }} pageInfo {{ hasNextPage endCursor }} }} }}",
                a=after,
            )[field]
            return _page(page)

        return self._api.paged(ask)

    def _states(self) -> list[dict[str, Any]]:
        found = self._ask(
            "query($k: String!) { workflowStates(filter: {team: {key: {eq: $k}}}, first: 100) "
            "{ nodes { id name type position } } }",
            k=self._project,
        )
        return sorted(found["workflowStates"]["nodes"], key=lambda node: float(node["position"]))

    def statuses(self, ref: Ref) -> tuple[str, ...]:
        """Return the team's states, in order."""
        return tuple(str(state["name"]) for state in self._states())

    def apply(self, change: Change) -> Ref:
        """Write one change."""
        match change:
            case Create():
                return self._create(change)
            case Edit():
                fields = {"title": change.title, "description": change.body}
                self._update(change.ref, {k: v for k, v in fields.items() if v is not None})
            case Transition():
                self._move(change.ref, change.state)
            case Start():
                started = [one for one in self._states() if one["type"] == "started"]
                if started:
                    self._update(change.ref, {"stateId": started[0]["id"]})
                self._assign(change.ref, "me")
            case Assign():
                self._assign(change.ref, change.person)
            case Comment():
                body = {"issueId": change.ref.key, "body": change.body}
                self._ask(
                    "mutation($i: CommentCreateInput!) { commentCreate(input: $i) { success } }",
                    i=body,
                )
            case Delete():
                self._ask(
                    "mutation($id: String!) { issueDelete(id: $id) { success } }", id=change.ref.key
                )
        return change.ref

    def _create(self, change: Create) -> Ref:
        key = change.project or self._project
        teams = self._ask(
            "query($k: String!) { teams(filter: {key: {eq: $k}}) { nodes { id } } }", k=key
        )["teams"]["nodes"]
        if not teams:
            raise InvalidInput(
                "CTX-214",
                f"{self.name} has no team {key!r}.",
                "an issue belongs to a team.",
                "use the team's key.",
            )
        body: dict[str, Any] = {
            "teamId": teams[0]["id"],
            "title": change.title,
            "description": change.body,
        }
        if change.labels:
            body["labelIds"] = self._labels(change.labels)
        if change.parent:
            body["parentId"] = change.parent
        made = self._ask(
            "mutation($i: IssueCreateInput!) { issueCreate(input: $i) { issue { identifier } } }",
            i=body,
        )
        return Ref(self.name, "issue", str(made["issueCreate"]["issue"]["identifier"]))

    def _labels(self, names: tuple[str, ...]) -> list[str]:
        known = {str(raw["name"]): str(raw["id"]) for raw in self._nodes("issueLabels", "id name")}
        return [known[name] for name in names if name in known]

    def _update(self, ref: Ref, fields: dict[str, Any]) -> None:
        self._ask(
            "mutation($id: String!, $i: IssueUpdateInput!) { issueUpdate(id: $id, input: $i) "
            "{ success } }",
            id=ref.key,
            i=fields,
        )

    def _move(self, ref: Ref, state: str) -> None:
        for one in self._states():
            if str(one["name"]).casefold() == state.casefold():
                self._update(ref, {"stateId": one["id"]})
                return
        raise InvalidInput(
            "CTX-211",
            f"{ref.key} cannot move to {state!r} in {self.name}.",
            "the team has no such state.",
            f"choose one of: {', '.join(self.statuses(ref))}.",
        )

    def _assign(self, ref: Ref, person: str) -> None:
        if person == "me":
            number = self._ask("query { viewer { id } }")["viewer"]["id"]
        else:
            found = self._ask(
                "query($n: String!) { users(filter: {or: [{name: {eq: $n}}, {email: {eq: $n}}]}) "
                "{ nodes { id } } }",
                n=person,
            )["users"]["nodes"]
            if not found:
                raise InvalidInput(
                    "CTX-212",
                    f"{self.name} knows nobody called {person!r}.",
                    "an issue is given to an account.",
                    "use the account's name or e-mail address.",
                )
            number = found[0]["id"]
        self._update(ref, {"assigneeId": number})


def _page(page: dict[str, Any]) -> Page:
    following = page["pageInfo"]["endCursor"] if page["pageInfo"]["hasNextPage"] else None
    return Page(page["nodes"], following, page)


def _is_gone(errors: list[dict[str, Any]]) -> bool:
    return any("entity not found" in named(one, "message").lower() for one in errors)
