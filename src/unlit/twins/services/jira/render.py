"""Issues, comments, worklogs and histories in the vendor's JSON, v2 or v3."""

from collections.abc import Iterable
from typing import Any, Final

from unlit.twins.services.jira import presets
from unlit.twins.services.jira.issue_fields import ABSENT, FIELDS
from unlit.twins.services.jira.model import Change, Rich, Row
from unlit.twins.services.jira.site import stamp
from unlit.twins.services.jira.things import Things

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


class Render(Things):
    """Renders objects of one site for one caller: `Things`, and the issues made of them."""

    # --- issues
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

    def issue(self, issue: Row, names: Iterable[str] | None = None) -> Row:
        """Render an issue with these fields; `None` means all."""
        wanted = self.all_fields(issue) if names is None else names
        fields: Row = {}
        for name in wanted:
            found = self.field(issue, name)
            if found is not ABSENT:
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
        project = self.site.table("projects").get(issue["project"]) or {}
        if self.site.cloud and project.get("simplified"):
            out.append("issuerestriction")
        return out

    def _is_epic(self, issue: Row) -> bool:
        kind = self.site.table("issuetypes").get(issue["fields"].get("issuetype")) or {}
        return bool(kind.get("hierarchyLevel") == 1)

    def field(self, issue: Row, name: str) -> Any:
        """Render one field of an issue."""
        maker = FIELDS.get(name)
        if maker is not None:
            return maker(self, issue)
        value = issue["fields"].get(name)
        definition = self.site.table("fields").get(name)
        if definition is None:
            return ABSENT
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
        if schema.get("type") == "option" and isinstance(value, dict) and "id" in value:
            return {"self": f"{self.api}/customFieldOption/{value['id']}", **value}
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
