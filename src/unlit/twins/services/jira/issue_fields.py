"""The system fields of an issue: how each is rendered."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from unlit.twins.services.jira import presets
from unlit.twins.services.jira.model import Row
from unlit.twins.services.jira.site import stamp

if TYPE_CHECKING:
    from unlit.twins.services.jira.render import Render


class Absent:
    """Marks a field that does not exist."""


ABSENT: Final = Absent()


def _page_of(render: "Render", issue: Row, table: str) -> list[Row]:
    rows = render.site.table(table)
    idents = render.site.table(f"{table}_of").get(issue["id"]) or ()
    return [rows[ident] for ident in idents if ident in rows]


def _comments(render: "Render", issue: Row) -> Row:
    rows = _page_of(render, issue, "comments")
    return {
        "comments": [render.comment(row) for row in rows],
        "self": f"{render.api}/issue/{issue['id']}/comment",
        "maxResults": len(rows),
        "total": len(rows),
        "startAt": 0,
    }


def _worklogs(render: "Render", issue: Row) -> Row:
    rows = _page_of(render, issue, "worklogs")
    return {
        "startAt": 0,
        "maxResults": 20,
        "total": len(rows),
        "worklogs": [render.worklog(row) for row in rows[:20]],
    }


def _progress(spent: int | None, left: int | None) -> Row:
    total = (spent or 0) + (left or 0)
    out: Row = {"progress": spent or 0, "total": total}
    if total:
        out["percent"] = (spent or 0) * 100 // total
    return out


def _tracking(render: "Render", issue: Row) -> Row:
    fields = issue["fields"]
    out: Row = {}
    for name, column in (
        ("originalEstimate", "timeoriginalestimate"),
        ("remainingEstimate", "timeestimate"),
        ("timeSpent", "timespent"),
    ):
        if fields.get(column) is not None:
            out[name] = duration(fields[column])
    for name, column in (
        ("originalEstimateSeconds", "timeoriginalestimate"),
        ("remainingEstimateSeconds", "timeestimate"),
        ("timeSpentSeconds", "timespent"),
    ):
        if fields.get(column) is not None:
            out[name] = fields[column]
    return out


def duration(seconds: int) -> str:
    """Render a time span in working weeks, days, hours and minutes."""
    minutes = seconds // 60
    parts: list[str] = []
    for unit, size in (("w", 5 * 8 * 60), ("d", 8 * 60), ("h", 60), ("m", 1)):
        count, minutes = divmod(minutes, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts) or "0m"


def _work_ratio(render: "Render", issue: Row) -> int:
    original, spent = issue["fields"].get("timeoriginalestimate"), issue["fields"].get("timespent")
    return -1 if not original else int((spent or 0) * 100 // original)


def _subtasks(render: "Render", issue: Row) -> list[Row]:
    kinds = render.site.table("issuetypes")
    out: list[Row] = []
    for ident in render.site.table("children").get(issue["id"]) or ():
        child = render.site.table("issues").get(ident)
        if child and (kinds.get(child["fields"].get("issuetype")) or {}).get("subtask"):
            out.append(render.issue_ref(child))
    return out


def _parent(render: "Render", issue: Row) -> Any:
    ident = issue["fields"].get("parent")
    parent = render.site.table("issues").get(ident) if ident else None
    return render.issue_ref(parent) if parent else ABSENT


def _status_category(render: "Render", issue: Row) -> Row:
    status = render.site.table("statuses").get(issue["fields"]["status"]) or {"category": 1}
    return render.category(status["category"])


def _rows(maker: str, name: str) -> Any:
    def make(render: "Render", issue: Row) -> list[Any]:
        found = [getattr(render, maker)(ident) for ident in issue["fields"].get(name) or ()]
        return [item for item in found if item is not None]

    return make


def _spent(name: str) -> Any:
    return lambda render, issue: issue["fields"].get(name)


FIELDS: Final[dict[str, Callable[["Render", Row], Any]]] = {
    "statuscategorychangedate": lambda r, i: stamp(i["status_changed"]),
    "statusCategory": _status_category,
    "status": lambda r, i: r.status(i["fields"]["status"]),
    "issuetype": lambda r, i: r.issue_type(i["fields"]["issuetype"]),
    "project": lambda r, i: r.project_ref(i["project"]),
    "priority": lambda r, i: r.priority(i["fields"].get("priority")),
    "resolution": lambda r, i: r.resolution(i["fields"].get("resolution")),
    "resolutiondate": lambda r, i: stamp(i["resolved"]) if i.get("resolved") else None,
    "assignee": lambda r, i: r.user(i["fields"].get("assignee")),
    "reporter": lambda r, i: r.user(i["fields"].get("reporter")),
    "creator": lambda r, i: r.user(i["creator"]),
    "created": lambda r, i: stamp(i["created"]),
    "updated": lambda r, i: stamp(i["updated"]),
    "lastViewed": lambda r, i: stamp(i["viewed"]) if i.get("viewed") else None,
    "labels": lambda r, i: list(i["fields"].get("labels") or ()),
    "components": _rows("component", "components"),
    "fixVersions": _rows("version_ref", "fixVersions"),
    "versions": _rows("version_ref", "versions"),
    "issuelinks": lambda r, i: r.links(i),
    "attachment": lambda r, i: [r.attachment(row) for row in _page_of(r, i, "attachments")],
    "subtasks": _subtasks,
    "parent": _parent,
    "comment": _comments,
    "worklog": _worklogs,
    "timetracking": _tracking,
    "workratio": _work_ratio,
    "progress": lambda r, i: _progress(
        i["fields"].get("timespent"), i["fields"].get("timeestimate")
    ),
    "aggregateprogress": lambda r, i: _progress(
        i["fields"].get("timespent"), i["fields"].get("timeestimate")
    ),
    "aggregatetimespent": _spent("timespent"),
    "aggregatetimeestimate": _spent("timeestimate"),
    "aggregatetimeoriginalestimate": _spent("timeoriginalestimate"),
    "votes": lambda r, i: {
        "self": f"{r.api}/issue/{i['key']}/votes",
        "votes": len(i["votes"]),
        "hasVoted": r.me in i["votes"],
    },
    "watches": lambda r, i: {
        "self": f"{r.api}/issue/{i['key']}/watchers",
        "watchCount": len(i["watchers"]),
        "isWatching": r.me in i["watchers"],
    },
    "issuerestriction": lambda r, i: {"issuerestrictions": {}, "shouldDisplay": False},
    presets.RANK: lambda r, i: f"0|i{int(i['rank'] * 8):05x}:",
}
