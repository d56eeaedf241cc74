"""A bug of ours leaves a report."""

from pathlib import Path

import pytest

from unlit.wiring.bugs import write_bug_report


def test_the_report_holds_the_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = write_bug_report("Traceback: it broke")
    assert "it broke" in Path(path).read_text()
