"""Functions of JQL that pick versions, components, projects and children."""

import pytest
from tests.twins.jira.calling import Site


@pytest.fixture
def site() -> Site:
    return Site()


def test_versions_by_release(site: Site) -> None:
    project = site.ask("GET", "project/SEC")["id"]
    for name, released, date in (
        ("1", True, "2025-01-01"),
        ("2", True, "2025-06-01"),
        ("3", False, "2027-06-01"),
        ("4", False, "2027-01-01"),
    ):
        site.ask("POST", "version", {"name": name, "projectId": int(project),
                                     "released": released, "releaseDate": date})  # fmt: skip
        site.issue(f"in {name}", fixVersions=[{"name": name}])
    assert site.found("fixVersion = latestReleasedVersion(SEC)") == ["in 2"]
    assert site.found("fixVersion = earliestUnreleasedVersion(SEC)") == ["in 4"]
    assert site.found("fixVersion in releasedVersions()") == ["in 1", "in 2"]


def test_components_and_projects_of_people(site: Site) -> None:
    ada = site.ask("GET", "user/search", query="ada")[0]["accountId"]
    for name, lead in (("mine", site.me), ("hers", ada)):
        site.ask("POST", "component", {"name": name, "project": "SEC", "leadAccountId": lead})
        site.issue(f"of {name}", components=[{"name": name}])
    site.issue("plain", "OPS")
    assert site.found("component in componentsLeadByUser()") == ["of mine"]
    assert site.found('component in componentsLeadByUser("ada@example.com")') == ["of hers"]
    role = next(r for r in site.ask("GET", "role") if r["name"] == "Developers")
    site.ask("POST", f"project/OPS/role/{role['id']}", {"user": [ada]})
    jql = 'project in projectsWhereUserHasRole("Developers", "ada@example.com")'
    assert site.found(jql) == ["plain"]
    everything = site.found('project in projectsWhereUserHasPermission("Edit Issues")')
    assert sorted(everything) == ["of hers", "of mine", "plain"]


def test_children_at_every_depth(site: Site) -> None:
    epic = site.issue("epic", issuetype={"name": "Epic"})
    story = site.issue("story", parent={"key": epic})
    site.issue("sub", parent={"key": story}, issuetype={"name": "Sub-task"})
    site.issue("other")
    assert site.found(f'issue in portfolioChildIssuesOf("{epic}")') == ["story", "sub"]
