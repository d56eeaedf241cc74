"""A changed spec names the scenarios and the past verdicts that no longer hold."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

import unlit.wiring.demo_product as demo
from unlit.cli.intent import diff
from unlit.core.ids import CandidateId, Digest, RunId
from unlit.core.states import Partition, Verdict
from unlit.record.model import Candidate, Evaluation, Run, RunState
from unlit.wiring.build import open_record

DEMO = Path(str(demo.__file__)).parent
SPEC = DEMO / "base/specs/access-review.md"
AT = datetime(2026, 3, 1, tzinfo=UTC)
RUN, C1 = RunId("r-aaaaaaaaaa"), CandidateId("c1")


def test_scenarios_and_verdicts_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UNLIT_STATE_HOME", str(tmp_path / "state"))
    repository = tmp_path / "repository"
    repository.mkdir()
    store, _ = open_record(repository)
    store.begin_run(
        Run(
            id=RUN,
            spec_id="access-review",
            spec_digest=Digest("sha256:1"),
            title="Review",
            repository=str(repository),
            spec_path="specs/access-review.md",
            base="b" * 40,
            base_tree="t" * 40,
            workspace="/state/w",
            agent="scripted",
            person="ann",
            state=RunState.RUNNING,
            created_at=AT,
            updated_at=AT,
            seed=1,
            settings={},
        )
    )
    store.keep_candidate(Candidate(RUN, C1, 1, "c" * 40, "t" * 40, "b", "scripted", "done", AT, 3))
    store.keep_evaluation(
        Evaluation(RUN, C1, Partition.VALIDATION, Verdict.SHIP, "b", "t", AT, 0.9, 0.8, 1.0, 20, 19)
    )
    text = SPEC.read_text("utf-8")
    new = tmp_path / "new.md"
    new.write_text(re.sub(r"(### AC-6 .*?\n\n.*?shall) ", r"\1 never ", text, count=1, flags=re.S))
    assert new.read_text() != text

    assert diff(SPEC, SPEC, vault=DEMO / "vault", repository=repository) == 0
    capsys.readouterr()
    assert diff(SPEC, new, vault=DEMO / "vault", repository=repository, as_json=True) == 1
    form = json.loads(capsys.readouterr().out)
    assert "jira-is-down-then-back" in form["invalid_scenarios"]
    assert len(form["invalid_scenarios"]) < len(list((DEMO / "vault").rglob("*.yaml")))
    assert form["invalid_verdicts"] == [f"{RUN}/c1/validation"]
    diff(SPEC, new, vault=DEMO / "vault", repository=repository)
    assert "scenario jira-is-down-then-back: no longer means" in capsys.readouterr().out
