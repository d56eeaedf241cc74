"""ACP agents by a program of ours that speaks the protocol well or badly."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from unlit.core.errors import InvalidInput
from unlit.core.ids import CandidateId, RunId
from unlit.harness.agents.acp import AcpAgent
from unlit.harness.fakes import FakeFence, ListSink
from unlit.harness.model import EndReason, Job, Word
from unlit.harness.options import AgentOptions
from unlit.harness.recipes import RECIPES, recipe_of
from unlit.harness.registry import known_agents, make_agent
from unlit.harness.tools import Program

AGENT = r"""
import json, sys, pathlib
MODE = "{mode}"
def send(**m):
    sys.stdout.write(json.dumps({{"jsonrpc": "2.0", **m}}) + "\n"); sys.stdout.flush()
authenticated = MODE != "key"
for line in sys.stdin:
    m = json.loads(line); name = m.get("method"); i = m.get("id")
    if name == "initialize":
        if MODE == "mute": continue
        assert m["params"]["clientCapabilities"]["terminal"] is False
        send(id=i, result={{"protocolVersion": 1, "authMethods": [{{"id": "api-key"}}]}})
    elif name == "authenticate":
        authenticated = True; send(id=i, result={{}})
    elif name == "session/new":
        if not authenticated:
            send(id=i, error={{"code": -32000, "message": "Authentication required"}}); continue
        send(id=i, result={{"sessionId": "s1"}})
    elif name == "session/prompt":
        if MODE == "dies": sys.exit(3)
        if MODE == "model":
            send(id=i, error={{"code": -32603, "message": "API Error: 529 overloaded"}}); continue
        sys.stderr.write("x" * 2_000_000)
        text = m["params"]["prompt"][0]["text"]
        update = {{"sessionUpdate": "tool_call", "title": "write", "locations": [{{"path": "a"}}]}}
        send(method="session/update", params={{"sessionId": "s1", "update": update}})
        options = [{{"optionId": "no", "kind": "reject_once"}}]
        options.append({{"optionId": "ok", "kind": "allow_once"}})
        send(id=99, method="session/request_permission",
             params={{"toolCall": {{"title": "write"}}, "options": options}})
        answer = json.loads(sys.stdin.readline())["result"]["outcome"]["optionId"]
        send(id=98, method="fs/read_text_file", params={{"path": "/etc/passwd"}})
        refused = json.loads(sys.stdin.readline())["error"]["code"]
        with pathlib.Path("answer.txt").open("a") as file:
            file.write(f"{{answer}} {{refused}} {{text}}")
        content = {{"type": "text", "text": "Done."}}
        chunk = {{"sessionUpdate": "agent_message_chunk", "content": content}}
        send(method="session/update", params={{"sessionId": "s1", "update": chunk}})
        if MODE == "hangs": continue
        if MODE == "slow" and "A person" not in text:
            line = sys.stdin.readline()  # works on until it is interrupted
            assert json.loads(line)["method"] == "session/cancel", line
            send(id=i, result={{"stopReason": "cancelled"}}); continue
        stop = "refusal" if MODE == "refuses" else "end_turn"
        send(id=i, result={{"stopReason": stop}})
"""


def agent(tmp_path: Path, mode: str) -> AcpAgent:
    script = tmp_path / "agent.py"
    script.write_text(AGENT.format(mode=mode))
    program = Program(Path(sys.executable), ())
    return AcpAgent(replace(RECIPES["codex-acp"], files={}), (str(script),), program)


def job(deadline_s: float = 20) -> Job:
    return Job(RunId("r-1"), CandidateId("c1"), 1, "the task", deadline_s=deadline_s)


@pytest.mark.parametrize("mode", ["plain", "key"])
async def test_a_turn_is_asked_for_and_permissions_are_answered(
    tmp_path: Path, fence: FakeFence, mode: str
) -> None:
    sink = ListSink()
    end = await agent(tmp_path, mode).run(job(), fence, sink)
    assert (end.reason, end.text) == (EndReason.DONE, "Done.")
    assert (fence.folder / "answer.txt").read_text() == "ok -32601 the task"
    assert [event.kind for event in sink.events] == ["started", "tool", "permission", "text"]


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("dies", EndReason.CRASHED),
        ("model", EndReason.MODEL_FAILED),
        ("refuses", EndReason.REFUSED),
        ("hangs", EndReason.TIMED_OUT),
    ],
)
async def test_each_bad_end_has_its_own_name(
    tmp_path: Path, fence: FakeFence, mode: str, reason: EndReason
) -> None:
    end = await agent(tmp_path, mode).run(job(2), fence, ListSink())
    assert end.reason is reason


async def test_a_mute_agent_is_not_started(
    tmp_path: Path, fence: FakeFence, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unlit.harness.agents.acp._HANDSHAKE_S", 1.0)
    end = await agent(tmp_path, "mute").run(job(), fence, ListSink())
    assert end.reason is EndReason.NOT_STARTED


def test_an_agent_has_one_name_wherever_it_is_named() -> None:
    for name in known_agents():
        if name not in ("scripted",):
            recipe = recipe_of(name)
            assert recipe is not None
            assert recipe.agent in (name, name.removeprefix("acp:"))  # a CLI may be both
            needs = make_agent(name, AgentOptions()).facts.needs
            assert needs[0].endswith(f"(unlit agents install {recipe.agent})")
    assert recipe_of("acp:aider") is None
    with pytest.raises(InvalidInput, match="There is no agent 'claude-acp'") as refused:
        make_agent("claude-acp", AgentOptions())
    assert refused.value.remedy == "use acp:claude."


def test_an_unknown_acp_agent_is_refused() -> None:
    with pytest.raises(InvalidInput, match="HAR-002"):
        make_agent("acp:nobody")


class Speaking:
    """A person who says one word."""

    def __init__(self, *, now: bool) -> None:
        self.word = Word("w-1", "Use GREEN.", "ann", now)
        self.how: list[str] = []

    def words(self) -> Sequence[Word]:
        return () if self.how else (self.word,)

    def heard(self) -> Sequence[Word]:
        return ()

    def deliver(self, word: Word, how: str) -> None:
        self.how.append(how)

    def replies(self) -> Sequence[str]:
        return ()

    def keep_reply(self, number: int, body: str) -> None:
        raise AssertionError(number)


@pytest.mark.parametrize(("mode", "now"), [("plain", False), ("slow", True)])
async def test_a_person_is_heard_in_the_running_session(
    tmp_path: Path, fence: FakeFence, mode: str, now: bool
) -> None:
    person = Speaking(now=now)
    end = await agent(tmp_path, mode).run(replace(job(60), companion=person), fence, ListSink())
    assert end.reason is EndReason.DONE
    told = (fence.folder / "answer.txt").read_text()
    assert told.index("the task") < told.index("A person who watches your work says: Use GREEN.")
    assert person.how == ["as the next turn of its session"]
