"""People label judged runs of the line: audited first, counted at once, the gate follows."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.review.sample import START, fill

from unlit.core.clock import FakeClock
from unlit.core.errors import InvalidInput, OutsideFailed
from unlit.core.ids import CandidateId
from unlit.core.states import Partition, Verdict
from unlit.evaluation.labels import read_rows
from unlit.evaluation.ledger import open_store
from unlit.record import schema
from unlit.record.model import RunState
from unlit.record.store import Store
from unlit.review import Desk
from unlit.review.fakes import FakeGateLog
from unlit.wiring.labelling import Labels

RUNS = 60


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(f"sqlite:///{tmp_path / 'record.db'}")


def _line(n: int) -> str:
    shown = [{"criteria": ["AC-2"], "ask": "next?", "evidence": f"run {n}"}] if n > 3 else []
    return json.dumps({"record": {"n": n}, "story": "s", "judged": {"AC-2": n > 3},
                       "judgements": shown})  # fmt: skip


def judged(store: Store, folder: Path, log: FakeGateLog) -> Labels:
    """A run that waits at its gate, whose criterion AC-2 only a judge looked at."""
    run = fill(store)
    found = store.find_run(run)
    vault, kept = folder / "vault", folder / "kept"
    vault.mkdir()
    (open_store(vault) / "canary.key").write_bytes(b"a fixed key for tests, 32 bytes.")
    document = dict(store.evaluations(run)[-1].document)
    mark: dict[str, Any] = {
        "id": "AC-2", "text": "t", "scenarios": ["s"], "trajectories": 0, "satisfied": 0,
        "state": "not_exercised", "estimate": None, "lower": None, "upper": None, "tier": None,
        "independence": {"source": None, "authors": {}, "families": [], "ceiling": "",
                         "level": 0, "for_people": True},
    }  # fmt: skip
    document |= {"criteria": [mark], "judges": [], "reason": "r",
                 "ship": {"p0": 0.5, "p1": 0.7, "alpha": 0.05, "beta": 0.1}}  # fmt: skip
    for row in store.evaluations(run):
        store.keep_evaluation(
            replace(row, candidate=CandidateId(str(found.candidate)), document=document,
                    verdict=Verdict.SHIP)
        )  # fmt: skip
        grading = kept / run / str(found.candidate) / row.partition.value
        grading.mkdir(parents=True, exist_ok=True)
        (grading / "key").write_text(f"g-{row.partition}")
        (grading / "judge.json").write_text(json.dumps({"judge": "rubric m", "family": "f"}))
        lines = "\n".join(_line(n) for n in range(1, RUNS + 1))
        (grading / "trajectories.jsonl").write_text(lines + "\n")
    desk = Desk(store, log, FakeClock(START))
    return Labels(desk, run, vault, kept)


def say(labels: Labels, answer: bool, most: int) -> int:
    given = 0
    for grading, entry in labels.waiting():
        if given >= most:
            break
        settled = not entry.shown
        labels.keep(grading, entry, False if settled else answer, "rule" if settled else "ada")
        given += 1
    return given


def test_labels_are_audited_and_let_a_judge_count(store: Store, tmp_path: Path) -> None:
    log = FakeGateLog()
    labels = judged(store, tmp_path, log)
    say(labels, True, 2 * RUNS)
    assert {kind for kind, *_ in log.entries} == {"judge.label"}
    assert "evidence" not in json.dumps([fields for *_, fields in log.entries])
    said = labels.count()
    assert any("above the rate to exceed" in sentence for sentence in said)
    row = store.evaluations(labels.run)[-1]
    (mark,) = row.document["criteria"]
    assert (mark["state"], row.verdict) == ("met", Verdict.SHIP)
    assert labels.count()  # counted again it is the same
    assert store.evaluations(labels.run)[-1].document == row.document
    assert store.find_run(labels.run).state is RunState.WAITING


def test_people_who_see_it_otherwise_shut_the_gate(store: Store, tmp_path: Path) -> None:
    labels = judged(store, tmp_path, FakeGateLog())
    say(labels, False, 2 * RUNS)
    assert any("its gate is shut" in sentence for sentence in labels.count())
    found = store.find_run(labels.run)
    assert (found.state, found.verdict) == (RunState.ENDED, Verdict.NOT_YET)


def test_too_few_labels_change_nothing(store: Store, tmp_path: Path) -> None:
    labels = judged(store, tmp_path, FakeGateLog())
    say(labels, False, 40)
    assert "nothing counts yet" in labels.count()[0]
    assert store.find_run(labels.run).state is RunState.WAITING


def test_what_is_not_audited_is_no_label(store: Store, tmp_path: Path) -> None:
    labels = judged(store, tmp_path, FakeGateLog(broken=True))
    with pytest.raises(OutsideFailed):
        say(labels, True, 1)
    assert list(read_rows(labels.vault)) == []


def test_a_run_without_a_judge_says_so(store: Store, tmp_path: Path) -> None:
    run = fill(store)
    labels = Labels(Desk(store, FakeGateLog(), FakeClock(START)), run, tmp_path, tmp_path)
    with pytest.raises(InvalidInput, match="EVA-148"):
        labels.gradings()


def test_both_partitions_are_asked(store: Store, tmp_path: Path) -> None:
    labels = judged(store, tmp_path, FakeGateLog())
    asked = {grading.partition for grading, _ in labels.waiting()}
    assert asked == {row.partition for row in store.evaluations(labels.run)
                     if row.candidate == store.find_run(labels.run).candidate}  # fmt: skip
    assert Partition.VALIDATION in asked


def _only_judged(labels: Labels, **more: Any) -> None:
    """Make the run one that ended undecided, because nothing but a judge had to decide."""
    store = labels.desk.store
    for row in store.evaluations(labels.run):
        document = dict(row.document) | {"verdict": "undecided", "unexercised": []} | more
        document["satisfaction"] = {**document["satisfaction"], "trajectories": 0}
        document["leaks"] = {"control": "held"} | document["leaks"]
        store.keep_evaluation(replace(row, document=document, verdict=Verdict.UNDECIDED))
    store.change_run(labels.run, START, state=RunState.ENDED, verdict=Verdict.UNDECIDED, note="")


def test_labels_open_the_gate_of_a_run_that_only_judges_held(store: Store, tmp_path: Path) -> None:
    labels = judged(store, tmp_path, FakeGateLog())
    _only_judged(labels, leaks={})
    say(labels, True, 2 * RUNS)
    assert "ship" in labels.count()[-1]
    found = store.find_run(labels.run)
    assert (found.state, found.verdict) == (RunState.WAITING, Verdict.SHIP)


@pytest.mark.parametrize(
    ("more", "verdict"),
    [
        ({"leaks": {"control": "missed"}}, Verdict.UNDECIDED),
        ({"leaks": {"control": None}}, Verdict.UNDECIDED),
        ({"leaks": {}, "unexercised": ["s2"]}, Verdict.NOT_EXERCISED),
        ({"leaks": {}, "unexercised": None}, Verdict.NOT_EXERCISED),
    ],
)
def test_labels_stand_in_for_no_leak_proof_and_no_scenario(
    store: Store, tmp_path: Path, more: dict[str, Any], verdict: Verdict
) -> None:
    labels = judged(store, tmp_path, FakeGateLog())
    _only_judged(labels, **more)
    say(labels, True, 2 * RUNS)
    labels.count()
    sealed = next(
        row for row in store.evaluations(labels.run)
        if row.partition is Partition.SEALED
    )  # fmt: skip
    assert (sealed.verdict, sealed.document["verdict"]) == (verdict, verdict.value)
    assert sealed.document["criteria"][0]["state"] == "met"
    assert store.find_run(labels.run).state is RunState.ENDED


@pytest.mark.parametrize(("count", "answer"), [(1, True), (2 * RUNS, True), (2 * RUNS, False)])
def test_labels_reopen_no_run_that_ended_for_another_reason(
    store: Store, tmp_path: Path, count: int, answer: bool
) -> None:
    labels = judged(store, tmp_path, FakeGateLog())
    why = "the repository's own checks failed"
    store.change_run(labels.run, START, state=RunState.ENDED, verdict=Verdict.NOT_YET, note=why)
    say(labels, answer, count)
    labels.count()
    found = store.find_run(labels.run)
    assert (found.state, found.verdict, found.note) == (RunState.ENDED, Verdict.NOT_YET, why)


def test_what_ended_for_another_reason_stays_so_with_the_verdict_of_its_gradings(
    store: Store, tmp_path: Path
) -> None:
    labels = judged(store, tmp_path, FakeGateLog())
    _only_judged(labels, leaks={})
    store.change_run(labels.run, START, note="the line ended early: a tool said no")
    say(labels, True, 2 * RUNS)
    labels.count()
    assert store.find_run(labels.run).state is RunState.ENDED


def test_a_rule_labels_only_up_to_the_next_run_to_show(store: Store, tmp_path: Path) -> None:
    """Else the judge's card is made of failures that it had no chance to get wrong."""
    labels = judged(store, tmp_path, FakeGateLog())
    order = [(entry.row.grading, entry.row.n, bool(entry.shown)) for _, entry in labels.waiting()]
    labels.skip_settled()
    first = next(place for place, (_, _, shown) in enumerate(order) if shown)
    kept = [(row.grading, row.n) for row in read_rows(labels.vault)]
    assert kept == [(grading, n) for grading, n, _ in order[:first]]
    labels.skip_settled()
    assert len(list(read_rows(labels.vault))) == first
    grading, entry = next(iter(labels.waiting()))
    labels.keep(grading, entry, True, "ada")
    labels.skip_settled()
    second = next(place for place, (_, _, shown) in enumerate(order) if shown and place > first)
    assert len(list(read_rows(labels.vault))) == second


@pytest.mark.parametrize("more", [True, False])
def test_labels_on_validation_alone_let_the_run_go_on_to_its_sealed_look(
    store: Store, tmp_path: Path, more: bool
) -> None:
    labels = judged(store, tmp_path, FakeGateLog())
    _only_judged(labels, leaks={})
    found = store.find_run(labels.run)
    with store.engine.begin() as connection:
        table = schema.evaluations
        connection.execute(table.delete().where(table.c.partition == Partition.SEALED.value))
    kept = labels.store / found.id / str(found.candidate) / Partition.SEALED.value
    (kept / "judge.json").unlink(missing_ok=True)
    say(labels, True, 2 * RUNS if more else 52)
    assert f"`unlit resume {labels.run}`" in labels.count()[-1]
    after = store.find_run(labels.run)
    assert (after.state, after.settings["work"]) == (RunState.PAUSED, f"look-{found.candidate}")
    assert f"`unlit resume {labels.run}`" in labels.count()[-1]  # counted again it is the same
    for row in store.evaluations(labels.run):
        store.keep_evaluation(replace(row, document=dict(row.document) | {"unexercised": ["s2"]}))
    assert "goes on no more" in labels.count()[-1]
    assert store.find_run(labels.run).state is RunState.ENDED
