"""`unlit review`, `approve`, `reject` and `ship` over a real record and repository."""

import io
import json
import shutil
from pathlib import Path
from typing import Any

import cyclopts
import pytest
from tests.ship.test_service import AT, RUN, World, git
from typing_extensions import override

from unlit.cli.approve import app as approve
from unlit.cli.approve import reject_app as reject
from unlit.cli.audit import app as audit
from unlit.cli.review import app as review
from unlit.cli.ship import app as ship
from unlit.core.clock import FakeClock
from unlit.core.errors import (
    InvalidInput,
    OutcomeNotGoodEnough,
    RefusedByPolicy,
    UnlitError,
    UsageError,
)
from unlit.policy import AuditLog, verify
from unlit.record.engine import sqlite_url
from unlit.record.model import GateDecision, Question
from unlit.record.store import Store
from unlit.wiring.paths import state_paths
from unlit.wiring.settings import read_settings


class Factory(World):
    """A repository whose record lies where the command line looks for it."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_STATE_HOME", str(root / "state"))
        monkeypatch.setenv("HOME", str(root / "home"))
        monkeypatch.setenv("UNLIT_PERSON", "dana")
        super().__init__(root)
        self.paths = state_paths(read_settings(), self.repository)
        self.paths.create()
        self.store.close()
        (root / "record.db").rename(self.paths.database)
        monkeypatch.chdir(self.repository)

    def call(self, app: cyclopts.App, *words: str) -> int:
        result: Any = app(list(words), result_action="return_value", exit_on_error=False)
        return int(result or 0)


@pytest.fixture
def factory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Factory:
    return Factory(tmp_path, monkeypatch)


def test_an_approval_ships_is_audited_and_repeats_harmlessly(
    factory: Factory, capsys: pytest.CaptureFixture[str]
) -> None:
    assert factory.call(approve, RUN, "--reason", "it is right", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["state"] == "shipped"
    assert git(factory.repository, "rev-parse", "main") == said["commit"]
    assert verify(factory.paths.audit / "gates").ok
    assert factory.call(approve, RUN, "--json") == 0
    assert json.loads(capsys.readouterr().out)["again"]
    report = json.loads((factory.paths.root / "reports" / RUN / "report.json").read_text())
    assert report["run"]["state"] == "shipped"


def ask(factory: Factory) -> None:
    store = Store.open(sqlite_url(factory.paths.database))
    store.keep_questions([Question(RUN, 1, "criterion", "Is the summary useful?")])
    store.close()


def decision_of(factory: Factory) -> GateDecision | None:
    store = Store.open(sqlite_url(factory.paths.database))
    found = store.gate_decision(RUN, "outcome")
    store.close()
    return found


def test_an_approval_with_no_open_question_needs_no_reason(factory: Factory) -> None:
    assert factory.call(approve, RUN) == 0
    assert factory.head() != factory.base
    kept = decision_of(factory)
    assert kept is not None
    assert kept.reason == "approved without a reason"


def test_with_an_open_question_a_missing_reason_is_a_usage_error(factory: Factory) -> None:
    ask(factory)
    with pytest.raises(UsageError, match="REV-026") as failure:
        factory.call(approve, RUN)
    assert failure.value.remedy == f'`unlit approve {RUN} --reason "…"`.'
    with pytest.raises(UsageError, match="unlit reject"):
        factory.call(reject, RUN)
    assert decision_of(factory) is None
    assert factory.head() == factory.base


def test_on_a_terminal_the_missing_reason_is_asked_for(
    factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        @override
        def isatty(self) -> bool:
            return True

    ask(factory)
    monkeypatch.setattr("sys.stdin", Terminal("it reads well\n"))
    assert factory.call(approve, RUN) == 0
    kept = decision_of(factory)
    assert kept is not None
    assert kept.reason == "it reads well"


def test_a_run_that_does_not_wait_says_so_before_any_reason(factory: Factory) -> None:
    ask(factory)
    assert factory.call(reject, RUN, "--reason", "posts twice") == 0
    with pytest.raises(InvalidInput, match=r"REV-012 .* it is rejected"):
        factory.call(approve, RUN)


def test_a_rejection_ships_nothing(factory: Factory) -> None:
    assert factory.call(reject, RUN, "--reason", "posts twice") == 0
    with pytest.raises(UnlitError):
        factory.call(approve, RUN, "--reason", "changed my mind")
    with pytest.raises(OutcomeNotGoodEnough, match="SHP-011"):
        factory.call(ship, RUN)
    assert factory.head() == factory.base


def test_verify_covers_the_log_of_gates_and_the_decisions_in_the_record(
    factory: Factory, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = AuditLog.open(
        factory.paths.audit, {}, FakeClock(AT), key_dir=factory.paths.root / "audit-key"
    )
    log.close()
    factory.call(approve, RUN, "--reason", "it is right")
    (factory.repository / "sub").mkdir()
    monkeypatch.chdir(factory.repository / "sub")
    capsys.readouterr()
    assert factory.call(audit, "verify") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith(f"The log {factory.paths.audit} holds")]
    assert [line for line in lines if line.startswith(f"The log {factory.paths.audit}/gates holds")]
    assert "Decisions in the record: 1, each with its log entry." in lines
    assert factory.call(audit, "show") == 0
    assert "gate.decision" in capsys.readouterr().out
    gates = factory.paths.audit / "gates" / "log.jsonl"
    kept = gates.read_text()
    gates.write_text(kept.replace("it is right", "it is wrong"))
    assert factory.call(audit, "verify", "--json") == 1
    said = json.loads(capsys.readouterr().out)
    assert [log["ok"] for log in said["logs"]] == [True, False]
    shutil.rmtree(gates.parent)
    assert factory.call(audit, "verify") == 1
    assert f"dana approved run {RUN} at the gate outcome: no such" in capsys.readouterr().out


def test_shipping_writes_the_attestations(
    factory: Factory, capsys: pytest.CaptureFixture[str]
) -> None:
    factory.call(approve, RUN, "--reason", "it is right")
    capsys.readouterr()
    assert factory.call(ship, RUN, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert all(Path(path).exists() for path in said["attestations"].values())


def test_the_report_is_printed_written_and_recomputed(
    factory: Factory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert factory.call(review, RUN) == 0
    assert "Candidate 1 can ship." in capsys.readouterr().out
    assert factory.call(review, RUN, "--json") == 0
    assert json.loads(capsys.readouterr().out)["schema"] == "unlit.report/1"
    factory.call(review, RUN, "--html", str(tmp_path / "report.html"))
    assert "<!doctype html>" in (tmp_path / "report.html").read_text()
    capsys.readouterr()
    assert factory.call(review, RUN, "--number", "cost") == 0
    assert "agrees" in capsys.readouterr().out
    with pytest.raises(InvalidInput, match="REV-027"):
        factory.call(review, RUN, "--html", str(tmp_path / "nowhere" / "report.html"))
    with pytest.raises(UnlitError, match="REV-024"):
        factory.call(review, RUN, "--number", "happiness")
    with pytest.raises(UnlitError, match="REV-025"):
        factory.call(review, RUN, "--trajectory", "c1/validation/1")


def test_where_nothing_has_run_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "product").mkdir()
    monkeypatch.chdir(tmp_path / "product")
    with pytest.raises(UnlitError, match="REV-041"):
        review(["last"], result_action="return_value", exit_on_error=False)


GATES = """
[factory]
name = "product"

[gate.roles]
release = ["ben"]

[gate.ship]
people = ["@release"]
not_who_decided = ["outcome"]
"""


def test_what_is_approved_ships_after_its_ship_gate_alone(
    factory: Factory, capsys: pytest.CaptureFixture[str]
) -> None:
    (factory.repository / "unlit.toml").write_text(GATES)
    git(factory.repository, "add", "-A")
    git(factory.repository, "commit", "-qm", "gates")
    main = git(factory.repository, "rev-parse", "main")
    with pytest.raises(InvalidInput, match="REV-032"):
        factory.call(approve, RUN, "--gate", "ship", "--reason", "early")
    assert factory.call(approve, RUN, "--reason", "it is right") == 0
    told = capsys.readouterr().out
    assert "It ships after its ship gate: by ben." in told
    assert f"unlit approve {RUN} --gate ship --reason WHY" in told
    assert factory.call(approve, RUN) == 0, "the outcome is not asked twice"
    assert "was approved before" in capsys.readouterr().out
    with pytest.raises(RefusedByPolicy, match="REV-019"):
        factory.call(approve, RUN, "--gate", "ship", "--reason", "mine too")
    with pytest.raises(OutcomeNotGoodEnough, match="REV-034"):
        factory.call(ship, RUN)
    assert git(factory.repository, "rev-parse", "main") == main
    words = ("--gate", "ship", "--reason", "not in the freeze", "--person", "ben", "--json")
    assert factory.call(reject, RUN, *words) == 0
    assert json.loads(capsys.readouterr().out)["gate"] == "ship"
    assert git(factory.repository, "rev-parse", "main") == main


def test_an_intent_gate_is_named_and_its_decision_may_stand_alone(
    factory: Factory, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store.open(sqlite_url(factory.paths.database))
    found = store.find_run(RUN)
    store.change_run(found.id, AT, settings={**found.settings, "gate": "intent"}, verdict=None)
    store.close()
    assert factory.call(review, RUN) == 0
    assert f"unlit approve {RUN} --gate intent --reason TEXT" in capsys.readouterr().out
    with pytest.raises(UsageError, match="--gate intent"):
        factory.call(approve, RUN)
    assert factory.call(approve, RUN, "--only", "--reason", "this is it", "--json") == 0
    assert json.loads(capsys.readouterr().out)["gate"] == "intent"
