"""Believing recorded reads of Jira: projects, types, fields, users, issues that existed before."""

import re
from datetime import datetime
from typing import Any, Final
from urllib.parse import unquote

from unlit.twins.kit.world import World
from unlit.twins.model import Fact
from unlit.twins.services.jira import presets, seed
from unlit.twins.services.jira.model import CLOUD, SERVER, Rich, Row
from unlit.twins.services.jira.site import Site

_AVATAR: Final = re.compile(r"avatar/(\d+)|avatarId=(\d+)")
_KEPT: Final = (
    "summary",
    "labels",
    "duedate",
    "timeestimate",
    "timeoriginalestimate",
    "timespent",
)


def believe(world: World, facts: list[Fact]) -> None:
    """Take over reads, ids as they are."""
    site = Site(world)
    believer = _Believer(site)
    for fact in facts:
        path = fact.path
        caller = unquote(str(fact.headers.get("x-aaccountid", "")))
        if caller:
            believer.caller(caller)
        found = re.search(r"/rest/(?:api|agile)/[^/]+/(.*)$", path)
        if found:
            believer.take(found[1].strip("/"), fact)


class _Site:
    """Takes over what a site is made of."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def server(self, body: Row) -> None:
        kept = {k: v for k, v in body.items() if k not in ("serverTime", "baseUrl")}
        known = {
            k: body[k]
            for k in body
            if k.startswith("displayUrl") or k in ("serverTimeZone", "defaultLocale")
        }
        kind = str(body.get("deploymentType", CLOUD))
        if kind == SERVER:
            seed.become_server(self.site)
        about = {**self.site.about, **kept, "deploymentType": kind, "shown": tuple(body)}
        self.site.table("site").put("about", {**about, "extra": known})

    def myself(self, body: Row) -> None:
        account = self.user(body)
        if account is None:
            return
        self.caller(account)

    def caller(self, account: str) -> None:
        """Give the administrator the account id that answers to the caller named."""
        old = self.site.table("site").get("admin")
        if old == account:
            return
        users = self.site.table("users")
        row = users.drop(old)
        if row is not None and account not in users:
            users.put(account, {**row, "accountId": account})
        self.site.table("site").put("admin", account)
        groups = self.site.table("groups")
        for group in list(groups.values()):
            renamed = tuple(account if member == old else member for member in group["members"])
            groups.patch(group["groupId"], members=renamed)
        for project in list(self.site.table("projects").values()):
            if project["lead"] == old:
                self.site.table("projects").patch(project["id"], lead=account)

    def user(self, body: Row) -> str | None:
        account = body.get("accountId") or body.get("key") or body.get("name")
        if not account:
            return None
        row = self.site.table("users").get(account)
        given: Row = {**body, "accountId": account}
        if row is None:
            row = seed.add_user(self.site, given)
        changes = {
            k: body[k]
            for k in (
                "emailAddress",
                "displayName",
                "active",
                "timeZone",
                "locale",
                "accountType",
                "avatarUrls",
            )
            if k in body
        }
        for absent in ("emailAddress", "timeZone", "locale"):
            if absent not in body and body.get("self") and "accountType" in body:
                changes[absent] = row.get(absent) if absent in row.get("seen", ()) else None
        new = self.site.table("users").patch(account, **changes)
        self.site.table("users").put(
            account,
            {**new, "key": body.get("key", new["key"]), "name": body.get("name", new["name"])},
        )
        return str(account)

    def fields(self, body: list[Row]) -> None:
        table = self.site.table("fields")
        old = {row["id"]: row for row in table.values()}
        table.clear()
        for row in body:
            table.put(
                row["id"],
                {
                    **{
                        k: v
                        for k, v in old.get(row["id"], {}).items()
                        if k in ("empty", "onScreen")
                    },
                    **row,
                },
            )

    def avatar(self, row: Row) -> int | None:
        urls = row.get("avatarUrls") or {}
        found = _AVATAR.search(str(urls.get("48x48", "")))
        return int(found[1] or found[2]) if found else None

    def project(self, row: Row) -> str | None:
        if not row.get("id") or not row.get("key"):
            return None
        ident = str(row["id"])
        seed.forget_sample(self.site)
        table = self.site.table("projects")
        if ident not in table:
            seed.add_project(self.site, {k: row[k] for k in ("id", "key", "name") if k in row})
        changes: Row = {
            k: row[k]
            for k in (
                "key",
                "name",
                "description",
                "projectTypeKey",
                "simplified",
                "style",
                "uuid",
                "isPrivate",
            )
            if k in row
        }
        avatar = self.avatar(row)
        if avatar is not None:
            changes["avatarId"] = avatar
        if isinstance(row.get("lead"), dict):
            changes["lead"] = self.user(row["lead"])
        if row.get("issueTypes"):
            changes["types"] = tuple(self.kind(kind) for kind in row["issueTypes"])
        if row.get("projectCategory"):
            category = row["projectCategory"]
            self.plain("categories", category)
            changes["category"] = category["id"]
        if changes.get("simplified"):
            changes["workflow"] = "scrum"
        table.put(ident, {**table[ident], **changes})
        return ident

    def kind(self, row: Row) -> str:
        ident = str(row["id"])
        table = self.site.table("issuetypes")
        keep = (
            "name",
            "description",
            "subtask",
            "avatarId",
            "hierarchyLevel",
            "untranslatedName",
            "entityId",
        )
        given = {k: row[k] for k in keep if k in row}
        found = _AVATAR.search(str(row.get("iconUrl", "")))
        if found and "avatarId" not in given:
            given["avatarId"] = int(found[1] or found[2])
        old = dict(table.get(ident, {"id": ident}))
        if "avatarId" in given:
            old.pop("icon", None)
        elif row.get("iconUrl"):
            old.pop("avatarId", None)
            given["icon"] = str(row["iconUrl"]).rpartition("/")[2]
        table.put(ident, {**old, **given, "id": ident})
        return ident

    def createmeta(self, row: Row) -> None:
        ident = self.project(row)
        if ident is None:
            return
        types = tuple(self.kind(kind) for kind in row.get("issuetypes") or [])
        table = self.site.table("projects")
        if types and not table[ident].get("known"):
            table.patch(ident, types=types)
        for kind in row.get("issuetypes") or []:
            screen = kind.get("fields") or {}
            if screen:
                table.patch(ident, screen=tuple(screen), described=_described(screen))
            for name in presets.EMPTY_FIELDS if screen else ():
                self.site.table("fields").drop(name)  # a site that shows its screens has others
            for name, definition in screen.items():
                self.screened(ident, name, definition)

    def screened(self, project: str, name: str, given: Row) -> None:
        table = self.site.table("fields")
        if name not in table and given.get("schema", {}).get("customId"):
            number = given["schema"]["customId"]
            clauses = [f"cf[{number}]", given.get("name", name)]
            table.put(
                name,
                {
                    "id": name,
                    "key": name,
                    "name": given.get("name", name),
                    "untranslatedName": given.get("name", name),
                    "custom": True,
                    "orderable": True,
                    "navigable": True,
                    "searchable": True,
                    "clauseNames": clauses,
                    "schema": given["schema"],
                },
            )
        for value in given.get("allowedValues") or []:
            self.allowed(project, name, value)

    def allowed(self, project: str, name: str, value: Any) -> None:
        if not isinstance(value, dict) or "id" not in value:
            return
        if name == "priority":
            self.priority(value)
        elif name == "issuetype":
            self.kind(value)
        elif name == "project":
            self.project(value)
        elif name in ("components", "fixVersions", "versions"):
            table = "components" if name == "components" else "versions"
            row = {"project": project, "archived": False, "released": False, **value}
            self.site.table(table).put(str(value["id"]), row)
        elif name.startswith("customfield_") and "value" in value:
            row = {"id": str(value["id"]), "field": name, "value": value["value"]}
            self.site.table("options").put(str(value["id"]), row)

    def status(self, row: Row) -> str:
        ident = str(row["id"])
        category = (row.get("statusCategory") or {}).get("id", 1)
        icon = str(row.get("iconUrl", "")).partition("://")[2].partition("/")[2]
        given = {
            "id": ident,
            "name": row["name"],
            "description": row.get("description", ""),
            "category": category,
            "icon": icon,
        }
        self.site.table("statuses").put(ident, given)
        return ident

    def priority(self, row: Row) -> str:
        ident = str(row["id"])
        table = self.site.table("priorities")
        if ident not in table and not self.site.table("site").get("priorities believed"):
            self.site.table("site").put("priorities believed", True)
        icon = "/" + str(row.get("iconUrl", "")).partition("://")[2].partition("/")[2]
        given = {k: row[k] for k in ("name", "description", "statusColor") if k in row}
        table.put(ident, {**table.get(ident, {}), **given, "id": ident, "icon": icon})
        return ident

    def plain(self, table: str, row: Row) -> str:
        ident = str(row["id"])
        kept = {k: v for k, v in row.items() if k not in ("self", "isDefault")}
        self.site.table(table).put(ident, {**kept, "id": ident})
        return ident


class _Believer(_Site):
    """Takes over reads, issues included."""

    def take(self, path: str, fact: Fact) -> None:
        """Take over one read."""
        body = fact.response
        takers: dict[str, Any] = {
            "serverInfo": self.server,
            "myself": self.myself,
            "field": self.fields,
            "issue/createmeta": lambda b: self.each(b, "projects", self.createmeta),
            "project": lambda b: self.each(b, "values", self.project),
            "project/search": lambda b: self.each(b, "values", self.project),
        }
        exact = takers.get(path)
        if exact is not None:
            exact(body)
        elif path.startswith("project/") and path.count("/") == 1:
            self.project(body)
        elif path.startswith("user"):
            self.each(body, "values", self.user)
        elif path.startswith("issue/") and path.count("/") == 1:
            self.issue(body)
        elif path.startswith("search"):
            self.each(body, "issues", self.issue)
        else:
            self.lists(path, body)

    def each(self, body: Any, name: str, taker: Any) -> None:
        """Take over each row of a list, of a page, or the one there is."""
        rows = body if isinstance(body, list) else body.get(name)
        for row in [body] if rows is None else rows:
            if isinstance(row, dict):
                taker(row)

    def lists(self, path: str, body: Any) -> None:
        takers: dict[str, Any] = {
            "status": self.status,
            "priority": self.priority,
            "issuetype": self.kind,
            "resolution": lambda row: self.plain("resolutions", row),
        }
        taker = takers.get(path)
        if taker is not None and isinstance(body, list):
            for row in body:
                taker(row)

    def issue(self, row: Row) -> None:
        given = row.get("fields")
        if not isinstance(given, dict) or not row.get("key"):
            return
        project = given.get("project") or {}
        owner = self.site.project(row["key"].rpartition("-")[0])
        if project.get("id"):
            self.project(project)
            owner = self.site.table("projects").get(str(project["id"]))
        if owner is None:
            owner = seed.add_project(self.site, {"key": row["key"].rpartition("-")[0]})
        fields = self.values(given)
        number = int(row["key"].rpartition("-")[2])
        counter = f"jira.number.{owner['id']}"
        counters = self.site.world.counters
        counters[counter] = max(counters.get(counter, 1), number + 1)
        creator = given.get("creator") or given.get("reporter")
        when = _when(given.get("created"), self.site)
        stored: Row = {
            "id": str(row["id"]),
            "key": row["key"],
            "project": owner["id"],
            "created": when,
            "updated": _when(given.get("updated"), self.site),
            "status_changed": _when(given.get("statuscategorychangedate"), self.site, when),
            "creator": self.user(creator) if isinstance(creator, dict) else None,
            "rank": float(self.site.world.number("jira.rank")),
            "watchers": (),
            "votes": (),
            "fields": fields,
        }
        if given.get("resolutiondate"):
            stored["resolved"] = _when(given["resolutiondate"], self.site)
        watches = given.get("watches") or {}
        me = self.site.table("site").get("admin")
        count = int(watches.get("watchCount") or 0)
        known = [me] if watches.get("isWatching") else []
        others = (f"unknown-{n}" for n in range(count - len(known)))
        stored["watchers"] = (*known, *others)
        if row.get("transitions"):
            self.workflow(owner["id"], row["transitions"])
        self.site.table("keys").put(row["key"].upper(), stored["id"])
        self.site.table("issues").put(stored["id"], stored)

    def workflow(self, project: str, transitions: list[Row]) -> None:
        """Take over the transitions that an issue showed."""
        rows = tuple(
            {"id": t["id"], "name": t["name"], "to": self.status(t["to"])} for t in transitions
        )
        name = f"of {project}"
        self.site.table("workflows").put(name, {"name": name, "transitions": rows})
        self.site.table("projects").patch(project, workflow=name)

    def values(self, given: Row) -> Row:
        out: Row = {name: given.get(name) for name in _KEPT if name in given}
        out.setdefault("summary", "")
        takers: dict[str, Any] = {
            "status": self.status,
            "priority": self.priority,
            "issuetype": self.kind,
            "resolution": lambda row: self.plain("resolutions", row),
            "assignee": self.user,
            "reporter": self.user,
        }
        for name, taker in takers.items():
            if isinstance(given.get(name), dict):
                out[name] = taker(given[name])
        out.setdefault("status", "10000")
        out.setdefault("issuetype", next(iter(self.site.table("issuetypes")), None))
        for name in ("description", "environment"):
            text = given.get(name)
            if text is not None:
                out[name] = Rich(adf=text) if isinstance(text, dict) else Rich(wiki=str(text))
        known = self.site.table("fields")
        for name, value in given.items():
            if name.startswith("customfield_") and value is not None and name in known:
                out[name] = value
        return out


def _described(screen: Row) -> Row:
    keep = ("required", "hasDefaultValue", "operations", "name")
    out: Row = {}
    for name, given in screen.items():
        row = {key: given[key] for key in keep if key in given}
        row["default"] = "defaultValue" in given
        row["completes"] = "autoCompleteUrl" in given
        row["allowed"] = "allowedValues" in given
        out[name] = row
    return out


def _when(text: Any, site: Site, default: float | None = None) -> float:
    if not isinstance(text, str):
        return site.world.now() if default is None else default
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()
    except ValueError:
        return site.world.now() if default is None else default
