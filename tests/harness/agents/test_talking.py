"""Command-line agents that keep sessions hear people: a program of ours, and the real ones."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.agents import AGENTS
from typing_extensions import override

from unlit.core.ids import CandidateId, RunId
from unlit.harness.fakes import FakeFence, ListSink
from unlit.harness.hooks import claude_hooks
from unlit.harness.model import Companion, End, EndReason, Job, Word
from unlit.harness.options import AgentOptions
from unlit.harness.recipes import RECIPES
from unlit.harness.registry import make_agent
from unlit.harness.talking import SteeredAgent
from unlit.harness.tools import Program
from unlit.models.twin.app import ModelTwin
from unlit.models.twin.rules import parse_script
from unlit.models.twin.server import ModelTwinServer

RECIPE = replace(RECIPES["claude-code"], argv=("first",), again=("again",), files={})
SAY = """echo '{"type": "system", "model": "m"}'\n"""
END = """echo '{"type": "result", "is_error": false, "result": "Done."}'\n"""


class People(Companion):
    """Says prepared words, each once the agent has begun to work."""

    def __init__(self, *words: Word, after: int = 0) -> None:
        self._words = list(words)
        self._after = after
        self.delivered: list[tuple[str, str]] = []

    @override
    def words(self) -> Sequence[Word]:
        self._after -= 1
        return () if self._after >= 0 else tuple(self._words)

    @override
    def heard(self) -> Sequence[Word]:
        return ()

    @override
    def deliver(self, word: Word, how: str) -> None:
        self._words.remove(word)
        self.delivered.append((word.text, how))

    @override
    def replies(self) -> Sequence[str]:
        return ()

    @override
    def keep_reply(self, number: int, body: str) -> None:
        raise AssertionError(number)


async def held(tmp_path: Path, fence: FakeFence, script: str, people: Companion) -> End:
    path = tmp_path / "agent"
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(0o755)
    agent = SteeredAgent(RECIPE, Program(path, ()))
    assert "steer" in agent.facts.can
    job = Job(
        RunId("r-1"), CandidateId("c1"), 1, "the task", deadline_s=90, companion=people
    )  # fmt: skip
    return await agent.run(job, fence, ListSink())


async def test_a_word_is_the_next_turn_of_the_session(tmp_path: Path, fence: FakeFence) -> None:
    people = People(Word("w-1", "Use GREEN.", "ann"))
    end = await held(tmp_path, fence, f'{SAY} cat > "$1.txt"\n{END}', people)
    assert (end.reason, end.text) == (EndReason.DONE, "Done.")
    assert (fence.folder / "first.txt").read_text() == "the task"
    assert "Use GREEN." in (fence.folder / "again.txt").read_text()
    assert people.delivered == [("Use GREEN.", "as the next turn of its session")]


async def test_a_word_to_be_heard_now_ends_the_running_turn(
    tmp_path: Path, fence: FakeFence
) -> None:
    script = f'{SAY} cat > "$1.txt"\ntest "$1" = first && exec sleep 300\n{END}'
    people = People(Word("w-1", "Stop that.", "ann", now=True))
    async with asyncio.timeout(60):
        end = await held(tmp_path, fence, script, people)
    assert end.reason is EndReason.DONE
    assert "Stop that." in (fence.folder / "again.txt").read_text()


async def test_a_session_that_is_gone_begins_anew_with_the_task_and_the_word(
    tmp_path: Path, fence: FakeFence
) -> None:
    script = f'{SAY} cat >> "$1.txt"\ntest "$1" = again && exit 1\n{END}'
    people = People(Word("w-1", "Use GREEN.", "ann"))
    end = await held(tmp_path, fence, script, people)
    assert end.reason is EndReason.DONE
    told = (fence.folder / "first.txt").read_text()
    assert told.count("the task") == 2
    assert "Use GREEN." in told


async def test_a_turn_that_failed_keeps_the_word_for_the_next_brief(
    tmp_path: Path, fence: FakeFence
) -> None:
    people = People(Word("w-1", "Use GREEN.", "ann"))
    end = await held(tmp_path, fence, f"{SAY} exit 3", people)
    assert end.reason is EndReason.CRASHED
    assert people.delivered == []


async def test_an_agent_that_asks_what_else_there_is_to_do_is_answered(
    tmp_path: Path, fence: FakeFence
) -> None:
    people = People(Word("w-1", "Use GREEN,\nand say so.", "ann"))
    program = tmp_path / "agent"
    program.write_text(
        '#!/bin/sh\necho "$1" > how.txt\n'
        "while true; do\necho Anything else?\nread -r said || exit 9\n"
        'test -z "$said" && exit 0\necho "$said" >> said.txt\ndone\n'
    )
    program.chmod(0o755)
    recipe = replace(RECIPE, stdin=False, output="text", asks="Anything else?")
    job = Job(RunId("r-1"), CandidateId("c1"), 1, "it", deadline_s=90, companion=people)
    end = await SteeredAgent(recipe, Program(program, ())).run(job, fence, ListSink())
    assert end.reason is EndReason.DONE, end
    assert (fence.folder / "how.txt").read_text() == "again\n"
    (said,) = (fence.folder / "said.txt").read_text().splitlines()
    assert said.endswith("Use GREEN, and say so.")
    assert [text for text, _ in people.delivered] == ["Use GREEN,\nand say so."]


async def test_an_agent_that_is_told_its_task_as_a_word_finds_nothing_to_read(
    tmp_path: Path, fence: FakeFence
) -> None:
    program = tmp_path / "agent"
    program.write_text(f'#!/bin/sh\n{SAY} cat >> read.txt; echo "$1" >> told.txt\n{END}')
    program.chmod(0o755)
    recipe = replace(RECIPE, stdin=False, argv=("{task}",), again=("{task}",))
    people = People(Word("w-1", "Use GREEN.", "ann"))
    job = Job(RunId("r-1"), CandidateId("c1"), 1, "the task", deadline_s=90, companion=people)
    end = await SteeredAgent(recipe, Program(program, ())).run(job, fence, ListSink())
    assert end.reason is EndReason.DONE, end
    assert (fence.folder / "read.txt").read_text() == ""
    first, second = (fence.folder / "told.txt").read_text().splitlines()
    assert first == "the task"
    assert "Use GREEN." in second


def test_claude_is_told_the_hooks_of_the_line_in_its_own_words() -> None:
    flag, text = claude_hooks({"pre": "true", "post": "cat > post.json"})
    assert flag == "--settings"
    assert set(json.loads(text)["hooks"]) == {"PreToolUse", "PostToolUse"}
    assert claude_hooks({}) == []


class Hearing(ModelTwin):
    """A model twin that keeps what it was told."""

    told: list[str]

    @override
    async def _answer(self, form: object, ask: object, send: object) -> None:
        self.told = [*getattr(self, "told", []), str(getattr(ask, "text", ""))]
        await super()._answer(form, ask, send)  # type: ignore[arg-type] # as the twin's own


STOP = "Stop sleeping."
REAL = {
    "claude-code": ("ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY"),
    "codex": ("UNUSED_URL", "CODEX_API_KEY"),
    "gemini-cli": ("GOOGLE_GEMINI_BASE_URL", "GEMINI_API_KEY"),
    "opencode": ("ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY"),
    "goose": ("ANTHROPIC_HOST", "ANTHROPIC_API_KEY"),
    "aider": ("ANTHROPIC_API_BASE", "ANTHROPIC_API_KEY"),
    "mini-swe-agent": ("ANTHROPIC_API_BASE", "ANTHROPIC_API_KEY"),
}


@asynccontextmanager
async def real(
    tmp_path: Path, name: str, bash: str = "echo 1 > first", **said: Any
) -> AsyncIterator[tuple[End, Path, Hearing]]:
    """One job of a real command-line agent on a model twin, as a plain process."""
    agent = make_agent(name, AgentOptions(tools=AGENTS))
    if agent.facts.needs:
        pytest.skip(f"not exercised: {agent.facts.needs[0]}")
    finish: Any = {"say": "It is done.", "bash": "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"}
    ends = [finish, finish] if name == "mini-swe-agent" else ["First done.", "Heard."]
    write = {"say": "Writing.", "bash": bash}
    edit = {"say": "Writing.", "write": {"path": "first", "text": "1\n"}}
    parts = [
        {"when": {"contains": STOP, "tools": True}, "turns": ["Heard."] * 3},
        {"when": {"tools": True}, "turns": [write, *ends]},
        {"when": {"by_words": True}, "turns": [edit, "Heard."]},
    ]
    twin = Hearing(parse_script({"parts": parts}))
    server = await ModelTwinServer.start(twin)
    (tmp_path / "lower").mkdir()
    path = ":".join((*agent.facts.path, "/usr/local/bin:/usr/bin:/bin"))
    fence = FakeFence(tmp_path / "lower", {"PATH": path})
    variable, key = REAL[name]
    env = {key: "fake-key", variable: f"http://{server.address}"}
    (fence.folder / ".codex").mkdir()
    (fence.folder / ".codex" / "config.toml").write_text(
        'model_provider = "twin"\n[model_providers.twin]\nname = "twin"\n'
        f'base_url = "http://{server.address}/v1"\nwire_api = "responses"\n'
        'env_key = "CODEX_API_KEY"\n'
    )
    job = Job(
        RunId("r-1"), CandidateId("c1"), 1, "Do the task BLUE.", deadline_s=200, env=env, **said
    )  # fmt: skip
    try:
        yield await agent.run(job, fence, ListSink()), fence.folder, twin
    finally:
        await fence.close()
        await server.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("socket_enabled")
@pytest.mark.parametrize("name", sorted(REAL))
async def test_the_real_one_hears_a_word_in_its_own_session(tmp_path: Path, name: str) -> None:
    people = People(Word("w-1", "Use the word GREEN.", "ann"))
    async with real(tmp_path, name, companion=people) as (end, folder, twin):
        assert end.reason is EndReason.DONE, end
        assert (folder / "first").exists()
        heard = [text for text in twin.told if "GREEN" in text]
        assert heard, twin.told[-1][:500]
        assert "BLUE" in heard[-1], "it is the same session"
        assert people.delivered


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("socket_enabled")
async def test_the_real_one_hears_at_once_what_shall_not_wait(tmp_path: Path) -> None:
    people = People(Word("w-1", f"{STOP} Use GREEN.", "ann", now=True))
    long = "echo 1 > first; exec sleep 150"
    async with real(tmp_path, "goose", bash=long, companion=people) as (end, _, twin):
        assert end.reason is EndReason.DONE, end
        assert any("GREEN" in text and "BLUE" in text for text in twin.told)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("socket_enabled")
async def test_the_real_claude_asks_the_hooks_of_the_line(tmp_path: Path) -> None:
    hooks = {"pre": "cat >> pre.json; echo $TOOL_NAME >> names; exit 1", "post": "touch posted"}
    async with real(tmp_path, "claude-code", hooks=hooks) as (end, folder, _):
        assert end.reason is EndReason.DONE, end
        assert not (folder / "first").exists()
        assert (folder / "names").read_text().split() == ["Bash"]
        assert "echo 1 > first" in (folder / "pre.json").read_text()
        assert not (folder / "posted").exists()
