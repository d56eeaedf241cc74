"""A Jira site in one world: finding and changing its objects, with history."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from unlit.twins.kit.twin import VendorError
from unlit.twins.kit.world import Table, World
from unlit.twins.services.jira import adf, presets
from unlit.twins.services.jira.model import CLOUD, Change, Rich, Row

NO_ISSUE: Final = "Issue does not exist or you do not have permission to see it."


def stamp(seconds: float) -> str:
    """Render a time as Jira does: milliseconds and +0000."""
    when = datetime.fromtimestamp(seconds, UTC)
    return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03d}+0000"


def refuse(status: int, /, *messages: str, **fields: str) -> VendorError:
    """Return the vendor's error with these messages and field errors."""
    return VendorError(
        status, "jira", messages[0] if messages else "", messages=messages, fields=fields
    )


class Site:
    """Jira's objects in a world."""

    def __init__(self, world: World) -> None:
        self.world = world

    def table(self, name: str) -> Table:
        """Return a table of this site."""
        return self.world.table(f"jira.{name}")

    @property
    def about(self) -> Row:
        """What the site says of itself."""
        found: Row = self.table("site").get("about") or {}
        return found

    @property
    def cloud(self) -> bool:
        """Whether this is Jira Cloud (not Server or Data Center)."""
        return bool(self.about.get("deploymentType", CLOUD) == CLOUD)

    @property
    def default_priority(self) -> str:
        """Which priority an issue has that names none."""
        return str(self.table("site").get("default_priority") or presets.DEFAULT_PRIORITY)

    def now(self) -> float:
        """Return a time later than any before."""
        return self.world.clock.tick()

    # --- finding
    def issue(self, id_or_key: str) -> Row:
        """Return an issue by id or key (any case; keys of moved issues too)."""
        found = self.find_issue(id_or_key)
        if found is None:
            raise refuse(404, NO_ISSUE if self.cloud else "Issue Does Not Exist")
        return found

    def find_issue(self, id_or_key: str) -> Row | None:
        """Return an issue by id or key, or nothing."""
        issues = self.table("issues")
        ident = self.table("keys").get(id_or_key.upper(), id_or_key)
        found: Row | None = issues.get(ident)
        return found

    def project(self, id_or_key: Any) -> Row | None:
        """Return a project by id, key (any case) or name."""
        text = str(id_or_key)
        projects = self.table("projects")
        found: Row | None = projects.get(text)
        if found is not None:
            return found
        low = text.lower()
        return next(
            (p for p in projects.values() if p["key"].lower() == low or p["name"].lower() == low),
            None,
        )

    def named(self, table: str, value: Any) -> Row | None:
        """Return a row by id or, in any case, by name."""
        rows = self.table(table)
        text = str(value)
        found: Row | None = rows.get(text)
        if found is not None:
            return found
        low = text.lower()
        return next((row for row in rows.values() if str(row["name"]).lower() == low), None)

    def user(self, value: Any) -> Row | None:
        """Return a user by account id, name, key or mail address."""
        if value is None:
            return None
        text = str(value)
        users = self.table("users")
        found: Row | None = users.get(text)
        if found is not None:
            return found
        low = text.lower()
        for user in users.values():
            known = (user.get("name"), user.get("key"), user.get("emailAddress"))
            if low in [str(item).lower() for item in known if item]:
                return dict(user)
        return None

    def of(self, table: str, **wanted: Any) -> Iterator[Row]:
        """Yield rows whose columns equal `wanted`."""
        for row in self.table(table).values():
            if all(row.get(key) == value for key, value in wanted.items()):
                yield row

    def types(self, project: Row) -> list[Row]:
        """Return the issue types of a project."""
        table = self.table("issuetypes")
        return [table[ident] for ident in project["types"] if ident in table]

    # --- workflow
    def transitions(self, issue: Row) -> list[Row]:
        """Return the transitions open to an issue."""
        project = self.table("projects")[issue["project"]]
        flow = self.table("workflows").get(project["workflow"]) or {"transitions": []}
        here = issue["fields"]["status"]
        return [t for t in flow["transitions"] if not t.get("from") or here in t["from"]]

    def first_status(self, project: Row) -> str:
        """Return the status of a new issue."""
        flow = self.table("workflows").get(project["workflow"])
        if flow is None:
            return "10000"
        return str(flow.get("initial") or flow["transitions"][0]["to"])

    # --- changing
    def fresh(self, kind: str, start: int = 10000) -> str:
        """Return the next numeric id of a kind."""
        table = self.table(kind)
        while True:
            ident = str(self.world.number(f"jira.{kind}", start))
            if ident not in table:
                return ident

    def add_issue(
        self, project: Row, fields: Row, actor: str | None, at: float | None = None
    ) -> Row:
        """Create an issue from checked field values."""
        when = self.now() if at is None else at
        ident = self.fresh("issues")
        number = self.world.number(f"jira.number.{project['id']}")
        key = f"{project['key']}-{number}"
        while key in self.table("keys"):
            number = self.world.number(f"jira.number.{project['id']}")
            key = f"{project['key']}-{number}"
        rank = self.world.number("jira.rank")
        values = {
            "status": self.first_status(project),
            "priority": self.default_priority if self.table("priorities") else None,
            "labels": [],
            "reporter": actor,
            **self.epic(fields),
            **fields,
        }
        row: Row = {
            "id": ident,
            "key": key,
            "project": project["id"],
            "created": when,
            "updated": when,
            "status_changed": when,
            "creator": actor,
            "rank": float(rank),
            "watchers": (actor,) if actor else (),
            "votes": (),
            "fields": values,
        }
        self.table("keys").put(key, ident)
        return dict(self.table("issues").put(ident, row))

    def epic(self, fields: Row) -> Row:
        """Return what a new issue has besides its fields, because it is an epic: state, colour."""
        kind = self.table("issuetypes").get(fields.get("issuetype")) or {}
        if kind.get("hierarchyLevel") != 1:
            return {}
        known, options = self.table("fields"), self.table("options")
        out: Row = {}
        first = next((o for o in options.values() if o["field"] == presets.EPIC_STATUS), None)
        if presets.EPIC_STATUS in known and first is not None:
            out[presets.EPIC_STATUS] = {"value": first["value"], "id": first["id"]}
        if presets.EPIC_COLOUR in known:
            number = self.world.random("jira.colour").randrange(len(presets.EPIC_COLOURS))
            out[presets.EPIC_COLOUR] = f"ghx-label-{number + 1}"
            if self.cloud and presets.ISSUE_COLOUR in known:
                out[presets.ISSUE_COLOUR] = presets.EPIC_COLOURS[number]
        return out

    def change_issue(
        self, issue: Row, values: Row, actor: str | None, extra: Iterable[Change] = ()
    ) -> list[Change]:
        """Set checked field values; write the history; return what changed."""
        before = issue["fields"]
        changes = [
            self.described(name, before.get(name), value)
            for name, value in values.items()
            if (before.get(name) or None) != (value or None)
        ]
        changes += list(extra)
        when = self.now()
        row = {**issue, "fields": {**before, **values}, "updated": when}
        if values.get("status", before["status"]) != before["status"]:
            row["status_changed"] = when
        if "resolution" in values and values["resolution"] != before.get("resolution"):
            row["resolved"] = when if values["resolution"] else None
        self.table("issues").put(issue["id"], row)
        self.history(issue["id"], changes, actor, when)
        return changes

    def history(self, issue: str, changes: list[Change], actor: str | None, when: float) -> None:
        """Add an entry to an issue's history."""
        if not changes:
            return
        table = self.table("changelogs")
        entry = {
            "id": str(self.world.number("jira.changelog", 10000)),
            "author": actor,
            "created": when,
            "items": tuple(changes),
        }
        table.put(issue, (*(table.get(issue) or ()), entry))

    def touch(self, issue: Row) -> Row:
        """Mark an issue as updated now."""
        return dict(self.table("issues").patch(issue["id"], updated=self.now()))

    def described(self, name: str, before: Any, after: Any) -> Change:
        """Describe a change of a field as the changelog does."""
        definition = self.table("fields").get(name) or {"name": name, "custom": False}
        shown = {"fixVersions": "Fix Version", "versions": "Version", "components": "Component"}
        label = definition["name"] if definition["custom"] else shown.get(name, name)
        return Change(
            label,
            name,
            "custom" if definition["custom"] else "jira",
            self.value_id(name, before),
            self.value_text(name, before),
            self.value_id(name, after),
            self.value_text(name, after),
        )

    def value_id(self, name: str, value: Any) -> str | None:
        """Return the id that a changelog shows for a stored value."""
        if value is None or isinstance(value, Rich) or name in ("summary", "labels"):
            return None
        if isinstance(value, list | tuple):
            return ", ".join(str(item) for item in value) or None
        if isinstance(value, dict):
            return str(value.get("id") or "") or None
        return str(value)

    def value_text(self, name: str, value: Any) -> str | None:
        """Return the text that a changelog shows for a stored value."""
        if value is None:
            return None
        if isinstance(value, Rich):
            return adf.as_wiki(value)
        if isinstance(value, list | tuple):
            joined = " " if name == "labels" else ", "
            return joined.join(str(self.value_text(name, item) or "") for item in value)
        if isinstance(value, dict):
            return str(value.get("value") or value.get("name") or value.get("displayName") or value)
        table = REFERENCES.get(name)
        if table is not None:
            row = self.table(table).get(value)
            if row is not None:
                return str(row.get("displayName") or row.get("name") or row.get("key"))
        return str(value)


REFERENCES: Final[dict[str, str]] = {
    "status": "statuses",
    "priority": "priorities",
    "issuetype": "issuetypes",
    "resolution": "resolutions",
    "assignee": "users",
    "reporter": "users",
    "project": "projects",
    "components": "components",
    "fixVersions": "versions",
    "versions": "versions",
    "parent": "issues",
}
