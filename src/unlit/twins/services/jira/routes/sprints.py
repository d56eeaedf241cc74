"""Sprints: create, start, close, fill; the backlog and ranking."""

from collections.abc import Callable
from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.kit.seeds import iso
from unlit.twins.services.jira import notify, presets
from unlit.twins.services.jira.call import Answer, Ask, Routes
from unlit.twins.services.jira.model import Row
from unlit.twins.services.jira.routes import expands
from unlit.twins.services.jira.routes.agile import shown_sprint, sprint_of
from unlit.twins.services.jira.site import refuse

routes = Routes()
_STEM: Final = "/rest/agile/1.0"


def _add(method: str, path: str, op: str, status: int = 200) -> Callable[[Answer], Answer]:
    return routes.add(method, path, op, status=status, stem=_STEM)


@_add("POST", "sprint", "createSprint", 201)
def create_sprint(ask: Ask) -> Any:
    """Make a future sprint."""
    body = ask.body()
    name = str(body.get("name") or "")
    if not name or len(name) > 30:
        raise refuse(
            400,
            "The sprint name must be 30 characters or less."
            if name
            else "Sprint name is required.",
        )
    board = ask.site.table("boards").get(body.get("originBoardId"))
    if board is None:
        raise refuse(
            404,
            "Requested board cannot be viewed because it either does not exist or you do not "
            "have permission to view it.",
        )
    if board["type"] == "kanban":
        raise refuse(400, "The board does not support sprints")
    number = ask.site.world.number("jira.sprint")
    row: Row = {
        "id": number,
        "name": name,
        "state": "future",
        "boardId": board["id"],
        "createdDate": iso(ask.site.now()),
        **{k: body[k] for k in ("startDate", "endDate", "goal") if body.get(k) is not None},
    }
    ask.site.table("sprints").put(number, row)
    notify.other(ask, "sprint_created", "sprint", shown_sprint(ask, row))
    return shown_sprint(ask, row)


@_add("GET", "sprint/{sprintId}", "getSprint")
def read_sprint(ask: Ask) -> Any:
    """Return a sprint."""
    return shown_sprint(ask, sprint_of(ask))


@_add("POST", "sprint/{sprintId}", "partiallyUpdateSprint")
@_add("PUT", "sprint/{sprintId}", "updateSprint")
def update_sprint(ask: Ask) -> Any:
    """Change a sprint; future becomes active, active becomes closed, nothing else."""
    row, body = sprint_of(ask), ask.body()
    changes: Row = {
        k: body[k] for k in ("name", "startDate", "endDate", "goal") if body.get(k) is not None
    }
    wanted = str(body.get("state") or row["state"]).lower()
    if wanted != row["state"]:
        if (row["state"], wanted) not in (("future", "active"), ("active", "closed")):
            raise refuse(
                400, f"Sprint state transition from '{row['state']}' to '{wanted}' is not allowed."
            )
        merged = {**row, **changes}
        if wanted == "active" and not (merged.get("startDate") and merged.get("endDate")):
            raise refuse(400, "A sprint must have a start date and an end date to be started.")
        changes["state"] = wanted
        if wanted == "closed":
            changes["completeDate"] = iso(ask.site.now())
        else:
            changes["activatedDate"] = iso(ask.site.now())
    new = ask.site.table("sprints").put(row["id"], {**row, **changes})
    events = {"active": "sprint_started", "closed": "sprint_closed"}
    event = events.get(changes.get("state", ""), "sprint_updated")
    notify.other(ask, event, "sprint", shown_sprint(ask, new))
    return shown_sprint(ask, new)


@_add("DELETE", "sprint/{sprintId}", "deleteSprint")
def delete_sprint(ask: Ask) -> Any:
    """Delete a sprint; its issues go back to the backlog."""
    row = sprint_of(ask)
    for issue in list(ask.site.table("issues").values()):
        if row["id"] in (issue["fields"].get(presets.SPRINT) or ()):
            _assign(ask, issue, None)
    ask.site.table("sprints").drop(row["id"])
    notify.other(ask, "sprint_deleted", "sprint", shown_sprint(ask, row))
    return Reply(204)


def _assign(ask: Ask, issue: Row, sprint: int | None) -> None:
    sprints = ask.site.table("sprints")
    closed = [
        i
        for i in issue["fields"].get(presets.SPRINT) or ()
        if (sprints.get(i) or {}).get("state") == "closed"
    ]
    value = [*closed, sprint] if sprint is not None else closed
    changes = ask.site.change_issue(issue, {presets.SPRINT: value or None}, ask.me)
    if changes:
        notify.issue(
            ask, "jira:issue_updated", ask.site.issue(issue["id"]), "issue_updated", changes
        )


def _named_issues(ask: Ask) -> list[Row]:
    found: list[Row] = []
    for name in ask.body().get("issues") or []:
        issue = ask.site.find_issue(str(name))
        if issue is None:
            raise refuse(
                404, f"Issue {name} does not exist or you do not have permission to see it."
            )
        found.append(issue)
    if len(found) > 50:
        raise refuse(400, "The maximum number of issues that can be moved in one operation is 50.")
    return found


@_add("POST", "sprint/{sprintId}/issue", "moveIssuesToSprintAndRank")
def into_sprint(ask: Ask) -> Any:
    """Move issues into a sprint."""
    row = sprint_of(ask)
    if row["state"] == "closed":
        raise refuse(400, "Issues can only be moved to open or active sprints.")
    for issue in _named_issues(ask):
        _assign(ask, issue, row["id"])
    return Reply(204)


@_add("POST", "backlog/issue", "moveIssuesToBacklog")
def into_backlog(ask: Ask) -> Any:
    """Move issues to the backlog."""
    for issue in _named_issues(ask):
        _assign(ask, issue, None)
    return Reply(204)


@_add("PUT", "issue/rank", "rankIssues")
def rank(ask: Ask) -> Any:
    """Put issues before or after another."""
    body = ask.body()
    moved = _named_issues(ask)
    anchor_name = body.get("rankBeforeIssue") or body.get("rankAfterIssue")
    if not anchor_name:
        raise refuse(400, "Either rankBeforeIssue or rankAfterIssue must be provided.")
    anchor = ask.site.issue(str(anchor_name))
    place(ask, moved, anchor, before=bool(body.get("rankBeforeIssue")))
    return Reply(204)


def place(ask: Ask, moved: list[Row], anchor: Row, *, before: bool) -> None:
    """Put issues before or after one, between it and its neighbour."""
    table = ask.site.table("issues")
    others = sorted({i["rank"] for i in table.values() if i["id"] not in {m["id"] for m in moved}})
    here = anchor["rank"]
    if before:
        low = max((r for r in others if r < here), default=here - 1)
        high = here
    else:
        low, high = here, min((r for r in others if r > here), default=here + 1)
    step = (high - low) / (len(moved) + 1)
    for n, issue in enumerate(moved, 1):
        table.patch(issue["id"], rank=low + step * n)


@_add("GET", "issue/{issueIdOrKey}", "getIssue")
def agile_issue(ask: Ask) -> Any:
    """Return an issue with its sprint and epic."""
    issue = ask.issue()
    names = expands.selected(ask.many("fields"), ask.render.all_fields(issue))
    body = ask.render.issue(issue, names)
    sprints = [ask.site.table("sprints").get(i) for i in issue["fields"].get(presets.SPRINT) or ()]
    current = next((s for s in sprints if s and s["state"] != "closed"), None)
    body["fields"]["sprint"] = shown_sprint(ask, current) if current else None
    return body
