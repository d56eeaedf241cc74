"""People: the caller, users, searches, groups."""

from typing import Any

from unlit.twins.kit.twin import VendorError
from unlit.twins.services.jira.call import Ask, Routes
from unlit.twins.services.jira.model import Row
from unlit.twins.services.jira.site import refuse

routes = Routes()


def whole(ask: Ask, row: Row, wanted: set[str]) -> Row:
    """Render a user as its own resource shows it."""
    out = ask.render.user(row["accountId"], full=True) or {}
    groups = [g for g in ask.site.table("groups").values() if row["accountId"] in g["members"]]
    shown = [
        {
            "name": g["name"],
            "groupId": g["groupId"],
            "self": f"{ask.render.api}/group?groupId={g['groupId']}",
        }
        for g in groups
    ]
    out["groups"] = {"size": len(shown), "items": shown if "groups" in wanted else []}
    out["applicationRoles"] = {"size": 1, "items": []}
    out["expand"] = "groups,applicationRoles"
    return out


@routes.add("GET", "myself", "getCurrentUser")
def myself(ask: Ask) -> Any:
    """Return the caller."""
    row = ask.site.table("users").get(ask.me)
    if row is None:
        raise VendorError(401, "jira", "Client must be authenticated to access this resource.")
    return whole(ask, row, set(ask.many("expand")))


def asked(ask: Ask) -> Row:
    """Return the user that the query names."""
    wanted = ask.arg("accountId") or ask.arg("username") or ask.arg("key")
    if not wanted:
        raise refuse(
            400,
            "Either the accountId or the username or the key query parameter needs to be provided",
        )
    row = ask.site.table("users").get(wanted)
    if row is None and not ask.site.cloud:
        row = ask.site.user(wanted)
    if row is None:
        if ask.site.cloud:
            raise refuse(
                404, "Specified user does not exist or you do not have required permissions"
            )
        raise refuse(404, f"The user named '{wanted}' does not exist")
    return dict(row)


@routes.add("GET", "user", "getUser")
def read(ask: Ask) -> Any:
    """Return a user."""
    return whole(ask, asked(ask), set(ask.many("expand")))


def matching(ask: Ask, rows: list[Row]) -> list[Row]:
    """Return the users that the query words match, sorted by name."""
    words = (ask.arg("query") or ask.arg("username")).lower()
    if ask.site.cloud or words != ".":
        rows = [row for row in rows if _matches(row, words)]
    wanted = ask.many("accountId")
    if wanted:
        rows = [row for row in rows if row["accountId"] in wanted]
    return rows


def _matches(row: Row, words: str) -> bool:
    texts = (row["displayName"], row.get("emailAddress") or "", row.get("name") or "")
    return any(
        text.lower().startswith(words) or any(p.startswith(words) for p in text.lower().split())
        for text in texts
    )


def cut(ask: Ask, rows: list[Row]) -> list[Any]:
    """Return the asked-for part of a list of users, rendered."""
    start, count = max(0, ask.whole("startAt", 0)), ask.whole("maxResults", 50)
    return [
        ask.render.user(row["accountId"], full=True)
        for row in rows[start : start + min(1000, count)]
    ]


@routes.add("GET", "user/search", "findUsers")
def search(ask: Ask) -> Any:
    """Find users by name or mail address."""
    given = {key for key, _ in ask.request.query}
    if not given & {"query", "username", "accountId", "property"}:
        if ask.site.cloud:
            raise refuse(400, "The query parameter must be provided.")
        raise refuse(400, "The username query parameter was not provided")
    rows = [
        row
        for row in ask.site.table("users").values()
        if row["active"] or ask.flag("includeInactive")
    ]
    return cut(ask, matching(ask, rows))


@routes.add("GET", "users", "getAllUsersDefault")
@routes.add("GET", "users/search", "getAllUsers")
def every(ask: Ask) -> Any:
    """Return all users."""
    return cut(ask, list(ask.site.table("users").values()))


@routes.add("GET", "user/assignable/search", "findAssignableUsers")
def assignable(ask: Ask) -> Any:
    """Find users that an issue can be assigned to."""
    if not (ask.arg("project") or ask.arg("issueKey") or ask.arg("issueId")):
        raise refuse(
            400, "Either the project or issueKey or issueId query parameter must be provided"
        )
    if ask.arg("project") and ask.site.project(ask.arg("project")) is None:
        raise refuse(404, f"No project could be found with key '{ask.arg('project')}'.")
    if ask.arg("issueKey"):
        ask.site.issue(ask.arg("issueKey"))
    rows = [
        row
        for row in ask.site.table("users").values()
        if row["active"] and row["accountType"] == "atlassian"
    ]
    return cut(ask, matching(ask, rows))


@routes.add("GET", "user/bulk", "bulkGetUsers")
def bulk(ask: Ask) -> Any:
    """Return users by account id, in pages."""
    wanted = ask.request.args("accountId")
    rows = [row for row in ask.site.table("users").values() if row["accountId"] in wanted]
    return ask.page(
        rows, "values", lambda row: ask.render.user(row["accountId"], full=True), size=10
    )
