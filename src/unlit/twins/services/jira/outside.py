"""What people do in Jira by themselves: the same routes, called by another person."""

from typing import Any

import msgspec

from unlit.twins.kit.http import Request
from unlit.twins.kit.router import Match
from unlit.twins.kit.twin import Exchange, Twin, VendorError
from unlit.twins.kit.world import World
from unlit.twins.model import Actor
from unlit.twins.services.jira import seed
from unlit.twins.services.jira.model import Row
from unlit.twins.services.jira.site import Site

EVENTS = (
    "issue_created",
    "issue_updated",
    "issue_transitioned",
    "issue_assigned",
    "comment_created",
    "issue_deleted",
)


def happen(twin: Twin, world: World, event: str, data: Row) -> None:
    """Let a person do something.

    Args:
        twin: Whose routes do it.
        world: The world.
        event: One of `EVENTS`.
        data: ``user`` (by name or mail), ``issue`` (key), and what the event needs: ``project``,
            ``summary`` … of a new issue, ``fields``, ``to`` (a status or transition), ``assignee``,
            ``body`` (of a comment).
    """
    site = Site(world)
    person = seed.person(site, data.get("user")) or str(site.table("site").get("admin"))
    key = str(data.get("issue") or "")
    path = f"/rest/api/2/issue/{key}"
    if event == "issue_created":
        rest = {k: v for k, v in data.items() if k not in ("user", "project", "type")}
        kind = {"name": data.get("type", "Task")}
        fields = {"project": {"key": data.get("project")}, "issuetype": kind, **rest}
        _do(twin, world, person, "POST", "/rest/api/2/issue", {"fields": fields})
    elif event == "issue_updated":
        _do(twin, world, person, "PUT", path, {"fields": data.get("fields") or {}})
    elif event == "issue_transitioned":
        body = {"transition": {"id": _transition(site, key, str(data.get("to") or ""))}}
        _do(twin, world, person, "POST", f"{path}/transitions", body)
    elif event == "issue_assigned":
        account = seed.person(site, data.get("assignee"))
        _do(twin, world, person, "PUT", f"{path}/assignee", {"accountId": account})
    elif event == "comment_created":
        _do(twin, world, person, "POST", f"{path}/comment", {"body": data.get("body")})
    elif event == "issue_deleted":
        _do(twin, world, person, "DELETE", path, None)
    else:
        raise VendorError(
            400, "unknown_event", f"Jira knows no event {event!r}: {', '.join(EVENTS)}"
        )


def _transition(site: Site, key: str, name: str) -> str:
    statuses = site.table("statuses")
    for row in site.transitions(site.issue(key)):
        if name.lower() in (row["id"], row["name"].lower(), statuses[row["to"]]["name"].lower()):
            return str(row["id"])
    raise VendorError(400, "unknown_transition", f"{key} has no transition to {name!r}")


def _do(twin: Twin, world: World, person: str, method: str, path: str, body: Any) -> None:
    data = b"" if body is None else msgspec.json.encode(body)
    request = Request(
        method, path, "", {"content-type": "application/json"}, data, "https://twin.atlassian.net"
    )
    call = Exchange(twin, "jira", world, request, None)
    call.actor = Actor(person, "user")
    found = twin.router.match(method, path)
    assert isinstance(found, Match)  # noqa: S101 # routes of this twin
    call.match = found
    found.route.handler(call)
