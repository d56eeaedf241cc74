"""Tables are as wide as the terminal, and what is wrapped loses nothing."""

import pytest

from unlit.cli.agents import app as agents
from unlit.cli.context_tables import put_table

WORDS = "documented requests and responses of the vendor"


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_wrapped_table_cuts_nothing_and_fits(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    operations = "search fetch comments places fields assign comment create delete edit"
    put_table(["connector", "tested", "can"], [["azure", WORDS, operations]], wrapped=True)
    shown = capsys.readouterr().out
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= width
    assert set(WORDS.split()) | set(operations.split()) <= set(shown.split())


def test_no_agents_title_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    agents(["list"], result_action="return_value")
    assert "Scripted agent (plays prepared files, no model)" in capsys.readouterr().out
