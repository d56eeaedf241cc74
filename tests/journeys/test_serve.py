"""`unlit serve` round the clock: killed at any moment, it asks, builds, tells and ships once."""

import json
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from tests.journeys.factory import UNLIT, Home, can_fence, example, git
from tests.twins.serving import serving

from unlit.context.api import Api
from unlit.context.changes import Create
from unlit.context.connectors.jira import Jira
from unlit.context.ports import Call, Reply
from unlit.core.clock import FakeClock
from unlit.twins.universe import Universe

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

if reason := can_fence():
    pytestmark.append(pytest.mark.skip(reason=reason))

SOURCE = """
[source.jira]
kind = "jira"
base_url = "https://example.atlassian.net"
project = "SEC"

[ticket.people]
{account} = "dana"

[hook.heard]
on = ["run.started", "question.opened", "gate.decided", "shipped"]
run = "cat >> {folder}/heard.jsonl; echo >> {folder}/heard.jsonl"
"""
POLICY = """
[[allow]]
role = "context"
host = "example.atlassian.net"
twin = "jira"
"""


class Tracker:
    """Our Jira twin with two tickets: one that is ready, one that is unclear."""

    def __init__(self, address: str, universe: Universe, spec: str) -> None:
        self.universe = universe
        self.world = universe.create_world(
            {"jira": {"projects": [{"key": "SEC", "name": "Security"}]}}
        )
        self.address = address
        self.token = universe.tokens(self.world)["jira"]
        headers = {"authorization": f"Bearer {self.token}", "host": "example.atlassian.net"}
        self.client = httpx2.Client(headers=headers)
        jira = Jira(Api(Wire(self), address, "jira"), FakeClock(), project="SEC")
        jira.apply(Create("SEC", "Book a desk for a day", spec))
        unclear = "When somebody looks, the program shall be nicer."
        jira.apply(Create("SEC", "Make it nicer", unclear))

    def comments(self) -> list[str]:
        return [str(row["body"]) for row in self.universe.state(self.world)["jira.comments"]]

    def count(self, text: str) -> int:
        return sum(text in body for body in self.comments())

    def call(self, method: str, path: str, body: object = None) -> dict[str, object]:
        return dict(self.client.request(method, self.address + path, json=body).json())


class Wire:
    """The twin as a connector calls it."""

    def __init__(self, tracker: Tracker) -> None:
        self._client = tracker.client

    def call(self, call: Call) -> Reply:
        reply = self._client.request(call.method, call.url, params=call.query, json=call.json)
        return Reply(reply.status_code, dict(reply.headers), reply.content)

    def wait(self, seconds: float) -> None:
        raise AssertionError("the twin does not limit")


class Service:
    """`unlit serve` as a process that can be killed."""

    def __init__(self, home: Home, base: Path, tracker: Tracker) -> None:
        self.words = [
            *UNLIT, "serve", "jira", "--query", "project = SEC ORDER BY key", "--every-s", "1",
            "--agent", "scripted:../candidates", "--vault", "../vault", "--owner", "dana",
        ]  # fmt: skip
        self.env = {
            **home.env,
            "UNLIT_TWIN_JIRA_URL": tracker.address,
            "UNLIT_TWIN_JIRA": tracker.token,
        }
        self.base = base
        self.log = base.parent / "serve.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.words, cwd=self.base, env=self.env, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def kill(self) -> None:
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def until(self, holds: Callable[[], bool], deadline_s: float = 600) -> None:
        end = time.monotonic() + deadline_s
        while time.monotonic() < end:
            if holds():
                return
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text()[-4000:]
            time.sleep(0.2)
        raise AssertionError(self.log.read_text()[-4000:])


@pytest.fixture
def service(tmp_path: Path) -> Iterator[tuple[Service, Tracker, Path]]:
    base = example("desk-booking", tmp_path / "work")
    spec = (base / "specs" / "desk-booking.md").read_text().split("---", 2)[2]
    universe = Universe(["jira"])
    with serving(universe) as address:
        tracker = Tracker(address, universe, spec)
        account = str(tracker.call("GET", "/rest/api/3/myself")["accountId"])
        text = SOURCE.format(account=f'"{account}"', folder=tmp_path)
        for name, more in (("unlit.toml", text), ("policy.toml", POLICY)):
            path = base / name
            path.write_text(path.read_text() + more)
        git(base, "add", "-A")
        git(base, "-c", "user.name=a", "-c", "user.email=a@x.example", "commit", "-q", "-m", "s")
        made = Service(Home(tmp_path / "home"), base, tracker)
        (tmp_path / "home").mkdir()
        try:
            yield made, tracker, tmp_path
        finally:
            if made.process is not None and made.process.poll() is None:
                made.kill()


def test_killed_at_any_moment_it_asks_builds_tells_and_ships_once(
    service: tuple[Service, Tracker, Path],
) -> None:
    serve, tracker, folder = service
    chance = random.Random(11)
    for _ in range(4):
        serve.start()
        time.sleep(chance.uniform(1, 9))
        serve.kill()
    serve.start()
    serve.until(lambda: tracker.count("can ship") == 1)
    assert len(tracker.comments()) == 2, tracker.comments()
    serve.kill()
    text = {"type": "text", "text": "/approve it is right"}
    document = {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [text]}]}
    body = {"body": document}
    tracker.call("POST", "/rest/api/3/issue/SEC-1/comment", body)
    serve.start()
    time.sleep(chance.uniform(1, 4))
    serve.kill()
    serve.start()
    serve.until(lambda: tracker.count("is shipped.") >= 1)
    serve.until(lambda: "shipped" in _heard(folder))
    serve.kill()
    assert tracker.count("is shipped.") == 1, tracker.comments()
    log = git(serve.base, "log", "--merges", "--format=%B", "main")
    assert log.count("Unlit-Run:") == 1
    assert "Approved-By: dana" in log
    assert "it is right (by jira:SEC-1)" in log
    assert len(git(serve.base, "tag").splitlines()) == 1
    heard = _heard(folder)
    assert set(heard) == {"run.started", "question.opened", "gate.decided", "shipped"}


def _heard(folder: Path) -> list[str]:
    path = folder / "heard.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line)["event"] for line in lines if line.strip()]


SLACK = """
[source.slack]
kind = "slack"
project = "#gates"

[slack]
channel = "#gates"
people = {{ {user} = "dana" }}
"""
SLACK_POLICY = """
[[allow]]
role = "context"
host = "slack.com"
twin = "slack"
"""


def test_a_gate_is_asked_and_decided_in_slack_while_it_serves(tmp_path: Path) -> None:
    base = example("desk-booking", tmp_path / "work")
    spec = (base / "specs" / "desk-booking.md").read_text().split("---", 2)[2]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{probe.getsockname()[1]}"
    slack = Universe(["slack"])
    jira = Universe(["jira"])
    with serving(jira) as jira_at, serving(slack) as slack_at:
        tracker = Tracker(jira_at, jira, spec)
        world = slack.create_world({"slack": {
            "channels": [{"name": "gates"}], "users": [{"name": "dana"}],
            "events": {"interactivity_url": f"http://{listen}/slack/actions", "origin": slack_at},
        }})  # fmt: skip
        tables = slack.world(world)
        users = {row["name"]: row["id"] for row in tables.table("slack.users").values()}
        source = SOURCE.split("[ticket.people]")[0] + SLACK.format(user=users["dana"])
        for name, more in (("unlit.toml", source), ("policy.toml", POLICY + SLACK_POLICY)):
            path = base / name
            path.write_text(path.read_text() + more)
        git(base, "add", "-A")
        git(base, "-c", "user.name=a", "-c", "user.email=a@x.example", "commit", "-q", "-m", "s")
        (tmp_path / "home").mkdir()
        serve = Service(Home(tmp_path / "home"), base, tracker)
        token = slack.tokens(world)["slack"]
        secret = tables.table("slack.meta")["client"]["signing_secret"]
        serve.env |= {"UNLIT_TWIN_SLACK_URL": slack_at, "UNLIT_TWIN_SLACK": token,
                      "SLACK_SIGNING_SECRET": secret}  # fmt: skip
        serve.words += ["--listen", listen]
        serve.start()
        try:
            serve.until(lambda: bool(_posted(slack, world)))
            asked = json.loads(next(serve_state(tmp_path)).read_text())
            ((run, where),) = asked.items()
            value = json.dumps({"run": run, "candidate": "c2", "tree": where["tree"]})

            def act(event: str, data: dict[str, object]) -> None:
                slack.emit(world, "slack", event, {"user": "dana", **data})
                headers = {"authorization": f"Bearer {token}", "host": "slack.com"}
                httpx2.post(f"{slack_at}/api/api.test", headers=headers)

            act("block_actions", {
                "channel": where["channel"], "ts": where["ts"],
                "actions": [{"action_id": "unlit_approve", "value": value, "type": "button"}],
            })  # fmt: skip
            views = tables.table("slack.views")
            serve.until(lambda: bool(list(views.values())))
            view = list(views.values())[-1]
            typed = {"type": "plain_text_input", "value": "it is right"}
            values = {"reason": {"reason": typed}}
            act("view_submission", {"view_id": view["id"], "values": values})
            serve.until(lambda: any("is shipped" in text for text in _posted(slack, world)))
        finally:
            serve.kill()
    log = git(base, "log", "--merges", "--format=%B", "main")
    assert "Approved-By: dana" in log
    assert "it is right (by Slack)" in log


def _posted(slack: Universe, world: str) -> list[str]:
    return [str(row["text"]) for row in slack.state(world)["slack.messages"]]


def serve_state(folder: Path) -> Iterator[Path]:
    return (folder / "home" / ".local" / "state" / "unlit").glob("*/slack/asked.json")
