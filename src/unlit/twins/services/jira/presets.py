"""What a new Jira site has from the start.

Source: vendor pages on default configuration (2026-11) and the key shapes of open recordings.
"""

from typing import Any, Final

Row = dict[str, Any]

CATEGORIES: Final[tuple[Row, ...]] = (
    {"id": 1, "key": "undefined", "colorName": "medium-gray", "name": "No Category"},
    {"id": 2, "key": "new", "colorName": "blue-gray", "name": "To Do"},
    {"id": 4, "key": "indeterminate", "colorName": "yellow", "name": "In Progress"},
    {"id": 3, "key": "done", "colorName": "green", "name": "Done"},
)
STATUSES: Final[tuple[Row, ...]] = (
    {"id": "10000", "name": "Backlog", "category": 2},
    {"id": "10001", "name": "Selected for Development", "category": 2},
    {
        "id": "3",
        "name": "In Progress",
        "category": 4,
        "description": "This issue is being actively worked on at the moment by the assignee.",
        "icon": "images/icons/statuses/inprogress.png",
    },
    {"id": "10002", "name": "Done", "category": 3},
    {"id": "10003", "name": "To Do", "category": 2},
)
TYPES: Final[tuple[Row, ...]] = (
    {
        "id": "10000",
        "name": "Epic",
        "description": "A big user story that needs to be broken down.",
        "icon": "epic.svg",
        "hierarchyLevel": 1,
    },
    {
        "id": "10001",
        "name": "Story",
        "description": "Functionality or a feature expressed as a user goal.",
        "avatarId": 10315,
        "hierarchyLevel": 0,
    },
    {
        "id": "10002",
        "name": "Task",
        "description": "A small, distinct piece of work.",
        "avatarId": 10318,
        "hierarchyLevel": 0,
    },
    {
        "id": "10004",
        "name": "Bug",
        "description": "A problem or error.",
        "avatarId": 10303,
        "hierarchyLevel": 0,
    },
    {
        "id": "10003",
        "name": "Sub-task",
        "description": "A small piece of work that's part of a larger task.",
        "avatarId": 10316,
        "hierarchyLevel": -1,
        "subtask": True,
    },
)
PRIORITIES: Final[tuple[Row, ...]] = (
    {
        "id": "1",
        "name": "Highest",
        "statusColor": "#d04437",
        "description": "This problem will block progress.",
    },
    {
        "id": "2",
        "name": "High",
        "statusColor": "#f15C75",
        "description": "Serious problem that could block progress.",
    },
    {
        "id": "3",
        "name": "Medium",
        "statusColor": "#f79232",
        "description": "Has the potential to affect progress.",
    },
    {
        "id": "4",
        "name": "Low",
        "statusColor": "#707070",
        "description": "Minor problem or easily worked around.",
    },
    {
        "id": "5",
        "name": "Lowest",
        "statusColor": "#999999",
        "description": "Trivial problem with little or no impact on progress.",
    },
)
DEFAULT_PRIORITY: Final = "3"
RESOLUTIONS: Final[tuple[Row, ...]] = (
    {"id": "10000", "name": "Done", "description": "Work has been completed on this issue."},
    {"id": "10001", "name": "Won't Do", "description": "This issue won't be actioned."},
    {
        "id": "10002",
        "name": "Duplicate",
        "description": "The problem is a duplicate of an existing issue.",
    },
    {
        "id": "10003",
        "name": "Cannot Reproduce",
        "description": "All attempts at reproducing this issue failed.",
    },
)
LINK_TYPES: Final[tuple[Row, ...]] = (
    {"id": "10000", "name": "Blocks", "inward": "is blocked by", "outward": "blocks"},
    {"id": "10001", "name": "Cloners", "inward": "is cloned by", "outward": "clones"},
    {"id": "10002", "name": "Duplicate", "inward": "is duplicated by", "outward": "duplicates"},
    {"id": "10003", "name": "Relates", "inward": "relates to", "outward": "relates to"},
)
ROLES: Final[tuple[Row, ...]] = (
    {
        "id": 10002,
        "name": "Administrators",
        "description": "A project role that represents administrators in a project",
    },
    {
        "id": 10004,
        "name": "Developers",
        "description": "A project role that represents developers in a project",
    },
    {"id": 10003, "name": "Viewers", "description": "A project role for people who view a project"},
)

# Workflow of the classic kanban template: every status can be reached from every other.
KANBAN: Final[tuple[Row, ...]] = (
    {"id": "11", "name": "Backlog", "to": "10000"},
    {"id": "21", "name": "Selected for Development", "to": "10001"},
    {"id": "31", "name": "In Progress", "to": "3"},
    {"id": "41", "name": "Done", "to": "10002", "resolution": "10000"},
)
SCRUM: Final[tuple[Row, ...]] = (
    {"id": "11", "name": "To Do", "to": "10003"},
    {"id": "21", "name": "In Progress", "to": "3"},
    {"id": "31", "name": "Done", "to": "10002", "resolution": "10000"},
)
TEMPLATES: Final = {"kanban": KANBAN, "scrum": SCRUM}

# id, name, type, items, clause names, orderable, navigable, searchable
_SYSTEM: Final = (
    (
        "statuscategorychangedate",
        "Status Category Changed",
        "datetime",
        "",
        ("statusCategoryChangedDate",),
        0,
        1,
        1,
    ),
    ("issuetype", "Issue Type", "issuetype", "", ("issuetype", "type"), 1, 1, 1),
    ("parent", "Parent", "", "", ("parent",), 0, 1, 0),
    ("timespent", "Time Spent", "number", "", ("timespent",), 0, 1, 0),
    ("project", "Project", "project", "", ("project",), 0, 1, 1),
    ("fixVersions", "Fix versions", "array", "version", ("fixVersion",), 1, 1, 1),
    ("statusCategory", "Status Category", "statusCategory", "", ("statusCategory",), 0, 1, 1),
    ("aggregatetimespent", "Σ Time Spent", "number", "", (), 0, 1, 0),
    ("resolution", "Resolution", "resolution", "", ("resolution",), 1, 1, 1),
    ("resolutiondate", "Resolved", "datetime", "", ("resolutiondate", "resolved"), 0, 1, 1),
    ("workratio", "Work Ratio", "number", "", ("workratio",), 0, 1, 1),
    ("issuerestriction", "Restrict to", "issuerestriction", "", (), 1, 0, 1),
    ("lastViewed", "Last Viewed", "datetime", "", ("lastViewed",), 0, 1, 0),
    ("watches", "Watchers", "watches", "", ("watchers",), 0, 1, 0),
    ("thumbnail", "Images", "", "", (), 0, 1, 0),
    ("created", "Created", "datetime", "", ("created", "createdDate"), 0, 1, 1),
    ("priority", "Priority", "priority", "", ("priority",), 1, 1, 1),
    ("labels", "Labels", "array", "string", ("labels",), 1, 1, 1),
    (
        "timeestimate",
        "Remaining Estimate",
        "number",
        "",
        ("remainingEstimate", "timeestimate"),
        0,
        1,
        0,
    ),
    ("aggregatetimeoriginalestimate", "Σ Original Estimate", "number", "", (), 0, 1, 0),
    ("versions", "Affects versions", "array", "version", ("affectedVersion",), 1, 1, 1),
    ("issuelinks", "Linked Issues", "array", "issuelinks", (), 1, 1, 1),
    ("assignee", "Assignee", "user", "", ("assignee",), 1, 1, 1),
    ("updated", "Updated", "datetime", "", ("updated", "updatedDate"), 0, 1, 1),
    ("status", "Status", "status", "", ("status",), 0, 1, 1),
    ("components", "Components", "array", "component", ("component",), 1, 1, 1),
    ("issuekey", "Key", "", "", ("id", "issue", "issuekey", "key"), 0, 1, 0),
    (
        "timeoriginalestimate",
        "Original estimate",
        "number",
        "",
        ("originalEstimate", "timeoriginalestimate"),
        0,
        1,
        0,
    ),
    ("description", "Description", "string", "", ("description",), 1, 1, 1),
    ("timetracking", "Time tracking", "timetracking", "", (), 1, 0, 1),
    ("security", "Security Level", "securitylevel", "", ("level",), 1, 1, 1),
    ("attachment", "Attachment", "array", "attachment", ("attachments",), 1, 0, 1),
    ("aggregatetimeestimate", "Σ Remaining Estimate", "number", "", (), 0, 1, 0),
    ("summary", "Summary", "string", "", ("summary",), 1, 1, 1),
    ("creator", "Creator", "user", "", ("creator",), 0, 1, 1),
    ("subtasks", "Sub-tasks", "array", "issuelinks", ("subtasks",), 0, 1, 0),
    ("reporter", "Reporter", "user", "", ("reporter",), 1, 1, 1),
    ("aggregateprogress", "Σ Progress", "progress", "", (), 0, 1, 0),
    ("environment", "Environment", "string", "", ("environment",), 1, 1, 1),
    ("duedate", "Due date", "date", "", ("due", "duedate"), 1, 1, 1),
    ("progress", "Progress", "progress", "", ("progress",), 0, 1, 0),
    ("comment", "Comment", "comments-page", "", ("comment",), 1, 0, 1),
    ("votes", "Votes", "votes", "", ("votes",), 0, 1, 0),
    ("worklog", "Log Work", "array", "worklog", (), 1, 0, 1),
)
_GREENHOPPER: Final = "com.pyxis.greenhopper.jira:"
_PLATFORM: Final = "com.atlassian.jira.plugin.system.customfieldtypes:"
_CUSTOM: Final = (
    (
        10000,
        "Development",
        "any",
        "",
        "com.atlassian.jira.plugins.jira-development-integration-plugin:devsummarycf",
    ),
    (10001, "Team", "team", "", "com.atlassian.jira.plugin.system.customfieldtypes:atlassian-team"),
    (
        10002,
        "Organizations",
        "array",
        "sd-customerorganization",
        "com.atlassian.servicedesk.customer-organizations:sd-customer-organizations",
    ),
    (10003, "Approvers", "array", "user", _PLATFORM + "multiuserpicker"),
    (10004, "Impact", "option", "", _PLATFORM + "select"),
    (10005, "Change type", "option", "", _PLATFORM + "select"),
    (10006, "Change risk", "option", "", _PLATFORM + "select"),
    (10007, "Change reason", "option", "", _PLATFORM + "select"),
    (10008, "Actual start", "datetime", "", _PLATFORM + "datetime"),
    (10009, "Actual end", "datetime", "", _PLATFORM + "datetime"),
    (10010, "Request Type", "sd-customerrequesttype", "", "com.atlassian.servicedesk:vp-origin"),
    (10011, "Epic Name", "string", "", _GREENHOPPER + "gh-epic-label"),
    (10012, "Epic Status", "option", "", _GREENHOPPER + "gh-epic-status"),
    (10013, "Epic Color", "string", "", _GREENHOPPER + "gh-epic-color"),
    (10014, "Epic Link", "any", "", _GREENHOPPER + "gh-epic-link"),
    (10015, "Start date", "date", "", _PLATFORM + "datepicker"),
    (10016, "Story point estimate", "number", "", _GREENHOPPER + "jsw-story-points"),
    (10017, "Issue color", "string", "", _GREENHOPPER + "jsw-issue-color"),
    (10018, "Parent Link", "any", "", "com.atlassian.jpo:jpo-custom-field-parent"),
    (10019, "Rank", "any", "", _GREENHOPPER + "gh-lexo-rank"),
    (10020, "Sprint", "array", "json", _GREENHOPPER + "gh-sprint"),
    (10021, "Flagged", "array", "option", _PLATFORM + "multicheckboxes"),
    (10022, "Target start", "date", "", "com.atlassian.jpo:jpo-custom-field-baseline-start"),
    (10023, "Target end", "date", "", "com.atlassian.jpo:jpo-custom-field-baseline-end"),
)
REQUEST_TYPE: Final = "customfield_10010"
RANK: Final = "customfield_10019"
SPRINT: Final = "customfield_10020"
EPIC_LINK: Final = "customfield_10014"
EPIC_STATUS: Final = "customfield_10012"
EPIC_COLOUR: Final = "customfield_10013"
ISSUE_COLOUR: Final = "customfield_10017"
EPIC_NAME: Final = "customfield_10011"
FLAGGED: Final = "customfield_10021"
# Fields that Server and Data Center do not have.
CLOUD_ONLY: Final = frozenset(
    {"statuscategorychangedate", "statusCategory", "issuerestriction", "statuscategory"}
)
# Only epics show these.
EPIC_ONLY: Final = frozenset({"customfield_10011", "customfield_10012", "customfield_10013"})
# Part of an issue, but not of its default body.
UNSHOWN: Final = frozenset({"issuekey", "thumbnail", "issuerestriction", "parent"})


def system_fields() -> list[Row]:
    """Return the fields that every site has."""
    out: list[Row] = []
    for ident, name, kind, items, clauses, orderable, navigable, searchable in _SYSTEM:
        row: Row = {
            "id": ident,
            "key": ident,
            "name": name,
            "custom": False,
            "orderable": bool(orderable),
            "navigable": bool(navigable),
            "searchable": bool(searchable),
            "clauseNames": list(clauses),
        }
        if kind:
            row["schema"] = {"type": kind, "system": ident}
            if items:
                row["schema"] = {"type": kind, "items": items, "system": ident}
        out.append(row)
    return out


def custom_field(number: int, name: str, kind: str, items: str, custom: str) -> Row:
    """Return the definition of a custom field."""
    schema: Row = {"type": kind}
    if items:
        schema["items"] = items
    schema |= {"custom": custom, "customId": number}
    return {
        "id": f"customfield_{number}",
        "key": f"customfield_{number}",
        "name": name,
        "untranslatedName": name,
        "custom": True,
        "orderable": True,
        "navigable": True,
        "searchable": True,
        "clauseNames": [f"cf[{number}]", name],
        "schema": schema,
    }


# What two fields show while nothing is set: no branches; no parents above epics without Premium.
_EMPTY: Final[dict[int, Any]] = {
    10000: "{}",
    10018: {
        "hasEpicLinkFieldDependency": False,
        "showField": False,
        "nonEditableReason": {
            "reason": "PLUGIN_LICENSE_ERROR",
            "message": "The Parent Link is only available to Jira Premium users.",
        },
    },
}

EMPTY_FIELDS: Final = tuple(f"customfield_{number}" for number in _EMPTY)


def custom_fields() -> list[Row]:
    """Return the custom fields of a new cloud site."""
    rows = [custom_field(*item) for item in _CUSTOM]
    return [
        row | ({"empty": _EMPTY[item[0]]} if item[0] in _EMPTY else {})
        for row, item in zip(rows, _CUSTOM, strict=True)
    ]


# A new epic's options, and the colours that one is drawn from.
EPIC_STATUSES: Final = ("To Do", "In Progress", "Done")
EPIC_COLOURS: Final = ("purple", "dark_purple", "blue", "dark_blue", "teal", "dark_teal",
                       "green", "dark_green", "yellow", "dark_yellow", "orange", "dark_orange",
                       "grey", "dark_grey")  # fmt: skip
