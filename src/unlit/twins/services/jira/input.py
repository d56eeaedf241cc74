"""Reads the fields that callers send: checks them as Jira does, and turns them into stored form."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any, Final

from unlit.twins.services.jira.call import Ask
from unlit.twins.services.jira.model import Row
from unlit.twins.services.jira.site import refuse

_SPAN: Final = re.compile(r"^\s*(?:\d+(?:\.\d+)?\s*[wdhm]\s*)+$")
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([wdhm])")
_SECONDS: Final = {"w": 5 * 8 * 3600, "d": 8 * 3600, "h": 3600, "m": 60}
UNSETTABLE: Final = "Field '{}' cannot be set. It is not on the appropriate screen, or unknown."
_READ_ONLY: Final = frozenset(
    [
        "status",
        "created",
        "updated",
        "creator",
        "votes",
        "watches",
        "workratio",
        "progress",
        "aggregateprogress",
        "subtasks",
        "resolutiondate",
        "lastViewed",
        "statusCategory",
        "statuscategorychangedate",
        "aggregatetimespent",
        "comment",
        "aggregatetimeestimate",
        "aggregatetimeoriginalestimate",
        "timespent",
        "attachment",
        "issuekey",
        "thumbnail",
        "issuerestriction",
        "timeestimate",
        "timeoriginalestimate",
    ]
)


class Problem(ValueError):
    """A field's value is refused; the text is the vendor's."""


def seconds(text: str) -> int:
    """Read a time span such as ``2d 4h``; a bare number counts minutes.

    Raises:
        Problem: It is none.
    """
    if re.match(r"^\s*\d+\s*$", text):
        return int(text) * 60
    if not _SPAN.match(text):
        raise Problem(f"Invalid time duration entered: {text}")
    return int(sum(float(n) * _SECONDS[unit] for n, unit in _PART.findall(text)))


class Reader:
    """Checks field values for one project and issue type.

    Args:
        ask: The call.
        project: Where the issue is or will be.
    """

    def __init__(self, ask: Ask, project: Row) -> None:
        self.ask = ask
        self.site = ask.site
        self.project = project
        self.errors: dict[str, str] = {}

    def fail(self) -> None:
        """Raise what was found wrong so far, if anything."""
        if self.errors:
            raise refuse(400, **self.errors)

    def read(self, fields: Row) -> Row:
        """Return the stored form of `fields`; problems are collected in `errors`."""
        out: Row = {}
        for name, value in fields.items():
            if name in ("project", "issuetype"):
                continue
            try:
                out.update(self.one(name, value))
            except Problem as problem:
                self.errors[name] = str(problem)
        return out

    def one(self, name: str, value: Any) -> Row:
        """Return the stored form of one field.

        Raises:
            Problem: The value is refused.
        """
        definition = self.site.table("fields").get(name)
        if definition is None or name in _READ_ONLY:
            raise Problem(UNSETTABLE.format(name))
        if name == "timetracking":
            return self.tracking(value)
        reader = _READERS.get(name)
        if reader is not None:
            return {name: reader(self, value)}
        return {name: self.custom(name, definition, value)}

    def summary(self, value: Any) -> str:
        """Check a summary."""
        if value is None or (isinstance(value, str) and not value.strip()):
            raise Problem("You must specify a summary of the issue.")
        if not isinstance(value, str):
            raise Problem("Operation value must be a string")
        if "\n" in value or "\r" in value:
            raise Problem("The summary is invalid because it contains newline characters.")
        if len(value) > 255:
            raise Problem("Summary must be less than 255 characters.")
        return value.strip()

    def account(self, value: Any) -> str | None:
        """Check a user."""
        if value is None:
            return None
        if not isinstance(value, dict):
            raise Problem("data was not an object")
        keys = ("accountId", "id") if self.site.cloud else ("name", "key")
        given = next((value[key] for key in keys if key in value), None)
        if given is None or given == "":
            return None
        if given == "-1":
            return self.project.get("lead")
        user = self.site.table("users").get(given)
        if user is None and not self.site.cloud:
            user = self.site.user(given)
        if user is None:
            raise Problem(
                "Specify a valid value for assignee"
                if self.site.cloud
                else f"User '{given}' does not exist."
            )
        return str(user["accountId"])

    def priority(self, value: Any) -> str | None:
        """Check a priority."""
        if value is None:
            return None
        return self.reference(
            "priorities",
            value,
            "Specify the Priority (id or name) in string format",
            "The priority selected is invalid.",
        )

    def resolution(self, value: Any) -> str | None:
        """Check a resolution."""
        if value is None:
            return None
        return self.reference(
            "resolutions",
            value,
            "Could not find valid 'id' or 'name' in resolution object.",
            "The resolution selected is invalid.",
        )

    def reference(self, table: str, value: Any, shape: str, unknown: str) -> str:
        """Check an object given by id or name."""
        if not isinstance(value, dict):
            raise Problem(shape)
        if value.get("id") is not None:
            row = self.site.table(table).get(str(value["id"]))
        elif value.get("name") is not None:
            low = str(value["name"]).lower()
            rows = self.site.table(table).values()
            row = next((r for r in rows if r["name"].lower() == low), None)
        else:
            raise Problem(shape)
        if row is None:
            raise Problem(unknown)
        return str(row["id"])

    def labels(self, value: Any) -> list[str]:
        """Check labels."""
        if value is None:
            return []
        if not isinstance(value, list):
            raise Problem("data was not an array")
        for label in value:
            if not isinstance(label, str):
                raise Problem("string expected at index 0")
            if re.search(r"\s", label):
                raise Problem(f"The label '{label}' contains spaces which is invalid.")
            if len(label) > 255:
                raise Problem(
                    f"The label '{label}' exceeds the maximum length for a single label (255 "
                    f"characters)."
                )
        return sorted(dict.fromkeys(value))

    def member(self, table: str, word: str, item: Any) -> str:
        """Check one component or version of the project."""
        if not isinstance(item, dict):
            raise Problem("expected Object")
        rows = [r for r in self.site.table(table).values() if r["project"] == self.project["id"]]
        if item.get("id") is not None:
            found = next((r for r in rows if r["id"] == str(item["id"])), None)
            if found is None:
                raise Problem(f"{word} id '{item['id']}' is not valid")
        else:
            name = str(item.get("name", ""))
            found = next((r for r in rows if r["name"].lower() == name.lower()), None)
            if found is None:
                raise Problem(f"{word} name '{name}' is not valid")
        return str(found["id"])

    def due(self, value: Any) -> str | None:
        """Check a due date."""
        if value is None or value == "":
            return None
        try:
            return date.fromisoformat(str(value)).isoformat()
        except ValueError as error:
            raise Problem(f"Error parsing date string: {value}") from error

    def parent(self, value: Any) -> str | None:
        """Check a parent issue."""
        if value is None:
            return None
        if not isinstance(value, dict) or not (value.get("key") or value.get("id")):
            raise Problem("Could not find issue by id or key.")
        issue = self.site.find_issue(str(value.get("key") or value.get("id")))
        if issue is None:
            raise Problem("Could not find issue by id or key.")
        return str(issue["id"])

    def tracking(self, value: Any) -> Row:
        """Check time tracking; return the estimates in seconds."""
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise Problem("data was not an object")
        out: Row = {}
        if value.get("originalEstimate") is not None:
            out["timeoriginalestimate"] = seconds(str(value["originalEstimate"]))
            out["timeestimate"] = out["timeoriginalestimate"]
        if value.get("remainingEstimate") is not None:
            out["timeestimate"] = seconds(str(value["remainingEstimate"]))
        return out

    def custom(self, name: str, definition: Row, value: Any) -> Any:
        """Check the value of a custom field."""
        if value is None:
            return None
        schema = definition.get("schema", {})
        kind, items = schema.get("type"), schema.get("items")
        if kind == "number":
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise Problem("Operation value must be a number")
            return float(value)
        if kind == "string" and str(schema.get("custom", "")).endswith(":textarea"):
            return self.ask.rich(name, value)
        if kind == "string" and not isinstance(value, str):
            raise Problem("Operation value must be a string")
        if kind == "date":
            return self.due(value)
        if kind == "option":
            return self.option(definition, value)
        if kind == "user":
            return self.account(value)
        if kind == "array":
            return self.array(definition, items, value)
        return value

    def array(self, definition: Row, items: str | None, value: Any) -> Any:
        """Check a custom field that holds several values."""
        if definition.get("schema", {}).get("custom", "").endswith("gh-sprint"):
            number = (
                value if isinstance(value, int) else value[-1] if isinstance(value, list) else None
            )
            if number not in self.site.table("sprints"):
                raise Problem("Number value expected as the Sprint id.")
            return [number]
        if not isinstance(value, list):
            raise Problem("data was not an array")
        if items == "option":
            return [self.option(definition, item) for item in value]
        if items == "user":
            return [self.account(item) for item in value]
        return value

    def option(self, definition: Row, value: Any) -> Any:
        """Check an option of a select list."""
        if not isinstance(value, dict):
            raise Problem("Specify a valid 'id' or 'name' for " + definition["name"])
        options = [o for o in self.site.table("options").values() if o["field"] == definition["id"]]
        if "id" in value:
            found = next((o for o in options if o["id"] == str(value["id"])), None)
            if found is None:
                raise Problem(f"Option id '{value['id']}' is not valid")
        else:
            found = next((o for o in options if o["value"] == value.get("value")), None)
            if found is None:
                if not options:
                    raise Problem("Option value '" + str(value.get("value")) + "' is not valid")
                raise Problem("Specify a valid 'id' or 'name' for " + definition["name"])
        link = f"{self.ask.render.api}/customFieldOption/{found['id']}"
        return {"self": link, "value": found["value"], "id": found["id"]}


def _rich(name: str) -> Callable[[Reader, Any], Any]:
    return lambda reader, value: reader.ask.rich(name, value)


_MEMBERS: Final = {
    "components": ("components", "Component"),
    "fixVersions": ("versions", "Version"),
    "versions": ("versions", "Version"),
}


def _member(name: str) -> Callable[[Reader, Any], list[str]]:
    table, word = _MEMBERS[name]

    def read(reader: Reader, value: Any) -> list[str]:
        if value is None:
            return []
        if not isinstance(value, list):
            raise Problem("data was not an array")
        return [reader.member(table, word, item) for item in value]

    return read


_READERS: Final[dict[str, Callable[[Reader, Any], Any]]] = {
    "summary": Reader.summary,
    "description": _rich("description"),
    "environment": _rich("environment"),
    "assignee": Reader.account,
    "reporter": Reader.account,
    "priority": Reader.priority,
    "resolution": Reader.resolution,
    "labels": Reader.labels,
    "components": _member("components"),
    "fixVersions": _member("fixVersions"),
    "versions": _member("versions"),
    "duedate": Reader.due,
    "parent": Reader.parent,
}
