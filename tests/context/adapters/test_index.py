"""The cross-source index."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlit.context.adapters.index import Index
from unlit.context.model import Item, Ref, Trust

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def _item(key: str, title: str, body: str = "", source: str = "jira", revision: str = "1") -> Item:
    return Item(Ref(source, "issue", key), revision, title, body, Trust.INTERNAL, NOW)


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return Index(tmp_path / "index.db")


def test_every_word_must_be_there_and_titles_weigh_more(index: Index) -> None:
    index.put(
        [
            _item("A-1", "Paging of groups is wrong"),
            _item("A-2", "Something else", "paging of groups, said in passing " * 3),
            _item("A-3", "Groups"),
        ]
    )
    assert [hit.ref.key for hit in index.search("groups paging")] == ["A-1", "A-2"]


def test_a_changed_item_replaces_its_older_self(index: Index) -> None:
    assert index.put([_item("A-1", "old words")]) == 1
    assert index.put([_item("A-1", "old words")]) == 0
    assert index.put([_item("A-1", "new words", revision="2")]) == 1
    assert index.search("old") == []
    assert index.counts() == {"jira": 1}


def test_a_batch_that_breaks_leaves_nothing_half_written(index: Index) -> None:
    def broken() -> Iterator[Item]:
        yield _item("A-1", "first")
        raise OSError("half a page")

    with pytest.raises(OSError, match="half a page"):
        index.put(broken())
    assert index.search("first") == []


def test_threads_that_share_an_index_do_not_break_each_others_batches(index: Index) -> None:
    def work(number: int) -> int:
        for turn in range(40):
            batch = [_item(f"{turn % 4}-{one}", "words", "body " * 500) for one in range(3)]
            index.put([replace(one, revision=f"{number}.{turn}") for one in batch])
            index.search("words")
            index.relevant(["words"], ["jira"], limit=5)
            index.drop(Ref("jira", "issue", "0-0"))
            assert set(index.counts()) == set(index.newest()) == {"jira"}
        return number

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(work, range(4))) == [0, 1, 2, 3]
    assert index.counts() == {"jira": 11}


def test_what_is_gone_is_not_found(index: Index) -> None:
    index.put([_item("A-1", "words")])
    index.drop(Ref("jira", "issue", "A-1"))
    assert index.search("words") == []


def test_one_source_can_be_searched_alone(index: Index) -> None:
    index.put([_item("A-1", "words"), _item("p1", "words", source="notion")])
    assert [hit.ref.source for hit in index.search("words", source="notion")] == ["notion"]
    assert index.search("words", source="nobody") == []
    assert len(index.search("words", source="jira", limit=1)) == 1


@given(st.text())
def test_any_text_is_a_query(text: str) -> None:
    index = Index(Path(":memory:"))
    index.put([_item("A-1", "words")])
    assert isinstance(index.search(text), list)
    index.close()
