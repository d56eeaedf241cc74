"""People added and removed, pickers, and the caller's own preferences."""

from typing import Any, Final

from unlit.twins.kit.http import Reply, Text
from unlit.twins.kit.twin import VendorError
from unlit.twins.services.jira import seed
from unlit.twins.services.jira.call import Ask, Routes
from unlit.twins.services.jira.model import Row
from unlit.twins.services.jira.routes import users
from unlit.twins.services.jira.site import refuse

routes = Routes()


@routes.add("POST", "user", "createUser", status=201)
def create(ask: Ask) -> Any:
    """Add a person; on Cloud by mail address alone."""
    body = ask.body()
    mail = body.get("emailAddress")
    if not isinstance(mail, str) or "@" not in mail:
        raise refuse(400, emailAddress="You must specify a valid email address.")
    known = [u for u in ask.site.table("users").values() if u.get("emailAddress") == mail]
    if known and ask.site.cloud:
        return Reply(200, users.whole(ask, known[0], set()))
    name = str(body.get("name") or mail.split("@")[0])
    if not ask.site.cloud and any(u["name"] == name for u in ask.site.table("users").values()):
        raise refuse(400, username="A user with that username already exists.")
    shown = str(body.get("displayName") or name)
    given: Row = {"emailAddress": mail, "displayName": shown, "name": name}
    row = seed.add_user(ask.site, given)
    if not ask.site.cloud:
        ask.site.table("users").drop(row["accountId"])
        row = {**row, "accountId": row["key"]}
        ask.site.table("users").put(row["key"], row)
    return users.whole(ask, row, set())


@routes.add("DELETE", "user", "removeUser")
def remove(ask: Ask) -> Any:
    """Take a person away; what they wrote stays."""
    row = users.asked(ask)
    if row["accountId"] == ask.me:
        raise refuse(400, "You cannot delete the currently logged in user.")
    ask.site.table("users").patch(row["accountId"], active=False)
    for group in list(ask.site.table("groups").values()):
        left = tuple(one for one in group["members"] if one != row["accountId"])
        ask.site.table("groups").patch(group["groupId"], members=left)
    return Reply(204)


def _people(ask: Ask) -> list[Row]:
    rows = [row for row in ask.site.table("users").values() if row["active"]]
    return users.matching(ask, rows)


def _picked(ask: Ask, row: Row) -> Row:
    shown = ask.render.user(row["accountId"], full=True) or {}
    words = ask.arg("query").lower()
    name = row["displayName"]
    at = name.lower().find(words) if words else -1
    html = name
    if at >= 0:
        end = at + len(words)
        html = f"{name[:at]}<strong>{name[at:end]}</strong>{name[end:]}"
    mail = f" - {row['emailAddress']}" if row.get("emailAddress") else ""
    out: Row = {"html": html + mail, "displayName": name}
    keys = ("accountId", "accountType") if ask.site.cloud else ("name", "key")
    out |= {key: shown[key] for key in keys if key in shown}
    if ask.flag("showAvatar"):
        out["avatarUrl"] = shown["avatarUrls"]["16x16"]
    return out


@routes.add("GET", "user/picker", "findUsersForPicker")
def picker(ask: Ask) -> Any:
    """Find people as a picker shows them."""
    if not ask.arg("query"):
        raise refuse(400, "The query parameter must be provided.")
    rows, most = _people(ask), min(1000, ask.whole("maxResults", 50))
    left = set(ask.many("excludeAccountIds")) | set(ask.many("exclude"))
    found = [row for row in rows if row["accountId"] not in left and row["name"] not in left]
    header = f"Showing {min(most, len(found))} of {len(found)} matching users"
    shown = [_picked(ask, row) for row in found[:most]]
    return {"users": shown, "total": len(found), "header": header}


@routes.add("GET", "groupuserpicker", "findUsersAndGroups")
def both(ask: Ask) -> Any:
    """Find people and groups as a picker shows them."""
    words = ask.arg("query").lower()
    if not words:
        raise refuse(400, "The query parameter must be provided.")
    groups = [g for g in ask.site.table("groups").values() if words in g["name"].lower()]
    shown = [
        {
            "name": g["name"],
            "html": g["name"].replace(words, f"<strong>{words}</strong>"),
            "labels": [],
            "groupId": g["groupId"],
        }
        for g in groups
    ]
    header = f"Showing {len(groups)} of {len(groups)} matching groups"
    return {"users": picker(ask), "groups": {"header": header, "total": len(groups),
                                             "groups": shown}}  # fmt: skip


@routes.add("GET", "user/viewissue/search", "findUsersWithBrowsePermission")
@routes.add("GET", "user/permission/search", "findUsersWithAllPermissions")
@routes.add("GET", "user/assignable/multiProjectSearch", "findBulkAssignableUsers")
def able(ask: Ask) -> Any:
    """Find people who may see, or do, something: everyone who is active may."""
    if "projectKeys" in {key for key, _ in ask.request.query}:
        for key in ask.many("projectKeys"):
            if ask.site.project(key) is None:
                raise refuse(404, f"No project could be found with key '{key}'.")
    if ask.arg("issueKey"):
        ask.site.issue(ask.arg("issueKey"))
    return users.cut(ask, _people(ask))


def _of_an_app(ask: Ask) -> None:
    """Refuse a person: the contract keeps addresses for approved apps, which come with scopes."""
    if ask.exchange.actor.scopes is None:
        raise VendorError(401, "jira", "Client must be authenticated to access this resource.")


@routes.add("GET", "user/email", "getUserEmail")
def email(ask: Ask) -> Any:
    """Return a person's mail address."""
    _of_an_app(ask)
    row = users.asked(ask)
    return {"accountId": row["accountId"], "email": row.get("emailAddress")}


@routes.add("GET", "user/email/bulk", "getUserEmailBulk")
def emails(ask: Ask) -> Any:
    """Return the mail addresses of people: a list, where the contract has a single address."""
    _of_an_app(ask)
    table = ask.site.table("users")
    found = [table[ident] for ident in ask.many("accountId") if ident in table]
    return [{"accountId": r["accountId"], "email": r.get("emailAddress")} for r in found]


@routes.add("GET", "user/bulk/migration", "bulkGetUsersMigration")
def migration(ask: Ask) -> Any:
    """Return account ids by the names and keys of before."""
    wanted = set(ask.many("username")) | set(ask.many("key"))
    return [
        {"key": r["key"], "username": r["name"], "accountId": r["accountId"]}
        for r in ask.site.table("users").values()
        if {r["key"], r["name"]} & wanted
    ]


# --- preferences and columns
_LOCALE: Final = "jira.user.locale"


@routes.add("GET", "mypreferences", "getPreference")
def preference(ask: Ask) -> Any:
    """Return a preference of the caller."""
    found = ask.site.table("preferences").get((ask.me, ask.arg("key")))
    if found is None:
        raise refuse(404, f"The preference with key '{ask.arg('key')}' does not exist.")
    return Text(found)


@routes.add("PUT", "mypreferences", "setPreference")
def set_preference(ask: Ask) -> Any:
    """Set a preference of the caller."""
    if not ask.arg("key"):
        raise refuse(400, "The key query parameter must be provided.")
    value = ask.exchange.json()
    ask.site.table("preferences").put((ask.me, ask.arg("key")), str(value))
    return Reply(204)


@routes.add("DELETE", "mypreferences", "removePreference")
def remove_preference(ask: Ask) -> Any:
    """Forget a preference of the caller."""
    preference(ask)
    ask.site.table("preferences").drop((ask.me, ask.arg("key")))
    return Reply(204)


@routes.add("GET", "mypreferences/locale", "getLocale")
def locale(ask: Ask) -> Any:
    """Return the caller's locale."""
    row = ask.site.table("users").get(ask.me) or {}
    return {"locale": row.get("locale") or "en_US"}


_COLUMNS: Final = ("issuetype", "issuekey", "summary", "assignee", "reporter", "priority",
                   "status", "resolution", "created", "updated", "duedate")  # fmt: skip


def _columns(ask: Ask, ident: Any) -> Any:
    fields = ask.site.table("fields")
    chosen = ask.site.table("columns").get(ident) or _COLUMNS
    names = {row["id"]: row["name"] for row in fields.values()}
    return [{"label": names.get(c, c), "value": c} for c in chosen]


def _kept(ask: Ask, ident: Any) -> Any:
    given = [value for name, value in ask.request.form() if name == "columns"]
    if not given:
        raise refuse(400, "At least one column must be given.")
    known = {row["id"] for row in ask.site.table("fields").values()}
    wrong = next((name for name in given if name not in known), None)
    if wrong is not None:
        raise refuse(400, f"The column '{wrong}' does not exist.")
    ask.site.table("columns").put(ident, tuple(given))
    return Reply(200, {})


def _column_routes(path: str, word: str, owner: Any) -> None:
    routes.add("GET", path, f"get{word}Columns")(lambda ask: _columns(ask, owner(ask)))
    routes.add("PUT", path, f"set{word}Columns")(lambda ask: _kept(ask, owner(ask)))


_column_routes("settings/columns", "IssueNavigatorDefault", lambda ask: "site")
_column_routes("user/columns", "UserDefault", lambda ask: ("user", ask.me))


@routes.add("DELETE", "user/columns", "resetUserColumns")
def reset_columns(ask: Ask) -> Any:
    """Give the caller the usual columns again."""
    ask.site.table("columns").drop(("user", ask.me))
    return Reply(204)
