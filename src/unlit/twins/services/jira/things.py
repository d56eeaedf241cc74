"""Users, statuses, types, projects and the like in the vendor's JSON, v2 or v3."""

import hashlib
from typing import Any, Final
from urllib.parse import quote

from unlit.twins.services.jira import adf, presets
from unlit.twins.services.jira.model import Rich, Row
from unlit.twins.services.jira.site import Site

_SIZES: Final = (("48x48", ""), ("24x24", "small"), ("16x16", "xsmall"), ("32x32", "medium"))


class Things:
    """Renders what issues are made of, for one caller.

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
        self.me: str | None = me
        self.api: str = f"{base}/rest/api/{version}"

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
        if not self.site.cloud:
            stem = f"{self.base}/secure/viewavatar?size=xsmall"
            icon = f"{stem}&avatarId={avatar}&avatarType=issuetype"
        if avatar is None:
            icon = f"{self.base}/images/icons/issuetypes/{row.get('icon', 'genericissue.png')}"
        out: Row = {
            "self": f"{self.api}/issuetype/{ident}",
            "id": ident,
            "description": row.get("description", ""),
            "iconUrl": icon,
            "name": row["name"],
            "subtask": bool(row.get("subtask")),
        }
        if avatar is not None:
            out["avatarId"] = avatar
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
            out["isDefault"] = ident == self.site.default_priority
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
            out["isDefault"] = ident == self.site.table("site").get("default_resolution")
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


def avatars(row: Row) -> Row:
    """Make up the avatar URLs of a user."""
    digest = hashlib.md5(str(row.get("emailAddress")).encode(), usedforsecurity=False).hexdigest()
    initials = "".join(word[0] for word in str(row["displayName"]).split()[:2]).upper() or "U"
    url = (
        f"https://secure.gravatar.com/avatar/{digest}?d=https%3A%2F%2Favatar-management--avatars."
        f"us-west-2.prod.public.atl-paas.net%2Finitials%2F{initials}-0.png"
    )
    return {size: url for size, _ in _SIZES}
