"""Quoting: what was fetched cannot close its own quotation or hide anything."""

from datetime import UTC, datetime

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
