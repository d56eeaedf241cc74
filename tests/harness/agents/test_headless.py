"""Command-line agents by a program of ours that behaves well or badly."""

from dataclasses import replace
from pathlib import Path

import pytest

from unlit.core.ids import CandidateId, RunId
from unlit.harness.fakes import FakeFence, ListSink
from unlit.harness.headless import HeadlessAgent
from unlit.harness.model import EndReason, Job
from unlit.harness.options import AgentOptions
from unlit.harness.recipes import RECIPES
from unlit.harness.registry import make_agent
from unlit.harness.tools import Program

RECIPE = replace(RECIPES["claude-code"], files={".agent/settings.json": "{}"})
GOOD = (
    'cat > task.txt; echo "$0 $*" > argv.txt; test -f "$HOME/.agent/settings.json" || exit 9\n'
    """echo '{"type": "system", "model": "m"}'\n"""
    """echo '{"type": "result", "is_error": false, "result": "All done."}'\n"""
)


def agent(tmp_path: Path, script: str) -> HeadlessAgent:
    path = tmp_path / "agent"
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(0o755)
    return HeadlessAgent(RECIPE, Program(path, ()))


def job(deadline_s: float = 20) -> Job:
    return Job(RunId("r-1"), CandidateId("c1"), 1, "the task", deadline_s=deadline_s)


async def test_a_recipe_is_started_fed_and_read(tmp_path: Path, fence: FakeFence) -> None:
    sink = ListSink()
    end = await agent(tmp_path, GOOD).run(job(), fence, sink)
    assert (end.reason, end.text) == (EndReason.DONE, "All done.")
    assert (fence.folder / "task.txt").read_text() == "the task"
    assert "--model claude-sonnet-4-5" in (fence.folder / "argv.txt").read_text()
    assert [event.kind for event in sink.events] == ["started", "started", "text", "usage"]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo nothing of use", EndReason.GARBAGE),
        ("head -c 3000000 /dev/zero; yes 2>/dev/null | head -c 3000000 >&2", EndReason.GARBAGE),
        ("exit 3", EndReason.CRASHED),
        ("kill -9 $$", EndReason.CRASHED),
        ("exit 127", EndReason.NOT_STARTED),
        ("sleep 60", EndReason.TIMED_OUT),
        (
            """echo '{"type": "result", "is_error": true, "result": "API Error: 529"}'; exit 1""",
            EndReason.MODEL_FAILED,
        ),
    ],
)
async def test_each_bad_end_has_its_own_name(
    tmp_path: Path, fence: FakeFence, script: str, reason: EndReason
) -> None:
    end = await agent(tmp_path, script).run(job(2), fence, ListSink())
    assert end.reason is reason


async def test_an_agent_that_is_not_here_is_not_started(fence: FakeFence) -> None:
    made = make_agent("codex", AgentOptions())
    assert made.facts.needs == ("`codex` is not here (unlit agents install codex)",)
    end = await made.run(job(), fence, ListSink())
    assert end.reason is EndReason.NOT_STARTED
