"""Markdown folders: what is read, what is left out."""

from pathlib import Path

from unlit.context.connectors.markdown import MarkdownFolder
from unlit.context.model import Ref, Trust
from unlit.core.clock import FakeClock


def folder(root: Path) -> MarkdownFolder:
    (root / "docs").mkdir()
    (root / "README.md").write_text("# The project\n\nHow to start.\n")
    (root / "docs" / "retries.md").write_text("Retry after the time named.\n")
    (root / ".hidden").mkdir()
    (root / ".hidden" / "secret.md").write_text("no\n")
    (root / "link.md").symlink_to("/etc/passwd")
    return MarkdownFolder(root, FakeClock())


def test_documents_are_found_in_order(tmp_path: Path) -> None:
    assert [ref.key for ref in folder(tmp_path).search("")] == ["README.md", "docs/retries.md"]


def test_words_narrow_the_search(tmp_path: Path) -> None:
    assert [ref.key for ref in folder(tmp_path).search("retry time")] == ["docs/retries.md"]


def test_an_item_has_title_time_and_trust(tmp_path: Path) -> None:
    item = folder(tmp_path).fetch(Ref("docs", "document", "README.md"))
    assert item is not None
    assert (item.title, item.trust, item.fetched_at) == (
        "The project",
        Trust.INTERNAL,
        FakeClock().now(),
    )


def test_nothing_outside_the_folder_is_read(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "outside.md").write_text("secret")
    source = MarkdownFolder(inside, FakeClock())
    assert source.fetch(Ref("docs", "document", "../outside.md")) is None
