"""Which fields JQL knows: their kind, operators and how values are found in an issue."""

from dataclasses import dataclass
from typing import Any, Final

from unlit.twins.services.jira.model import Row
from unlit.twins.services.jira.site import Site

EQUALITY: Final = frozenset({"=", "!=", "in", "not in", "is", "is not"})
ORDER: Final = frozenset({"<", ">", "<=", ">="})
TEXTUAL: Final = frozenset({"~", "!~"})
HISTORY: Final = frozenset({"was", "was not", "was in", "was not in", "changed"})
_OPERATORS: Final = {
    "reference": EQUALITY,
    "ordered": EQUALITY | ORDER,
    "text": TEXTUAL | {"is", "is not"},
    "both": EQUALITY | TEXTUAL,
    "date": EQUALITY | ORDER,
    "number": EQUALITY | ORDER,
    "labels": EQUALITY,
    "key": EQUALITY | ORDER,
}


@dataclass(frozen=True, slots=True)
class Known:
    """A field as JQL sees it.

    Attributes:
        name: Name in messages.
        id: Field id in the issue.
        kind: Which operators and comparisons apply.
        table: Where values are looked up by name.
        history: Whether WAS and CHANGED work.
    """

    name: str
    id: str
    kind: str
    table: str = ""
    history: bool = False

    @property
    def operators(self) -> frozenset[str]:
        """Operators that the field supports."""
        return _OPERATORS[self.kind] | (HISTORY if self.history else frozenset())


_SYSTEM: Final = (
    Known("project", "project", "reference", "projects"),
    Known("status", "status", "reference", "statuses", history=True),
    Known("statusCategory", "statusCategory", "reference", "categories*"),
    Known("issuetype", "issuetype", "reference", "issuetypes"),
    Known("priority", "priority", "ordered", "priorities", history=True),
    Known("resolution", "resolution", "reference", "resolutions", history=True),
    Known("assignee", "assignee", "reference", "users", history=True),
    Known("reporter", "reporter", "reference", "users", history=True),
    Known("creator", "creator", "reference", "users"),
    Known("watcher", "watches", "reference", "users"),
    Known("voter", "votes*", "reference", "users"),
    Known("votes", "votes", "number"),
    Known("watchers", "watchCount", "number"),
    Known("component", "components", "reference", "components"),
    Known("fixVersion", "fixVersions", "ordered", "versions", history=True),
    Known("affectedVersion", "versions", "ordered", "versions"),
    Known("labels", "labels", "labels"),
    Known("summary", "summary", "text"),
    Known("description", "description", "text"),
    Known("environment", "environment", "text"),
    Known("comment", "comment", "text"),
    Known("text", "text", "text"),
    Known("attachments", "attachment", "reference"),
    Known("issuekey", "issuekey", "key"),
    Known("parent", "parent", "reference", "issues"),
    Known("issueLink", "issuelinks", "reference", "issues"),
    Known("issueLinkType", "issuelinktypes", "reference", "linktypes"),
    Known("created", "created", "date"),
    Known("updated", "updated", "date"),
    Known("resolved", "resolutiondate", "date"),
    Known("due", "duedate", "date"),
    Known("lastViewed", "lastViewed", "date"),
    Known("statusCategoryChangedDate", "statuscategorychangedate", "date"),
    Known("worklogDate", "worklogDate", "date"),
    Known("worklogAuthor", "worklogAuthor", "reference", "users"),
    Known("worklogComment", "worklogComment", "text"),
    Known("originalEstimate", "timeoriginalestimate", "number"),
    Known("remainingEstimate", "timeestimate", "number"),
    Known("timespent", "timespent", "number"),
    Known("workRatio", "workratio", "number"),
    Known("level", "security", "reference"),
    Known("filter", "filter", "reference", "filters"),
    Known("category", "category", "reference", "categories"),
    Known("projectType", "projectType", "reference"),
    Known("hierarchyLevel", "hierarchyLevel", "number"),
    Known("sprint", "customfield_10020", "reference", "sprints"),
    Known("Rank", "customfield_10019", "ordered"),
)
_ALIASES: Final = {
    "type": "issuetype",
    "key": "issuekey",
    "id": "issuekey",
    "issue": "issuekey",
    "createddate": "created",
    "updateddate": "updated",
    "resolutiondate": "resolved",
    "duedate": "due",
    "timeoriginalestimate": "originalestimate",
    "timeestimate": "remainingestimate",
    "request": "filter",
    "savedfilter": "filter",
    "searchrequest": "filter",
    "fixversions": "fixversion",
    "versions": "affectedversion",
    "components": "component",
    "statuscategory": "statuscategory",
}
_BY_NAME: Final = {known.name.lower(): known for known in _SYSTEM}
_CUSTOM_KINDS: Final = {
    "number": "number",
    "date": "date",
    "datetime": "date",
    "option": "reference",
    "user": "reference",
    "team": "reference",
    "string": "text",
    "any": "reference",
}


def find(site: Site, name: str) -> Known | None:
    """Return the field called `name` in JQL."""
    low = name.lower()
    known = _BY_NAME.get(_ALIASES.get(low, low))
    if known is not None:
        return known
    for definition in site.table("fields").values():
        if not definition["custom"]:
            continue
        names = [clause.lower() for clause in definition["clauseNames"]]
        if low in names or low == definition["name"].lower():
            return _custom(name, definition)
    return None


def _custom(name: str, definition: Row) -> Known:
    schema = definition.get("schema", {})
    kind = schema.get("type", "string")
    if definition["id"] in ("customfield_10020", "customfield_10019"):
        return _BY_NAME["sprint" if definition["id"].endswith("20") else "rank"]
    if kind == "array":
        inner = schema.get("items")
        return Known(name, definition["id"], "labels", "users" if inner == "user" else "")
    table = "users" if kind == "user" else "issues" if kind == "any" else ""
    if str(schema.get("custom", "")).endswith(":select"):
        return Known(name, definition["id"], "reference")
    return Known(name, definition["id"], _CUSTOM_KINDS.get(kind, "text"), table)


def stored(site: Site, issue: Row, known: Known) -> Any:
    """Return an issue's value for a field: a scalar, or a tuple for fields with many."""
    reader = _READERS.get(known.id)
    if reader is not None:
        return reader(site, issue)
    value = issue["fields"].get(known.id)
    if isinstance(value, list | tuple):
        return tuple(plain(item) for item in value)
    return plain(value)


def plain(value: Any) -> Any:
    """Return what a value of a custom field is compared by."""
    if isinstance(value, dict):
        return value.get("value") or value.get("name") or value.get("accountId") or value.get("id")
    return value


def _category(site: Site, issue: Row) -> Any:
    status = site.table("statuses").get(issue["fields"]["status"]) or {}
    return str(status.get("category", 1))


def _linked(site: Site, issue: Row) -> tuple[str, ...]:
    links = [site.table("links").get(x) for x in site.table("linked").get(issue["id"]) or ()]
    ends = [(link["inward"], link["outward"]) for link in links if link]
    return tuple(b if a == issue["id"] else a for a, b in ends)


def _link_types(site: Site, issue: Row) -> tuple[str, ...]:
    links = [site.table("links").get(x) for x in site.table("linked").get(issue["id"]) or ()]
    return tuple(link["type"] for link in links if link)


def children_rows(site: Site, issue: Row, table: str) -> list[Row]:
    """Return an issue's comments, worklogs or attachments."""
    rows = site.table(table)
    return [rows[x] for x in site.table(f"{table}_of").get(issue["id"]) or () if x in rows]


def _project_value(column: str) -> Any:
    return lambda site, issue: site.table("projects")[issue["project"]].get(column)


def _level(site: Site, issue: Row) -> int:
    kind = site.table("issuetypes").get(issue["fields"]["issuetype"]) or {}
    return int(kind.get("hierarchyLevel", 0))


def _ratio(site: Site, issue: Row) -> int:
    original = issue["fields"].get("timeoriginalestimate")
    return int((issue["fields"].get("timespent") or 0) * 100 // original) if original else -1


_READERS: Final[dict[str, Any]] = {
    "project": lambda s, i: i["project"],
    "statusCategory": _category,
    "creator": lambda s, i: i["creator"],
    "watches": lambda s, i: tuple(i["watchers"]),
    "votes*": lambda s, i: tuple(i["votes"]),
    "votes": lambda s, i: len(i["votes"]),
    "watchCount": lambda s, i: len(i["watchers"]),
    "issuekey": lambda s, i: i["id"],
    "issuelinks": _linked,
    "issuelinktypes": _link_types,
    "created": lambda s, i: i["created"],
    "updated": lambda s, i: i["updated"],
    "resolutiondate": lambda s, i: i.get("resolved"),
    "lastViewed": lambda s, i: i.get("viewed"),
    "statuscategorychangedate": lambda s, i: i["status_changed"],
    "attachment": lambda s, i: tuple(x["filename"] for x in children_rows(s, i, "attachments")),
    "worklogDate": lambda s, i: tuple(x["started"] for x in children_rows(s, i, "worklogs")),
    "worklogAuthor": lambda s, i: tuple(x["author"] for x in children_rows(s, i, "worklogs")),
    "category": _project_value("category"),
    "projectType": _project_value("projectTypeKey"),
    "hierarchyLevel": _level,
    "workratio": _ratio,
    "customfield_10019": lambda s, i: i["rank"],
}
