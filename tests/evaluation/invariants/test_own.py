"""An organisation's own rules: read strictly, held everywhere, never from the candidate."""

import subprocess
from pathlib import Path

import pytest

from unlit.evaluation.adapters.spec_history import first_commit_day
from unlit.evaluation.checks.never import Seen
from unlit.evaluation.checks.state import Effects
from unlit.evaluation.invariants.own import in_force, load_own

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
        ("date: 2026-01-15", "date: 20260115", 4),
        ("effect: secret", "mood: bad", 5),
        ("effect: secret", 'effect: "("', 5),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, old: str, new: str, line: int) -> None:
    rules, (finding,) = load_own([write(tmp_path, GOOD.replace(old, new))])
    assert rules == ()
    assert (finding.code, finding.line) == ("EVA-114", line)


@pytest.mark.parametrize(
    ("since", "holds"),
    [(None, True), ("2026-01-15", True), ("2026-03-01", True), ("2026-01-14", False)],
)
def test_a_rule_made_with_the_spec_in_sight_does_not_hold_for_it(
    tmp_path: Path, since: str | None, holds: bool
) -> None:
    rules, _ = load_own([write(tmp_path, GOOD)])
    kept, late = in_force(rules, since)
    assert kept == (rules if holds else ())
    if since is None:
        assert "is not known" in late[0]
    elif holds:
        assert late == ()
    else:
        assert "no-numbers is dated 2026-01-15, after the spec's first commit" in late[0]


def test_the_first_commit_of_a_spec_is_found_behind_a_change_and_a_rename(tmp_path: Path) -> None:
    def git(*words: str, day: str = "2026-02-01") -> None:
        at = f"{day}T12:00:00Z"
        env = {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at, "HOME": str(tmp_path),
               "PATH": "/usr/bin:/bin"}  # fmt: skip
        who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        subprocess.run(["git", "-C", str(tmp_path), *who, *words], check=True, env=env)

    spec = tmp_path / "old.md"
    spec.write_text("line\n" * 20)
    assert first_commit_day(spec) is None
    git("init", "-q")
    assert first_commit_day(spec) is None
    git("add", "-A")
    git("commit", "-qm", "first", day="2026-01-10")
    git("mv", "old.md", "new.md")
    git("commit", "-qm", "renamed")
    (tmp_path / "new.md").write_text("line\n" * 21)
    git("commit", "-qam", "changed", day="2026-03-01")
    assert first_commit_day(tmp_path / "new.md") == "2026-01-10"
