import pytest

from unlit.harness.model import Change, End, EndReason, Outcome
from unlit.harness.rules import guarded, in_git, judge_turn, matches

FILE = Change("src/a.py", "file", size=10)


@pytest.mark.parametrize(
    ("end", "changes", "outcome"),
    [
        (End(EndReason.DONE), [FILE], Outcome.CHANGED),
        (End(EndReason.DONE), [], Outcome.CHANGED_NOTHING),
        (End(EndReason.DONE, "All tests pass, done!"), [], Outcome.CLAIMED_WITHOUT_CHANGE),
        (End(EndReason.DONE), [Change(".git/HEAD", "deleted")], Outcome.CHANGED_NOTHING),
        (End(EndReason.DONE), [Change("big", "file", size=5_000_000_000)], Outcome.TOO_LARGE),
        (End(EndReason.DONE), [Change(f"m/{n}", "file") for n in range(50_001)], Outcome.TOO_LARGE),
        (End(EndReason.DONE), [Change("policy.toml", "file")], Outcome.TOUCHED_FORBIDDEN),
        (End(EndReason.DONE), [Change("../x", "file")], Outcome.TOUCHED_FORBIDDEN),
        (End(EndReason.GARBAGE), [], Outcome.GARBAGE),
        (End(EndReason.TIMED_OUT), [], Outcome.TIMED_OUT),
        (End(EndReason.TIMED_OUT), [FILE], Outcome.CHANGED),
        (End(EndReason.CRASHED, exit_code=3), [], Outcome.CRASHED),
        (End(EndReason.MODEL_FAILED), [FILE], Outcome.MODEL_FAILED),
        (End(EndReason.CANCELLED), [FILE], Outcome.CANCELLED),
    ],
)
def test_each_way_to_end_has_its_own_name(
    end: End, changes: list[Change], outcome: Outcome
) -> None:
    verdict = judge_turn(end, changes, read_only=["policy.toml", ".github"])
    assert verdict.outcome is outcome
    assert verdict.sentence


def test_changes_in_git_never_belong_to_a_candidate() -> None:
    verdict = judge_turn(End(EndReason.DONE), [FILE, Change("sub/.GIT/hooks/x", "file")])
    assert verdict.kept == (FILE,)


@pytest.mark.parametrize("path", [".git", ".git/config", "a/.Git/x", ".git./x"])
def test_git_folders_are_found_however_spelled(path: str) -> None:
    assert in_git(path)
    assert not in_git("src/.gitignore")


@pytest.mark.parametrize(
    ("path", "globs", "fits"),
    [
        ("a/b.py", ["."], True),
        ("secrets/a/b", ["secrets/**"], True),
        (".github/x.yml", [".github"], True),
        (".git/hooks/pre-commit", [".git/hooks"], True),
        ("src/.env", [".env"], False),
        ("src/a.py", ["src/*.py"], True),
        ("src/a.py", [], False),
    ],
)
def test_globs_reach_below_the_folder_they_name(path: str, globs: list[str], fits: bool) -> None:
    assert matches(path, globs) is fits


@pytest.mark.parametrize(
    ("path", "touches"),
    [
        ("deep/er/kept.py", True),
        ("deep/er", True),
        ("deep", True),
        ("DEEP/er/kept.py", True),
        ("deep/er/other.py", False),
        ("deeper", False),
    ],
)
def test_what_stands_above_a_kept_path_keeps_it_too(path: str, touches: bool) -> None:
    assert guarded(path, ["deep/er/kept.py"]) is touches
