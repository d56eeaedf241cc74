"""`unlit review`, `approve`, `reject` and `ship` over a real record and repository."""

import json
from pathlib import Path
from typing import Any

import cyclopts
import pytest
from tests.ship.test_service import RUN, World, git

from unlit.cli.approve import app as approve
from unlit.cli.approve import reject_app as reject
from unlit.cli.review import app as review
from unlit.cli.ship import app as ship
from unlit.core.errors import OutcomeNotGoodEnough, RefusedByPolicy, UnlitError
from unlit.policy import verify
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


def test_an_approval_without_a_reason_is_refused(factory: Factory) -> None:
    with pytest.raises(RefusedByPolicy, match="REV-016"):
        factory.call(approve, RUN)
    assert factory.head() == factory.base


def test_a_rejection_ships_nothing(factory: Factory) -> None:
    assert factory.call(reject, RUN, "--reason", "posts twice") == 0
    with pytest.raises(UnlitError):
        factory.call(approve, RUN, "--reason", "changed my mind")
    with pytest.raises(OutcomeNotGoodEnough, match="SHP-011"):
        factory.call(ship, RUN)
    assert factory.head() == factory.base


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
