"""`unlit run` whose policy gives its coder the context tools: what it read live is pinned."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.factory import UNLIT, Home, can_fence, example
from tests.twins.serving import serving

from unlit.core.ids import RunId
from unlit.record.engine import sqlite_url
from unlit.record.store import Store
from unlit.twins.universe import Universe

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.fence,
    pytest.mark.enable_socket,
]

if reason := can_fence():
    pytestmark.append(pytest.mark.skip(reason=reason))

SITE = "https://example.atlassian.net"
SOURCE = f"""
[source.jira]
kind = "jira"
base_url = "{SITE}"
project = "DESK"
confirm = ["delete", "transition:Done"]
"""
RULES = """
[[allow]]
role = "context"
host = "example.atlassian.net"
twin = "jira"

[[allow]]
role = "coder"
host = "context.unlit.internal"
twin = "{twin}"
"""
SEED = {
    "jira": {
        "projects": [{"key": "DESK", "name": "Desks"}],
        "issues": [{"project": "DESK", "summary": "Which desks are quiet", "description": "A1."}],
    }
}
CALL = """
kind="content-type: application/json"
both="accept: application/json, text/event-stream"
call() {
  body='{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": '"$1}"
  curl -sS --max-time 60 -H "$kind" -H "$both" -d "$body" "$UNLIT_CONTEXT_URL"
}
fetch='{"name": "fetch", "arguments": {"text": "DESK-1"}}'
write='{"name": "comment", "arguments": {"text": "DESK-1", "body": "taken up"}}'
vault='{"name": "fetch", "arguments": {"text": "docs-in-repository:../vault/booking.yaml"}}'
"""
READS = (
    CALL
    + """
call "$fetch" > read.json; call "$write" > wrote.json; call "$vault" > vault.json
env > env.txt
"""
)
WAITS = (
    CALL
    + """
call "$fetch" > read.json; call "$write" > wrote.json
test -e /work/go-on || sleep 600
"""
)


@dataclass
class Desk:
    """A repository with a tracker, its scripted agent, and a person's home."""

    universe: Universe
    world: str
    home: Home
    base: Path
    folder: Path
    env: dict[str, str]

    def plays(self, script: str) -> None:
        """Let the agent write the good candidate, then run a script in its fence."""
        for number in ("1", "2"):
            (self.folder / "candidates" / number / "agent.sh").write_text(script)

    def run(self, *words: str) -> list[str]:
        return [
            *UNLIT, "run", "specs/desk-booking.md", "--agent", "scripted:../candidates",
            "--vault", "../vault", "--candidates", "1", "--seed", "7", "--trajectories", "1",
            *words,
        ]  # fmt: skip

    def do(self, argv: list[str]) -> Any:
        done = subprocess.run(
            argv, cwd=self.base, env=self.env, capture_output=True, text=True, timeout=600
        )
        assert done.stdout, done.stderr[-4000:]
        return json.loads(done.stdout)

    @property
    def comments(self) -> list[str]:
        rows = self.universe.state(self.world).get("jira.comments", [])
        return [str(row.get("body")) for row in rows]

    def store(self) -> Store:
        (database,) = self.home.state.glob("*/record.db")
        return Store.open(sqlite_url(database))

    def made(self, run: str, name: str) -> str:
        """Return a file of the run's candidate."""
        store = self.store()
        try:
            (candidate,) = store.candidates(RunId(run))
            workspace = str(store.find_run(run).workspace)
        finally:
            store.close()
        return subprocess.check_output(
            ["git", "-C", workspace, "show", f"{candidate.commit}:{name}"], text=True
        )


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    home = Home(tmp_path / "home")
    home.folder.mkdir()
    base = example("desk-booking", tmp_path / "desk")
    universe = Universe(["jira"])
    world = universe.create_world(SEED)
    with serving(universe) as address:
        token = universe.tokens(world)["jira"]
        env = {**home.env, "UNLIT_TWIN_JIRA_URL": address, "UNLIT_TWIN_JIRA": token}
        yield Desk(universe, world, home, base, tmp_path / "desk", env)


def give(desk: Desk, twin: str) -> None:
    with (desk.base / "unlit.toml").open("a") as file:
        file.write(SOURCE)
    with (desk.base / "policy.toml").open("a") as file:
        file.write(RULES.format(twin=twin))
    subprocess.run(["git", "-C", str(desk.base), "add", "-A"], check=True)
    subprocess.run(
        ["git", "-C", str(desk.base), "-c", "user.name=a", "-c", "user.email=a@example.com",
         "commit", "-q", "-m", "tools"],
        check=True,
    )  # fmt: skip


def told(text: str) -> Any:
    """Return what a tool said, or the words of an error."""
    words = json.loads(text)["result"]["content"][0]["text"]
    return json.loads(words) if words[:1] in "[{" else words


def test_an_agent_in_the_build_fence_reads_and_what_it_read_is_pinned(desk: Desk) -> None:
    give(desk, "context-write")
    desk.plays(READS)
    run = desk.do(desk.run("--json"))["run"]
    (item,) = told(desk.made(run, "read.json"))
    assert (item["title"], item["body"], item["trust"]) == (
        "Which desks are quiet", "A1.", "internal",
    )  # fmt: skip
    assert told(desk.made(run, "wrote.json")) == {"source": "jira", "key": "DESK-1"}
    assert told(desk.made(run, "vault.json"))["error"] == "CTX-311", "no source is a folder"
    assert desk.env["UNLIT_TWIN_JIRA"] not in desk.made(run, "env.txt"), "no secret enters"
    seen = desk.do([*UNLIT, "context", "snapshot", run, "--json"])
    live = [entry for entry in seen["entries"] if entry.get("live")]
    assert [(one["source"], one["key"], one["live"]) for one in live] == [("jira", "DESK-1", "c1")]
    assert "jira:internal" in seen["taint"]
    report = desk.do([*UNLIT, "review", run, "--json"])
    assert "while they worked, agents read 1 more: jira 1" in report["seen"]
    store = desk.store()
    try:
        found = store.find_run(run)
        assert found.snapshot == seen["digest"]
        (stage,) = [one for one in store.stages(found.id) if one.name == "build"]
        assert stage.facts["fence"]["held"]
    finally:
        store.close()
    shown = subprocess.run(
        [*UNLIT, "audit", "show", "--run", run, "--json"],
        cwd=desk.base, env=desk.env, capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip
    rows = [json.loads(line) for line in shown.splitlines()]
    calls = [row for row in rows if row["kind"] == "source.call"]
    assert {(row["stage"], row["role"]) for row in calls} == {("build/c1", "context")}
    (change,) = [row for row in rows if row["kind"] == "source.change"]
    assert change["fields"]["by"] == f"the agent scripted:../candidates in {run}"


def test_a_run_that_was_killed_after_a_read_is_told_the_same_and_writes_once(desk: Desk) -> None:
    give(desk, "context-write")
    desk.plays(WAITS)
    process = subprocess.Popen(
        desk.run(), cwd=desk.base, env=desk.env,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    run = ""
    try:
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline and process.poll() is None:
            run = _has_read(desk, 2)
            if run:
                break
            time.sleep(0.2)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(60)
    assert run, "the agent never read and wrote"
    (issue,) = desk.universe.state(desk.world)["jira.issues"]
    assert issue["description"] == "A1."
    _change(desk, "B2 since this morning.")
    desk.plays(WAITS.replace("sleep 600", "true"))
    subprocess.run(
        [*UNLIT, "resume", run], cwd=desk.base, env=desk.env, capture_output=True, timeout=300
    )
    (item,) = told(desk.made(run, "read.json"))
    assert item["body"] == "A1.", "what its interrupted turn was told, pinned"
    assert told(desk.made(run, "wrote.json")) == {"source": "jira", "key": "DESK-1"}
    assert len(desk.comments) == 1, "nothing is written twice"


def _has_read(desk: Desk, count: int) -> str:
    """Return the run whose record has so many answers already."""
    for database in desk.home.state.glob("*/record.db"):
        store = Store.open(sqlite_url(database))
        try:
            for run in store.runs():
                if len(store.events(run.id, kinds=("context",))) >= count:
                    return str(run.id)
        finally:
            store.close()
    return ""


def _change(desk: Desk, text: str) -> None:
    """Edit the issue as a colleague would, over the wire."""
    import httpx2

    address = desk.env["UNLIT_TWIN_JIRA_URL"]
    answer = httpx2.put(
        f"{address}/rest/api/2/issue/DESK-1",
        json={"fields": {"description": text}},
        headers={
            "host": "example.atlassian.net",
            "authorization": f"Bearer {desk.env['UNLIT_TWIN_JIRA']}",
        },
    )
    assert answer.status_code == 204, answer.text
