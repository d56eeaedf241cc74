"""New sites and seeds: presets, projects, people, issues."""

from typing import Any

from unlit.twins.kit.seeds import expand, moment
from unlit.twins.model import Actor
from unlit.twins.services.jira import presets
from unlit.twins.services.jira.model import CLOUD, SERVER, Rich, Row
from unlit.twins.services.jira.site import Site


def prepare(site: Site) -> None:
    """Fill a new site with what every site has."""
    site.table("site").put("about", {"deploymentType": CLOUD})
    for name, rows in (
        ("statuses", presets.STATUSES),
        ("issuetypes", presets.TYPES),
        ("priorities", presets.PRIORITIES),
        ("resolutions", presets.RESOLUTIONS),
        ("linktypes", presets.LINK_TYPES),
        ("roles", presets.ROLES),
        ("fields", [*presets.system_fields(), *presets.custom_fields()]),
    ):
        table = site.table(name)
        for row in rows:
            table.put(row["id"], row)
    for name, transitions in presets.TEMPLATES.items():
        site.table("workflows").put(name, {"name": name, "transitions": transitions})
    for number, value in enumerate(presets.EPIC_STATUSES, 10016):
        row = {"id": str(number), "field": presets.EPIC_STATUS, "value": value}
        site.table("options").put(row["id"], row)
    admin = add_user(site, {"displayName": "Admin Person", "emailAddress": "admin@example.com"})
    site.table("site").put("admin", admin["accountId"])
    for name in ("site-admins", "jira-users", "jira-administrators"):
        add_group(site, name, [admin["accountId"]])


def welcome(site: Site) -> None:
    """Add the first project, which signing up makes."""
    row = add_project(site, {"key": "KAN", "name": "My Kanban Project"})
    site.table("site").put("sample", row["id"])
    add_board(site, row)


def forget_sample(site: Site) -> None:
    """Take the first project away: somebody says what projects there are."""
    ident = site.table("site").drop("sample")
    held = any(row["project"] == ident for row in site.table("issues").values())
    if ident is not None and not held:
        site.table("projects").drop(ident)
        for board in [row for row in site.table("boards").values() if row["project"] == ident]:
            site.table("boards").drop(board["id"])
            site.table("filters").drop(board["filter"])


def add_group(site: Site, name: str, members: list[str]) -> Row:
    """Add a group."""
    digits = site.world.text("jira.group", 32, "0123456789abcdef")
    ident = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    row = {"name": name, "groupId": ident, "members": tuple(members)}
    return dict(site.table("groups").put(ident, row))


def add_user(site: Site, entry: Row) -> Row:
    """Add a person."""
    shown = str(
        entry.get("displayName") or entry.get("name") or entry.get("emailAddress") or "User"
    )
    mail = entry.get("emailAddress") or entry.get("email")
    account = entry.get("accountId") or site.world.text("jira.user", 24, "0123456789abcdef")
    name = entry.get("name") or (
        str(mail).split("@")[0] if mail else shown.lower().replace(" ", ".")
    )
    number = site.world.number("jira.userkey", 10000)
    row: Row = {
        "accountId": account,
        "accountType": entry.get("accountType", "atlassian"),
        "displayName": shown,
        "emailAddress": mail,
        "active": bool(entry.get("active", True)),
        "timeZone": entry.get("timeZone", "Etc/UTC"),
        "locale": entry.get("locale", "en_US"),
        "name": name,
        "key": entry.get("key", f"JIRAUSER{number}"),
    }
    if entry.get("avatarUrls"):
        row["avatarUrls"] = entry["avatarUrls"]
    return dict(site.table("users").put(account, row))


def person(site: Site, value: Any) -> str | None:
    """Return the account that a seed names, made when it is new."""
    if value is None or value == "":
        return None
    if isinstance(value, dict):
        known = site.user(value.get("accountId") or value.get("emailAddress") or value.get("name"))
        return str((known or add_user(site, value))["accountId"])
    known = site.user(value) or next(
        (u for u in site.table("users").values() if u["displayName"] == value), None
    )
    if known is None:
        key = "emailAddress" if "@" in str(value) else "displayName"
        known = add_user(site, {key: value})
    return str(known["accountId"])


def add_project(site: Site, entry: Row) -> Row:
    """Add a project with its workflow and issue types."""
    key = str(entry.get("key") or entry.get("name", "PRJ")[:4]).upper()
    ident = str(entry.get("id") or site.fresh("projects"))
    lead = person(site, entry.get("lead")) or site.table("site").get("admin")
    template = str(entry.get("template", "kanban"))
    row: Row = {
        "id": ident,
        "key": key,
        "name": str(entry.get("name") or key),
        "description": str(entry.get("description", "")),
        "lead": lead,
        "projectTypeKey": entry.get("projectTypeKey", "software"),
        "simplified": bool(entry.get("simplified", False)),
        "style": entry.get("style", "classic"),
        "assigneeType": entry.get("assigneeType", "UNASSIGNED"),
        "workflow": template,
        "types": tuple(site.table("issuetypes")),
        "avatarId": entry.get("avatarId", 10400),
        "roles": {},
    }
    site.table("projects").put(ident, row)
    for name in entry.get("components") or []:
        add_part(site, "components", row, name)
    for name in entry.get("versions") or []:
        add_part(site, "versions", row, name)
    return row


def add_board(site: Site, project: Row) -> Row | None:
    """Add the board, over a saved filter, that a software project has from the start."""
    if project["projectTypeKey"] != "software":
        return None
    number, ident = site.world.number("jira.board"), site.fresh("filters")
    name = f"{project['key']} board"
    query = f"project = {project['key']} ORDER BY Rank ASC"
    site.table("filters").put(ident, {
        "jql": query, "name": f"Filter for {name}", "description": "", "id": ident,
        "owner": project["lead"],
    })  # fmt: skip
    row: Row = {
        "id": number, "name": name, "project": project["id"], "jql": query, "filter": ident,
        "type": "scrum" if project["workflow"] == "scrum" else "kanban",
    }  # fmt: skip
    return dict(site.table("boards").put(number, row))


def add_part(site: Site, table: str, project: Row, entry: Any) -> Row:
    """Add a component or version to a project."""
    given = entry if isinstance(entry, dict) else {"name": str(entry)}
    ident = str(given.get("id") or site.fresh(table))
    row: Row = {"id": ident, "project": project["id"], **given, "name": given["name"]}
    if table == "versions":
        row = {"archived": False, "released": False, **row}
    return dict(site.table(table).put(ident, row))


def fill(site: Site, spec: Any) -> None:
    """Add the objects of a seed."""
    spec = spec or {}
    if str(spec.get("deployment", "")).lower() in ("server", "datacenter", "data center"):
        become_server(site)
    for entry in expand(spec.get("users")):
        add_user(site, entry)
    for entry in expand(spec.get("groups")):
        members = [person(site, m) for m in entry.get("members") or []]
        add_group(site, entry["name"], [m for m in members if m])
    for entry in expand(spec.get("tokens")):
        scopes = frozenset(entry["scopes"]) if entry.get("scopes") else None
        account = person(site, entry.get("user")) or str(site.table("site").get("admin"))
        site.table("tokens").put(entry["token"], Actor(account, "user", scopes))
        site.world.issue(entry["token"])
    for entry in expand(spec.get("statuses")):
        ident = site.fresh("statuses", 10100)
        site.table("statuses").put(ident, {"category": 2, **entry, "id": ident})
    for entry in expand(spec.get("fields")):
        number = site.world.number("jira.customfield", 10067)
        kind = entry.get("type", "string")
        stem = "com.atlassian.jira.plugin.system.customfieldtypes:"
        suffix = {"number": "float", "option": "select", "date": "datepicker"}.get(
            kind, "textfield"
        )
        field = presets.custom_field(number, entry["name"], kind, "", stem + suffix)
        site.table("fields").put(field["id"], {**field, "onScreen": True})
        for value in entry.get("options") or []:
            ident = site.fresh("options", 10100)
            site.table("options").put(
                ident, {"id": ident, "field": field["id"], "value": str(value)}
            )
    for entry in expand(spec.get("projects")):
        add_board(site, add_project(site, entry))
    for entry in expand(spec.get("issues")):
        add_issue(site, entry)


def become_server(site: Site) -> None:
    """Make a site a Server: its fields are those of Jira Software without the cloud's own."""
    site.table("site").patch("about", deploymentType=SERVER)
    fields = site.table("fields")
    for name, row in list(fields.items()):
        agile = "greenhopper" in str(row.get("schema", {}).get("custom", ""))
        if name in presets.CLOUD_ONLY or (row["custom"] and not agile):
            fields.drop(name)


def add_issue(site: Site, entry: Row) -> Row:
    """Add an issue of a seed; the project is made when it is new."""
    key = str(entry.get("key") or "")
    name = str(entry.get("project") or key.rpartition("-")[0] or "PRJ")
    project = site.project(name) or add_project(site, {"key": name})
    fields = _fields(site, project, entry)
    created = moment(entry.get("created"), site.world.now())
    reporter = person(site, entry.get("reporter")) or site.table("site").get("admin")
    counters, counter = site.world.counters, f"jira.number.{project['id']}"
    have = counters.get(counter, 1)
    if key:
        counters[counter] = int(key.rpartition("-")[2])
    issue = site.add_issue(project, fields, reporter, created.timestamp() if created else None)
    counters[counter] = max(have, counters[counter])
    if fields.get("parent"):
        children = site.table("children")
        children.put(fields["parent"], (*(children.get(fields["parent"]) or ()), issue["id"]))
    return issue


def _fields(site: Site, project: Row, entry: Row) -> Row:
    kinds = {row["name"].lower(): row["id"] for row in site.types(project)}
    kind = str(entry.get("type") or entry.get("issuetype") or "Task").lower()
    fields: Row = {
        "summary": str(entry.get("summary", "Issue")),
        "issuetype": kinds.get(kind, next(iter(kinds.values()))),
        "labels": sorted(entry.get("labels") or []),
        "assignee": person(site, entry.get("assignee")),
        "duedate": entry.get("duedate"),
    }
    if entry.get("description"):
        text = entry["description"]
        fields["description"] = Rich(adf=text) if isinstance(text, dict) else Rich(wiki=str(text))
    for column, table in (("priority", "priorities"), ("resolution", "resolutions")):
        found = site.named(table, entry[column]) if entry.get(column) else None
        if found:
            fields[column] = found["id"]
    if entry.get("status"):
        fields["status"] = _status(site, str(entry["status"]))
    for column, table in (("components", "components"), ("fixVersions", "versions")):
        fields[column] = [
            (_part(site, table, project, n) or add_part(site, table, project, n))["id"]
            for n in entry.get(column) or []
        ]
    parent = site.find_issue(str(entry["parent"])) if entry.get("parent") else None
    if parent is not None:
        fields["parent"] = parent["id"]
    return fields


def _status(site: Site, name: str) -> str:
    known = site.named("statuses", name)
    if known is not None:
        return str(known["id"])
    ident = site.fresh("statuses", 10100)
    site.table("statuses").put(ident, {"id": ident, "name": name, "category": 4})
    return ident


def _part(site: Site, table: str, project: Row, name: Any) -> Row | None:
    text = str(name["name"] if isinstance(name, dict) else name)
    rows = site.table(table).values()
    return next((r for r in rows if r["project"] == project["id"] and r["name"] == text), None)


__all__ = [
    "add_group",
    "add_project",
    "add_user",
    "fill",
    "forget_sample",
    "prepare",
    "welcome",
]
