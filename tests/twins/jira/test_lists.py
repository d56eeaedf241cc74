"""Lists in pages, as newer clients ask for them; and filters of odd bodies."""

from typing import Any

import pytest
from tests.twins.google.calling import Caller

from unlit.twins.universe import Universe

SEED: dict[str, Any] = {
    "projects": [{"key": "SEC", "template": "scrum"}],
    "issues": [{"count": 5, "project": "SEC", "summary": "Old {n}"}],
}


@pytest.fixture
def call() -> Caller:
    universe = Universe(["jira"])
    return Caller(universe, universe.create_world({"jira": SEED}), "jira")


def test_priorities_and_resolutions_are_found_in_pages(call: Caller) -> None:
    for kind in ("priority", "resolution"):
        everything = call("GET", f"/rest/api/3/{kind}").body
        page = call("GET", f"/rest/api/3/{kind}/search", maxResults=2).body
        assert page["total"] == len(everything)
        assert [row["id"] for row in page["values"]] == [row["id"] for row in everything[:2]]
        one = call("GET", f"/rest/api/3/{kind}/search", id=everything[-1]["id"]).body
        assert [row["name"] for row in one["values"]] == [everything[-1]["name"]]


def test_boards_list_by_token_below_software(call: Caller) -> None:
    saved = call("POST", "/rest/api/3/filter", {"name": "all", "jql": "project = SEC"}).body
    body = {"name": "Board", "type": "scrum", "filterId": int(saved["id"])}
    board = call("POST", "/rest/agile/1.0/board", body).body["id"]
    old = call("GET", f"/rest/agile/1.0/board/{board}/issue").body
    assert old["total"] == 5
    keys: list[str] = []
    given: dict[str, Any] = {}
    page: dict[str, Any] = {}
    for _ in range(3):
        path = f"/rest/software/1.0/board/{board}/issue"
        page = call("GET", path, maxResults=2, **given).body
        keys += [issue["key"] for issue in page["issues"]]
        given = {"nextPageToken": page.get("nextPageToken")}
    assert page["isLast"]
    assert "total" not in page
    assert keys == [issue["key"] for issue in old["issues"]]
    assert call("GET", f"/rest/software/1.0/board/{board}").status == 404


@pytest.mark.parametrize("odd", [{"name": {}}, {"name": "a", "jql": []}, {"name": None}])
def test_a_filter_of_an_odd_body_is_refused(call: Caller, odd: dict[str, Any]) -> None:
    assert call("POST", "/rest/api/3/filter", odd).status == 400
    made = call("POST", "/rest/api/3/filter", {"name": 1, "jql": "", "favourite": False}).body
    assert (made["name"], made["favourite"]) == ("1", False)
    found = call("GET", "/rest/api/3/filter/search").body["values"]
    assert [row["name"] for row in found if row["id"] == made["id"]] == ["1"]
    assert len(found) == 2  # the other is that of the project's board
