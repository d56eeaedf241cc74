"""What `fields` and `expand` add to or take from an issue."""

from typing import Any, Final

from unlit.twins.services.jira import adf
from unlit.twins.services.jira.call import Ask
from unlit.twins.services.jira.model import Rich, Row

NAVIGABLE_ONLY: Final = frozenset({"comment", "attachment", "worklog", "timetracking"})


def selected(given: list[str], every: list[str], *, default: str = "*all") -> list[str] | None:
    """Return the field ids that `fields` selects; `None` means all."""
    wanted: list[str] = []
    removed: set[str] = set()
    for name in given or [default]:
        if name == "*all":
            wanted += every
        elif name == "*navigable":
            wanted += [field for field in every if field not in NAVIGABLE_ONLY]
        elif name.startswith("-"):
            removed.add(name[1:])
        else:
            wanted.append(name)
    if removed and not wanted:
        wanted = list(every)
    if not removed and wanted == every:
        return None
    return [name for name in dict.fromkeys(wanted) if name not in removed]


def expand(ask: Ask, issue: Row, body: Row, wanted: set[str]) -> None:
    """Add what `expand` asks for."""
    names = list(body["fields"])
    definitions = ask.site.table("fields")
    known = [definitions[n] for n in names if n in definitions]
    if "renderedFields" in wanted:
        body["renderedFields"] = {
            name: rendered(ask, issue, name, value) for name, value in body["fields"].items()
        }
    if "names" in wanted:
        body["names"] = {d["id"]: d["name"] for d in known}
    if "schema" in wanted:
        body["schema"] = {d["id"]: d["schema"] for d in known if "schema" in d}
    if "transitions" in wanted:
        found = [transition(ask, issue, t) for t in ask.site.transitions(issue)]
        body["transitions"] = found
    if "operations" in wanted:
        body["operations"] = {"linkGroups": []}
    if "editmeta" in wanted:
        body["editmeta"] = {"fields": editmeta(ask, issue)}
    if "changelog" in wanted:
        entries = [
            ask.render.changes(e) for e in ask.site.table("changelogs").get(issue["id"]) or ()
        ]
        entries.reverse()
        body["changelog"] = {
            "startAt": 0,
            "maxResults": len(entries),
            "total": len(entries),
            "histories": entries,
        }
    if "versionedRepresentations" in wanted:
        body["versionedRepresentations"] = {n: {"1": v} for n, v in body.pop("fields").items()}


def rendered(ask: Ask, issue: Row, name: str, value: Any) -> Any:
    """Return the HTML or human form of a field, or nothing."""
    raw = issue["fields"].get(name)
    if isinstance(raw, Rich):
        return html(raw)
    if name in ("created", "updated", "resolutiondate", "lastViewed") and value:
        return value[:10] + " " + value[11:16]
    if name == "comment":
        rows = [{**row, "body": html_of(row["body"])} for row in value["comments"]]
        return {**value, "comments": rows}
    return None if not isinstance(value, list | dict) else value if value in ([], {}) else None


def html_of(value: Any) -> str:
    """Render a rich text that was already turned into JSON."""
    return html(Rich(adf=value) if isinstance(value, dict) else Rich(wiki=str(value)))


def html(rich: Rich) -> str:
    """Render a rich text as simple HTML."""
    from html import escape

    blocks = adf.as_adf(rich)["content"]
    return "\n".join(f"<p>{escape(adf.plain(b)).replace(chr(10), '<br/>')}</p>" for b in blocks)


def properties(ask: Ask, issue: Row, wanted: list[str]) -> Row:
    """Return the issue's properties that were asked for."""
    return {
        key: value
        for (ident, key), value in ask.site.table("properties").items()
        if ident == issue["id"] and ("*all" in wanted or key in wanted)
    }


def transition(ask: Ask, issue: Row, row: Row, *, fields: bool = False) -> Row:
    """Render a transition."""
    out: Row = {
        "id": row["id"],
        "name": row["name"],
        "to": ask.render.status(row["to"]),
        "hasScreen": bool(row.get("screen")),
        "isGlobal": not row.get("from"),
        "isInitial": False,
        "isAvailable": True,
        "isConditional": False,
        "isLooped": False,
    }
    if fields:
        meta = editmeta(ask, issue) if row.get("screen") else {}
        required = row.get("required", ())
        out["fields"] = {
            name: {**meta[name], "required": name in required}
            for name in (row.get("screen") or ())
            if name in meta
        }
    return out


def editmeta(ask: Ask, issue: Row) -> Row:
    """Return the description of every field that an edit may set."""
    project = ask.site.table("projects")[issue["project"]]
    kind = ask.site.table("issuetypes").get(issue["fields"]["issuetype"]) or {}
    fields = screen(ask, project, kind)
    fields.pop("project", None)
    fields["comment"] = {
        "required": False,
        "schema": {"type": "comments-page", "system": "comment"},
        "name": "Comment",
        "key": "comment",
        "operations": ["add", "edit", "remove"],
    }
    return {
        name: {k: v for k, v in f.items() if k != "hasDefaultValue"} for name, f in fields.items()
    }


_SCREEN: Final = [
    "summary",
    "issuetype",
    "parent",
    "components",
    "description",
    "project",
    "fixVersions",
    "priority",
    "labels",
    "attachment",
    "issuelinks",
    "assignee",
    "reporter",
    "environment",
    "versions",
    "duedate",
    "timetracking",
]
_OPERATIONS: Final = {
    "issuetype": [],
    "components": ["add", "set", "remove"],
    "labels": ["add", "set", "remove"],
    "fixVersions": ["set", "add", "remove"],
    "versions": ["set", "add", "remove"],
    "attachment": ["set", "copy"],
    "issuelinks": ["add", "copy"],
    "timetracking": ["set", "edit"],
}


def screen(ask: Ask, project: Row, kind: Row) -> Row:
    """Return the fields of the create screen, described as createmeta does."""
    names = project.get("screen") or _SCREEN
    definitions = ask.site.table("fields")
    extra = [n for n, d in definitions.items() if d.get("onScreen") and n not in names]
    out: Row = {}
    for name in [*names, *extra]:
        definition = definitions.get(name)
        if definition is None or (name == "parent" and kind.get("hierarchyLevel") == 1):
            continue
        out[name] = described(ask, definition, project, kind)
    return out


def described(ask: Ask, definition: Row, project: Row, kind: Row) -> Row:
    """Describe one field of a screen."""
    name = definition["id"]
    required = name in ("summary", "issuetype", "project", "reporter") or (
        name == "parent" and bool(kind.get("subtask"))
    )
    schema = (
        {"type": "issuelink", "system": "parent"}
        if name == "parent"
        else definition.get("schema", {})
    )
    out: Row = {
        "required": bool(definition.get("required", required)),
        "schema": schema,
        "name": definition["name"],
        "key": name,
    }
    link = completion(ask, name, project)
    if link is not None:
        out["autoCompleteUrl"] = link
    out["hasDefaultValue"] = name in ("priority", "reporter")
    several = schema.get("type") == "array" and definition["custom"]
    out["operations"] = _OPERATIONS.get(name, ["add", "set", "remove"] if several else ["set"])
    allowed = choices(ask, definition, project, kind)
    if allowed is not None:
        out["allowedValues"] = allowed
    if name == "priority":
        out["defaultValue"] = ask.render.priority(ask.site.default_priority)
    return out


def completion(ask: Ask, name: str, project: Row) -> str | None:
    """Return the URL that completes values of a field."""
    if name == "labels":
        return f"{ask.base}/rest/api/1.0/labels/suggest?query="
    if name == "assignee":
        return f"{ask.render.api}/user/assignable/search?project={project['key']}&query="
    if name == "reporter":
        return f"{ask.render.api}/user/recommend?context=Reporter&issueId="
    if name == "issuelinks":
        return (
            f"{ask.render.api}/issue/picker?currentProjectId=&showSubTaskParent=true"
            "&showSubTasks=true&currentIssueKey=null&query="
        )
    return None


def choices(ask: Ask, definition: Row, project: Row, kind: Row) -> list[Any] | None:
    """Return the values a field may take, where there is a list of them."""
    site, render, name = ask.site, ask.render, definition["id"]
    if name == "issuetype":
        return [render.issue_type(kind["id"])]
    if name == "project":
        return [render.project_ref(project["id"])]
    if name == "priority":
        return [render.priority(ident) for ident in site.table("priorities")]
    if name == "components":
        return [render.component(r["id"]) for r in site.of("components", project=project["id"])]
    if name in ("fixVersions", "versions"):
        return [render.version_ref(r["id"]) for r in site.of("versions", project=project["id"])]
    options = [o for o in site.table("options").values() if o["field"] == name]
    if options:
        return [
            {
                "self": f"{render.api}/customFieldOption/{o['id']}",
                "value": o["value"],
                "id": o["id"],
            }
            for o in options
        ]
    return None


__all__ = ["editmeta", "expand", "properties", "screen", "selected", "transition"]
