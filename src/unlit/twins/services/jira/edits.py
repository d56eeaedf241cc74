"""Changes to issues: create, edit, transition, delete, with what follows from them."""

from typing import Any

from unlit.twins.services.jira import notify
from unlit.twins.services.jira.call import Ask
from unlit.twins.services.jira.input import UNSETTABLE, Problem, Reader
from unlit.twins.services.jira.model import Change, Row
from unlit.twins.services.jira.site import Site, refuse


def target(ask: Ask, fields: Row) -> tuple[Row, Row]:
    """Return project and issue type that a new issue names.

    Raises:
        VendorError: One is missing or unknown.
    """
    project = _project(ask.site, fields.get("project"))
    if project is None:
        raise refuse(400, project="valid project is required")
    kind = fields.get("issuetype")
    if not isinstance(kind, dict):
        raise refuse(400, issuetype="Specify an issue type")
    found = _kind(ask.site, project, kind)
    if found is None:
        raise refuse(400, issuetype="Specify a valid issue type")
    return project, found


def _project(site: Site, given: Any) -> Row | None:
    if not isinstance(given, dict):
        return None
    if given.get("id") is not None:
        row: Row | None = site.table("projects").get(str(given["id"]))
        return row
    if given.get("key") is not None:
        return site.project(given["key"])
    return None


def _kind(site: Site, project: Row, given: Row) -> Row | None:
    for kind in site.types(project):
        if given.get("id") is not None:
            if kind["id"] == str(given["id"]):
                return kind
        elif str(given.get("name", "")).lower() == kind["name"].lower():
            return kind
    return None


def create(ask: Ask, body: Row) -> Row:
    """Create an issue from a request body."""
    fields = body.get("fields")
    if not isinstance(fields, dict):
        raise (
            refuse(400, **{"fields": "fields is required"})
            if fields is not None
            else refuse(400, project="valid project is required")
        )
    project, kind = target(ask, fields)
    reader = Reader(ask, project)
    values = reader.read({"summary": None, **fields})
    if kind.get("subtask") and not values.get("parent"):
        reader.errors.setdefault(
            "issuetype", "Issue type is a sub-task but parent issue key or id not specified."
        )
    elif values.get("parent") and not kind.get("subtask"):
        _check_parent(ask.site, reader, kind, values["parent"])
    updates = _updates(reader, body.get("update") or {}, values)
    reader.fail()
    values["issuetype"] = kind["id"]
    values |= updates.values
    if "assignee" not in values and project.get("assigneeType") == "PROJECT_LEAD":
        values["assignee"] = project.get("lead")
    issue = ask.site.add_issue(project, values, ask.me)
    if values.get("parent"):
        _adopt(ask.site, values["parent"], issue["id"])
    for row in body.get("properties") or []:
        ask.site.table("properties").put((issue["id"], row["key"]), row.get("value"))
    updates.run(ask, issue)
    set_first = [
        ask.site.described(name, None, value)
        for name, value in issue["fields"].items()
        if value
        and name in ("summary", "description", "priority", "reporter", "assignee", "status")
    ]
    notify.issue(ask, "jira:issue_created", issue, "issue_created", set_first)
    return issue


def _check_parent(site: Site, reader: Reader, kind: Row, parent: str) -> None:
    above = site.table("issues")[parent]
    above_kind = site.table("issuetypes").get(above["fields"]["issuetype"]) or {}
    if above_kind.get("hierarchyLevel", 0) != kind.get("hierarchyLevel", 0) + 1:
        reader.errors["parent"] = "Given parent work item does not belong to appropriate hierarchy."


def _adopt(site: Site, parent: str, child: str) -> None:
    table = site.table("children")
    table.put(parent, (*(table.get(parent) or ()), child))


def _abandon(site: Site, parent: str, child: str) -> None:
    table = site.table("children")
    table.put(parent, tuple(x for x in table.get(parent) or () if x != child))


def edit(ask: Ask, issue: Row, body: Row) -> None:
    """Edit an issue from a request body."""
    project = ask.site.table("projects")[issue["project"]]
    reader = Reader(ask, project)
    fields = body.get("fields") or {}
    update = body.get("update") or {}
    both = sorted(set(fields) & set(update))
    if both:
        raise refuse(
            400,
            **{both[0]: f"Field '{both[0]}' cannot appear in both 'fields' and 'update'"},
        )
    values = reader.read(fields)
    if isinstance(fields.get("issuetype"), dict):
        kind = _kind(ask.site, project, fields["issuetype"])
        if kind is None:
            reader.errors["issuetype"] = "Specify a valid issue type"
        else:
            values["issuetype"] = kind["id"]
    updates = _updates(reader, update, issue["fields"])
    reader.fail()
    apply(ask, issue, values | updates.values)
    updates.run(ask, ask.site.issue(issue["id"]))


def apply(ask: Ask, issue: Row, values: Row, kind: str = "issue_generic") -> None:
    """Store checked values, keep parents' lists right, and tell the webhooks."""
    old = issue["fields"].get("parent")
    changes = ask.site.change_issue(issue, values, ask.me)
    if "parent" in values and values["parent"] != old:
        if old:
            _abandon(ask.site, old, issue["id"])
        if values["parent"]:
            _adopt(ask.site, values["parent"], issue["id"])
    if set(values) == {"assignee"}:
        kind = "issue_assigned"
    elif kind == "issue_generic" and "status" not in values:
        kind = "issue_updated"
    if changes:
        notify.issue(ask, "jira:issue_updated", ask.site.issue(issue["id"]), kind, changes)


class Updates:
    """The `update` part of a body: computed values, and objects to add afterwards."""

    def __init__(self) -> None:
        self.values: Row = {}
        self.comments: list[Row] = []
        self.worklogs: list[Row] = []
        self.links: list[Row] = []

    def run(self, ask: Ask, issue: Row) -> None:
        """Add comments, worklogs and links."""
        from unlit.twins.services.jira import objects

        for body in self.comments:
            objects.add_comment(ask, issue, body)
        for body in self.worklogs:
            objects.add_worklog(ask, ask.site.issue(issue["id"]), body)
        for body in self.links:
            side = "outwardIssue" if "inwardIssue" in body else "inwardIssue"
            objects.add_link(ask, {**body, side: {"id": issue["id"]}})


def _updates(reader: Reader, update: Row, before: Row) -> Updates:
    out = Updates()
    lists = {"comment": out.comments, "worklog": out.worklogs, "issuelinks": out.links}
    for name, operations in update.items():
        if not isinstance(operations, list):
            reader.errors[name] = "data was not an array"
            continue
        if name in lists:
            lists[name].extend(op["add"] for op in operations if "add" in op)
            continue
        value = before.get(name)
        try:
            for operation in operations:
                value = _operated(reader, name, value, operation)
        except Problem as problem:
            reader.errors[name] = str(problem)
            continue
        if name == "timetracking":
            out.values |= value or {}
        else:
            out.values[name] = value
    return out


def _operated(reader: Reader, name: str, value: Any, operation: Any) -> Any:
    if not isinstance(operation, dict) or len(operation) != 1:
        raise Problem("Only one operation allowed per update")
    ((verb, given),) = operation.items()
    if reader.site.table("fields").get(name) is None:
        raise Problem(UNSETTABLE.format(name))
    if verb in ("set", "edit"):
        read = reader.one(name, given)
        return read if name == "timetracking" else read.get(name)
    if verb not in ("add", "remove"):
        raise Problem(f"Unsupported operation '{verb}'")
    one = reader.one(name, [given]).get(name) or []
    have = list(value or ())
    if verb == "add":
        have += [item for item in one if item not in have]
        return sorted(have) if name == "labels" else have
    return [item for item in have if item not in one]


def transit(ask: Ask, issue: Row, transition: Row, body: Row) -> None:
    """Perform a transition: status, resolution, fields, then comments."""
    reader = Reader(ask, ask.site.table("projects")[issue["project"]])
    given = body.get("fields") or {}
    values = reader.read(given)
    updates = _updates(reader, body.get("update") or {}, issue["fields"])
    for name in transition.get("required", ()):
        if values.get(name) is None and issue["fields"].get(name) is None:
            reader.errors.setdefault(name, f"{name} is required.")
    reader.fail()
    status = ask.site.table("statuses").get(transition["to"]) or {}
    values = {**values, **updates.values, "status": transition["to"]}
    if status.get("category") == 3:
        if not values.get("resolution") and not issue["fields"].get("resolution"):
            values["resolution"] = transition.get("resolution")
    elif issue["fields"].get("resolution"):
        values["resolution"] = None
    apply(ask, issue, values)
    updates.run(ask, ask.site.issue(issue["id"]))


def delete(ask: Ask, issue: Row, *, subtasks: bool) -> None:
    """Delete an issue, with its sub-tasks when asked."""
    site = ask.site
    children = [
        c for c in site.table("children").get(issue["id"]) or () if c in site.table("issues")
    ]
    kinds = site.table("issuetypes")
    under = [
        c
        for c in children
        if (kinds.get(site.table("issues")[c]["fields"]["issuetype"]) or {}).get("subtask")
    ]
    if under and not subtasks:
        raise refuse(
            400,
            f"The issue '{issue['key']}' has subtasks.  You must specify the 'deleteSubtasks' "
            "parameter to delete this issue and all its subtasks.",
        )
    for child in under:
        delete(ask, site.table("issues")[child], subtasks=True)
    notify.issue(ask, "jira:issue_deleted", issue, None)
    for ident in site.table("linked").get(issue["id"]) or ():
        unlink(site, ident)
    parent = issue["fields"].get("parent")
    if parent:
        _abandon(site, parent, issue["id"])
    site.table("keys").drop(issue["key"])
    site.table("issues").drop(issue["id"])


def unlink(site: Site, ident: str) -> Row | None:
    """Remove a link from both of its issues."""
    link: Row | None = site.table("links").drop(ident)
    if link is None:
        return None
    table = site.table("linked")
    for side in ("inward", "outward"):
        table.put(link[side], tuple(x for x in table.get(link[side]) or () if x != ident))
    return link


__all__ = ["Change", "apply", "create", "delete", "edit", "target", "transit", "unlink"]
