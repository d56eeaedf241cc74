"""Bodies in a folder, named by digest, written once and checked when read."""

import os
import tempfile
from pathlib import Path

from unlit.core.canonical import digest_bytes
from unlit.core.errors import OutsideFailed
from unlit.core.ids import Digest


class FolderBodies:
    """A content-addressed folder.

    Args:
        root: The folder; made when missing.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True, mode=0o700)

    def keep(self, body: bytes) -> Digest:
        """Store `body` once; a crash leaves either nothing or all of it."""
        digest = digest_bytes(body)
        path = self._path(digest)
        if path.exists():
            return digest
        path.parent.mkdir(exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
        Path(name).replace(path)
        return digest

    def read(self, digest: Digest) -> bytes:
        """Return the bytes of `digest`, checked."""
        try:
            body = self._path(digest).read_bytes()
        except FileNotFoundError:
            body = None
        if body is None or digest_bytes(body) != digest:
            raise OutsideFailed(
                "CTX-101",
                f"The body {digest} is {'missing' if body is None else 'not what its name says'}.",
                "a run is shown exactly what its snapshot pinned, or nothing.",
                "restore the folder from a backup, or start a new run, which reads again.",
            )
        return body

    def _path(self, digest: Digest) -> Path:
        name = digest.removeprefix("sha256:")
        return self._root / name[:2] / name
