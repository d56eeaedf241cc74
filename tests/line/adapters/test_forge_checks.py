"""The repository's own checks: on the GitHub twin, and on GitLab's documented answers."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.ship.test_forges import GitHubWorld, github

from unlit.context.api import Api
from unlit.context.ports import Call, Reply
from unlit.core.errors import InvalidInput
from unlit.line.adapters.forge_checks import ForgeChecks, read_github, read_gitlab
from unlit.line.model import CiPlan
from unlit.ship.adapters.forges import HEADERS

__all__ = ["github"]
PROJECT = "acme/app"


class Answers:
    """GitLab, by path."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self._answers = answers

    def call(self, call: Call) -> Reply:
        import json

        path = call.url.removeprefix("https://gitlab.example/api/v4")
        found = self._answers.get(path)
        if isinstance(found, bytes):
            return Reply(200, {}, found)
        return Reply(404 if found is None else 200, {}, json.dumps(found).encode())

    def wait(self, seconds: float) -> None:
        raise AssertionError(seconds)


def gitlab(statuses: list[dict[str, Any]], trace: bytes = b"") -> Api:
    root = "/projects/acme%2Fapp"
    answers = {f"{root}/repository/commits/abc/statuses": statuses, f"{root}/jobs/7/trace": trace}
    return Api(Answers(answers), "https://gitlab.example/api/v4", "gitlab")


def test_a_red_job_of_gitlab_gives_its_log() -> None:
    rows = [
        {"id": 6, "name": "test", "status": "success"},
        {"id": 7, "name": "lint", "status": "failed", "target_url": "https://g/7"},
    ]
    found = read_gitlab(gitlab(rows, b"E501 line too long\n"), PROJECT, "abc")
    assert (found.state, found.name, found.log) == ("red", "lint", "E501 line too long")


@pytest.mark.parametrize(
    ("rows", "state"),
    [
        ([], "none"),
        ([{"id": 1, "name": "a", "status": "running"}], "running"),
        ([{"id": 1, "name": "a", "status": "success"}], "green"),
        ([{"id": 1, "name": "a", "status": "failed", "allow_failure": True}], "green"),
    ],
)
def test_each_state_of_gitlab_has_its_meaning(rows: list[dict[str, Any]], state: str) -> None:
    assert read_gitlab(gitlab(rows), PROJECT, "abc").state == state


async def test_checks_of_nothing_are_refused_in_words() -> None:
    @contextmanager
    def nothing(kind: str) -> Iterator[Api]:
        yield gitlab([])

    with pytest.raises(InvalidInput, match="LIN-117"):
        await ForgeChecks(nothing).look(CiPlan(source="github"), "abc", Path())
    plan = CiPlan(source="gitlab", repository=PROJECT)
    assert (await ForgeChecks(nothing).look(plan, "abc", Path())).state == "none"


@pytest.mark.usefixtures("socket_enabled")
def test_check_runs_of_github_are_read(github: GitHubWorld) -> None:  # the fixture
    api = Api(github.fetch, "https://api.github.com", "github", HEADERS["github"])
    first = github.ship("wait")
    commit = first.head
    assert read_github(api, PROJECT, commit).state == "none"
    sent = {"name": "lint", "head_sha": commit, "status": "in_progress"}
    made = api.send("POST", f"/repos/{PROJECT}/check-runs", sent)
    assert read_github(api, PROJECT, commit).state == "running"
    ended = {
        "status": "completed",
        "conclusion": "failure",
        "output": {"title": "1 error", "summary": "app.py:3 E501 line too long"},
    }
    api.send("PATCH", f"/repos/{PROJECT}/check-runs/{made['id']}", ended)
    found = read_github(api, PROJECT, commit)
    assert (found.state, found.name) == ("red", "lint")
    assert "E501 line too long" in found.log
    good = {"status": "completed", "conclusion": "success"}
    api.send("PATCH", f"/repos/{PROJECT}/check-runs/{made['id']}", good)
    assert read_github(api, PROJECT, commit).state == "green"
