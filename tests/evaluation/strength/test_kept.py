"""The kept figure speaks for one program and one set of scenarios, never for another."""

from pathlib import Path

import pytest

from unlit.evaluation.model import Strength
from unlit.evaluation.strength.battery import Report
from unlit.evaluation.strength.kept import keep_strength, known_strength, strength_document


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    folder = tmp_path / "vault"
    folder.mkdir()
    return folder


def keep(vault: Path, tree: str, run: str, sentence: str) -> None:
    report = Report(Strength(4, 3, sentence=sentence), (), 4, 4, 4, 9, 1.0)
    keep_strength(vault, strength_document(report, "sha256:v", tree, run))


def test_each_program_has_its_own_figure(vault: Path) -> None:
    keep(vault, "sha256:a", "./a", "of a")
    keep(vault, "sha256:b", "./b", "of b")
    assert known_strength(vault, "sha256:v", "sha256:a", "./a").sentence == "of a"
    assert known_strength(vault, "sha256:v", "sha256:b", "./b").sentence == "of b"


@pytest.mark.parametrize(("tree", "run"), [("sha256:c", "./a"), ("sha256:a", "./other")])
def test_another_program_was_not_measured(vault: Path, tree: str, run: str) -> None:
    keep(vault, "sha256:a", "./a", "of a")
    found = known_strength(vault, "sha256:v", tree, run)
    assert found.sentence == "not measured for this program"
    assert found.mutants is None


def test_other_scenarios_need_another_measurement(vault: Path) -> None:
    assert known_strength(vault, "sha256:v", "sha256:a", "./a") == Strength()
    keep(vault, "sha256:a", "./a", "of a")
    assert "scenarios have changed" in known_strength(vault, "sha256:w", "sha256:a", "./a").sentence
