"""What a site has from the start, and what both versions of the interface show of it."""

from typing import Any

import pytest
from tests.twins.jira.calling import Site

from unlit.twins.kit.http import Request

PAGES = [
    "workflow/search", "field/search/trashed", "notificationscheme/project", "workflows/search",
    "issuetypescheme/mapping", "fieldconfigurationscheme/mapping", "jql/function/computation",
    "issuesecurityschemes/level", "priorityscheme",
]  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_pages(path: str) -> None:
    found = Site().ask("GET", path)
    assert isinstance(found["values"], list)
    assert found["isLast"] is True
    assert found["total"] == len(found["values"])


def test_a_scheme_made_in_one_version_is_there_in_the_other() -> None:
    site = Site()
    made = site.ask("POST", "permissionscheme", {"name": "Own", "description": "of ours"})
    assert made["self"].endswith(f"/permissionscheme/{made['id']}")
    assert site.ask("GET", "permissionscheme/0")["self"].endswith("/permissionscheme/0")
    headers = {"authorization": f"Bearer {site.token}", "x-twin-world": site.world}
    _, older = site.answered(Request("GET", "/rest/api/2/permissionscheme", "", headers))
    assert [row["name"] for row in older["permissionSchemes"]] == [
        "Default Permission Scheme", "Own"
    ]  # fmt: skip


def test_a_create_that_tells_only_an_id_is_found_by_it() -> None:
    site = Site()
    body = {"name": "Own", "issueTypeIds": ["10002"]}
    made = site.ask("POST", "issuetypescheme", body)
    assert list(made) == ["issueTypeSchemeId"]
    rows: list[dict[str, Any]] = site.ask("GET", "issuetypescheme")["values"]
    assert [row["id"] for row in rows] == ["10000", made["issueTypeSchemeId"]]
    site.ask("DELETE", f"issuetypescheme/{made['issueTypeSchemeId']}")
    assert len(site.ask("GET", "issuetypescheme")["values"]) == 1


def test_a_new_screen_does_not_replace_the_default_one() -> None:
    site = Site()
    site.ask("POST", "screens", {"name": "Own"})
    names = [row["name"] for row in site.ask("GET", "screens")["values"]]
    assert names == ["Default Screen", "Own"]


def test_what_is_put_where_a_page_is_read_is_in_it() -> None:
    site = Site()
    field = site.ask("POST", "field", {
        "name": "Colour",
        "type": "com.atlassian.jira.plugin.system.customfieldtypes:select",
    })  # fmt: skip
    at = f"field/{field['id']}/context/defaultValue"
    value = {"type": "option.single", "contextId": "10100", "optionId": "10001"}
    site.ask("PUT", at, {"defaultValues": [value]})
    assert site.ask("GET", at)["values"] == [value]


def test_workflows_permissions_events_and_pictures() -> None:
    site = Site()
    flows = site.ask("GET", "workflow/search", expand="transitions,statuses")["values"]
    assert flows
    assert {flow["id"]["name"] for flow in flows} == {
        flow["name"] for flow in site.ask("GET", "workflow")
    }
    assert all(flow["transitions"] and flow["statuses"] for flow in flows)
    known = site.ask("GET", "permissions")["permissions"]
    assert known["BROWSE_PROJECTS"]["type"] == "PROJECT"
    assert site.ask("GET", "events")[0] == {"id": 1, "name": "Issue Created"}
    pictures = site.ask("GET", "project/SEC/avatars")
    assert pictures["custom"] == []
    assert all(row["isSystemAvatar"] for row in pictures["system"])
    assert site.ask("GET", "configuration/timetracking")["key"] == "JIRA"


def test_a_role_without_a_description_is_shown_in_a_project() -> None:
    site = Site()
    role = site.ask("POST", "role", {"name": "Reviewers"})
    assert site.ask("GET", f"project/SEC/role/{role['id']}")["description"] == ""
    assert site.ask("GET", f"role/{role['id']}")["actors"] == []


def test_a_project_has_the_schemes_it_was_given() -> None:
    site = Site()
    at = "project/SEC/permissionscheme"
    assert site.ask("GET", at)["name"] == "Default Permission Scheme"
    made = site.ask("POST", "permissionscheme", {"name": "Own"})
    assert site.ask("PUT", at, {"id": made["id"]})["name"] == "Own"
    assert site.ask("GET", at)["id"] == made["id"]
    assert site.ask("GET", "project/OPS/permissionscheme")["id"] == 0
    assert site.status("PUT", at, {"id": 404}) == 404
    assert site.ask("GET", "project/SEC/notificationscheme")["id"] == 10000
    assert site.status("GET", "project/NONE/notificationscheme") == 404
