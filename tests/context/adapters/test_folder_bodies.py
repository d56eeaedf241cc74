"""Bodies on disk: written once, checked when read."""

from pathlib import Path

import pytest

from unlit.context.adapters.folder_bodies import FolderBodies
from unlit.core.canonical import digest_bytes
from unlit.core.errors import OutsideFailed


def test_a_body_comes_back_as_it_was(tmp_path: Path) -> None:
    bodies = FolderBodies(tmp_path / "cas")
    digest = bodies.keep(b"text")
    assert bodies.keep(b"text") == digest
    assert bodies.read(digest) == b"text"


def test_a_changed_body_is_refused(tmp_path: Path) -> None:
    bodies = FolderBodies(tmp_path)
    digest = bodies.keep(b"text")
    name = digest.removeprefix("sha256:")
    (tmp_path / name[:2] / name).write_bytes(b"other")
    with pytest.raises(OutsideFailed, match="CTX-101"):
        bodies.read(digest)


def test_a_missing_body_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutsideFailed, match="missing"):
        FolderBodies(tmp_path).read(digest_bytes(b"never kept"))
