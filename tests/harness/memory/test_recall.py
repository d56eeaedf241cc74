from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from unlit.harness.memory.recall import Query, is_told, placebo, recall
from unlit.record.model import Lesson, LessonState

AT = datetime(2026, 3, 1, tzinfo=UTC)


def lesson(name: str, claim: str = "", keys: tuple[str, ...] = (), hours: int = 0) -> Lesson:
    return Lesson(
        name,
        "/repo",
        claim or f"claim of {name}",
        keys,
        ("r-1",),
        LessonState.APPROVED,
        "run",
        AT + timedelta(hours=hours),
    )


def test_an_exact_key_comes_before_any_words() -> None:
    by_key = lesson("a", "Something else entirely.", ("path:src/tickets.py",))
    by_words = lesson("b", "Open Jira tickets once: tickets tickets tickets.")
    found = recall([by_words, by_key], Query(frozenset({"path:src/tickets.py"}), "jira tickets"))
    assert [row.id for row in found.lessons] == ["a", "b"]


def test_words_decide_among_the_others_and_the_irrelevant_is_not_told() -> None:
    rows = [lesson("a", "Paging of large groups."), lesson("b", "Colours of the console.")]
    found = recall(rows, Query(frozenset(), "read a large group page by page"))
    assert [row.id for row in found.lessons] == ["a"]


def test_only_approved_lessons_that_do_not_lose_are_told() -> None:
    row = lesson("a")
    assert is_told(row)
    assert not is_told(replace(row, state=LessonState.PROPOSED))
    assert not is_told(replace(row, state=LessonState.FORGOTTEN))
    assert not is_told(replace(row, losses=3))
    assert is_told(replace(row, losses=3, wins=1))


@given(st.lists(st.text(min_size=1, max_size=80), max_size=30), st.integers(0, 400))
def test_what_is_told_never_exceeds_its_size(claims: list[str], size: int) -> None:
    rows = [lesson(f"l{n}", claim, ("k",)) for n, claim in enumerate(claims)]
    found = recall(rows, Query(frozenset({"k"}), ""), max_characters=size)
    assert len(found.text) <= size


@given(st.lists(st.sampled_from("abcdef"), unique=True))
def test_the_order_of_the_store_does_not_matter(order: list[str]) -> None:
    rows = [lesson(name, "same words here", hours=ord(name)) for name in order]
    found = recall(rows, Query(frozenset(), "same words"))
    assert [row.id for row in found.lessons] == sorted(order, reverse=True)


def test_a_placebo_has_the_length_and_none_of_the_words() -> None:
    text = "- Read every page of a group (lesson l-1)\n- Open each issue once (lesson l-2)"
    assert len(placebo(text)) == len(text)
    assert "page" not in placebo(text)
