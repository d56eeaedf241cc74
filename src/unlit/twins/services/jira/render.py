"""Objects of a site in the vendor's JSON, v2 or v3."""

import hashlib
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote

from unlit.twins.services.jira import adf, presets
from unlit.twins.services.jira.model import Change, Rich, Row
from unlit.twins.services.jira.site import Site, stamp

_EXPANDS: Final = (
    "renderedFields",
    "names",
    "schema",
    "operations",
    "editmeta",
    "changelog",
    "versionedRepresentations",
)
_FOUND_EXPANDS: Final = (
    "operations",
    "versionedRepresentations",
    "editmeta",
    "changelog",
    "renderedFields",
)
_SIZES: Final = (("48x48", ""), ("24x24", "small"), ("16x16", "xsmall"), ("32x32", "medium"))


class Render:
    """Renders objects of one site for one caller.

    Args:
        site: Whose objects.
        base: Origin (and context path) that URLs begin with.
        version: ``2`` or ``3``.
        me: Account id of the caller.
    """

    def __init__(self, site: Site, base: str, version: str, me: str | None) -> None:
        self.site = site
        self.base = base
        self.version = version
        self.me = me
        self.api = f"{base}/rest/api/{version}"

    # --- small things
    def user(self, account: str | None, *, full: bool = False) -> Row | None:
        """Render a user; `full` adds what only the user resource shows."""
        if account is None:
            return None
        row = self.site.table("users").get(account)
        if row is None:
            return {"self": f"{self.api}/user?accountId={quote(account)}", "accountId": account}
        if not self.site.cloud:
            return self._server_user(row, full=full)
        out: Row = {
            "self": f"{self.api}/user?accountId={quote(account)}",
            "accountId": account,
        }
        if full:
            out["accountType"] = row["accountType"]
        if row.get("emailAddress"):
            out["emailAddress"] = row["emailAddress"]
        out["avatarUrls"] = row.get("avatarUrls") or avatars(row)
        out |= {"displayName": row["displayName"], "active": row["active"]}
        if row.get("timeZone"):
            out["timeZone"] = row["timeZone"]
        if full:
            if row.get("locale"):
                out["locale"] = row["locale"]
        else:
            out["accountType"] = row["accountType"]
        return out

    def _server_user(self, row: Row, *, full: bool) -> Row:
        out: Row = {
            "self": f"{self.api}/user?username={quote(row['name'])}",
            "key": row["key"],
            "name": row["name"],
            "emailAddress": row.get("emailAddress") or "",
            "avatarUrls": row.get("avatarUrls") or avatars(row),
            "displayName": row["displayName"],
            "active": row["active"],
        }
        if full:
            out["deleted"] = False
        if row.get("timeZone"):
            out["timeZone"] = row["timeZone"]
        if full:
            out["locale"] = row.get("locale") or "en_US"
        return out

    def category(self, ident: int) -> Row:
        """Render a status category."""
        row = next((c for c in presets.CATEGORIES if c["id"] == ident), presets.CATEGORIES[0])
        return {"self": f"{self.api}/statuscategory/{row['id']}", **row}

    def status(self, ident: str) -> Row | None:
        """Render a status."""
        row = self.site.table("statuses").get(ident)
        if row is None:
            return None
        return {
            "self": f"{self.api}/status/{ident}",
            "description": row.get("description", ""),
            "iconUrl": f"{self.base}/{row.get('icon', '')}",
            "name": row["name"],
            "id": ident,
            "statusCategory": self.category(row["category"]),
        }

    def issue_type(self, ident: str) -> Row | None:
        """Render an issue type."""
        row = self.site.table("issuetypes").get(ident)
        if row is None:
            return None
        avatar = row.get("avatarId")
        icon = f"{self.api}/universal_avatar/view/type/issuetype/avatar/{avatar}?size=medium"
        out: Row = {
            "self": f"{self.api}/issuetype/{ident}",
            "id": ident,
            "description": row.get("description", ""),
            "iconUrl": icon,
            "name": row["name"],
            "subtask": bool(row.get("subtask")),
            "avatarId": avatar,
        }
        if row.get("entityId"):
            out["entityId"] = row["entityId"]
        if self.site.cloud:
            out["hierarchyLevel"] = row.get("hierarchyLevel", 0)
        return out

    def priority(self, ident: str | None, *, full: bool = False) -> Row | None:
        """Render a priority."""
        row = self.site.table("priorities").get(ident)
        if row is None:
            return None
        name = str(row["name"]).lower()
        icon = f"{self.base}/images/icons/priorities/{name}_new.svg"
        if name not in ("highest", "high", "medium", "low", "lowest"):
            icon = f"{self.base}/images/icons/priorities/{name}.svg"
        icon = self.base + row["icon"] if row.get("icon") else icon
        out: Row = {"self": f"{self.api}/priority/{ident}"}
        if full:
            out |= {
                "statusColor": row.get("statusColor", "#999999"),
                "description": row.get("description", ""),
            }
        out |= {"iconUrl": icon, "name": row["name"], "id": ident}
        if full:
            out["isDefault"] = ident == presets.DEFAULT_PRIORITY
        return out

    def resolution(self, ident: str | None, *, full: bool = False) -> Row | None:
        """Render a resolution."""
        row = self.site.table("resolutions").get(ident)
        if row is None:
            return None
        out: Row = {
            "self": f"{self.api}/resolution/{ident}",
            "id": ident,
            "description": row.get("description", ""),
            "name": row["name"],
        }
        if full:
            out["isDefault"] = False
        return out

    def project_ref(self, ident: str) -> Row:
        """Render a project as an issue shows it."""
        row = self.site.table("projects")[ident]
        out: Row = {
            "self": f"{self.api}/project/{ident}",
            "id": ident,
            "key": row["key"],
            "name": row["name"],
            "projectTypeKey": row.get("projectTypeKey", "software"),
        }
        if self.site.cloud:
            out["simplified"] = row.get("simplified", False)
        out["avatarUrls"] = self.project_avatars(row)
        if row.get("category"):
            out["projectCategory"] = self.project_category(row["category"])
        return out

    def project_avatars(self, row: Row) -> Row:
        """Render the avatar URLs of a project."""
        avatar = row.get("avatarId", 10400)
        if not self.site.cloud:
            stem = f"{self.base}/secure/projectavatar?"
            return {
                size: stem + (f"size={word}&" if word else "") + f"avatarId={avatar}"
                for size, word in _SIZES
            }
        stem = f"{self.api}/universal_avatar/view/type/project/avatar/{avatar}"
        return {size: stem + (f"?size={word}" if word else "") for size, word in _SIZES}

    def project_category(self, ident: str) -> Row | None:
        """Render a project category."""
        row = self.site.table("categories").get(ident)
        if row is None:
            return None
        return {
            "self": f"{self.api}/projectCategory/{ident}",
            "id": ident,
            "description": row.get("description", ""),
            "name": row["name"],
        }

    def component(self, ident: str) -> Row | None:
        """Render a component as an issue shows it."""
        row = self.site.table("components").get(ident)
        if row is None:
            return None
        out: Row = {"self": f"{self.api}/component/{ident}", "id": ident, "name": row["name"]}
        if row.get("description"):
            out["description"] = row["description"]
        return out

    def version_ref(self, ident: str) -> Row | None:
        """Render a version as an issue shows it."""
        row = self.site.table("versions").get(ident)
        if row is None:
            return None
        out: Row = {"self": f"{self.api}/version/{ident}", "id": ident}
        if row.get("description"):
            out["description"] = row["description"]
        out |= {"name": row["name"], "archived": row["archived"], "released": row["released"]}
        if row.get("releaseDate"):
            out["releaseDate"] = row["releaseDate"]
        return out

    def rich(self, value: Any) -> Any:
        """Render a rich text in this version's form."""
        if not isinstance(value, Rich):
            return value
        return adf.as_adf(value) if self.version == "3" else adf.as_wiki(value)

    def issue_ref(self, issue: Row, *fields: str) -> Row:
        """Render an issue as a link or parent shows it."""
        names = fields or ("summary", "status", "priority", "issuetype")
        shown = {name: self.field(issue, name) for name in names}
        return {
            "id": issue["id"],
            "key": issue["key"],
            "self": f"{self.api}/issue/{issue['id']}",
            "fields": shown,
        }

    # --- issues
    def issue(self, issue: Row, names: Iterable[str] | None = None) -> Row:
        """Render an issue with these fields; `None` means all."""
        wanted = self.all_fields(issue) if names is None else names
        fields: Row = {}
        for name in wanted:
            found = self.field(issue, name)
            if found is not _ABSENT:
                fields[name] = found
        return {
            "expand": self.expandable(),
            "id": issue["id"],
            "self": f"{self.api}/issue/{issue['id']}",
            "key": issue["key"],
            "fields": fields,
        }

    def expandable(self, *, found: bool = False) -> str:
        """Return what `expand` may name, for one issue or for one in a search's answer."""
        names = list(_FOUND_EXPANDS if found else _EXPANDS)
        if self.site.cloud and presets.REQUEST_TYPE in self.site.table("fields"):
            names.insert(4 if found else len(names), f"{presets.REQUEST_TYPE}.requestTypePractice")
        return ",".join(names)

    def all_fields(self, issue: Row) -> list[str]:
        """Return the ids of all fields that an issue shows."""
        epic = self._is_epic(issue)
        out: list[str] = []
        for name, definition in self.site.table("fields").items():
            if name in presets.UNSHOWN or (name in presets.EPIC_ONLY and not epic):
                continue
            if definition.get("hidden") and issue["fields"].get(name) is None:
                continue
            out.append(name)
        if issue["fields"].get("parent"):
            out.append("parent")
        return out

    def _is_epic(self, issue: Row) -> bool:
        kind = self.site.table("issuetypes").get(issue["fields"].get("issuetype")) or {}
        return bool(kind.get("hierarchyLevel") == 1)

    def field(self, issue: Row, name: str) -> Any:
        """Render one field of an issue."""
        maker = _FIELDS.get(name)
        if maker is not None:
            return maker(self, issue)
        value = issue["fields"].get(name)
        definition = self.site.table("fields").get(name)
        if definition is None:
            return _ABSENT
        if name in ("description", "environment"):
            return self.rich(value)
        return self.custom(definition, value)

    def custom(self, definition: Row, value: Any) -> Any:
        """Render the value of a custom field."""
        schema = definition.get("schema", {})
        if value is None:
            return definition.get("empty")
        if isinstance(value, Rich):
            return self.rich(value)
        if schema.get("type") == "user" and isinstance(value, str):
            return self.user(value)
        if schema.get("type") == "array" and schema.get("items") == "user":
            return [self.user(item) for item in value]
        if schema.get("custom", "").endswith("gh-sprint"):
            return [self.sprint_ref(item) for item in value]
        return value

    def sprint_ref(self, ident: int) -> Row:
        """Render a sprint as the sprint field shows it."""
        row = self.site.table("sprints")[ident]
        keys = ("id", "name", "state", "boardId", "goal", "startDate", "endDate", "completeDate")
        return {key: row[key] for key in keys if row.get(key) is not None}

    def links(self, issue: Row) -> list[Row]:
        """Render the links of an issue."""
        out: list[Row] = []
        for ident in self.site.table("linked").get(issue["id"]) or ():
            link = self.site.table("links").get(ident)
            if link is not None:
                out.append(self.link_side(link, issue["id"]))
        return out

    def link_side(self, link: Row, seen_from: str) -> Row:
        """Render a link as one of its issues shows it."""
        outward = link["inward"] == seen_from
        other = self.site.table("issues")[link["outward"] if outward else link["inward"]]
        return {
            "id": link["id"],
            "self": f"{self.api}/issueLink/{link['id']}",
            "type": self.link_type(link["type"]),
            ("outwardIssue" if outward else "inwardIssue"): self.issue_ref(other),
        }

    def link_type(self, ident: str) -> Row:
        """Render a link type."""
        row = self.site.table("linktypes")[ident]
        return {
            "id": ident,
            "name": row["name"],
            "inward": row["inward"],
            "outward": row["outward"],
            "self": f"{self.api}/issueLinkType/{ident}",
        }

    def comment(self, row: Row) -> Row:
        """Render a comment."""
        out: Row = {
            "self": f"{self.api}/issue/{row['issue']}/comment/{row['id']}",
            "id": row["id"],
            "author": self.user(row["author"]),
            "body": self.rich(row["body"]),
            "updateAuthor": self.user(row["update_author"]),
            "created": stamp(row["created"]),
            "updated": stamp(row["updated"]),
        }
        if row.get("visibility"):
            out["visibility"] = row["visibility"]
        if self.site.cloud:
            out["jsdPublic"] = row.get("jsdPublic", True)
        return out

    def worklog(self, row: Row) -> Row:
        """Render a worklog."""
        out: Row = {
            "self": f"{self.api}/issue/{row['issue']}/worklog/{row['id']}",
            "author": self.user(row["author"]),
            "updateAuthor": self.user(row["update_author"]),
        }
        if row.get("comment") is not None:
            out["comment"] = self.rich(row["comment"])
        return out | {
            "created": stamp(row["created"]),
            "updated": stamp(row["updated"]),
            "started": row["started"],
            "timeSpent": row["timeSpent"],
            "timeSpentSeconds": row["seconds"],
            "id": row["id"],
            "issueId": row["issue"],
        }

    def attachment(self, row: Row, *, within: bool = True) -> Row:
        """Render an attachment."""
        out: Row = {
            "self": f"{self.api}/attachment/{row['id']}",
            "id": row["id"] if within else int(row["id"]),
            "filename": row["filename"],
            "author": self.user(row["author"]),
            "created": stamp(row["created"]),
            "size": row["size"],
            "mimeType": row["mimeType"],
            "content": f"{self.api}/attachment/content/{row['id']}",
        }
        if row["mimeType"].startswith("image/"):
            out["thumbnail"] = f"{self.api}/attachment/thumbnail/{row['id']}"
        return out

    def changes(self, entry: Row) -> Row:
        """Render an entry of an issue's history."""
        return {
            "id": entry["id"],
            "author": self.user(entry["author"]),
            "created": stamp(entry["created"]),
            "items": [change_item(change, cloud=self.site.cloud) for change in entry["items"]],
        }


def change_item(change: Change, *, cloud: bool = True) -> Row:
    """Render one changed field."""
    out: Row = {"field": change.field, "fieldtype": change.kind}
    if cloud and change.field_id:
        out["fieldId"] = change.field_id
    out |= {
        "from": change.before,
        "fromString": change.before_text,
        "to": change.after,
        "toString": change.after_text,
    }
    if cloud and change.field_id in ("assignee", "reporter"):
        out |= {"tmpFromAccountId": change.before, "tmpToAccountId": change.after}
    return out


def avatars(row: Row) -> Row:
    """Make up the avatar URLs of a user."""
    digest = hashlib.md5(str(row.get("emailAddress")).encode(), usedforsecurity=False).hexdigest()
    initials = "".join(word[0] for word in str(row["displayName"]).split()[:2]).upper() or "U"
    url = (
        f"https://secure.gravatar.com/avatar/{digest}?d=https%3A%2F%2Favatar-management--avatars."
        f"us-west-2.prod.public.atl-paas.net%2Finitials%2F{initials}-0.png"
    )
    return {size: url for size, _ in _SIZES}


class _Absent:
    """Marks a field that does not exist."""


_ABSENT: Final = _Absent()


def _page_of(render: Render, issue: Row, table: str) -> list[Row]:
    rows = render.site.table(table)
    idents = render.site.table(f"{table}_of").get(issue["id"]) or ()
    return [rows[ident] for ident in idents if ident in rows]


def _comments(render: Render, issue: Row) -> Row:
    rows = _page_of(render, issue, "comments")
    return {
        "comments": [render.comment(row) for row in rows],
        "self": f"{render.api}/issue/{issue['id']}/comment",
        "maxResults": len(rows),
        "total": len(rows),
        "startAt": 0,
    }


def _worklogs(render: Render, issue: Row) -> Row:
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


def _tracking(render: Render, issue: Row) -> Row:
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


def _work_ratio(render: Render, issue: Row) -> int:
    original, spent = issue["fields"].get("timeoriginalestimate"), issue["fields"].get("timespent")
    return -1 if not original else int((spent or 0) * 100 // original)


def _subtasks(render: Render, issue: Row) -> list[Row]:
    kinds = render.site.table("issuetypes")
    out: list[Row] = []
    for ident in render.site.table("children").get(issue["id"]) or ():
        child = render.site.table("issues").get(ident)
        if child and (kinds.get(child["fields"].get("issuetype")) or {}).get("subtask"):
            out.append(render.issue_ref(child))
    return out


def _parent(render: Render, issue: Row) -> Any:
    ident = issue["fields"].get("parent")
    parent = render.site.table("issues").get(ident) if ident else None
    return render.issue_ref(parent) if parent else _ABSENT


def _status_category(render: Render, issue: Row) -> Row:
    status = render.site.table("statuses").get(issue["fields"]["status"]) or {"category": 1}
    return render.category(status["category"])


def _rows(maker: str, name: str) -> Any:
    def make(render: Render, issue: Row) -> list[Any]:
        found = [getattr(render, maker)(ident) for ident in issue["fields"].get(name) or ()]
        return [item for item in found if item is not None]

    return make


def _spent(name: str) -> Any:
    return lambda render, issue: issue["fields"].get(name)


_FIELDS: Final[dict[str, Any]] = {
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
    presets.RANK: lambda r, i: f"0|i{int(i['rank'] * 8):05x}:",
}
