"""GitHub, over the wire against our GitHub twin."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.context.twinned import Wire, wired

from unlit.context.changes import Assign, Comment, Create, Delete, Edit, Start, Transition
from unlit.context.connectors.github import GitHub
from unlit.context.model import Ref
from unlit.core.clock import FakeClock

API = "https://api.github.com"


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    seeds = {"github": {"repos": [{"name": "acme/app"}]}}
    with wired(tmp_path, "github", API, seeds) as wire:
        yield wire


@pytest.fixture
def hub(wire: Wire) -> GitHub:
    return GitHub(wire.api, FakeClock(), project="acme/app")


def test_an_issue_from_its_creation_to_its_end(hub: GitHub) -> None:
    ref = hub.apply(Create("", "Paging is wrong", "Second page.", labels=("bug",)))
    assert list(hub.search("")) == [ref]
    assert list(hub.search("paging")) == [ref]
    hub.apply(Edit(ref, title="Paging was wrong"))
    hub.apply(Comment(ref, "seen *twice*"))
    assert [one.body for one in hub.comments(ref)] == ["seen *twice*"]
    hub.apply(Start(ref))
    me = str(hub._api.get("/user")["login"])
    hub.apply(Assign(ref, me))
    item = hub.fetch(ref)
    assert item is not None
    assert (item.title, item.status, item.people) == ("Paging was wrong", "open", (me,))
    assert hub.statuses(ref) == ("open", "closed")
    hub.apply(Transition(ref, "closed"))
    hub.apply(Transition(ref, "open"))
    hub.apply(Delete(ref))
    item = hub.fetch(ref)
    assert item is not None
    assert item.status == "closed"
    assert hub.fetch(Ref("github", "issue", "99")) is None


def test_a_pull_request_is_made_read_with_its_checks_and_merged(hub: GitHub, wire: Wire) -> None:
    root = "/repos/acme/app"
    main = wire.api.get(f"{root}/git/ref/heads/main")["object"]["sha"]
    branch = {"ref": "refs/heads/fix", "sha": main}
    wire.api.send("POST", f"{root}/git/refs", branch)
    content = {"message": "fix", "content": "Zml4", "branch": "fix"}
    sha = wire.api.send("PUT", f"{root}/contents/fix.txt", content)["commit"]["sha"]
    ref = hub.apply(Create("", "Fix paging", "Reads all.", kind="pull", parent="fix"))
    check = {"name": "tests", "head_sha": sha, "status": "completed", "conclusion": "success"}
    wire.api.send("POST", f"{root}/check-runs", check)
    item = hub.fetch(ref)
    assert item is not None
    assert "- tests: success" in item.body
    assert "merged" in hub.statuses(ref)
    hub.apply(Transition(ref, "merged"))
    item = hub.fetch(ref)
    assert item is not None
    assert item.status == "merged"


def test_repositories_and_assignees_are_listed(hub: GitHub) -> None:
    assert "acme/app" in {one.key for one in hub.places()}
    assert list(hub.people())


def test_a_release_is_made_found_by_its_url_and_read(hub: GitHub) -> None:
    ref = hub.apply(Create("", "v1.0 First", "All of it.", kind="release", parent="v1.0"))
    assert list(hub.releases()) == [ref]
    assert hub.owns("https://github.com/acme/app/releases/tag/v1.0") == ref
    item = hub.fetch(ref)
    assert item is not None
    assert (item.title, item.body) == ("v1.0 First", "All of it.")


def test_a_long_list_is_read_to_its_end(hub: GitHub) -> None:
    for number in range(103):
        hub.apply(Create("", f"Number {number}"))
    assert len({ref.key for ref in hub.search("")}) == 103
