"""Quoting: what was fetched cannot close its own quotation or hide anything."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlit.context.model import Item, Ref, Trust
from unlit.context.rules.quoting import brief, visible
from unlit.context.rules.snapshot import pin

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def rendered(body: str) -> str:
    snapshot = pin([Item(Ref("t", "issue", "1"), "1", "title", body, Trust.PUBLIC, NOW)])
    return brief(snapshot, [(entry, body) for entry in snapshot.entries])


@given(st.text(max_size=200))
def test_every_line_of_a_body_is_marked(body: str) -> None:
    lines = rendered(body).rstrip("\n").split("\n")
    assert lines[3:-1] == [f"| {line}" for line in visible(body).split("\n")]


def test_hidden_characters_are_removed() -> None:
    assert visible("a\u202eb\u200bc\U000e0041d\x1b[2Je") == "abcd[2Je"


def test_nothing_read_means_nothing_said() -> None:
    assert brief(pin([]), []) == ""


@pytest.mark.parametrize("hidden", ["\ufe0f", "\U000e0100", "\u3164", "\uffa0", "\u115f", "\u034f"])
def test_fillers_and_selectors_are_removed(hidden: str) -> None:
    assert visible(f"a{hidden}b") == "ab"


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_no_field_makes_a_line_that_is_not_marked(key: str, title: str, body: str) -> None:
    snapshot = pin([Item(Ref("t", "issue", key), "1", title, body, Trust.PUBLIC, NOW)])
    lines = brief(snapshot, [(entry, body) for entry in snapshot.entries]).splitlines()
    nonce = snapshot.digest.removeprefix("sha256:")[:16]
    assert lines[2].startswith(f"<<{nonce} trust=public ")
    assert all(line.startswith("| ") for line in lines[3:-1])
    assert lines[-1] == f"{nonce}>>"
