"""What a spec is about is found in the index, ranked, within a budget, pinned as it was read."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from unlit.context.adapters.folder_bodies import FolderBodies
from unlit.context.adapters.index import Index
from unlit.context.model import Item, Ref, Trust
from unlit.context.relevant import RelevantItems, terms
from unlit.context.rules.snapshot import seen_sentence
from unlit.context.service import manifest, read_manifest, snapshot_brief, take_snapshot
from unlit.core.errors import OutsideFailed

NOW = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
SPEC = """---
id: access-review
---

# Access review

## Intent

Reviewers close access of people who left.

## Criteria

### AC-1 Paging

When a group has several pages, the review shall read every page of the group.
"""


def _item(key: str, title: str, body: str, trust: Trust = Trust.INTERNAL, days: int = 1) -> Item:
    read = NOW - timedelta(days=days)
    return Item(Ref("jira", "issue", key), "1", title, body, trust, read)


@pytest.fixture
def index() -> Index:
    index = Index(Path(":memory:"))
    index.put(
        [
            _item("SEC-1", "Paging of groups", "The second page of the group is lost.", days=3),
            _item("SEC-2", "Lunch", "Soup on Tuesday."),
            _item("SEC-3", "Stranger", "access review group page", Trust.PUBLIC),
            _item("SEC-4", "Long", "access review " + "x" * 200_000),
            *(_item(f"SEC-{n}", f"Other {n}", "Filler about cars.") for n in range(10, 60)),
        ]
    )
    return index


def _found(index: Index, **more: int | bool) -> list[str]:
    source = RelevantItems(index, ["jira"], **more)  # type: ignore[arg-type]
    source.about(SPEC)
    return [ref.key for ref in source.search("")]


def test_the_words_of_a_spec_are_those_it_is_about() -> None:
    assert terms(SPEC)[:2] == ("access", "review")
    assert "shall" not in terms(SPEC)


def test_what_fits_best_comes_first_and_what_fits_not_or_is_anybodys_stays_out(
    index: Index,
) -> None:
    assert _found(index) == ["SEC-1"]
    assert _found(index, public=True) == ["SEC-3", "SEC-1"]
    assert "SEC-4" in _found(index, budget_bytes=1_000_000)
    assert _found(index, limit=0) == []
    assert _found(index, budget_bytes=10) == []
    nothing = RelevantItems(index, [])
    nothing.about(SPEC)
    assert list(nothing.search("")) == []


def test_the_same_index_gives_the_same_snapshot_and_its_text_is_pinned(
    index: Index, tmp_path: Path
) -> None:
    bodies = FolderBodies(tmp_path)

    def take() -> object:
        source = RelevantItems(index, ["jira"])
        source.about(SPEC)
        return take_snapshot([source], bodies)

    first, second = take(), take()
    assert first == second
    index.put([_item("SEC-1", "Paging of groups", "rewritten")])
    assert "The second page of the group is lost." in snapshot_brief(first, bodies)  # type: ignore[arg-type]


def test_a_manifest_says_how_fresh_it_is_and_cannot_be_changed(
    index: Index, tmp_path: Path
) -> None:
    source = RelevantItems(index, ["jira"])
    source.about(SPEC)
    snapshot = take_snapshot([source], FolderBodies(tmp_path))
    said = seen_sentence(snapshot, NOW)
    assert said.startswith("1 item, 37 bytes, of jira 1; oldest read 3 days ago")
    text = manifest(snapshot)
    assert read_manifest(text) == snapshot
    with pytest.raises(OutsideFailed, match="not what was pinned"):
        read_manifest(text.replace(b"Paging", b"paging"))
