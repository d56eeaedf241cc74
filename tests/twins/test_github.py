"""PyGithub drives the seventh twin: open pull request, check, merge, webhook."""

import asyncio
import hashlib
import hmac
import json
from typing import Any

import pytest
from github import Auth, Github, GithubException

from unlit.twins.kit.delivery import Receipt
from unlit.twins.model import Delivery
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
