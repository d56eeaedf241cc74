"""A snapshot is read once and rendered from the store alone."""

from pathlib import Path

from unlit.context.adapters.folder_bodies import FolderBodies
from unlit.context.connectors.markdown import MarkdownFolder
from unlit.context.service import bodies_named, manifest, snapshot_brief, take_snapshot
from unlit.core.clock import FakeClock


def test_the_brief_is_the_same_after_the_source_has_gone(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.md").write_text("# A\nfirst\n")
    bodies = FolderBodies(tmp_path / "cas")
    snapshot = take_snapshot([MarkdownFolder(docs, FakeClock())], bodies)
    before = snapshot_brief(snapshot, bodies)
    (docs / "a.md").unlink()
    assert snapshot_brief(snapshot, bodies) == before
    assert "| first" in before
    assert snapshot.taint == {"docs:internal"}
    assert len(bodies_named(snapshot)) == 1
    assert b"unlit.snapshot/1" in manifest(snapshot)
