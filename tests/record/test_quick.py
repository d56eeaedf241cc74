from pathlib import Path

import pytest
from tests.record.test_store import RUN, make_run

from unlit.core.errors import InvalidInput, OutsideFailed
from unlit.core.ids import CandidateId, CriterionId, ScenarioId
from unlit.core.states import Partition, TrajectoryState
from unlit.record.engine import sqlite_url
from unlit.record.model import Cost, RunState, Stage, StageState, Trajectory
from unlit.record.quick import QuickReads
from unlit.record.store import Store


def test_quick_reads_and_the_store_read_the_same(tmp_path: Path) -> None:
    store = Store.open(sqlite_url(tmp_path / "record.db"))
    run = make_run()
    store.begin_run(run)
    store.begin_run(make_run("r-abc", run.created_at.replace(hour=10)))
    store.start_stage(Stage(RUN, "intent", "intent", StageState.RUNNING, 0, run.created_at))
    store.keep_costs([Cost("k", RUN, "build", "a", "ann", "p", "m", run.created_at, "2026-03-01")])
    drawn = Trajectory(
        RUN, CandidateId("c1"), Partition.VALIDATION, 1, ScenarioId("s"), TrajectoryState.SATISFIED,
        (CriterionId("AC-2"), CriterionId("AC-1")),
    )  # fmt: skip
    store.keep_trajectories([drawn])
    quick = QuickReads(tmp_path / "record.db")
    assert quick.criteria(RUN) == store.criteria(RUN) == ("AC-1", "AC-2")
    assert quick.runs() == store.runs()
    assert quick.runs(states=[RunState.WAITING]) == ()
    assert quick.find_run("last") == store.find_run("last")
    assert quick.find_run("r-aaaa") == run
    assert quick.stages(RUN) == store.stages(RUN)
    assert quick.candidates(RUN) == ()
    assert quick.evaluations(RUN) == ()
    assert quick.looks(run=RUN) == ()
    assert quick.costs(person="ann") == store.costs(person="ann")
    assert quick.spent(run=RUN) == 0


def test_no_record_is_an_empty_one(tmp_path: Path) -> None:
    quick = QuickReads(tmp_path / "none.db")
    assert quick.criteria(RUN) == ()
    assert quick.runs() == ()
    with pytest.raises(InvalidInput, match="REC-011"):
        quick.find_run("last")


def test_a_damaged_record_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "record.db").write_bytes(b"not a database" * 100)
    with pytest.raises(OutsideFailed, match="REC-003"):
        QuickReads(tmp_path / "record.db").runs()


def test_a_record_without_a_table_is_empty(tmp_path: Path) -> None:
    (tmp_path / "record.db").touch()
    assert QuickReads(tmp_path / "record.db").runs() == ()


@pytest.mark.parametrize("folder", ["a#b", "a%20b", "a b", "a?b"])
def test_a_folder_may_have_any_name(tmp_path: Path, folder: str) -> None:
    path = tmp_path / folder / "record.db"
    store = Store.open(sqlite_url(path))
    store.begin_run(make_run())
    assert QuickReads(path).runs() == store.runs()


def test_a_damaged_record_says_so_of_its_criteria_too(tmp_path: Path) -> None:
    (tmp_path / "record.db").write_bytes(b"not a database" * 100)
    with pytest.raises(OutsideFailed, match="REC-003"):
        QuickReads(tmp_path / "record.db").criteria(RUN)
