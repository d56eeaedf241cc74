"""Who decides by default: reviewers bind once a factory has rules for its gates."""

from pathlib import Path

import pytest

from unlit.wiring.gate_settings import gate_rules


@pytest.mark.parametrize(
    ("gates", "people"),
    [("", ()), ("[gate.outcome]\nneeded = 1\n", ("ben@example.com",)),
     ('[gate.outcome]\npeople = ["ann@example.com"]\n', ("ann@example.com",))],
)  # fmt: skip
def test_reviewers_decide_where_a_gate_names_nobody(
    tmp_path: Path, gates: str, people: tuple[str, ...]
) -> None:
    head = '[factory]\nname = "x"\nreviewers = ["ben@example.com"]\n'
    (tmp_path / "unlit.toml").write_text(head + gates, encoding="utf-8")
    assert tuple(gate_rules(tmp_path).of("outcome").people) == people
