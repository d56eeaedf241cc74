"""Every number that a report prints is recomputed by the command that is printed beside it."""

import html
import json
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.review.sample import RUN, fill

from unlit.cli.review import app as review
from unlit.core.errors import InvalidInput
from unlit.core.ids import CriterionId
from unlit.core.states import CriterionState
from unlit.core.system import SystemClock
from unlit.evaluation.model import ShipRule
from unlit.evaluation.rules.criteria import criterion_state
from unlit.policy import AuditLog, Identity
from unlit.record.engine import sqlite_url
from unlit.record.store import Store
from unlit.review import build_report, render_html
from unlit.review.adapters.exported import export, loaded
from unlit.review.adapters.fence_log import fences_in, fences_of
from unlit.review.numbers import recompute
from unlit.review.recounting import recounted
from unlit.review.rules.commands import NUMBERS
from unlit.wiring.paths import state_paths
from unlit.wiring.settings import read_settings


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A record where the command line looks for it, with an audit log of three fences."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "repository")
    paths = state_paths(read_settings(), tmp_path / "repository")
    paths.create()
    opened = Store.open(sqlite_url(paths.database))
    fill(opened)
    with opened.engine.begin() as connection:
        where = str(tmp_path / "repository")
        connection.exec_driver_sql("update runs set repository = ?", (where,))
    log = AuditLog.open(paths.audit, {}, SystemClock(), key_dir=paths.root / "audit-key")
    for stage, role, exchanges in (("build", "coder", 40), ("build", "coder", 2),
                                   ("validate", "product", 300)):  # fmt: skip
        fields: dict[str, Any] = {"exchanges": exchanges, "denied": 1,
                                  "probes": {"vault@start": True, "vault@end": True}}  # fmt: skip
        log.append("fence.close", Identity(RUN, stage, "scripted", role), fields)
    log.close()
    yield opened
    opened.close()


def _commands(page: str) -> list[list[str]]:
    found = re.findall(r"unlit review \S+ --number \w+", html.unescape(page))
    return [shlex.split(command)[2:] for command in dict.fromkeys(found)]


def _run(words: list[str]) -> int:
    result: Any = review(words, result_action="return_value", exit_on_error=False)
    return int(result or 0)


def test_each_printed_command_recomputes_its_numbers_and_they_agree(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    page = render_html(build_report(store, RUN))
    commands = _commands(page)
    assert sorted(words[-1] for words in commands) == sorted(NUMBERS)
    shown = re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))
    parts = 0
    for words in commands:
        assert _run([*words, "--json"]) == 0, words
        found = json.loads(capsys.readouterr().out)
        assert found["agrees"] is True, found
        parts += len(found["parts"])
        if words[-1] == "satisfaction":
            assert found["parts"][0]["said"] in shown
            assert re.sub(r"\s", "", found["parts"][1]["said"]) in re.sub(r"\s", "", shown)
    assert parts > 40


def test_the_exported_record_alone_is_enough(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    path = tmp_path / "record.json"
    assert _run([RUN, "--export", str(path)]) == 0
    document = json.loads(path.read_text())
    assert document["schema"] == "unlit.record/1"
    assert len(document["fences"]) == 3
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    for name in NUMBERS:
        assert _run(["--record", str(path), "--number", name, "--json"]) == 0, name
        assert json.loads(capsys.readouterr().out)["agrees"] is True, name
    with loaded(path) as found:
        again = build_report(found.store, found.run, fences=fences_in(found.closed))
    assert [(line.stage, line.exchanges) for line in again.fences] == [
        ("build", 42), ("validate", 300),
    ]  # fmt: skip


def _fewer(document: Any) -> None:
    document["criteria"][0]["satisfied"] -= 1


def _surer(document: Any) -> None:
    document["satisfaction"]["claim_b"]["sentence"] = "For users like these it is certain."


def _stronger(document: Any) -> None:
    document["strength"]["killed"] = 46


def _cleaner(document: Any) -> None:
    document["looks"]["claimable"] = 0.99


@pytest.mark.parametrize(
    ("name", "tamper"),
    [("criteria", _fewer), ("claims", _surer), ("strength", _stronger), ("looks", _cleaner)],
)
def test_a_document_that_its_trajectories_do_not_bear_out_is_found(
    store: Store, name: str, tamper: Callable[[Any], None]
) -> None:
    assert recompute(store, build_report(store, RUN), name).agrees is True
    with store.engine.begin() as connection:
        query = "select candidate, partition, document from evaluations"
        for candidate, partition, text in connection.exec_driver_sql(query).all():
            document = json.loads(text)
            tamper(document)
            connection.exec_driver_sql(
                "update evaluations set document = ? where candidate = ? and partition = ?",
                (json.dumps(document), candidate, partition),
            )
    assert recompute(store, build_report(store, RUN), name).agrees is False


@pytest.mark.parametrize(
    ("name", "statement"),
    [
        ("satisfaction", "update evaluations set estimate = 0.99, lower = 0.98"),
        ("satisfaction", "update trajectories set state = 'not_satisfied' where number = 1"),
        ("sealed", "update trajectories set state = 'not_satisfied' where partition = 'sealed'"),
    ],
)
def test_a_summary_that_its_rows_do_not_bear_out_is_found(
    store: Store, name: str, statement: str
) -> None:
    with store.engine.begin() as connection:
        assert connection.exec_driver_sql(statement).rowcount > 0
    assert recompute(store, build_report(store, RUN), name).agrees is False


def test_a_number_of_the_fence_is_counted_from_its_log(store: Store, tmp_path: Path) -> None:
    paths = state_paths(read_settings(), tmp_path / "repository")
    report = build_report(store, RUN, fences=fences_of((paths.audit,), RUN))
    closed = export(store, RUN, (paths.audit,))["fences"]
    assert recompute(store, report, "fence", closed).agrees is True
    wrong = replace(report, fences=(replace(report.fences[0], exchanges=1), *report.fences[1:]))
    assert recompute(store, wrong, "fence", closed).agrees is False


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"schema": "unlit.record/1"}'])
def test_what_is_no_exported_record_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "record.json"
    path.write_text(content)
    with pytest.raises(InvalidInput, match="no exported record"), loaded(path):
        pass


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("runs", [1, 2, 5])
@pytest.mark.parametrize("among", [1, 2, 8])
def test_a_criterion_is_judged_again_as_one_of_all_criteria(
    among: int, runs: int, held: bool
) -> None:
    names = [CriterionId(f"AC-{n}") for n in range(1, among + 1)]
    state = "satisfied" if held else "not_satisfied"
    failed = [] if held else ["AC-1"]
    document = {
        "ship": {"p0": 0.9, "p1": 0.97, "alpha": 0.05, "beta": 0.1, "method": "lr"},
        "criteria": [{"id": name} for name in names],
        "trajectories": [
            {"n": n, "scenario": "s", "state": state, "criteria": ["AC-1"], "failed": failed}
            for n in range(runs)
        ],
    }
    again = recounted(document)["criteria"][0]["state"]
    graded = criterion_state(ShipRule(), runs, runs if held else 0, among=among)
    assert again == graded.value


def test_one_failure_under_two_criteria_decides_neither_in_the_report_nor_again() -> None:
    assert criterion_state(ShipRule(), 1, 0, among=2) is CriterionState.UNDECIDED
    assert criterion_state(ShipRule(), 1, 0) is CriterionState.NOT_MET
