"""A real coding agent, with our skill file, hands a spec to the factory and reads the outcome.

Claude Code is the published program; only its model is ours (a script). It is looked for where
`unlit agents install` puts it (or in UNLIT_AGENTS); where it is not, the test says not exercised.
"""

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from tests.fixtures.agents import AGENTS
from tests.journeys.factory import Home, can_fence, example
from typing_extensions import override

from unlit.models.twin.app import ModelTwin, Scope, Send
from unlit.models.twin.model import Script
from unlit.models.twin.rules import parse_script
from unlit.models.twin.server import ModelTwinServer
from unlit.record.engine import sqlite_url
from unlit.record.model import RunState
from unlit.record.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

if reason := can_fence():
    pytestmark.append(pytest.mark.skip(reason=reason))

CLAUDE = AGENTS / "claude-code" / "node_modules" / ".bin" / "claude"
TASK = "Let the factory of this repository build specs/desk-booking.md, and say what came of it."
SPEC = "specs/desk-booking.md"
RUN = f"unlit run {SPEC} --agent scripted:../candidates --vault ../vault --seed 7 --json"
TURNS = [
    {"tool": {"name": "Skill", "arguments": {"skill": "unlit"}}},
    {"bash": f"unlit intent ready {SPEC} && echo it-is-ready"},
    {"bash": f"{RUN} > ../run.json; echo ended with $?"},
    {"bash": "unlit runs --json | head -c 300; unlit review last --markdown"},
    "It may ship; a person decides.",
]


class Listening(ModelTwin):
    """A model twin that keeps what it was sent."""

    def __init__(self, script: Script) -> None:
        super().__init__(script)
        self.sent: list[str] = []

    @override
    async def _http(self, scope: Scope, body: bytes, send: Send) -> None:
        self.sent.append(body.decode(errors="replace"))
        await super()._http(scope, body, send)

    @property
    def told(self) -> str:
        """Everything that the model could read."""
        return "\n".join(self.sent)


@pytest.mark.skipif(not CLAUDE.exists(), reason="not exercised: claude-code is not installed here")
async def test_claude_code_hands_a_spec_over_by_its_skill_and_reads_the_outcome(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path / "home")
    home.folder.mkdir()
    base = example("desk-booking", tmp_path / "desk")
    home.unlit("install", "--agent", "claude", cwd=base)
    assert (base / ".claude" / "skills" / "unlit" / "SKILL.md").is_file()
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "unlit").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m unlit "$@"\n')
    (programs / "unlit").chmod(0o755)
    twin = Listening(parse_script({"parts": [{"when": {"contains": TASK[:40]}, "turns": TURNS}]}))
    server = await ModelTwinServer.start(twin)
    env = {
        **home.env,
        "PATH": f"{programs}:{Path(shutil.which('node') or 'node').parent}:{os.environ['PATH']}",
        "ANTHROPIC_BASE_URL": f"http://{server.address}",
        "ANTHROPIC_API_KEY": "fake-key-of-the-model-twin",
        "BASH_DEFAULT_TIMEOUT_MS": "600000",
        "IS_SANDBOX": "1",
        "DISABLE_AUTOUPDATER": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }
    try:
        claude = await asyncio.create_subprocess_exec(
            str(CLAUDE), "-p", "--output-format", "stream-json", "--verbose",
            "--dangerously-skip-permissions", "--model", "claude-sonnet-4-5", TASK,
            cwd=base, env=env, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await claude.communicate()
    finally:
        await server.close()
    said = out.decode(errors="replace")
    assert claude.returncode == 0, (said[-3000:], err.decode()[-2000:])
    # what its model could read: that there is such a skill, its text, and the outcome
    assert "Hand a piece of work to the Unlit factory" in twin.told
    assert "Do not approve or reject" in twin.told, said[-3000:]
    assert "it-is-ready" in said
    assert "ended with 0" in said
    assert "can ship" in said
    started = json.loads((tmp_path / "desk" / "run.json").read_text())
    (database,) = home.state.glob("*/record.db")
    store = Store.open(sqlite_url(database))
    try:
        (run,) = store.runs()
        assert run.id == started["run"]
        assert run.state is RunState.WAITING
        assert store.gate_decisions() == (), "a person decides, never the agent"
    finally:
        store.close()
