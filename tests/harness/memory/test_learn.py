from datetime import UTC, datetime

from unlit.harness.memory.learn import Attempt, propose
from unlit.record.model import LessonState

AT = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_criterion_that_was_mended_teaches_where() -> None:
    first = Attempt("c1", {"AC-1": "few", "AC-2": "none"}, ["a.py"], ships=False)
    second = Attempt("c2", {"AC-2": "none"}, ["src/pages.py"], ships=False)
    third = Attempt("c3", {}, ["src/tickets.py"], ships=True)
    lessons = propose("/repo", "r-1", "review", [first, second, third], AT)
    assert [row.keys for row in lessons] == [
        ("criterion:review/AC-1", "path:src/pages.py"),
        ("criterion:review/AC-2", "path:src/tickets.py"),
    ]
    assert "satisfied few cases; it was met after changes to src/pages.py" in lessons[0].claim
    assert {row.state for row in lessons} == {LessonState.PROPOSED}


def test_the_same_run_proposes_the_same_lessons_again() -> None:
    attempts = [
        Attempt("c1", {"AC-1": "few"}, [], ships=False),
        Attempt("c2", {}, ["a.py"], ships=True),
    ]
    again = propose("/repo", "r-1", "review", attempts, AT)
    assert again == propose("/repo", "r-1", "review", attempts, AT)


def test_what_nobody_met_is_remembered_too() -> None:
    (row,) = propose("/repo", "r-1", "review", [Attempt("c1", {"AC-3": "some"}, [], False)], AT)
    assert "no candidate of a run met it" in row.claim


def test_a_run_that_passed_at_once_teaches_nothing() -> None:
    assert propose("/repo", "r-1", "review", [Attempt("c1", {}, ["a.py"], ships=True)], AT) == ()
