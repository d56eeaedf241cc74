"""However a run ends, the last lines say what to do next."""

from dataclasses import replace

import pytest
from tests.review.sample import RUN, START, begin

from unlit.cli.run import told
from unlit.core.states import Verdict
from unlit.record.engine import sqlite_url
from unlit.record.model import Run, RunState
from unlit.record.store import Store


@pytest.fixture
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    store = Store.open(sqlite_url(tmp_path_factory.mktemp("record") / "record.db"))
    begin(store, RUN, "A change", 1, START)
    return store.find_run("last")


@pytest.mark.parametrize(
    ("state", "verdict", "step"),
    [
        (RunState.QUEUED, None, "unlit worker"),
        (RunState.WAITING, Verdict.SHIP, "unlit approve"),
        (RunState.ENDED, Verdict.NOT_YET, "unlit review"),
        (RunState.ENDED, Verdict.NOT_YET, "unlit comment"),
        (RunState.PAUSED, None, "unlit resume"),
        (RunState.FAILED, None, "unlit resume"),
    ],
)
def test_the_next_step_is_named(
    run: Run,
    state: RunState,
    verdict: Verdict | None,
    step: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    told(replace(run, state=state, verdict=verdict), as_json=False)
    said = capsys.readouterr().out
    assert f"{step}" in said
    assert "verdict none" not in said
    assert said.startswith(f"{run.id} {state.value}")
