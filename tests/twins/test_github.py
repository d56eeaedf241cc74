"""PyGithub drives the seventh twin: open pull request, check, merge, webhook."""

import asyncio
import hashlib
import hmac
import json
from typing import Any

import pytest
from github import Auth, Github, GithubException

from unlit.twins.kit.delivery import Receipt
from unlit.twins.model import Actor, Delivery
from unlit.twins.server import TwinServer
from unlit.twins.universe import Universe

pytestmark = pytest.mark.clients


class Inbox:
    def __init__(self) -> None:
        self.taken: list[Delivery] = []

    async def send(self, delivery: Delivery) -> Receipt:
        self.taken.append(delivery)
        return Receipt(204)


def use(base: str, token: str) -> dict[str, Any]:
    client = Github(
        base_url=base,
        auth=Auth.Token(token),
        retry=None,
        seconds_between_requests=0,
        seconds_between_writes=0,
    )
    repo = client.get_repo("acme/app")
    repo.create_hook(
        "web",
        {"url": "https://ci.example/hook", "secret": "fake-secret"},
        ["pull_request", "check_run"],
    )
    main = repo.get_branch("main")
    repo.create_git_ref("refs/heads/feature", main.commit.sha)
    repo.create_file("src/new.py", "add", "print(1)\n", branch="feature")
    pull = repo.create_pull(title="New", body="please", head="feature", base="main")
    run = repo.create_check_run(name="ci", head_sha=pull.head.sha, status="in_progress")
    run.edit(status="completed", conclusion="success")
    found = [(c.name, c.conclusion) for c in repo.get_commit(pull.head.sha).get_check_runs()]
    merged = pull.merge()
    with pytest.raises(GithubException) as caught:
        repo.get_pull(pull.number).merge()
    issue = repo.create_issue(title="Later", labels=["todo"])
    issue.create_comment("soon")
    issue.edit(state="closed")
    return {
        "checks": found,
        "merged": merged.merged,
        "again": caught.value.status,
        "file": repo.get_contents("src/new.py").decoded_content,
        "readme": repo.get_contents("README.md").decoded_content,
        "pull": (repo.get_pull(pull.number).state, repo.get_pull(pull.number).merged),
        "open": [i.title for i in repo.get_issues(state="open")],
        "comments": repo.get_issue(issue.number).comments,
    }


async def test_a_pull_request_is_checked_merged_and_told_of() -> None:
    universe = Universe(["github"])
    seed = {"github": {"repos": [{"name": "acme/app"}]}}
    universe.default = universe.create_world(seed)
    inbox = Inbox()
    server = await TwinServer.start(universe, service="github", sender=inbox)
    token = universe.tokens(universe.default)["github"]
    found = await asyncio.to_thread(use, f"http://{server.address}", token)
    assert found == {
        "checks": [("ci", "success")], "merged": True, "again": 405, "file": b"print(1)\n",
        "readme": b"# acme/app\n",
        "pull": ("closed", True), "open": [], "comments": 1,
    }  # fmt: skip
    await asyncio.sleep(0.05)
    told = [(item.kind, json.loads(item.body).get("action")) for item in inbox.taken]
    assert told == [("ping", None), ("pull_request", "opened"), ("check_run", "created"),
                    ("check_run", "completed"), ("pull_request", "closed")]  # fmt: skip
    for delivery in inbox.taken:
        digest = hmac.new(b"fake-secret", delivery.body, hashlib.sha256).hexdigest()
        assert dict(delivery.headers)["x-hub-signature-256"] == f"sha256={digest}"
    state = universe.state(universe.default)
    assert [row["merged"] for row in state["github.pulls"]] == [True]
    await server.close()


def discuss(base: str, token: str, other: str) -> dict[str, Any]:
    """Labels, milestones, reviews and statuses, each read back by another route."""

    def client(secret: str) -> Any:
        auth = Auth.Token(secret)
        kit = Github(base_url=base, auth=auth, retry=None, seconds_between_requests=0,
                     seconds_between_writes=0)  # fmt: skip
        return kit.get_repo("acme/app")

    repo = client(token)
    label = repo.create_label("Urgent", "ff0000", "now")
    goal = repo.create_milestone("1.0")
    issue = repo.create_issue(title="A", labels=["Urgent"], milestone=goal)
    issue.add_to_labels("bug", "fresh")
    issue.remove_from_labels("fresh")
    label.edit("Critical", "00ff00")
    said = issue.create_comment("one")
    said.edit("two")
    main = repo.get_branch("main")
    repo.create_git_ref("refs/heads/topic", main.commit.sha)
    repo.create_file("b.txt", "add", "b", branch="topic")
    pull = repo.create_pull(title="P", body="", head="topic", base="main")
    with pytest.raises(GithubException) as own:
        pull.create_review(body="", event="APPROVE")
    client(other).get_pull(pull.number).create_review(body="fine", event="APPROVE")
    commit = repo.get_commit(pull.head.sha)
    commit.create_status("pending", context="ci")
    commit.create_status("success", context="ci")
    found = {
        "labels": sorted(one.name for one in repo.get_issue(issue.number).labels),
        "all": {"Critical", "fresh"} <= {one.name for one in repo.get_labels()},
        "by label": [one.title for one in repo.get_issues(labels=["Critical"])],
        "milestone": (repo.get_issue(issue.number).milestone.title,
                      repo.get_milestone(goal.number).open_issues),
        "comments": [one.body for one in repo.get_issues_comments()],
        "own": own.value.status,
        "reviews": [(one.state, one.body) for one in pull.get_reviews()],
        "status": commit.get_combined_status().state,
    }  # fmt: skip
    goal.delete()
    said.delete()
    gone = repo.get_issue(issue.number)
    return {**found, "gone": (gone.milestone, gone.comments)}


async def test_what_is_said_about_issues_is_there() -> None:
    universe = Universe(["github"])
    seed = {"github": {"repos": [{"name": "acme/app"}]}}
    universe.default = universe.create_world(seed)
    world = universe.world(universe.default)
    world.table("github.tokens").put("ghp_fakeother", Actor("mona", "user"))
    world.issue("ghp_fakeother")
    server = await TwinServer.start(universe, service="github")
    token = universe.tokens(universe.default)["github"]
    found = await asyncio.to_thread(discuss, f"http://{server.address}", token, "ghp_fakeother")
    await server.close()
    assert found == {
        "labels": ["Critical", "bug"], "all": True, "by label": ["A"],
        "milestone": ("1.0", 1), "comments": ["two"], "own": 422,
        "reviews": [("APPROVED", "fine")], "status": "success", "gone": (None, 0),
    }  # fmt: skip
