"""Workflows as administrators write them: read, created, changed, previewed; workflow schemes."""

import uuid
from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.services.jira.call import Ask, Routes
from unlit.twins.services.jira.model import Row
from unlit.twins.services.jira.routes import catalog
from unlit.twins.services.jira.routes.tending import rows_at
from unlit.twins.services.jira.site import refuse, stamp

routes = Routes()
_SCOPE: Final = {"type": "GLOBAL"}
_TYPES: Final = ("INITIAL", "GLOBAL", "DIRECTED")


def entity_id(ask: Ask, name: str) -> str:
    """Return the id of a workflow; the same for the same name in the same world."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{ask.site.world.id}/{name}"))


def _version(ask: Ask, name: str, flow: Row) -> Row:
    number = int(flow.get("version") or 1)
    return {"id": entity_id(ask, f"{name}#{number}"), "versionNumber": number}


def _status(ask: Ask, ident: str) -> Row:
    shown = catalog.status_of(ask.site.table("statuses")[ident])
    return {**shown, "statusReference": ident}


def _uses(flow: Row) -> list[str]:
    first = [str(flow["initial"])] if flow.get("initial") else []
    return list(dict.fromkeys([*first, *(str(step["to"]) for step in flow["transitions"])]))


def _transition(step: Row) -> Row:
    links = [{"fromStatusReference": str(one)} for one in step.get("from") or ()]
    return {
        "id": str(step["id"]), "type": "DIRECTED" if links else "GLOBAL", "name": step["name"],
        "description": step.get("description", ""), "toStatusReference": str(step["to"]),
        "links": links, "actions": [], "validators": [], "triggers": [], "properties": {},
        **(step.get("rules") or {}),
    }  # fmt: skip


def _shown(ask: Ask, name: str, flow: Row) -> Row:
    steps = [_transition(step) for step in flow["transitions"]]
    uses = _uses(flow)
    start: Row = {
        "id": "1", "type": "INITIAL", "name": "Create", "description": "", "links": [],
        "toStatusReference": uses[0] if uses else None, "actions": [], "validators": [],
        "triggers": [], "properties": {},
    }  # fmt: skip
    return {
        "id": entity_id(ask, name), "name": name, "description": flow.get("description", ""),
        "scope": flow.get("scope") or _SCOPE, "isEditable": True,
        "version": _version(ask, name, flow),
        "statuses": [{"statusReference": one, "properties": {}, "deprecated": False}
                     for one in uses],
        "transitions": [start, *steps],
        "startPointLayout": flow.get("startPointLayout") or {"x": 0.0, "y": 0.0},
        **({"created": flow["created"], "updated": flow["updated"]} if "created" in flow else {}),
    }  # fmt: skip


def _answer(ask: Ask, names: list[str]) -> Row:
    table, known = ask.site.table("workflows"), ask.site.table("statuses")
    flows = [(name, table[name]) for name in names]
    uses = dict.fromkeys(one for _, flow in flows for one in _uses(flow) if one in known)
    return {
        "statuses": [_status(ask, one) for one in uses],
        "workflows": [_shown(ask, name, flow) for name, flow in flows],
    }


def _wanted(ask: Ask, body: Row) -> list[str]:
    table = ask.site.table("workflows")
    by_id = {entity_id(ask, name): name for name in table}
    names = [str(one) for one in body.get("workflowNames") or [] if str(one) in table]
    names += [by_id[str(one)] for one in body.get("workflowIds") or [] if str(one) in by_id]
    for one in body.get("projectAndIssueTypes") or []:
        project = ask.site.project(str(one.get("projectId")))
        if project is not None and project["workflow"] in table:
            names.append(project["workflow"])
    return list(dict.fromkeys(names))


@routes.add("POST", "workflows", "readWorkflows")
def read(ask: Ask) -> Any:
    """Return workflows by name, id, or the project that uses them."""
    return _answer(ask, _wanted(ask, ask.body()))


@routes.add("POST", "workflows/preview", "readWorkflowPreviews")
def preview(ask: Ask) -> Any:
    """Return the workflows that a project has."""
    body = ask.body()
    project = ask.site.project(str(body.get("projectId") or ""))
    if project is None:
        raise refuse(404, "The project was not found.")
    wanted = _wanted(ask, body) or [project["workflow"]]
    out = _answer(ask, [name for name in wanted if name in ask.site.table("workflows")])
    hidden = ("isEditable", "created", "updated")
    out["workflows"] = [
        {key: value for key, value in one.items() if key not in hidden} for one in out["workflows"]
    ]
    return out


# --- writing
def _problems(body: Row, *, new: bool) -> list[Row]:
    """Return what is wrong with workflows to be written."""
    out: list[Row] = []

    def add(code: str, kind: str, message: str, **about: Any) -> None:
        out.append({"code": code, "level": "ERROR", "type": kind, "message": message,
                    "elementReference": about})  # fmt: skip

    given = body.get("workflows")
    if not isinstance(given, list) or not given:
        add("NO_WORKFLOWS", "WORKFLOW", "At least one workflow must be given.")
        return out
    known = {str(one.get("statusReference")) for one in body.get("statuses") or []}
    for one in given:
        uses = {str(part.get("statusReference")) for part in one.get("statuses") or []}
        if new and not one.get("name"):
            add("WORKFLOW_NAME_MISSING", "WORKFLOW", "The name of a workflow must be given.")
        for missing in sorted(uses - known):
            add("STATUS_NOT_FOUND", "STATUS", "The status is not among those given.",
                statusReference=missing)  # fmt: skip
        steps = one.get("transitions") or []
        if sum(step.get("type") == "INITIAL" for step in steps) != 1:
            add("INITIAL_TRANSITION", "TRANSITION", "There must be one initial transition.")
        for step in steps:
            to = str(step.get("toStatusReference"))
            if step.get("type") not in _TYPES or to not in uses:
                add("TRANSITION_TARGET", "TRANSITION", "The transition leads nowhere.",
                    transitionId=step.get("id"))  # fmt: skip
    return out


def _statuses(ask: Ask, body: Row) -> dict[str, str]:
    """Return the id of each status named in a body; new ones are made."""
    out: dict[str, str] = {}
    for one in body.get("statuses") or []:
        reference = str(one.get("statusReference"))
        found = str(one.get("id") or reference)
        if found not in ask.site.table("statuses"):
            same = ask.site.named("statuses", one.get("name") or "")
            found = str(same["id"]) if same is not None else catalog.new_status(ask, one)
        out[reference] = found
    return out


def _stored(ask: Ask, one: Row, known: dict[str, str]) -> Row:
    steps, initial = [], ""
    for number, step in enumerate(one["transitions"], 1):
        to = known[str(step["toStatusReference"])]
        if step["type"] == "INITIAL":
            initial = to
            continue
        links = step.get("links") or []
        rules = ("actions", "validators", "conditions", "triggers", "transitionScreen",
                 "properties")  # fmt: skip
        steps.append({
            "id": str(step.get("id") or number * 10 + 1), "name": str(step.get("name") or ""),
            "description": step.get("description") or "", "to": to,
            "from": [known[str(link["fromStatusReference"])] for link in links
                     if str(link.get("fromStatusReference")) in known],
            "rules": {name: step[name] for name in rules if step.get(name)},
        })  # fmt: skip
    return {"transitions": steps, "initial": initial, "description": one.get("description") or ""}


def _refused(problems: list[Row]) -> Exception:
    return refuse(400, *(one["message"] for one in problems))


@routes.add("POST", "workflows/create", "createWorkflows")
def create(ask: Ask) -> Any:
    """Make workflows, and the statuses that are new."""
    body, table = ask.body(), ask.site.table("workflows")
    problems = _problems(body, new=True)
    if problems:
        raise _refused(problems)
    names = [str(one["name"]) for one in body["workflows"]]
    if any(name in table for name in names) or len(set(names)) != len(names):
        raise refuse(409, "A workflow with this name already exists.")
    known, now = _statuses(ask, body), stamp(ask.site.now())
    for name, one in zip(names, body["workflows"], strict=True):
        row = _stored(ask, one, known)
        more = {"name": name, "version": 1, "created": now, "updated": now}
        table.put(name, {**row, **more, "scope": body.get("scope") or _SCOPE})
    return _answer(ask, names)


@routes.add("POST", "workflows/update", "updateWorkflows")
def update(ask: Ask) -> Any:
    """Change workflows; issues in a status that is gone move as the mappings say."""
    body, table = ask.body(), ask.site.table("workflows")
    problems = _problems(body, new=False)
    if problems:
        raise _refused(problems)
    by_id = {entity_id(ask, name): name for name in table}
    names = []
    for one in body["workflows"]:
        name = by_id.get(str(one.get("id")))
        if name is None:
            raise refuse(400, f"The workflow with id '{one.get('id')}' was not found.")
        if (one.get("version") or {}).get("versionNumber") != _version(ask, name, table[name])[
            "versionNumber"
        ]:
            raise refuse(409, "The workflow has been changed by somebody else.")
        names.append(name)
    known = _statuses(ask, body)
    for name, one in zip(names, body["workflows"], strict=True):
        old = table[name]
        row = {**old, **_stored(ask, one, known), "version": int(old.get("version") or 1) + 1}
        now = stamp(ask.site.now())
        table.put(name, {**row, "created": old.get("created", now), "updated": now})
        _migrate(ask, name, one, known)
    return {**_answer(ask, names), "taskId": None}


def _migrate(ask: Ask, name: str, one: Row, known: dict[str, str]) -> None:
    moves = {
        str(pair.get("oldStatusReference")): known.get(str(pair.get("newStatusReference")))
        for pair in one.get("defaultStatusMappings") or []
    }
    places = {row["id"] for row in ask.site.table("projects").values() if row["workflow"] == name}
    uses = set(_uses(ask.site.table("workflows")[name]))
    for issue in list(ask.site.table("issues").values()):
        here = str(issue["fields"]["status"])
        if issue["project"] in places and here not in uses and moves.get(here):
            ask.site.change_issue(issue, {"status": moves[here]}, ask.me)


def _validated(word: str, *, new: bool) -> None:
    @routes.add("POST", f"workflows/{word}/validation", f"validate{word.title()}Workflows")
    def validate(ask: Ask) -> Any:
        payload = ask.body().get("payload")
        if not isinstance(payload, dict):
            raise refuse(400, "The payload must be given.")
        levels = (ask.body().get("validationOptions") or {}).get("levels") or ["ERROR"]
        return {"errors": [one for one in _problems(payload, new=new) if one["level"] in levels]}


_validated("create", new=True)
_validated("update", new=False)


# --- schemes
def _named_flow(ask: Ask, name: str) -> Row:
    flow = ask.site.table("workflows").get(name) or {"transitions": []}
    return {
        "id": entity_id(ask, name), "name": name, "description": flow.get("description", ""),
        "version": _version(ask, name, flow),
    }  # fmt: skip


def _scheme(ask: Ask, row: Row) -> Row:
    number = int(row.get("version") or 1)
    groups: dict[str, list[str]] = {}
    for kind, name in (row.get("issueTypeMappings") or {}).items():
        groups.setdefault(str(name), []).append(str(kind))
    return {
        "id": str(row["id"]), "name": row["name"], "description": row.get("description", ""),
        "scope": _SCOPE,
        "version": {"id": entity_id(ask, f"scheme {row['id']}#{number}"), "versionNumber": number},
        "defaultWorkflow": _named_flow(ask, str(row.get("defaultWorkflow") or "jira")),
        "workflowsForIssueTypes": [
            {"issueTypeIds": kinds, "workflow": _named_flow(ask, name)}
            for name, kinds in groups.items()
        ],
    }  # fmt: skip


@routes.add("POST", "workflowscheme/read", "readWorkflowSchemes")
def read_schemes(ask: Ask) -> Any:
    """Return workflow schemes by id."""
    table = rows_at(ask, "workflowscheme")
    wanted = [str(one) for one in ask.body().get("workflowSchemeIds") or []]
    return [_scheme(ask, table[key]) for key in wanted if key in table]


@routes.add("POST", "workflowscheme/update", "updateSchemes")
def update_scheme(ask: Ask) -> Any:
    """Change a workflow scheme as a whole."""
    body, table = ask.body(), rows_at(ask, "workflowscheme")
    row = table.get(str(body.get("id")))
    if row is None:
        raise refuse(400, f"The workflow scheme with id '{body.get('id')}' was not found.")
    number = int(row.get("version") or 1)
    if (body.get("version") or {}).get("versionNumber") != number:
        raise refuse(409, "The workflow scheme has been changed by somebody else.")
    by_id = {entity_id(ask, name): name for name in ask.site.table("workflows")}
    mappings: Row = {}
    for one in body.get("workflowsForIssueTypes") or []:
        name = by_id.get(str(one.get("workflowId")))
        if name is None:
            raise refuse(400, f"The workflow with id '{one.get('workflowId')}' was not found.")
        mappings |= dict.fromkeys(map(str, one.get("issueTypeIds") or []), name)
    default = by_id.get(str(body.get("defaultWorkflowId")), row.get("defaultWorkflow"))
    kept = {"name": body.get("name") or row["name"], "description": body.get("description") or ""}
    table.put(str(row["id"]), {
        **row, **kept, "issueTypeMappings": mappings, "defaultWorkflow": default,
        "version": number + 1,
    })  # fmt: skip
    return {}


_DRAFT: Final = "workflowscheme/{id}/draft"


@routes.add("POST", "workflowscheme/{id}/createdraft", "createDraftFromParent", status=201)
def draft(ask: Ask) -> Any:
    """Begin a draft of a workflow scheme."""
    key, documents = ask.params["id"], ask.site.world.table("jira.documents")
    row = rows_at(ask, "workflowscheme").get(key)
    if row is None:
        raise refuse(404, f"The workflow scheme with id '{key}' was not found.")
    place = f"/rest/api/3/workflowscheme/{key}/draft"
    if documents.get(place) is not None:
        raise refuse(400, "The workflow scheme already has a draft.")
    now = stamp(ask.site.now())
    made = {**row, "draft": True, "lastModified": now, "lastModifiedUser": ask.render.user(ask.me)}
    return documents.put(place, made)


@routes.add("POST", _DRAFT + "/publish", "publishDraftWorkflowScheme")
def publish(ask: Ask) -> Any:
    """Put a draft in the place of its scheme."""
    key, documents = ask.params["id"], ask.site.world.table("jira.documents")
    place = f"/rest/api/3/workflowscheme/{key}/draft"
    row = documents.get(place)
    if row is None:
        raise refuse(404, "The workflow scheme does not have a draft.")
    if ask.flag("validateOnly"):
        return Reply(204)
    hidden = ("draft", "lastModified", "lastModifiedUser")
    rows_at(ask, "workflowscheme").put(key, {k: v for k, v in row.items() if k not in hidden})
    documents.drop(place)
    return Reply(303, None, [("location", f"{ask.render.api}/workflowscheme/{key}")])
