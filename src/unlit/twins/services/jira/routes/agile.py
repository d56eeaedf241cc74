"""Agile 1.0: boards, what is on them, epics."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.services.jira import notify, presets
from unlit.twins.services.jira.call import Answer, Ask, Routes
from unlit.twins.services.jira.jql import parse, run
from unlit.twins.services.jira.jql.functions import Asking
from unlit.twins.services.jira.jql.model import JqlError
from unlit.twins.services.jira.model import Row
from unlit.twins.services.jira.routes import expands, search
from unlit.twins.services.jira.site import refuse

routes = Routes()
_STEM: Final = "/rest/agile/1.0"


def _add(method: str, path: str, op: str, status: int = 200) -> Callable[[Answer], Answer]:
    return routes.add(method, path, op, status=status, stem=_STEM)


def board_of(ask: Ask) -> Row:
    """Return the board that the path names."""
    wanted = ask.params["boardId"]
    found = ask.site.table("boards").get(int(wanted)) if wanted.isdigit() else None
    if found is None or ask.me is None:
        raise refuse(
            404,
            "Requested board cannot be viewed because it either does not exist or you do not "
            "have permission to view it.",
        )
    return dict(found)


def sprint_of(ask: Ask) -> Row:
    """Return the sprint that the path names."""
    wanted = ask.params["sprintId"]
    found = ask.site.table("sprints").get(int(wanted)) if wanted.isdigit() else None
    if found is None:
        raise refuse(404, "Sprint does not exist.")
    return dict(found)


def shown_board(ask: Ask, row: Row) -> Row:
    """Render a board."""
    out: Row = {
        "id": row["id"],
        "self": f"{ask.base}{_STEM}/board/{row['id']}",
        "name": row["name"],
        "type": row["type"],
    }
    project = ask.site.table("projects").get(row.get("project"))
    if project is not None:
        out["location"] = {
            "projectId": int(project["id"]),
            "displayName": f"{project['name']} ({project['key']})",
            "projectName": project["name"],
            "projectKey": project["key"],
            "projectTypeKey": project["projectTypeKey"],
            "avatarURI": ask.render.project_avatars(project)["24x24"],
            "name": f"{project['name']} ({project['key']})",
        }
    out["isPrivate"] = False
    return out


def shown_sprint(ask: Ask, row: Row) -> Row:
    """Render a sprint."""
    out: Row = {
        "id": row["id"],
        "self": f"{ask.base}{_STEM}/sprint/{row['id']}",
        "state": row["state"],
        "name": row["name"],
    }
    for name in ("startDate", "endDate", "completeDate", "activatedDate"):
        if row.get(name):
            out[name] = row[name]
    out["createdDate"] = row["createdDate"]
    out["originBoardId"] = row["boardId"]
    if row.get("goal") is not None:
        out["goal"] = row["goal"]
    return out


def add_board(ask: Ask, name: str, kind: str, project: str | None, saved: Row) -> Row:
    """Add a board over a saved filter."""
    number = ask.site.world.number("jira.board")
    row: Row = {"id": number, "name": name, "type": kind, "project": project}
    row |= {"jql": saved["jql"], "filter": saved["id"]}
    return dict(ask.site.table("boards").put(number, row))


@_add("GET", "board", "getAllBoards")
def boards(ask: Ask) -> Any:
    """Return boards, filtered."""
    kind, name = ask.arg("type"), ask.arg("name").lower()
    project = ask.site.project(ask.arg("projectKeyOrId")) if ask.arg("projectKeyOrId") else None
    if ask.arg("projectKeyOrId") and project is None:
        raise refuse(
            400, f"No project could be found with key or id '{ask.arg('projectKeyOrId')}'."
        )
    rows = [
        row
        for row in ask.site.table("boards").values()
        if (not kind or row["type"] in kind.split(","))
        and name in row["name"].lower()
        and (project is None or row["project"] == project["id"])
    ]
    return _page(ask, rows, lambda row: shown_board(ask, row))


def _page(ask: Ask, rows: Iterable[Any], show: Any) -> Row:
    found = list(rows)
    start, count = max(0, ask.whole("startAt", 0)), min(1000, ask.whole("maxResults", 50))
    part = found[start : start + count]
    return {
        "maxResults": count,
        "startAt": start,
        "total": len(found),
        "isLast": start + count >= len(found),
        "values": [show(row) for row in part],
    }


@_add("POST", "board", "createBoard", 201)
def create_board(ask: Ask) -> Any:
    """Make a board over a filter."""
    body = ask.body()
    if body.get("type") not in ("scrum", "kanban", "agility"):
        raise refuse(400, "type: The board type must be scrum or kanban.")
    row = ask.site.table("filters").get(str(body.get("filterId")))
    if row is None:
        raise refuse(400, "The filter does not exist or you do not have permission to view it.")
    location = body.get("location") or {}
    project = (
        ask.site.project(location["projectKeyOrId"]) if location.get("projectKeyOrId") else None
    )
    made = add_board(
        ask, str(body.get("name")), body["type"], project["id"] if project else None, row
    )
    notify.other(ask, "board_created", "board", shown_board(ask, made))
    return shown_board(ask, made)


@_add("GET", "board/{boardId}", "getBoard")
def read_board(ask: Ask) -> Any:
    """Return a board."""
    return shown_board(ask, board_of(ask))


@_add("DELETE", "board/{boardId}", "deleteBoard")
def delete_board(ask: Ask) -> Any:
    """Delete a board."""
    ask.site.table("boards").drop(board_of(ask)["id"])
    return Reply(204)


@_add("GET", "board/{boardId}/configuration", "getConfiguration")
def configuration(ask: Ask) -> Any:
    """Return a board's columns."""
    row = board_of(ask)
    project = ask.site.table("projects").get(row["project"])
    flow = ask.site.table("workflows").get(project["workflow"] if project else "kanban") or {}
    columns = [
        {
            "name": t["name"],
            "statuses": [{"id": t["to"], "self": f"{ask.base}/rest/api/2/status/{t['to']}"}],
        }
        for t in flow.get("transitions", ())
    ]
    return {
        "id": row["id"],
        "name": row["name"],
        "type": row["type"],
        "self": f"{ask.base}{_STEM}/board/{row['id']}/configuration",
        "location": {
            "type": "project",
            "key": project["key"],
            "id": project["id"],
            "self": f"{ask.base}/rest/api/2/project/{project['id']}",
            "name": project["name"],
        }
        if project
        else {},
        "filter": {
            "id": row["filter"],
            "self": f"{ask.base}/rest/api/2/filter/{row['filter']}",
        },
        **(
            {"subQuery": {"query": "fixVersion in unreleasedVersions() OR fixVersion is EMPTY"}}
            if row["type"] == "kanban"
            else {}
        ),
        "columnConfig": {"columns": columns, "constraintType": "none"},
        "ranking": {"rankCustomFieldId": 10019},
    }


def issues_of(ask: Ask, test: Any) -> Any:
    """Return issues that pass a test and the caller's JQL, by rank, in pages."""
    jql = ask.arg("jql")
    try:
        query = parse.parse(jql)
        found = run.search(query, Asking(ask.site, ask.me, ask.site.world.now()))
    except JqlError as error:
        raise refuse(400, *str(error).split("\n")) from error
    rows = [row for row in found if test(row)]
    if not query.order:
        rows.sort(key=lambda row: row["rank"])
    by_token = "/rest/software/" in ask.request.raw_path
    start = (
        search.position(ask.arg("nextPageToken"), jql)
        if by_token
        else max(0, ask.whole("startAt", 0))
    )
    count = max(0, min(1000, ask.whole("maxResults", 50)))
    part = rows[start : start + count]
    shown: list[Row] = []
    for row in part:
        names = expands.selected(ask.many("fields"), ask.render.all_fields(row))
        body = ask.render.issue(row, names)
        expands.expand(ask, row, body, set(ask.many("expand")))
        shown.append(_planned(ask, row, body))
    if by_token:
        more = start + count < len(rows)
        token = {"nextPageToken": search.token(start + count, jql)} if more else {}
        return {"expand": "schema,names", "isLast": not more, "issues": shown, **token}
    return {
        "expand": "schema,names",
        "startAt": start,
        "maxResults": count,
        "total": len(rows),
        "issues": shown,
    }


def _planned(ask: Ask, row: Row, body: Row) -> Row:
    """Add what the agile API shows beside the fields: sprints, epic, flag."""
    asked = ask.many("fields")
    sprints = [ask.site.table("sprints").get(i) for i in row["fields"].get(presets.SPRINT) or ()]
    known = [s for s in sprints if s is not None]
    current = next((s for s in known if s["state"] != "closed"), None)
    closed = [shown_sprint(ask, s) for s in known if s["state"] == "closed"]
    parent = ask.site.table("issues").get(row["fields"].get("parent"))
    extra: Row = {"flagged": bool(row["fields"].get(presets.FLAGGED))}
    if current is not None:
        extra["sprint"] = shown_sprint(ask, current)
    if closed:
        extra["closedSprints"] = closed
    kinds = ask.site.table("issuetypes")
    if parent and (kinds.get(parent["fields"]["issuetype"]) or {}).get("hierarchyLevel") == 1:
        extra["epic"] = shown_epic(ask, parent)
    wanted = {k: v for k, v in extra.items() if not asked or k in asked or "*all" in asked}
    return {**body, "fields": {**body["fields"], **wanted}}


def _on_board(ask: Ask, board: Row) -> Any:
    matching: set[str] = set()
    if board.get("jql"):
        query = parse.parse(board["jql"])
        matching = {
            r["id"] for r in run.search(query, Asking(ask.site, ask.me, ask.site.world.now()))
        }
        return lambda row: row["id"] in matching
    return lambda row: row["project"] == board["project"]


def _open_sprint(ask: Ask, row: Row) -> bool:
    sprints = ask.site.table("sprints")
    idents = row["fields"].get(presets.SPRINT) or ()
    return any((sprints.get(i) or {}).get("state") in ("active", "future") for i in idents)


@_add("GET", "board/{boardId}/issue", "getIssuesForBoard")
def board_issues(ask: Ask) -> Any:
    """Return a board's issues."""
    return issues_of(ask, _on_board(ask, board_of(ask)))


@_add("GET", "board/{boardId}/backlog", "getIssuesForBacklog")
def backlog(ask: Ask) -> Any:
    """Return a board's issues that are in no open sprint and not done."""
    inside = _on_board(ask, board_of(ask))
    statuses = ask.site.table("statuses")
    return issues_of(
        ask,
        lambda row: (
            inside(row)
            and not _open_sprint(ask, row)
            and (statuses.get(row["fields"]["status"]) or {}).get("category") != 3
        ),
    )


@_add("GET", "board/{boardId}/sprint", "getAllSprints")
def sprints(ask: Ask) -> Any:
    """Return a board's sprints."""
    board = board_of(ask)
    if board["type"] == "kanban":
        raise refuse(400, "The board does not support sprints")
    states = ask.many("state")
    rows = [
        row
        for row in ask.site.table("sprints").values()
        if row["boardId"] == board["id"] and (not states or row["state"] in states)
    ]
    rows.sort(key=lambda row: int(row.get("place", row["id"])))
    return _page(ask, rows, lambda row: shown_sprint(ask, row))


@_add("GET", "board/{boardId}/sprint/{sprintId}/issue", "getBoardIssuesForSprint")
@_add("GET", "sprint/{sprintId}/issue", "getIssuesForSprint")
def sprint_issues(ask: Ask) -> Any:
    """Return a sprint's issues."""
    ident = sprint_of(ask)["id"]
    return issues_of(ask, lambda row: ident in (row["fields"].get(presets.SPRINT) or ()))


@_add("GET", "board/{boardId}/project", "getProjects")
def board_projects(ask: Ask) -> Any:
    """Return a board's projects."""
    from unlit.twins.services.jira.routes import projects

    row = ask.site.table("projects").get(board_of(ask)["project"])
    return _page(ask, [row] if row else [], lambda item: projects.listed(ask, item, set()))


@_add("GET", "board/{boardId}/version", "getAllVersions")
def board_versions(ask: Ask) -> Any:
    """Return the versions of a board's project."""
    from unlit.twins.services.jira.routes import projects

    rows = list(ask.site.of("versions", project=board_of(ask)["project"]))
    return _page(ask, rows, lambda item: projects.version(ask, item))


@_add("GET", "board/{boardId}/epic", "getEpics")
def epics(ask: Ask) -> Any:
    """Return a board's epics."""
    inside = _on_board(ask, board_of(ask))
    kinds = ask.site.table("issuetypes")
    rows = [
        row
        for row in ask.site.table("issues").values()
        if inside(row) and (kinds.get(row["fields"]["issuetype"]) or {}).get("hierarchyLevel") == 1
    ]
    return _page(ask, rows, lambda row: shown_epic(ask, row))


def shown_epic(ask: Ask, row: Row) -> Row:
    """Render an epic."""
    status = ask.site.table("statuses").get(row["fields"]["status"]) or {}
    return {
        "id": int(row["id"]),
        "key": row["key"],
        "self": f"{ask.base}{_STEM}/epic/{row['id']}",
        "name": row["fields"].get(presets.EPIC_NAME) or "",
        "summary": row["fields"]["summary"],
        "color": {"key": "color_1"},
        "issueColor": {"key": "purple"},
        "done": status.get("category") == 3,
    }


@_add("GET", "epic/{epicIdOrKey}", "getEpic")
def epic(ask: Ask) -> Any:
    """Return an epic."""
    return shown_epic(ask, ask.site.issue(ask.params["epicIdOrKey"]))


@_add("GET", "epic/{epicIdOrKey}/issue", "getIssuesForEpic")
def epic_issues(ask: Ask) -> Any:
    """Return the issues of an epic."""
    ident = ask.site.issue(ask.params["epicIdOrKey"])["id"]
    return issues_of(ask, lambda row: row["fields"].get("parent") == ident)
