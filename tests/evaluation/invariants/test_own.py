"""An organisation's own rules: read strictly, held everywhere, never from the candidate."""

from pathlib import Path

import pytest

from unlit.evaluation.checks.never import Seen
from unlit.evaluation.checks.state import Effects
from unlit.evaluation.invariants.own import load_own

GOOD = """\
id: no-numbers
owner: privacy
because: P-12
date: 2026-01-15
forbid: {output: "\\\\d{3}-\\\\d{2}", effect: secret}
"""


def write(folder: Path, text: str) -> Path:
    (folder / "invariants").mkdir(exist_ok=True)
    (folder / "invariants" / "a.yaml").write_text(text, encoding="utf-8")
    return folder


def test_a_rule_looks_where_it_says(tmp_path: Path) -> None:
    (rule,), findings = load_own([write(tmp_path, GOOD)])
    assert findings == ()
    assert rule.broken_by(Seen(outputs=["call 123-45"])) is not None
    assert rule.broken_by(Seen(files={"x": "123-45"})) is None
    effects = {"slack.messages": Effects(({"text": "a secret"},))}
    assert rule.broken_by(Seen(effects=effects)) is not None
    assert "123-45" not in str(rule.broken_by(Seen(outputs=["123-45"])))


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("owner: privacy\n", "", 1),
        ("id: no-numbers", "id: No Numbers", 1),
        ("date: 2026-01-15", "date: soon", 4),
        ("effect: secret", "mood: bad", 5),
        ("effect: secret", 'effect: "("', 5),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, old: str, new: str, line: int) -> None:
    rules, (finding,) = load_own([write(tmp_path, GOOD.replace(old, new))])
    assert rules == ()
    assert (finding.code, finding.line) == ("EVA-114", line)
