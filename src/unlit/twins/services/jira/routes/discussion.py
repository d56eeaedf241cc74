"""Comments, worklogs, watchers, votes and links."""

from typing import Any

from unlit.twins.kit.http import Reply
from unlit.twins.services.jira import edits, notify, objects
from unlit.twins.services.jira.call import Ask, Routes
from unlit.twins.services.jira.model import Row
from unlit.twins.services.jira.site import refuse

routes = Routes()


def _rows(ask: Ask, table: str, issue: Row) -> list[Row]:
    rows = ask.site.table(table)
    return [rows[x] for x in ask.site.table(f"{table}_of").get(issue["id"]) or () if x in rows]


def _one(ask: Ask, table: str, issue: Row, word: str) -> Row:
    ident = ask.params["id"]
    row = ask.site.table(table).get(ident)
    if row is None or row["issue"] != issue["id"]:
        if table == "comments":
            raise refuse(404, f"Can not find a comment for the id: {ident}.")
        raise refuse(404, f"Cannot find {word} with id: '{ident}'.")
    return dict(row)


@routes.add("POST", "issue/{issueIdOrKey}/comment", "addComment", status=201)
def add_comment(ask: Ask) -> Any:
    """Add a comment."""
    shown = ask.render.comment(objects.add_comment(ask, ask.issue(), ask.body()))
    return Reply(201, shown, [("location", shown["self"])])


@routes.add("GET", "issue/{issueIdOrKey}/comment", "getComments")
def comments(ask: Ask) -> Any:
    """Return comments, oldest first unless ordered otherwise."""
    rows = _rows(ask, "comments", ask.issue())
    if ask.arg("orderBy") == "-created":
        rows.reverse()
    return ask.page(rows, "comments", ask.render.comment, last=False, size=100, most=5000)


@routes.add("GET", "issue/{issueIdOrKey}/comment/{id}", "getComment")
def comment(ask: Ask) -> Any:
    """Return a comment."""
    return ask.render.comment(_one(ask, "comments", ask.issue(), "comment"))


@routes.add("PUT", "issue/{issueIdOrKey}/comment/{id}", "updateComment")
def edit_comment(ask: Ask) -> Any:
    """Change a comment."""
    issue = ask.issue()
    row = _one(ask, "comments", issue, "comment")
    text = ask.rich("comment", ask.body().get("body"))
    if text is None or (text.wiki is not None and not text.wiki.strip()):
        raise refuse(400, **{"comment": "Comment body can not be empty!"})
    changes: Row = {"body": text, "updated": ask.site.now(), "update_author": ask.me}
    if "visibility" in ask.body():
        changes["visibility"] = ask.body()["visibility"]
    row = ask.site.table("comments").patch(row["id"], **changes)
    notify.comment(ask, "comment_updated", row, ask.site.touch(issue))
    return ask.render.comment(row)


@routes.add("DELETE", "issue/{issueIdOrKey}/comment/{id}", "deleteComment")
def delete_comment(ask: Ask) -> Any:
    """Delete a comment."""
    issue = ask.issue()
    row = _one(ask, "comments", issue, "comment")
    objects.detach(ask, "comments", row)
    notify.comment(ask, "comment_deleted", row, ask.site.touch(issue))
    return Reply(204)


@routes.add("POST", "issue/{issueIdOrKey}/worklog", "addWorklog", status=201)
def add_worklog(ask: Ask) -> Any:
    """Log work."""
    shown = ask.render.worklog(objects.add_worklog(ask, ask.issue(), ask.body()))
    return Reply(201, shown, [("location", shown["self"])])


@routes.add("GET", "issue/{issueIdOrKey}/worklog", "getIssueWorklog")
def worklogs(ask: Ask) -> Any:
    """Return work logged."""
    rows = _rows(ask, "worklogs", ask.issue())
    return ask.page(rows, "worklogs", ask.render.worklog, last=False, size=5000, most=5000)


@routes.add("GET", "issue/{issueIdOrKey}/worklog/{id}", "getWorklog")
def worklog(ask: Ask) -> Any:
    """Return one worklog."""
    return ask.render.worklog(_one(ask, "worklogs", ask.issue(), "worklog"))


@routes.add("DELETE", "issue/{issueIdOrKey}/worklog/{id}", "deleteWorklog")
def delete_worklog(ask: Ask) -> Any:
    """Delete a worklog; the time goes back to the estimate."""
    issue = ask.issue()
    row = _one(ask, "worklogs", issue, "worklog")
    objects.detach(ask, "worklogs", row)
    objects.estimate(ask, issue, -row["seconds"], ask.arg("adjustEstimate", "auto"))
    notify.other(ask, "worklog_deleted", "worklog", ask.render.worklog(row))
    return Reply(204)


@routes.add("PUT", "issue/{issueIdOrKey}/worklog/{id}", "updateWorklog")
def edit_worklog(ask: Ask) -> Any:
    """Change a worklog."""
    issue, body = ask.issue(), ask.body()
    row = _one(ask, "worklogs", issue, "worklog")
    changes: Row = {"updated": ask.site.now(), "update_author": ask.me}
    if "comment" in body:
        changes["comment"] = ask.rich("comment", body["comment"])
    if "timeSpent" in body or "timeSpentSeconds" in body:
        spent = objects.spent(body)
        changes |= {"seconds": spent, "timeSpent": objects.shown(spent)}
        objects.estimate(ask, issue, spent - row["seconds"], ask.arg("adjustEstimate", "auto"))
    row = ask.site.table("worklogs").patch(row["id"], **changes)
    notify.other(ask, "worklog_updated", "worklog", ask.render.worklog(row))
    return ask.render.worklog(row)


@routes.add("GET", "issue/{issueIdOrKey}/watchers", "getIssueWatchers")
def watchers(ask: Ask) -> Any:
    """Return who watches."""
    issue = ask.issue()
    return {
        "self": f"{ask.render.api}/issue/{issue['key']}/watchers",
        "isWatching": ask.me in issue["watchers"],
        "watchCount": len(issue["watchers"]),
        "watchers": [ask.render.user(account) for account in issue["watchers"]],
    }


@routes.add("POST", "issue/{issueIdOrKey}/watchers", "addWatcher")
def watch(ask: Ask) -> Any:
    """Add a watcher: the account in the body, or the caller."""
    issue = ask.issue()
    given = ask.exchange.json() or ask.me
    user = ask.site.user(given)
    if user is None:
        raise refuse(404, f"The user '{given}' does not exist.")
    seen = dict.fromkeys([*issue["watchers"], user["accountId"]])
    ask.site.table("issues").patch(issue["id"], watchers=tuple(seen))
    return Reply(204)


@routes.add("DELETE", "issue/{issueIdOrKey}/watchers", "removeWatcher")
def unwatch(ask: Ask) -> Any:
    """Remove a watcher."""
    issue = ask.issue()
    user = ask.site.user(ask.arg("accountId") or ask.arg("username"))
    if user is None:
        raise refuse(
            400, "Either the accountId or the username query parameter needs to be provided"
        )
    left = tuple(x for x in issue["watchers"] if x != user["accountId"])
    ask.site.table("issues").patch(issue["id"], watchers=left)
    return Reply(204)


@routes.add("GET", "issue/{issueIdOrKey}/votes", "getVotes")
def votes(ask: Ask) -> Any:
    """Return who voted."""
    issue = ask.issue()
    return {
        "self": f"{ask.render.api}/issue/{issue['key']}/votes",
        "votes": len(issue["votes"]),
        "hasVoted": ask.me in issue["votes"],
        "voters": [ask.render.user(account) for account in issue["votes"]],
    }


@routes.add("POST", "issue/{issueIdOrKey}/votes", "addVote")
def vote(ask: Ask) -> Any:
    """Vote; reporters cannot vote for their own issue."""
    issue = ask.issue()
    if issue["fields"].get("reporter") == ask.me:
        raise refuse(404, "You cannot vote for an issue you have reported.")
    seen = dict.fromkeys([*issue["votes"], ask.me])
    ask.site.table("issues").patch(issue["id"], votes=tuple(seen))
    return Reply(204)


@routes.add("DELETE", "issue/{issueIdOrKey}/votes", "removeVote")
def unvote(ask: Ask) -> Any:
    """Take a vote back."""
    issue = ask.issue()
    if ask.me not in issue["votes"]:
        raise refuse(404, "Cannot remove a vote that does not exist.")
    ask.site.table("issues").patch(
        issue["id"], votes=tuple(x for x in issue["votes"] if x != ask.me)
    )
    return Reply(204)


@routes.add("POST", "issueLink", "linkIssues", status=201)
def link(ask: Ask) -> Any:
    """Link two issues."""
    row = objects.add_link(ask, ask.body())
    return Reply(201, None, [("location", f"{ask.render.api}/issueLink/{row['id']}")])


@routes.add("GET", "issueLink/{linkId}", "getIssueLink")
def read_link(ask: Ask) -> Any:
    """Return a link with both issues."""
    row = ask.site.table("links").get(ask.params["linkId"])
    if row is None:
        raise refuse(404, f"No issue link with id '{ask.params['linkId']}' exists.")
    issues = ask.site.table("issues")
    return {
        "id": row["id"],
        "self": f"{ask.render.api}/issueLink/{row['id']}",
        "type": ask.render.link_type(row["type"]),
        "inwardIssue": ask.render.issue_ref(issues[row["inward"]]),
        "outwardIssue": ask.render.issue_ref(issues[row["outward"]]),
    }


@routes.add("DELETE", "issueLink/{linkId}", "deleteIssueLink")
def delete_link(ask: Ask) -> Any:
    """Remove a link."""
    if edits.unlink(ask.site, ask.params["linkId"]) is None:
        raise refuse(404, f"No issue link with id '{ask.params['linkId']}' exists.")
    return Reply(204)
