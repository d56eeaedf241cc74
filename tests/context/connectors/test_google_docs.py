"""Google Docs, over the wire against our Docs and Drive twins."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.context.twinned import Wire, wired

from unlit.context.changes import Comment, Create, Delete, Edit, Transition
from unlit.context.connectors.google_docs import GoogleDocs
from unlit.context.model import Ref
from unlit.core.clock import FakeClock
from unlit.core.errors import UnlitError


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    seeds = {
        "google": {
            "documents": [
                {"title": "Access policy", "text": "Ninety days.\nThen a ticket."},
                {"title": "Lunch", "text": "Soup."},
            ]
        }
    }
    with wired(tmp_path, "docs", "https://docs.googleapis.com", seeds) as wire:
        yield wire


@pytest.fixture
def docs(wire: Wire) -> GoogleDocs:
    return GoogleDocs(wire.api, FakeClock())


def test_a_document_is_found_by_its_words_and_read(docs: GoogleDocs) -> None:
    (ref,) = docs.search("ninety")
    item = docs.fetch(ref)
    assert item is not None
    assert item.title == "Access policy"
    assert item.body == "Ninety days.\nThen a ticket."
    assert item.revision


def test_all_documents_are_listed(docs: GoogleDocs) -> None:
    assert len(list(docs.search(""))) == 2


def test_what_is_gone_is_nothing(docs: GoogleDocs) -> None:
    assert docs.fetch(Ref("docs", "document", "nowhere")) is None


def test_a_pasted_url_finds_its_document(docs: GoogleDocs) -> None:
    (ref,) = docs.search("soup")
    assert docs.owns(f"https://docs.google.com/document/d/{ref.key}/edit#heading=h.1") == ref


def test_what_people_said_about_a_document_is_read(docs: GoogleDocs, wire: Wire) -> None:
    (ref,) = docs.search("soup")
    url = f"https://www.googleapis.com/drive/v3/files/{ref.key}/comments"
    wire.api.send("POST", url, {"content": "With bread?"}, fields="id")
    (comment,) = docs.comments(ref)
    assert comment.body == "With bread?"
    assert comment.people
    assert comment.time is not None


def test_a_document_is_made_changed_commented_on_and_put_into_the_bin(docs: GoogleDocs) -> None:
    ref = docs.apply(Create("", "Notes", "First.\nSecond."))
    item = docs.fetch(ref)
    assert item is not None
    assert (item.title, item.body) == ("Notes", "First.\nSecond.")
    docs.apply(Edit(ref, title="Minutes", body="Only this."))
    item = docs.fetch(ref)
    assert item is not None
    assert item.body == "Only this."
    docs.apply(Comment(ref, "Which day?"))
    assert [one.body for one in docs.comments(ref)] == ["Which day?"]
    docs.apply(Delete(ref))
    assert docs.fetch(ref) is None
    with pytest.raises(UnlitError, match="no state"):
        docs.apply(Transition(ref, "done"))
