"""GitHub, over loopback HTTP with responses as documented at docs.github.com/rest (2022-11-28)."""

from pathlib import Path
from typing import Any

import pytest
from tests.context.served import Answer, Asked, serving

from unlit.context.changes import Assign, Comment, Create, Delete, Edit, Start, Transition
from unlit.context.connectors.github import GitHub
from unlit.context.model import Ref, Trust
from unlit.core.clock import FakeClock
from unlit.core.errors import UnlitError

ISSUE: dict[str, Any] = {
    "number": 1347,
    "title": "Found a bug",
    "body": "I'm having a problem with this.",
    "state": "open",
    "user": {"login": "octocat"},
    "assignees": [{"login": "hubot"}],
    "author_association": "NONE",
    "html_url": "https://github.com/octocat/Hello-World/issues/1347",
    "updated_at": "2011-04-22T13:33:48Z",
}
PULL = {**ISSUE, "number": 12, "pull_request": {"url": "…"}, "author_association": "MEMBER"}
ROOT = "/repos/octocat/Hello-World"


def _answer(asked: Asked) -> Answer:
    routes: dict[tuple[str, str], Any] = {
        ("GET", f"{ROOT}/issues"): [ISSUE, PULL],
        ("GET", f"{ROOT}/issues/1347"): ISSUE,
        ("GET", f"{ROOT}/issues/12"): PULL,
        ("GET", f"{ROOT}/pulls/12"): {"merged": True, "head": {"sha": "abc"}},
        ("GET", f"{ROOT}/commits/abc/check-runs"): {
            "total_count": 1,
            "check_runs": [{"name": "tests", "status": "completed", "conclusion": "failure"}],
        },
        ("GET", f"{ROOT}/issues/1347/comments"): [
            {
                "id": 1,
                "body": "Me too",
                "user": {"login": "octocat"},
                "author_association": "COLLABORATOR",
                "created_at": "2011-04-14T16:00:49Z",
            }
        ],
        ("GET", "/search/issues"): {"total_count": 1, "items": [ISSUE]},
        ("GET", "/user"): {"login": "octocat"},
        ("GET", f"{ROOT}/releases/tags/v1"): {
            "id": 1,
            "tag_name": "v1",
            "name": "One",
            "body": "b",
        },
    }
    if (asked.method, asked.path) in routes:
        return 200, routes[asked.method, asked.path]
    if asked.method == "POST" and asked.path == f"{ROOT}/issues":
        if not asked.body["title"]:
            errors = [{"resource": "Issue", "field": "title", "code": "missing_field"}]
            return 422, {"message": "Validation Failed", "errors": errors}
        return 201, {**ISSUE, "number": 1348, "title": asked.body["title"]}
    if asked.method in ("PATCH", "POST"):
        return 200, ISSUE
    return 404, {"message": "Not Found", "documentation_url": "https://docs.github.com/rest"}


def test_issues_and_pull_requests_are_told_apart(tmp_path: Path) -> None:
    with serving(tmp_path, _answer) as served:
        hub = GitHub(served.api, FakeClock(), project="octocat/Hello-World")
        assert [(ref.kind, ref.key) for ref in hub.search("")] == [
            ("issue", "1347"),
            ("pull", "12"),
        ]
        pull = hub.fetch(Ref("github", "pull", "12"))
    assert pull is not None
    assert pull.status == "merged"
    assert "- tests: failure" in pull.body


def test_who_may_have_written_it_decides_its_trust(tmp_path: Path) -> None:
    with serving(tmp_path, _answer) as served:
        hub = GitHub(served.api, FakeClock(), project="octocat/Hello-World")
        stranger = hub.fetch(Ref("github", "issue", "1347"))
        (colleague,) = hub.comments(Ref("github", "issue", "1347"))
    assert stranger is not None
    assert (stranger.trust, colleague.trust) == (Trust.PUBLIC, Trust.INTERNAL)
    assert stranger.people == ("octocat", "hubot")


def test_each_change_is_one_documented_call(tmp_path: Path) -> None:
    ref = Ref("github", "issue", "1347")
    with serving(tmp_path, _answer) as served:
        hub = GitHub(served.api, FakeClock(), project="octocat/Hello-World")
        assert hub.apply(Create("", "New", "body", labels=("bug",))).key == "1348"
        hub.apply(Edit(ref, title="Other"))
        hub.apply(Transition(ref, "closed"))
        hub.apply(Assign(ref))
        hub.apply(Comment(ref, "done"))
        hub.apply(Delete(ref))
        hub.apply(Start(ref))
        calls = [(one.method, one.path, one.body) for one in served.asked if one.method != "GET"]
    one = f"{ROOT}/issues/1347"
    assert calls == [
        ("POST", f"{ROOT}/issues", {"title": "New", "body": "body", "labels": ["bug"]}),
        ("PATCH", one, {"title": "Other"}),
        ("PATCH", one, {"state": "closed"}),
        ("POST", f"{one}/assignees", {"assignees": ["octocat"]}),
        ("POST", f"{one}/comments", {"body": "done"}),
        ("PATCH", one, {"state": "closed", "state_reason": "not_planned"}),
        ("POST", f"{one}/assignees", {"assignees": ["octocat"]}),
    ]


def test_a_refusal_is_said_in_githubs_words(tmp_path: Path) -> None:
    with serving(tmp_path, _answer) as served:
        hub = GitHub(served.api, FakeClock(), project="octocat/Hello-World")
        with pytest.raises(UnlitError, match="Validation Failed"):
            hub.apply(Create("", ""))
        with pytest.raises(UnlitError) as caught:
            hub.apply(Transition(Ref("github", "issue", "1347"), "frozen"))
        assert hub.fetch(Ref("github", "issue", "9")) is None
    assert caught.value.code == "CTX-211"


def test_words_search_and_releases_are_read(tmp_path: Path) -> None:
    with serving(tmp_path, _answer) as served:
        hub = GitHub(served.api, FakeClock(), project="octocat/Hello-World")
        assert [ref.key for ref in hub.search("bug label:x")] == ["1347"]
        release = hub.fetch(Ref("github", "release", "v1"))
        assert served.asked[0].query["q"] == "bug label:x repo:octocat/Hello-World"
    assert release is not None
    assert release.title == "One"


def test_a_pasted_url_finds_its_owner(tmp_path: Path) -> None:
    with serving(tmp_path, _answer) as served:
        hub = GitHub(served.api, FakeClock(), project="octocat/Hello-World")
        url = "https://github.com/octocat/Hello-World/pull/12"
        assert hub.owns(url) == Ref("github", "pull", "12")
        assert hub.owns("#7") == Ref("github", "issue", "7")
        assert hub.owns("https://github.com/other/repo/issues/1") is None
