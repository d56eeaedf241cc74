"""What hangs on an issue: comments, worklogs, links; added and changed with their effects."""

from datetime import UTC, datetime

from unlit.twins.services.jira import notify
from unlit.twins.services.jira.call import Ask
from unlit.twins.services.jira.input import Problem, seconds
from unlit.twins.services.jira.issue_fields import duration
from unlit.twins.services.jira.model import Change, Row
from unlit.twins.services.jira.site import refuse, stamp


def attach(ask: Ask, table: str, issue: Row, row: Row) -> Row:
    """Put a row that belongs to an issue."""
    ask.site.table(table).put(row["id"], row)
    index = ask.site.table(f"{table}_of")
    index.put(issue["id"], (*(index.get(issue["id"]) or ()), row["id"]))
    return row


def detach(ask: Ask, table: str, row: Row) -> None:
    """Remove a row that belongs to an issue."""
    ask.site.table(table).drop(row["id"])
    index = ask.site.table(f"{table}_of")
    index.put(row["issue"], tuple(x for x in index.get(row["issue"]) or () if x != row["id"]))


def add_comment(ask: Ask, issue: Row, body: Row) -> Row:
    """Add a comment."""
    text = ask.rich("comment", body.get("body"))
    if text is None or (text.wiki is not None and not text.wiki.strip()):
        raise refuse(400, **{"comment": "Comment body can not be empty!"})
    when = ask.site.now()
    row: Row = {
        "id": ask.site.fresh("comments"),
        "issue": issue["id"],
        "author": ask.me,
        "update_author": ask.me,
        "body": text,
        "created": when,
        "updated": when,
        "visibility": body.get("visibility"),
        "jsdPublic": True,
        "properties": body.get("properties") or [],
    }
    attach(ask, "comments", issue, row)
    notify.comment(ask, "comment_created", row, ask.site.touch(issue))
    return row


def add_worklog(ask: Ask, issue: Row, body: Row) -> Row:
    """Log work; the estimate follows as the query says."""
    worked = spent(body)
    started = body.get("started")
    if started is not None:
        try:
            datetime.strptime(str(started), "%Y-%m-%dT%H:%M:%S.%f%z")
        except ValueError as error:
            raise refuse(
                400,
                f"Invalid worklog date '{started}'. The required format is: "
                "yyyy-MM-dd'T'HH:mm:ss.SSSZ",
            ) from error
    when = ask.site.now()
    row: Row = {
        "id": ask.site.fresh("worklogs"),
        "issue": issue["id"],
        "author": ask.me,
        "update_author": ask.me,
        "comment": ask.rich("comment", body.get("comment")),
        "created": when,
        "updated": when,
        "started": _started(started) if started is not None else stamp(when),
        "seconds": worked,
        "timeSpent": shown(worked),
        "visibility": body.get("visibility"),
    }
    attach(ask, "worklogs", issue, row)
    estimate(ask, issue, worked, ask.arg("adjustEstimate", "auto"), worklog=row["id"])
    notify.other(ask, "worklog_created", "worklog", ask.render.worklog(row))
    return row


def _started(text: str) -> str:
    when = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z").astimezone(UTC)
    return stamp(when.timestamp())


def shown(worked: int) -> str:
    """Render time spent."""
    return duration(worked)


def spent(body: Row) -> int:
    """Read the time spent from a worklog's body."""
    if isinstance(body.get("timeSpentSeconds"), int):
        worked = int(body["timeSpentSeconds"])
    elif body.get("timeSpent"):
        try:
            worked = seconds(str(body["timeSpent"]))
        except Problem as problem:
            raise refuse(400, **{"timeLogged": str(problem)}) from problem
    else:
        raise refuse(400, **{"timeLogged": "You must indicate the time spent working."})
    if worked < 60:
        raise refuse(400, **{"timeLogged": "Worklog must not be null."})
    return worked


def estimate(ask: Ask, issue: Row, spent: int, mode: str, *, worklog: str | None = None) -> None:
    """Move time spent and the remaining estimate after work was logged or taken back."""
    fields = issue["fields"]
    total = max(0, (fields.get("timespent") or 0) + spent)
    left = fields.get("timeestimate")
    try:
        if mode == "new":
            left = seconds(ask.arg("newEstimate"))
        elif mode == "manual":
            step = ask.arg("reduceBy") or ask.arg("increaseBy")
            left = max(0, (left or 0) - seconds(step) * (1 if ask.arg("reduceBy") else -1))
        elif mode == "auto" and (left is not None or spent > 0):
            left = max(0, (left or 0) - spent)
    except Problem as problem:
        raise refuse(400, **{"adjustEstimate": str(problem)}) from problem
    extra = [Change("WorklogId", "", "jira", None, None, worklog, worklog)] if worklog else []
    ask.site.change_issue(issue, {"timespent": total, "timeestimate": left}, ask.me, extra)


def add_link(ask: Ask, body: Row) -> Row:
    """Link two issues; both histories say so."""
    site = ask.site
    kind = body.get("type") or {}
    found = (
        site.table("linktypes").get(str(kind["id"]))
        if kind.get("id") is not None
        else site.named("linktypes", kind.get("name", ""))
    )
    if found is None:
        name = kind.get("name") or kind.get("id")
        raise refuse(404, f"No issue link type with name '{name}' found.")
    ends: list[Row] = []
    for side in ("inwardIssue", "outwardIssue"):
        given = body.get(side) or {}
        issue = site.find_issue(str(given.get("key") or given.get("id") or ""))
        if issue is None:
            raise refuse(404, "Issue does not exist or you do not have permission to see it.")
        ends.append(issue)
    inward, outward = ends
    if inward["id"] == outward["id"]:
        raise refuse(400, "You cannot link an issue to itself.")
    row: Row = {
        "id": site.fresh("links"),
        "type": found["id"],
        "inward": inward["id"],
        "outward": outward["id"],
    }
    site.table("links").put(row["id"], row)
    linked = site.table("linked")
    for one, other, word in (
        (inward, outward, found["outward"]),
        (outward, inward, found["inward"]),
    ):
        linked.put(one["id"], (*(linked.get(one["id"]) or ()), row["id"]))
        text = f"This issue {word} {other['key']}"
        change = Change("Link", "", "jira", None, None, other["key"], text)
        site.history(one["id"], [change], ask.me, site.now())
    if body.get("comment"):
        add_comment(ask, outward, body["comment"])
    shown = {
        "id": int(row["id"]),
        "sourceIssueId": int(inward["id"]),
        "destinationIssueId": int(outward["id"]),
        "issueLinkType": {
            "id": int(found["id"]),
            "name": found["name"],
            "outwardName": found["outward"],
            "inwardName": found["inward"],
            "isSubTaskLinkType": False,
            "isSystemLinkType": False,
        },
        "systemLink": False,
    }
    notify.other(ask, "issuelink_created", "issueLink", shown)
    return row


__all__ = ["add_comment", "add_link", "add_worklog", "attach", "detach", "estimate"]
