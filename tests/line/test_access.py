"""A program asks for more access; a person answers while it works; later turns have it too."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from tests.line.world import durable_url, request, services

from unlit.core.ids import Digest, RunId
from unlit.core.system import SystemClock, SystemIds
from unlit.fence import FenceHost
from unlit.line.adapters.access import MOST_OF_A_PRODUCT, Questions
from unlit.line.adapters.fence_room import FenceRoom
from unlit.line.adapters.policy_room import PolicyRoom
from unlit.line.model import LineEvent, Place
from unlit.line.service import Line
from unlit.policy import AuditLog, read_entries, verify
from unlit.record.model import AccessQuestion, Run, RunState
from unlit.record.store import Store
from unlit.review import Desk, build_report
from unlit.review.adapters.audit import FolderGateLog
from unlit.review.rules.audited import without_entry
from unlit.review.text import render_text

pytestmark = [pytest.mark.fence, pytest.mark.usefixtures("socket_enabled")]

POLICY = """version = 1
[files.coder]
write = ["."]
[[forbid]]
role = "coder"
host = "closed.example"
because = "never"
"""
PROGRAM = """
import json, sys, time, urllib.error, urllib.request
def call(method, url, data=None):
    made = urllib.request.Request(url, data, method=method)
    try:
        with urllib.request.urlopen(made, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
def ask(url, reason):
    body = json.dumps({"method": "GET", "url": url, "reason": reason}).encode()
    return call("POST", "http://gateway.unlit.internal/ask", body)
WIKI, CLOSED = "http://wiki.example/page", "http://closed.example/x"
seen = {}
def until(url, wanted):
    end = time.monotonic() + 90
    while (found := call("GET", url)[0]) != wanted and time.monotonic() < end:
        time.sleep(0.2)
    return found
"""
FIRST = """
status, text = call("GET", WIKI)
seen["before"], seen["told"] = status, json.loads(text)
seen["asked"] = ask(WIKI, "the format is described there\\n\\x1b[31mred")[0]
seen["asked"] = ask(WIKI, "again")[0]
ask(CLOSED, "please")
seen["after"] = until(WIKI, 200)
seen["other"] = call("GET", "http://wiki.example/other")[0]
seen["post"] = call("POST", WIKI, b"x")[0]
end = time.monotonic() + 90
while "no, never" not in (said := call("GET", "http://gateway.unlit.internal/ask")[1]) \\
        and time.monotonic() < end:
    time.sleep(0.2)
seen["standing"] = json.loads(said)["asked"]
seen["closed"] = call("GET", CLOSED)[0]
open("seen.json", "w").write(json.dumps(seen)); open("quality", "w").write("3")
"""
SECOND = """
seen["wiki"] = call("GET", WIKI)[0]
ask("https://other.example/", "nobody answers this")
open("seen.json", "w").write(json.dumps(seen)); open("quality", "w").write("4")
"""


@asynccontextmanager
async def wiki() -> AsyncIterator[int]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def wait_for(store: Store, run: RunId, many: int) -> tuple[AccessQuestion, ...]:
    async with asyncio.timeout(120):
        while True:
            found = store.access_questions(run)
            if len(found) >= many:
                return found
            await asyncio.sleep(0.1)


async def test_a_question_is_answered_while_the_agent_works_and_counts_in_later_turns(
    tmp_path: Path, repository: Path
) -> None:
    (repository / "policy.toml").write_text(POLICY)
    for number, program in enumerate((FIRST, SECOND), start=1):
        played = tmp_path / "overlays" / str(number)
        played.mkdir(parents=True)
        (played / "agent.sh").write_text(f"cat > /tmp/p.py <<'E'\n{PROGRAM}{program}\nE\n"
                                         "exec python3 /tmp/p.py\n")  # fmt: skip
    state, clock, events = tmp_path / "state", SystemClock(), list[LineEvent]()
    world = services(state, tmp_path / "overlays", events)
    store = world.store
    audit = AuditLog.open(state / "audit", {"program": "test"}, clock)
    log = FolderGateLog(state / "audit" / "gates", clock)
    desk = Desk(store, log, clock)
    async with wiki() as port:
        at = f"127.0.0.1:{port}"
        host = await FenceHost.start(
            state / "fences", audit, overrides={"wiki.example": at, "closed.example": at}
        )
        room = FenceRoom(
            host, store, clock, SystemIds(), questions=Questions(store, clock, events.append)
        )
        world = replace(world, policies=PolicyRoom(), fences=room)
        try:
            async with Line.open(world, durable_url(state)) as line:
                run = await line.start(replace(request(repository), max_candidates=2))
                wish, _ = await wait_for(store, run, 2)
                assert "open until" in render_text(build_report(store, run))
                assert store.find_run(run).state is RunState.RUNNING
                desk.decide(run, "approved", "ann", "it is public", gate="access/1", for_s=600)
                desk.decide(run, "rejected", "ann", "no, never", gate="access/2")
                done = await line.wait(run)
        finally:
            await host.close()
            audit.close()
    assert done.state is RunState.ENDED, done.note
    assert (wish.request, wish.stage, wish.role) == (
        "GET http://wiki.example/page", "build/c1", "coder",
    )  # fmt: skip
    first, second = (seen_by(world.workspaces / run, store, run, n) for n in (0, 1))
    assert (first["before"], first["asked"], first["after"]) == (403, 202, 200)
    assert "gateway.unlit.internal/ask" in first["told"]["ask a person"]
    assert (first["other"], first["post"], first["closed"]) == (403, 403, 403)
    assert [word for one in first["standing"] for word in ("Allowed", "no, never")
            if word in one["say"]] == ["Allowed", "no, never"]  # fmt: skip
    assert second["wiki"] == 200
    report = build_report(store, run)
    assert [line.state for line in report.access] == ["granted", "refused", "open"]
    assert "\x1b" not in render_text(report)
    brief = (world.workspaces / run / "prompts" / "c2.md").read_text()
    assert "allowed until" in brief
    assert "refused by ann: no, never" in brief
    kept = [event.text for event in store.events(run) if event.kind == "question"]
    assert sum("asks for" in text for text in kept) == 3
    assert any("ann allowed GET http://wiki.example" in text for text in kept)
    entries = list(read_entries(state / "audit"))
    asked = [entry for entry in entries if entry.kind == "access.requested"]
    granted = [entry for entry in entries if entry.kind == "access.granted"]
    assert {(entry.identity.run, entry.identity.agent) for entry in asked} == {(run, "scripted")}
    assert [entry.identity.stage for entry in granted] == ["build/c1", "build/c2"]
    assert {entry.fields["person"] for entry in granted} == {"ann"}
    assert verify(state / "audit").ok
    gates = list(read_entries(state / "audit" / "gates", run=run))
    assert [entry.fields["gate"] for entry in gates] == ["access/1", "access/2"]
    assert without_entry(store.gate_decisions(run), gates) == ()


def seen_by(folder: Path, store: Store, run: RunId, number: int) -> dict[str, Any]:
    made = store.candidates(run)[number]
    shown = subprocess.run(
        ["git", "-C", str(store.find_run(run).workspace), "show", f"{made.commit}:seen.json"],
        capture_output=True, check=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(shown.stdout)
    return found


def test_a_products_wish_is_a_question_once_and_products_ask_a_few_only(tmp_path: Path) -> None:
    store, clock = Store.open(f"sqlite:///{tmp_path / 'record.db'}"), SystemClock()
    run, now = RunId("r-wish"), clock.now()
    store.begin_run(
        Run(
            id=run, spec_id="s", spec_digest=Digest(""), title="t", repository="", spec_path="",
            base="", base_tree="", workspace="", agent="a", person="", state=RunState.RUNNING,
            created_at=now, updated_at=now,
        )
    )  # fmt: skip
    heard: list[LineEvent] = []
    host = cast(FenceHost, None)  # no fence is opened
    room = FenceRoom(
        host, store, clock, SystemIds(), questions=Questions(store, clock, heard.append)
    )
    place = Place(run, "validate", "evaluator", "evaluator")
    for _ in range(3):
        room.wish(place, "GET https://api.stripe.example/")
    (question,) = store.access_questions(run)
    assert (question.role, question.agent) == ("product", "product")
    assert question.request == "GET https://api.stripe.example/"
    assert question.expires_at > now
    assert "closed worlds" in question.reason
    assert [event.state for event in heard] == ["asked"]
    for number in range(50):
        room.wish(place, f"GET https://host{number}.example/")
    assert len(store.access_questions(run)) == MOST_OF_A_PRODUCT
    FenceRoom(host, store, clock, SystemIds()).wish(place, "GET https://nobody.example/")
    assert len(store.access_questions(run)) == MOST_OF_A_PRODUCT
