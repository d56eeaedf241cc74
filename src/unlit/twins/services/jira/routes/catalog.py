"""What administrators keep: types, priorities, resolutions, roles, link types, statuses."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.services.jira.call import Ask, Routes
from unlit.twins.services.jira.model import Row
from unlit.twins.services.jira.routes import meta
from unlit.twins.services.jira.site import refuse

routes = Routes()


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of thing that can be added, changed and removed.

    Attributes:
        table: Where it is kept.
        stem: Path of the collection.
        param: Parameter of one's path.
        word: In messages.
        keep: What a body may say.
        show: Renders one by id.
        used: Fields of issues that name one.
        bare: A create answers only the id, an update nothing.
        needs: What a body must say besides the name.
    """

    table: str
    stem: str
    param: str
    word: str
    keep: tuple[str, ...]
    show: Callable[[Ask, str], Any]
    used: str | None = None
    bare: bool = False
    needs: tuple[str, ...] = ()


def _role(ask: Ask, ident: str) -> Row:
    row = ask.site.table("roles")[int(ident)]
    return {
        "self": f"{ask.render.api}/role/{ident}",
        "name": row["name"],
        "id": row["id"],
        "description": row.get("description", ""),
        "actors": [],
    }


_TEXTS: Final = ("name", "description")
KINDS: Final = (
    Kind("issuetypes", "issuetype", "id", "issue type", (*_TEXTS, "avatarId"),
         lambda ask, ident: meta.typed(ask, ident), "issuetype"),
    Kind("priorities", "priority", "id", "priority", (*_TEXTS, "statusColor"),
         lambda ask, ident: ask.render.priority(ident, full=True), "priority", bare=True),
    Kind("resolutions", "resolution", "id", "resolution", _TEXTS,
         lambda ask, ident: ask.render.resolution(ident), "resolution", bare=True),
    Kind("roles", "role", "id", "role", _TEXTS, _role),
    Kind("linktypes", "issueLinkType", "issueLinkTypeId", "issue link type",
         ("name", "inward", "outward"), lambda ask, ident: ask.render.link_type(ident),
         needs=("inward", "outward")),
    Kind("categories", "projectCategory", "id", "project category", _TEXTS,
         lambda ask, ident: ask.render.project_category(ident)),
)  # fmt: skip


def _key(kind: Kind, text: str) -> Any:
    return int(text) if kind.table == "roles" and text.isdigit() else text


def _one(ask: Ask, kind: Kind) -> Row:
    wanted = ask.params[kind.param]
    row = ask.site.table(kind.table).get(_key(kind, wanted))
    if row is None:
        raise refuse(404, f"The {kind.word} with id '{wanted}' does not exist.")
    return dict(row)


def _checked(ask: Ask, kind: Kind, old: Row) -> Row:
    body = ask.body()
    given = {name: body[name] for name in kind.keep if name in body}
    merged = {**old, **given}
    name = merged.get("name")
    if not isinstance(name, str) or not name.strip():
        raise refuse(400, name=f"The {kind.word} name must be specified.")
    for column in kind.needs:
        if not isinstance(merged.get(column), str) or not merged[column]:
            raise refuse(400, **{column: f"The {column} of the {kind.word} must be specified."})
    for row in ask.site.table(kind.table).values():
        if row["name"].lower() == name.lower() and str(row["id"]) != str(old.get("id")):
            raise refuse(409, name=f"A {kind.word} with this name already exists.")
    return merged


def _register(kind: Kind) -> None:
    one = f"{kind.stem}/{{{kind.param}}}"

    @routes.add("POST", kind.stem, f"create {kind.word}", status=201)
    def create(ask: Ask) -> Any:
        merged = _checked(ask, kind, {})
        ident: Any = ask.site.fresh(kind.table, 10100)
        if kind.table == "roles":
            ident = int(ident)
        if kind.table == "issuetypes":
            merged |= _type_of(ask.body())
        ask.site.table(kind.table).put(ident, {**merged, "id": ident})
        if kind.table == "issuetypes":
            for project in list(ask.site.table("projects").values()):
                kinds = (*project["types"], ident)
                ask.site.table("projects").patch(project["id"], types=kinds)
        return {"id": ident} if kind.bare else kind.show(ask, str(ident))

    @routes.add("PUT", one, f"update {kind.word}")
    def update(ask: Ask) -> Any:
        row = _one(ask, kind)
        ask.site.table(kind.table).put(row["id"], _checked(ask, kind, row))
        return Reply(204) if kind.bare else kind.show(ask, str(row["id"]))

    @routes.add("DELETE", one, f"delete {kind.word}")
    def delete(ask: Ask) -> Any:
        row = _one(ask, kind)
        other = ask.arg("replaceWith") or ask.arg("alternativeIssueTypeId")
        _withdraw(ask, kind, row, other)
        ask.site.table(kind.table).drop(row["id"])
        return Reply(204)


def _type_of(body: Row) -> Row:
    level = body.get("hierarchyLevel")
    subtask = body.get("type") == "subtask" or level == -1
    return {"subtask": subtask, "hierarchyLevel": -1 if subtask else 0, "avatarId": 10300}


def _withdraw(ask: Ask, kind: Kind, row: Row, other: str) -> None:
    """Let issues that name a thing name another; without one, it stays."""
    if kind.used is None:
        return
    issues = ask.site.table("issues")
    held = [issue for issue in issues.values() if issue["fields"].get(kind.used) == row["id"]]
    if other and other not in ask.site.table(kind.table):
        raise refuse(400, f"The {kind.word} with id '{other}' does not exist.")
    if held and not other:
        raise refuse(409, f"The {kind.word} is in use; name one that replaces it.")
    for issue in held:
        issues.put(issue["id"], {**issue, "fields": {**issue["fields"], kind.used: other}})
    if kind.table == "issuetypes":
        for project in list(ask.site.table("projects").values()):
            left = tuple(ident for ident in project["types"] if ident != row["id"])
            ask.site.table("projects").patch(project["id"], types=left)


for _kind in KINDS:
    _register(_kind)


@routes.add("GET", "projectCategory", "getAllProjectCategories")
def categories(ask: Ask) -> Any:
    """Return all project categories."""
    return [ask.render.project_category(ident) for ident in ask.site.table("categories")]


@routes.add("GET", "projectCategory/{id}", "getProjectCategoryById")
def category(ask: Ask) -> Any:
    """Return a project category."""
    return ask.render.project_category(_one(ask, KINDS[-1])["id"])


@routes.add("GET", "issuetype/{id}/alternatives", "getAlternativeIssueTypes")
def alternatives(ask: Ask) -> Any:
    """Return the types that issues of a type could have instead."""
    row = _one(ask, KINDS[0])
    return [
        meta.typed(ask, other["id"])
        for other in ask.site.table("issuetypes").values()
        if other["id"] != row["id"] and bool(other.get("subtask")) is bool(row.get("subtask"))
    ]


@routes.add("GET", "issuetype/project", "getIssueTypesForProject")
def types_of_project(ask: Ask) -> Any:
    """Return the issue types of a project."""
    project = ask.site.project(ask.arg("projectId"))
    if project is None:
        raise refuse(404, "The project does not exist.")
    return [meta.typed(ask, kind["id"]) for kind in ask.site.types(project)]


# --- statuses in bulk
_WORDS: Final = {2: "TODO", 4: "IN_PROGRESS", 3: "DONE", 1: "TODO"}


def status_of(row: Row) -> Row:
    """Render a status as the newer routes do."""
    return {
        "id": row["id"],
        "name": row["name"],
        "description": row.get("description", ""),
        "statusCategory": _WORDS.get(row["category"], "TODO"),
        "scope": {"type": "GLOBAL"},
        "usages": [],
        "workflowUsages": [],
    }


def _category_of(word: Any) -> int:
    for number, name in ((2, "TODO"), (4, "IN_PROGRESS"), (3, "DONE")):
        if word == name:
            return number
    raise refuse(400, statusCategory="The status category must be TODO, IN_PROGRESS or DONE.")


@routes.add("GET", "statuses", "getStatusesById")
def statuses(ask: Ask) -> Any:
    """Return statuses by id."""
    wanted = ask.many("id")
    if not wanted:
        raise refuse(400, "The id query parameter must be provided.")
    table = ask.site.table("statuses")
    return [status_of(table[ident]) for ident in wanted if ident in table]


@routes.add("GET", "statuses/search", "search")
def search_statuses(ask: Ask) -> Any:
    """Find statuses, in pages."""
    words, wanted = ask.arg("searchString").lower(), ask.arg("statusCategory")
    rows = [status_of(row) for row in ask.site.table("statuses").values()]
    found = [
        row for row in rows
        if words in row["name"].lower() and wanted in ("", row["statusCategory"])
    ]  # fmt: skip
    return ask.page(found, "values", lambda row: row, size=200, most=200)


def new_status(ask: Ask, given: Row) -> str:
    """Add a status and return its id."""
    name = given.get("name") if isinstance(given, dict) else None
    if not name:
        raise refuse(400, name="The status name must be specified.")
    ident = ask.site.fresh("statuses", 10100)
    row = {"id": ident, "name": name, "description": given.get("description", "")}
    row["category"] = _category_of(given.get("statusCategory"))
    ask.site.table("statuses").put(ident, row)
    return ident


@routes.add("POST", "statuses", "createStatuses")
def create_statuses(ask: Ask) -> Any:
    """Add statuses."""
    table, out = ask.site.table("statuses"), []
    for given in ask.body().get("statuses") or []:
        if ask.site.named("statuses", (given or {}).get("name") or "") is not None:
            raise refuse(409, f"A status with the name '{given['name']}' already exists.")
        out.append(status_of(table[new_status(ask, given)]))
    return out


@routes.add("PUT", "statuses", "updateStatuses")
def update_statuses(ask: Ask) -> Any:
    """Change statuses."""
    table = ask.site.table("statuses")
    for given in ask.body().get("statuses") or []:
        row = table.get(str(given.get("id"))) if isinstance(given, dict) else None
        if row is None:
            raise refuse(404, "The status does not exist.")
        changes = {k: given[k] for k in ("name", "description") if k in given}
        if "statusCategory" in given:
            changes["category"] = _category_of(given["statusCategory"])
        table.put(row["id"], {**row, **changes})
    return Reply(204)


@routes.add("DELETE", "statuses", "deleteStatusesById")
def delete_statuses(ask: Ask) -> Any:
    """Remove statuses that no issue and no workflow has."""
    table, wanted = ask.site.table("statuses"), ask.many("id")
    flows = ask.site.table("workflows").values()
    named = {t["to"] for flow in flows for t in flow["transitions"]}
    named |= {issue["fields"]["status"] for issue in ask.site.table("issues").values()}
    if any(ident in named for ident in wanted):
        raise refuse(400, "The status is in use and cannot be deleted.")
    for ident in wanted:
        table.drop(ident)
    return Reply(204)


# --- what a site says of itself
_PROJECT_TYPES: Final = (
    ("software", "Jira Software", "jira.project.type.software.description"),
    ("business", "Jira Work Management", "jira.project.type.business.description"),
    ("service_desk", "Jira Service Management", "jira.project.type.servicedesk.description"),
)


def _project_type(key: str, name: str, about: str) -> Row:
    return {
        "key": key,
        "formattedKey": name.removeprefix("Jira "),
        "descriptionI18nKey": about,
        "icon": "",
        "color": "#1D7AFC",
    }


@routes.add("GET", "project/type", "getAllProjectTypes")
@routes.add("GET", "project/type/accessible", "getAllAccessibleProjectTypes")
def project_types(ask: Ask) -> Any:
    """Return the types of projects."""
    return [_project_type(*row) for row in _PROJECT_TYPES]


@routes.add("GET", "project/type/{projectTypeKey}", "getProjectTypeByKey")
@routes.add("GET", "project/type/{projectTypeKey}/accessible", "getAccessibleProjectTypeByKey")
def project_type(ask: Ask) -> Any:
    """Return a type of projects."""
    for row in _PROJECT_TYPES:
        if row[0] == ask.params["projectTypeKey"]:
            return _project_type(*row)
    raise refuse(404, "The project type does not exist.")
