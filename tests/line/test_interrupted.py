"""Ctrl-C and a reader that goes away: one line, no traceback, and the run goes on later."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.line.world import durable_url, overlays, services

from unlit.line.service import Line
from unlit.record.model import RunState

SCRIPT = Path(__file__).with_name("interrupted.py")


def begin(state: Path, repository: Path, played: Path) -> subprocess.Popen[str]:
    """Start, and return while a candidate is being graded."""
    words = [sys.executable, str(SCRIPT), str(state), str(repository), str(played)]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("validate trajectory"):
            return process
    raise AssertionError(process.wait())


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, None])
async def test_an_interrupted_run_is_paused_in_one_line_and_goes_on(
    tmp_path: Path, repository: Path, how: signal.Signals | None
) -> None:
    state, played = tmp_path / "state", overlays(tmp_path, "10")
    process = begin(state, repository, played)
    assert process.stderr is not None
    if how is None:
        process.stderr.close()
    else:
        process.send_signal(how)
    said = "" if how is None else process.stderr.read()
    assert process.wait(120) == 130
    world = services(state, played, [])
    (run,) = world.store.runs()
    assert run.state is RunState.PAUSED
    assert "Traceback" not in said
    if how is not None:
        assert said.splitlines()[-1] == f"Interrupted. `unlit resume {run.id}` goes on."
    async with Line.open(world, durable_url(state)) as line:
        await line.resume(run.id)
        ended = await line.wait(run.id)
    assert ended.state is RunState.WAITING
    attempts = {stage.key: stage.attempt for stage in world.store.stages(run.id)}
    assert (attempts["build/c1"], attempts["validate/c1"]) == (1, 2)
