"""Issues: create, read, edit, delete, assign, transitions, history."""

from typing import Any

from unlit.twins.kit.http import Reply
from unlit.twins.kit.twin import VendorError
from unlit.twins.services.jira import edits
from unlit.twins.services.jira.call import Ask, Routes
from unlit.twins.services.jira.input import Reader
from unlit.twins.services.jira.model import Row
from unlit.twins.services.jira.routes import expands
from unlit.twins.services.jira.site import refuse

routes = Routes()


@routes.add("POST", "issue", "createIssue", status=201)
def create(ask: Ask) -> Any:
    """Create an issue."""
    issue = edits.create(ask, ask.body())
    return _created(ask, issue)


def _created(ask: Ask, issue: Row) -> Row:
    link = f"{ask.render.api}/issue/{issue['id']}"
    return {"id": issue["id"], "key": issue["key"], "self": link}


@routes.add("POST", "issue/bulk", "createIssues", status=201)
def create_many(ask: Ask) -> Any:
    """Create several issues; those refused are listed."""
    made: list[Row] = []
    errors: list[Row] = []
    for number, entry in enumerate(ask.body().get("issueUpdates") or []):
        try:
            made.append(_created(ask, edits.create(ask, entry)))
        except VendorError as error:
            errors.append(
                {
                    "status": error.status,
                    "elementErrors": {
                        "errorMessages": list(error.detail.get("messages", ())),
                        "errors": error.detail.get("fields", {}),
                    },
                    "failedElementNumber": number,
                }
            )
    status = 201 if made or not errors else 400
    return Reply(status, {"issues": made, "errors": errors})


@routes.add("GET", "issue/{issueIdOrKey}", "getIssue")
def read(ask: Ask) -> Any:
    """Return an issue, an archived one too."""
    name = ask.params["issueIdOrKey"]
    away = ask.site.table("archived").get(ask.site.table("keys").get(name.upper(), name))
    issue = ask.issue() if away is None or ask.me is None else away
    names = expands.selected(ask.many("fields"), ask.render.all_fields(issue))
    body = ask.render.issue(issue, names)
    wanted = set(ask.many("expand"))
    expands.expand(ask, issue, body, wanted)
    if ask.many("properties"):
        body["properties"] = expands.properties(ask, issue, ask.many("properties"))
    return body


@routes.add("PUT", "issue/{issueIdOrKey}", "editIssue")
def edit(ask: Ask) -> Any:
    """Edit an issue."""
    issue = ask.issue()
    edits.edit(ask, issue, ask.body())
    if ask.flag("returnIssue"):
        return ask.render.issue(ask.site.issue(issue["id"]))
    return Reply(204)


@routes.add("DELETE", "issue/{issueIdOrKey}", "deleteIssue")
def delete(ask: Ask) -> Any:
    """Delete an issue."""
    edits.delete(ask, ask.issue(), subtasks=ask.flag("deleteSubtasks"))
    return Reply(204)


@routes.add("PUT", "issue/{issueIdOrKey}/assignee", "assignIssue")
def assign(ask: Ask) -> Any:
    """Assign an issue; -1 is the project's default, null nobody."""
    issue = ask.issue()
    body = ask.body()
    reader = Reader(ask, ask.site.table("projects")[issue["project"]])
    values = reader.read({"assignee": body})
    if reader.errors:
        key = body.get("accountId") or body.get("name") or body.get("key")
        raise refuse(400 if not ask.site.cloud else 404, f"User '{key}' does not exist.")
    edits.apply(ask, issue, values)
    return Reply(204)


@routes.add("GET", "issue/{issueIdOrKey}/transitions", "getTransitions")
def transitions(ask: Ask) -> Any:
    """Return the transitions open to the caller."""
    issue = ask.issue()
    wanted = ask.arg("transitionId")
    fields = "transitions.fields" in ask.many("expand")
    found = [
        expands.transition(ask, issue, t, fields=fields)
        for t in ask.site.transitions(issue)
        if not wanted or t["id"] == wanted
    ]
    return {"expand": "transitions", "transitions": found}


@routes.add("POST", "issue/{issueIdOrKey}/transitions", "doTransition")
def transit(ask: Ask) -> Any:
    """Perform a transition."""
    issue = ask.issue()
    body = ask.body()
    given = body.get("transition")
    if not isinstance(given, dict) or given.get("id") is None:
        raise refuse(400, "Missing 'transition' identifier")
    wanted = str(given["id"])
    if not wanted.isdigit():
        raise refuse(400, f"Transition id '{wanted}' is not a valid number")
    transition = next((t for t in ask.site.transitions(issue) if t["id"] == wanted), None)
    if transition is None:
        raise refuse(400, f"Transition id '{wanted}' is not valid for this issue.")
    edits.transit(ask, issue, transition, body)
    return Reply(204, None, [("content-type", "text/html;charset=UTF-8")])


@routes.add("GET", "issue/{issueIdOrKey}/changelog", "getChangeLogs")
def changelog(ask: Ask) -> Any:
    """Return the history of an issue, oldest first."""
    entries = ask.site.table("changelogs").get(ask.issue()["id"]) or ()
    return ask.page(entries, "values", ask.render.changes, size=100)


@routes.add("POST", "issue/{issueIdOrKey}/changelog/list", "getChangeLogsByIds")
def changelog_some(ask: Ask) -> Any:
    """Return entries of the history by id."""
    entries = ask.site.table("changelogs").get(ask.issue()["id"]) or ()
    wanted = {str(x) for x in ask.body().get("changelogIds") or []}
    found = [ask.render.changes(e) for e in entries if e["id"] in wanted]
    return {"startAt": 0, "maxResults": len(found), "total": len(found), "histories": found}


@routes.add("POST", "changelog/bulkfetch", "getBulkChangelogs")
def changelog_bulk(ask: Ask) -> Any:
    """Return the history of many issues."""
    out: list[Row] = []
    wanted = set(ask.body().get("fieldIds") or [])
    for name in ask.body().get("issueIdsOrKeys") or []:
        issue = ask.site.find_issue(str(name))
        if issue is None:
            continue
        rows = [ask.render.changes(e) for e in ask.site.table("changelogs").get(issue["id"]) or ()]
        if wanted:
            rows = [r for r in rows if any(i.get("fieldId") in wanted for i in r["items"])]
        out.append({"issueId": issue["id"], "changeHistories": rows})
    return {"issueChangeLogs": out}


@routes.add("GET", "issue/{issueIdOrKey}/editmeta", "getEditIssueMeta")
def editmeta(ask: Ask) -> Any:
    """Return which fields can be edited."""
    return {"fields": expands.editmeta(ask, ask.issue())}
