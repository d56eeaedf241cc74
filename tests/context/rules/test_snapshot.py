"""Pinning: order does not matter, the budget is kept, trust decides who stays."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from unlit.context.model import Item, Ref, Trust
from unlit.context.rules.snapshot import kept_body, pin
from unlit.core.canonical import digest_bytes

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def item(key: str, body: str, trust: Trust = Trust.INTERNAL) -> Item:
    return Item(Ref("docs", "document", key), "1", key, body, trust, NOW)


ITEMS = st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=40), max_size=8).map(
    lambda bodies: [item(key, body) for key, body in bodies.items()]
)


@given(ITEMS, st.randoms())
def test_the_same_items_in_any_order_have_the_same_digest(items: list[Item], rng: object) -> None:
    shuffled = list(items)
    rng.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis' own Random
    assert pin(items) == pin(shuffled)


@given(ITEMS, st.integers(min_value=0, max_value=100))
def test_a_snapshot_never_exceeds_its_budget(items: list[Item], budget: int) -> None:
    snapshot = pin(items, budget_bytes=budget)
    assert snapshot.size_bytes <= budget
    assert len(snapshot.entries) + len(snapshot.left_out) == len(items)
    by_ref = {one.ref: one for one in items}
    for entry in snapshot.entries:
        assert digest_bytes(kept_body(by_ref[entry.ref], entry)) == entry.body


def test_intent_stays_when_there_is_no_room_for_all() -> None:
    snapshot = pin(
        [item("a", "public text", Trust.PUBLIC), item("b", "intent", Trust.INTENT)], budget_bytes=6
    )
    assert [entry.ref.key for entry in snapshot.entries] == ["b"]
    assert [ref.key for ref in snapshot.left_out] == ["a"]


def test_one_changed_byte_changes_the_digest() -> None:
    assert pin([item("a", "x")]).digest != pin([item("a", "y")]).digest
