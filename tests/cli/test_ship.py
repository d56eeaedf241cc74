"""What `unlit ship` says when nothing was shipped."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.review.sample import START, fill

from unlit.cli.ship import _not_shipped
from unlit.core.clock import FakeClock
from unlit.record.engine import sqlite_url
from unlit.record.model import RunState
from unlit.record.store import Store
from unlit.review import Desk
from unlit.review.fakes import FakeGateLog
from unlit.review.rules.gate_table import parse_rules
from unlit.wiring.shipping import outcome_of


def test_a_run_at_its_ship_gate_says_that_it_waits_there_and_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store.open(sqlite_url(tmp_path / "record.db"))
    run = fill(store)
    rules = parse_rules({"ship": {"people": ["ben"]}})
    Desk(store, FakeGateLog(), FakeClock(START), rules).decide(run, "approved", "ann", "good")
    done = outcome_of(store, store.find_run(run))
    assert _not_shipped(done) == 1
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("Not shipped: waits at its ship gate: its outcome is approved")
    assert said[1].strip() == f"Do:  `unlit approve {run} --gate ship --reason TEXT`"
    ended = replace(done.run, state=RunState.PAUSED, note="")
    assert _not_shipped(replace(done, run=ended)) == 1
    assert "Not shipped: the run is paused." in capsys.readouterr().err
