"""PyGithub drives the seventh twin: open pull request, check, merge, webhook."""

import asyncio
import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from github import Auth, Github, GithubException

from unlit.twins.kit.delivery import Receipt
from unlit.twins.kit.http import Request
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


class Hub:
    """A world with one repository, called in process."""

    def __init__(self) -> None:
        self.universe = Universe(["github"])
        self.world = self.universe.create_world(
            {"github": {"repos": [{"name": "acme/app", "files": {"a.py": "one\ntwo\n"}}]}}
        )

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        token = self.universe.tokens(self.world)["github"]
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json",
                   "x-twin-world": self.world}  # fmt: skip
        path, _, query = path.partition("?")
        data = b"" if body is None else json.dumps(body).encode()
        asked = Request(method, path, query, headers, data, "https://api.example")
        reply = self.universe.answer("github", asked).reply
        raw = reply.encoded()
        return reply.status, json.loads(raw) if raw[:1] in (b"{", b"[") else raw.decode()

    def put(self, path: str, text: str, branch: str) -> str:
        status, found = self("GET", f"/repos/acme/app/contents/{path}?ref={branch}")
        known = {"sha": found["sha"]} if status == 200 else {}
        sent = {"message": f"write {path}", "branch": branch, **known,
                "content": base64.b64encode(text.encode()).decode()}  # fmt: skip
        return str(self("PUT", f"/repos/acme/app/contents/{path}", sent)[1]["commit"]["sha"])


@pytest.fixture
def hub() -> Hub:
    return Hub()


APP = "/repos/acme/app"


def test_what_branches_and_commits_say_of_a_repository(hub: Hub) -> None:
    sha = hub("GET", f"{APP}/branches")[1][0]["commit"]["sha"]
    hub("POST", f"{APP}/git/refs", {"ref": "refs/heads/topic", "sha": sha})
    hub.put("a.py", "one\nthree\n", "topic")
    hub.put("src/b.py", "x\n", "topic")
    assert [row["name"] for row in hub("GET", f"{APP}/branches")[1]] == ["main", "topic"]
    said = [row["commit"]["message"] for row in hub("GET", f"{APP}/commits?sha=topic")[1]]
    assert said == ["write src/b.py", "write a.py", "Initial commit"]
    assert len(hub("GET", f"{APP}/commits?sha=topic&path=a.py")[1]) == 2
    found = hub("GET", f"{APP}/compare/main...topic")[1]
    assert (found["status"], found["ahead_by"], len(found["files"])) == ("ahead", 2, 2)
    assert found["files"][0]["patch"].splitlines()[-2:] == ["-two", "+three"]
    paths = [row["path"] for row in hub("GET", f"{APP}/git/trees/topic")[1]["tree"]]
    assert paths == ["a.py", "src"]
    deep = hub("GET", f"{APP}/git/trees/topic?recursive=1")[1]["tree"]
    assert [row["path"] for row in deep] == ["a.py", "src", "src/b.py"]
    assert hub("GET", f"{APP}/languages")[1] == {"Python": 8}
    assert hub("GET", f"{APP}/readme")[0] == 404
    assert hub("GET", f"{APP}/compare/main...none")[0] == 404


def test_a_commit_is_made_of_blobs_and_trees(hub: Hub) -> None:
    head = hub("GET", f"{APP}/git/ref/heads/main")[1]["object"]["sha"]
    blob = hub("POST", f"{APP}/git/blobs", {"content": "b\n"})[1]["sha"]
    sent = {
        "base_tree": head,
        "tree": [
            {"path": "n.txt", "mode": "100644", "sha": blob},
            {"path": "a.py", "mode": "100644", "sha": None},
        ],
    }
    tree = hub("POST", f"{APP}/git/trees", sent)[1]
    assert [row["path"] for row in tree["tree"]] == ["n.txt"]
    made = hub("POST", f"{APP}/git/commits",
               {"message": "m", "tree": tree["sha"], "parents": [head]})[1]["sha"]  # fmt: skip
    ref = f"{APP}/git/refs/heads/main"
    assert hub("PATCH", ref, {"sha": made})[0] == 200
    assert hub("PATCH", ref, {"sha": head})[0] == 422  # no fast forward
    assert hub("PATCH", ref, {"sha": head, "force": True})[0] == 200
    assert hub("DELETE", ref)[0] == 204
    assert hub("GET", f"{APP}/branches")[1] == []


def test_lines_of_a_pull_request_are_talked_about(hub: Hub) -> None:
    sha = hub("GET", f"{APP}/branches")[1][0]["commit"]["sha"]
    hub("POST", f"{APP}/git/refs", {"ref": "refs/heads/topic", "sha": sha})
    hub.put("a.py", "one\n", "topic")
    pull = hub("POST", f"{APP}/pulls", {"title": "t", "head": "topic", "base": "main"})[1]
    place = f"{APP}/pulls/{pull['number']}"
    assert [row["filename"] for row in hub("GET", f"{place}/files")[1]] == ["a.py"]
    assert len(hub("GET", f"{place}/commits")[1]) == 1
    sent = {"body": "why?", "path": "a.py", "line": 1, "commit_id": sha}
    first = hub("POST", f"{place}/comments", sent)[1]
    answer = hub("POST", f"{place}/comments/{first['id']}/replies", {"body": "so"})[1]
    assert answer["in_reply_to_id"] == first["id"]
    assert [row["body"] for row in hub("GET", f"{place}/comments")[1]] == ["why?", "so"]
    assert hub("POST", f"{place}/comments", {**sent, "path": "no"})[0] == 422
    hub.put("c.py", "c\n", "main")
    assert hub("PUT", f"{place}/update-branch", {})[0] == 202
    assert hub("GET", f"{APP}/contents/c.py?ref=topic")[0] == 200
    assert hub("POST", f"{APP}/merges", {"base": "main", "head": "topic"})[0] == 201
    assert hub("POST", f"{APP}/merges", {"base": "main", "head": "topic"})[0] == 204
    assert hub("POST", f"{APP}/merges", {"base": "main", "head": "none"})[0] == 404


def test_an_owner_changes_stars_renames_and_deletes(hub: Hub) -> None:
    assert hub("PATCH", APP, {"description": "d", "archived": True})[1]["archived"] is True
    assert hub("PATCH", APP, {"default_branch": "none"})[0] == 422
    assert hub("PUT", "/user/starred/acme/app")[0] == 204
    assert hub("GET", APP)[1]["stargazers_count"] == 1
    assert [row["full_name"] for row in hub("GET", "/user/starred")[1]] == ["acme/app"]
    hub("DELETE", "/user/starred/acme/app")
    assert hub("GET", "/user/starred/acme/app")[0] == 404
    assert hub("POST", f"{APP}/branches/main/rename", {"new_name": "trunk"})[1]["name"] == "trunk"
    assert hub("GET", APP)[1]["default_branch"] == "trunk"
    moved = hub("PATCH", APP, {"name": "new"})[1]
    assert moved["full_name"] == "acme/new"
    assert hub("GET", "/repos/acme/new/branches")[1][0]["name"] == "trunk"
    assert hub("GET", APP)[0] == 404
    assert hub("PATCH", "/user", {"name": "Octo"})[1]["name"] == "Octo"
    assert hub("GET", "/user")[1]["name"] == "Octo"
    assert hub("GET", "/orgs/acme/repos")[1][0]["name"] == "new"
    assert hub("GET", "/orgs/none/repos")[0] == 404
    assert hub("DELETE", "/repos/acme/new")[0] == 204
    assert hub("GET", "/repos/acme/new")[0] == 404


def test_webhooks_are_pinged_and_told_of_dispatches(hub: Hub) -> None:
    hook = hub("POST", f"{APP}/hooks", {"config": {"url": "https://ci.example/h"},
               "events": ["push", "repository_dispatch"]})[1]["id"]  # fmt: skip
    hub("POST", f"{APP}/hooks/{hook}/pings")
    hub("POST", f"{APP}/hooks/{hook}/tests")
    assert hub("POST", f"{APP}/dispatches", {"event_type": "go"})[0] == 204
    kinds = [one.kind for one in hub.universe.world(hub.world).outbox]
    assert kinds == ["ping", "ping", "push", "repository_dispatch"]
    assert hub("POST", f"{APP}/hooks/9/pings")[0] == 404
    path = f"{APP}/actions/workflows/ci.yml/dispatches"
    assert hub("POST", path, {"ref": "main"})[0] == 404
    hub.put(".github/workflows/ci.yml", "on: workflow_dispatch\n", "main")
    assert hub("POST", path, {"ref": "main"})[0] == 204
    assert hub("POST", "/markdown", {"text": "# A\n\n**b** <c>"})[1] == (
        "<h1>A</h1>\n<p><strong>b</strong> &lt;c&gt;</p>"
    )
    assert "GraphQL" in hub("POST", "/graphql", {"query": "{viewer{login}}"})[1]["errors"][0][
        "message"]  # fmt: skip
