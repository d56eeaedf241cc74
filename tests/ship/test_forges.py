"""Pull requests: GitHub by our twin over the wire; GitLab and Gitea by their documented answers."""

import contextlib
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.ship.test_remote import Shared
from tests.ship.test_service import RUN, git
from tests.twins.serving import serving
from typing_extensions import override

from unlit.context.adapters.http_fetch import Broker, HttpFetch, TwinAt
from unlit.context.api import Api
from unlit.core.errors import InvalidInput, OutcomeNotGoodEnough, OutsideFailed
from unlit.core.system import SystemClock
from unlit.policy import AuditLog, Identity, parse_policy, read_entries
from unlit.ship import Means, Shipment, ShipPlan, ship_run
from unlit.ship.adapters.forges import HEADERS, GiteaForge, GitHubForge, GitLabForge, forge_of
from unlit.ship.model import ForgePlan, Pull
from unlit.ship.ports import Forge
from unlit.twins.universe import Universe

PROJECT = "acme/app"
POLICY = """
version = 1
[[allow]]
role = "deploy"
host = "{host}"
{more}
"""


class Hub:
    """A forge whose API is the twin and whose git is the bare remote.

    GitHub keeps both in one place; the twin has the API only. So commits and branches are told to
    it before each call, and what it merges is merged in git as it says.
    """

    def __init__(self, forge: Forge, world: Shared, universe: Universe, name: str) -> None:
        self._forge: Any = forge
        self._shared = world
        self._twin = universe.world(name)
        self.bodies: list[str] = []

    def _tell(self) -> None:
        for line in git(self._shared.bare, "for-each-ref", "refs/heads").splitlines():
            sha, _, name = line.split()
            row = {"sha": sha, "message": "", "tree": {}, "parents": [], "at": "2026"}
            self._twin.table(f"github.commits:{PROJECT}").put(sha, row)
            self._twin.table(f"github.refs:{PROJECT}").put(name.removeprefix("refs/"), sha)

    def find(self, head: str) -> Pull | None:
        return self._forge.find(head)  # type: ignore[no-any-return] # ours, or a test's

    def open(self, head: str, base: str, title: str, body: str) -> Pull:
        self._tell()
        self.bodies.append(body)
        return self._forge.open(head, base, title, body)  # type: ignore[no-any-return] # as above

    def describe(self, pull: Pull, title: str, body: str) -> None:
        self._tell()
        self.bodies.append(body)
        self._forge.describe(pull, title, body)

    def merge(self, pull: Pull, commit: str, method: str, title: str) -> Pull:
        self._tell()
        merged: Pull = self._forge.merge(pull, commit, method, title)
        bare = self._shared.bare
        parents = ("-p", git(bare, "rev-parse", "main"), "-p", commit)
        made = git(bare, "commit-tree", f"{commit}^{{tree}}", *parents, "-m", title)
        git(bare, "update-ref", "refs/heads/main", made)
        return replace(merged, merge=made)


class GitHubWorld:
    """One repository with a remote, and its GitHub."""

    def __init__(self, root: Path, address: str, universe: Universe) -> None:
        self.shared = Shared(root)
        self.universe = universe
        self.name = universe.create_world({"github": {"repos": [{"name": PROJECT}]}})
        token = universe.tokens(self.name)["github"]
        self.audit = root / "audit"
        log = AuditLog.open(self.audit, {}, SystemClock())
        more = 'twin = "github"'
        broker = Broker(
            parse_policy(POLICY.format(host="api.github.com", more=more)),
            Identity(RUN, "ship", "unlit", "deploy"), log, {},
            {"github": TwinAt(address, {"authorization": f"Bearer {token}",
                                        "x-twin-world": self.name})},
        )  # fmt: skip
        self.fetch = HttpFetch(broker, pause=lambda seconds: None)
        self.plan = ForgePlan("github", PROJECT)
        inner = forge_of(self.plan, lambda url, headers: Api(self.fetch, url, "github", headers))
        self.forge = Hub(inner, self.shared, universe, self.name)

    def ship(self, merge: str = "api", **changes: Any) -> Shipment:
        plan = ShipPlan(remote="origin", forge=replace(self.plan, merge=merge))  # type: ignore[arg-type] # a test's text
        means = Means(plan, self.forge, lambda run: f"# Outcome of {run}", dict(os.environ))
        return ship_run(self.shared.store, RUN, means=means, **changes)

    def pulls(self) -> list[dict[str, Any]]:
        return self.universe.state(self.name)["github.pulls"]


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHubWorld]:
    universe = Universe(["github"])
    with serving(universe) as address:
        made = GitHubWorld(tmp_path, address, universe)
        yield made
        made.fetch.close()


def test_a_pull_request_carries_the_report_and_is_merged_by_the_api_once(
    github: GitHubWorld,
) -> None:
    shipment = github.ship()
    (pull,) = github.pulls()
    assert (pull["merged"], pull["title"], pull["body"]) == (
        True, "A change", f"# Outcome of {RUN}",
    )  # fmt: skip
    assert shipment.pull_request.endswith("/acme/app/pull/1")
    assert shipment.tree == github.shared.tree
    bare = github.shared.bare
    assert git(bare, "rev-parse", f"{shipment.tag}^{{commit}}") == shipment.commit
    assert git(bare, "rev-parse", "main") == shipment.commit == github.shared.head()
    assert github.ship().again
    assert len(github.pulls()) == 1
    calls = [entry.fields for entry in read_entries(github.audit) if entry.kind == "source.call"]
    assert {str(call["outcome"]) for call in calls} == {"twin"}


def test_a_pull_request_that_people_merge_is_waited_for(github: GitHubWorld) -> None:
    first = github.ship("wait")
    assert "waits for people" in first.pending
    assert github.shared.head() == github.shared.base
    assert github.ship("wait").pending
    assert len(github.pulls()) == 1
    found = github.forge.find(first.tag)
    assert found is not None
    merged = github.forge.merge(found, first.head, "merge", "by hand")
    github.forge._forge = _Merged(merged)
    done = github.ship("wait")
    assert (done.pending, done.commit, done.pull_request) == ("", first.commit, merged.url)
    assert github.shared.head() == merged.merge


class _Merged:
    """What GitHub says of a pull request that was merged in its git."""

    def __init__(self, pull: Pull) -> None:
        self._pull = pull

    def find(self, head: str) -> Pull | None:
        return self._pull


def test_a_pull_request_closed_by_hand_is_not_opened_again(github: GitHubWorld) -> None:
    github.ship("wait")
    fetch = Api(github.fetch, "https://api.github.com", "github", HEADERS["github"])
    fetch.send("PATCH", f"/repos/{PROJECT}/pulls/1", {"state": "closed"})
    with pytest.raises(OutcomeNotGoodEnough, match=r"SHP-045 .*/pull/1 was closed by hand"):
        github.ship()
    assert len(github.pulls()) == 1
    assert github.shared.head() == github.shared.base


def test_a_killed_shipping_goes_on_at_its_pull_request(github: GitHubWorld) -> None:
    first = github.ship("wait")
    again = github.ship("api")
    assert again.head == first.head
    assert len(github.pulls()) == 1


def test_a_main_that_moved_replaces_the_proposal_and_verifies_it(github: GitHubWorld) -> None:
    first = github.ship("wait")
    github.shared.elsewhere("c.txt", "c\n")
    asked: list[str] = []

    def recheck(commit: str, tree: str) -> bool:
        asked.append(tree)
        return True

    second = github.ship("api", recheck=recheck)
    assert second.head != first.head
    assert asked == [second.tree]
    assert len(github.forge.bodies) == 2
    assert len(github.pulls()) == 1


def test_a_branch_that_somebody_changed_is_not_overwritten(github: GitHubWorld) -> None:
    first = github.ship("wait")
    bare = github.shared.bare
    other = git(bare, "commit-tree", f"{first.head}^{{tree}}", "-p", first.head, "-m", "mine")
    git(bare, "update-ref", f"refs/heads/{first.tag}", other)
    github.shared.elsewhere("c.txt", "c\n")
    with pytest.raises(OutcomeNotGoodEnough, match="SHP-048"):
        github.ship("api", recheck=lambda commit, tree: True)
    assert git(bare, "rev-parse", f"refs/heads/{first.tag}") == other


def test_a_merge_of_another_tree_is_told_and_not_tagged(github: GitHubWorld) -> None:
    first = github.ship("wait")
    bare = github.shared.bare
    made = git(bare, "commit-tree", f"{github.shared.base}^{{tree}}", "-p", "main", "-m", "other")
    git(bare, "update-ref", "refs/heads/main", made)
    github.forge._forge = _Merged(Pull(1, "https://x.example/1", "merged", first.head, made))
    with pytest.raises(OutcomeNotGoodEnough, match=r"SHP-047 .*another tree"):
        github.ship("api", recheck=lambda commit, tree: True)
    assert git(github.shared.repository, "tag") == ""


def test_pull_requests_want_a_remote(github: GitHubWorld) -> None:
    means = Means(ShipPlan(forge=github.plan), github.forge)
    with pytest.raises(InvalidInput, match="SHP-040"):
        ship_run(github.shared.store, RUN, means=means)


# --- GitLab and Gitea, by the answers their documentation shows
Answers = dict[tuple[str, str], tuple[int, Any]]


@contextlib.contextmanager
def documented(answers: Answers) -> Iterator[tuple[str, list[tuple[str, str, Any]]]]:
    """Serve fixed answers; yields the base URL and what was asked."""
    asked: list[tuple[str, str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            path = self.path.split("?")[0]
            asked.append((self.command, path, body))
            status, value = answers.get((self.command, path), (404, {"message": "404 Not Found"}))
            text = b"" if value is None else json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_PATCH = _answer  # noqa: N815 # the server's names

        @override
        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@contextlib.contextmanager
def api_of(base: str, tmp_path: Path) -> Iterator[Api]:
    more = 'allow_private = true\nscheme = "http"\nencoded_slash = true\nports = ['
    more += base.rsplit(":", 1)[1] + "]"
    policy = parse_policy(POLICY.format(host="127.0.0.1", more=more))
    log = AuditLog.open(tmp_path / "audit", {}, SystemClock())
    fetch = HttpFetch(Broker(policy, Identity(RUN, "ship", "unlit", "deploy"), log, {}))
    try:
        yield Api(fetch, base, "forge", {})
    finally:
        fetch.close()
        log.close()


SHA = "8888888888888888888888888888888888888888"
GITLAB = {
    "id": 1, "iid": 7, "project_id": 3, "title": "A change", "state": "opened",
    "source_branch": "unlit/r-1", "target_branch": "main", "sha": SHA,
    "merge_commit_sha": None, "squash_commit_sha": None,
    "web_url": "https://gitlab.example.com/acme/app/-/merge_requests/7",
}  # fmt: skip
GITLAB_ROOT = "/projects/acme%2Fapp/merge_requests"


def test_gitlab_opens_and_merges_at_one_commit(tmp_path: Path) -> None:
    done = {**GITLAB, "state": "merged", "merge_commit_sha": "9" * 40}
    answers: Answers = {
        ("GET", GITLAB_ROOT): (200, []),
        ("POST", GITLAB_ROOT): (201, GITLAB),
        ("PUT", f"{GITLAB_ROOT}/7/merge"): (200, done),
    }
    with documented(answers) as (base, asked), api_of(base, tmp_path) as api:
        forge = GitLabForge(api, PROJECT)
        pull = forge.open("unlit/r-1", "main", "A change", "report")
        merged = forge.merge(pull, SHA, "merge", "A change")
        answers["GET", GITLAB_ROOT] = (200, [done])
        found = forge.find("unlit/r-1")
    assert (pull.number, pull.state, merged.merge) == (7, "open", "9" * 40)
    assert found is not None
    assert found.state == "merged"
    assert asked[1][2] == {
        "source_branch": "unlit/r-1", "target_branch": "main", "title": "A change",
        "description": "report",
    }  # fmt: skip
    assert asked[2][2]["sha"] == SHA


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (405, "405 Method Not Allowed"),
        (409, "SHA does not match HEAD of source branch"),
        (422, "Branch cannot be merged"),
    ],
)
def test_gitlab_says_why_it_does_not_merge(tmp_path: Path, status: int, message: str) -> None:
    answers: Answers = {("PUT", f"{GITLAB_ROOT}/7/merge"): (status, {"message": message})}
    with documented(answers) as (base, _), api_of(base, tmp_path) as api:
        pull = Pull(7, GITLAB["web_url"], "open", SHA)  # type: ignore[arg-type] # JSON
        with pytest.raises(OutcomeNotGoodEnough, match=rf"SHP-046 .*{message}"):
            GitLabForge(api, PROJECT).merge(pull, SHA, "merge", "x")


GITEA = {
    "number": 4, "state": "open", "title": "A change", "merged": False, "merge_commit_sha": None,
    "html_url": "https://gitea.example.com/acme/app/pulls/4",
    "head": {"ref": "unlit/r-1", "sha": SHA}, "base": {"ref": "main", "sha": "1" * 40},
}  # fmt: skip
GITEA_ROOT = "/repos/acme/app/pulls"


def test_gitea_opens_and_merges_at_one_commit(tmp_path: Path) -> None:
    done = {**GITEA, "state": "closed", "merged": True, "merge_commit_sha": "9" * 40}
    answers: Answers = {
        ("GET", GITEA_ROOT): (200, [{**GITEA, "number": 3, "head": {"ref": "other", "sha": SHA}}]),
        ("POST", GITEA_ROOT): (201, GITEA),
        ("POST", f"{GITEA_ROOT}/4/merge"): (200, None),
        ("GET", f"{GITEA_ROOT}/4"): (200, done),
    }
    with documented(answers) as (base, asked), api_of(base, tmp_path) as api:
        forge = GiteaForge(api, PROJECT)
        pull = forge.open("unlit/r-1", "main", "A change", "report")
        merged = forge.merge(pull, SHA, "merge", "A change")
    assert (pull.number, merged.merge) == (4, "9" * 40)
    assert {"Do": "merge", "head_commit_id": SHA, "MergeTitleField": "A change"} in [
        body for _, _, body in asked
    ]


def test_a_forge_that_fails_is_an_outside_failure(tmp_path: Path) -> None:
    answers: Answers = {("GET", "/repos/acme/app/pulls"): (500, {"message": "Server Error"})}
    with (
        documented(answers) as (base, _),
        api_of(base, tmp_path) as api,
        pytest.raises(OutsideFailed, match="Server Error"),
    ):
        GitHubForge(api, PROJECT).find("unlit/r-1")
