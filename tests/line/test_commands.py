"""The commands of the line on a record made by a line over fakes."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.line.world import durable_url, overlays, request, services

from unlit.line.service import Line
from unlit.wiring.paths import repository_id

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
async def unlit(tmp_path: Path, repository: Path) -> Command:
    """Run commands in a repository with one run at its gate."""
    home = tmp_path / "home"
    state = home / repository_id(repository)
    world = services(state, overlays(tmp_path, "3", "10"), [])
    async with Line.open(world, durable_url(state)) as line:
        await line.wait(await line.start(request(repository)))
    world.store.close()
    env = {**os.environ, "UNLIT_STATE_HOME": str(home), "UNLIT_PERSON": "ann"}

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-c", _MAIN, *words]
        return subprocess.run(
            argv, env=env, cwd=repository, capture_output=True, text=True, check=False
        )

    return call


_MAIN = """
import sys
from unlit.cli.main import print_error
from unlit.core.errors import UnlitError
from unlit.cli import agents, cost, forecast, lines, memory, run, runs, worker
apps = {"runs": runs.runs, "show": runs.show, "cancel": runs.cancel, "replay": runs.replay,
        "cost": cost.app, "memory": memory.app, "forecast": forecast.app, "lines": lines.app,
        "worker": worker.app, "agents": agents.app, "run": run.run}
try:
    sys.exit(apps[sys.argv[1]](sys.argv[2:], result_action="return_value") or 0)
except UnlitError as error:
    print_error(error)
    sys.exit(error.exit_code)
"""


def answer(call: Command, *words: str) -> Any:
    done = call(*words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_runs_and_show_tell_what_is_in_the_record(unlit: Command) -> None:
    (run,) = answer(unlit, "runs")["runs"]
    assert (run["state"], run["verdict"], run["candidate"]) == ("waiting", "ship", "c2")
    shown = answer(unlit, "show", run["run"][:6])
    assert [row["partition"] for row in shown["gradings"]] == [
        "validation",
        "validation",
        "sealed",
    ]
    assert shown["looks"] == [{"index": 1, "bits": 1.0}]
    assert run["run"] in unlit("runs", "--state", "waiting").stdout
    assert "build/c2" in unlit("show", "last").stdout


def test_a_run_is_replayed_from_its_record(unlit: Command) -> None:
    done = unlit("replay", "last", "--json")
    kinds = [json.loads(line)["kind"] for line in done.stdout.splitlines()]
    assert kinds.count("trajectory") == 30
    assert kinds.count("candidate") == 2
    shown = unlit("replay", "last").stderr
    assert "validate c2" in shown
    assert "secret of the scenario" not in done.stdout + shown


def test_memory_is_curated_by_people(unlit: Command) -> None:
    (lesson,) = answer(unlit, "memory", "list")["lessons"]
    assert lesson["state"] == "proposed"
    assert unlit("memory", "approve", lesson["id"]).stdout == f"{lesson['id']} approved\n"
    assert answer(unlit, "memory", "show", lesson["id"])["decided_by"] == "ann"
    assert unlit("memory", "forget", lesson["id"]).returncode == 0
    assert unlit("memory", "add", "Page large groups.", "--key", "path:a.py").returncode == 0
    states = [row["state"] for row in answer(unlit, "memory", "list")["lessons"]]
    assert sorted(states) == ["approved", "forgotten"]


def test_costs_and_forecasts_are_honest_about_nothing(unlit: Command) -> None:
    assert answer(unlit, "cost")["usd_per_shipped_run"] is None
    assert "not known: nothing has shipped" in unlit("cost").stdout
    assert answer(unlit, "forecast", "show", "last")["forecasts"] == []
    assert "Not enough runs" in unlit("forecast", "calibration").stdout
    assert answer(unlit, "worker", "status")["workers"] == []


def test_lines_are_listed_linted_drawn_and_traced(unlit: Command, repository: Path) -> None:
    assert answer(unlit, "lines", "list")["lines"][0]["name"] == "default"
    (repository / "own.dot").write_text(
        "digraph { s [shape=Mdiamond] x [shape=Msquare] a [label=A] s -> a -> x }"
    )
    assert answer(unlit, "lines", "lint", "own.dot")["findings"] == []
    assert "a (codergen) A" in unlit("lines", "draw", "own.dot").stdout
    assert answer(unlit, "lines", "trace", "own.dot")["status"] == "success"


def test_agents_are_listed_with_what_they_need(unlit: Command) -> None:
    rows = {row["name"]: row for row in answer(unlit, "agents", "list")["agents"]}
    assert rows["scripted"]["ready"]
    assert rows["acp:codex"]["kind"] == "acp"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["show", "r-none"], 3, "REC-011"),
        (["runs", "--state", "nonsense"], 2, "LIN-053"),
        (["runs", "--limit", "0"], 2, "LIN-055"),
        (["cost", "--by", "colour"], 2, "LIN-091"),
        (["cost", "--day", "yesterday"], 2, "LIN-094"),
        (["memory", "add", " "], 2, "HAR-042"),
        (["memory", "show", "l-none"], 3, "HAR-041"),
        (["forecast", "say", "last", "hours", "3", "2", "1"], 3, "LIN-092"),
        (["forecast", "say", "last", "usd", "1", "2", "inf"], 3, "LIN-092"),
        (["forecast", "say", "last", "ship_probability", "0", "1", "2"], 3, "LIN-092"),
        (["lines", "lint", "none.dot"], 3, "LIN-077"),
        (["agents", "install", "nobody"], 2, "HAR-032"),
        (["agents", "check", "nobody"], 3, "HAR-001"),
        (["run", "none.md"], 3, "LIN-052"),
        (
            ["run", "spec.md", "--agent", "scripted:.", "--memory", "maybe", "--vault", "../vault"],
            3,
            "LIN-018",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_breath(
    unlit: Command, words: list[str], code: int, says: str
) -> None:
    done = unlit(*words)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(says)
    assert "Traceback" not in done.stderr
    assert "Do:" in done.stderr
