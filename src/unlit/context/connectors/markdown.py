"""Markdown files below a folder: the documents that already lie in a repository."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Final

from unlit.context.folders import visible_files
from unlit.context.model import Item, Ref, Trust
from unlit.core.canonical import digest_bytes
from unlit.core.clock import Clock

_SUFFIXES: Final = {".md", ".markdown"}
_SKIPPED: Final = {"node_modules", "vendor", "dist", "build", "specs"}
MAX_BYTES: Final = 256 * 1024


class MarkdownFolder:
    """Reads `*.md` below `root`, links not followed, hidden folders left out.

    Args:
        root: The folder.
        clock: Says when something was read.
        name: Name of this source.
        trust: Trust of everything in it.
    """

    kind: ClassVar[str] = "document"

    def __init__(
        self, root: Path, clock: Clock, name: str = "docs", trust: Trust = Trust.INTERNAL
    ) -> None:
        self.name = name
        self._root = root
        self._clock = clock
        self._trust = trust

    def search(self, query: str) -> Iterator[Ref]:
        """Yield the files whose path or text has every word of `query`, in order of path."""
        words = query.lower().split()
        for path in self._files():
            key = path.relative_to(self._root).as_posix()
            text = f"{key}\n{self._text(path)}".lower() if words else ""
            if all(word in text for word in words):
                yield Ref(self.name, "document", key)

    def fetch(self, ref: Ref) -> Item | None:
        """Read one file."""
        path = self._root / ref.key
        if not path.is_file() or path.is_symlink():
            return None
        if not path.resolve().is_relative_to(self._root.resolve()):
            return None
        body = self._text(path)
        return Item(
            ref=ref,
            revision=digest_bytes(body.encode()).removeprefix("sha256:")[:16],
            title=_title(body) or ref.key,
            body=body,
            trust=self._trust,
            fetched_at=self._clock.now(),
            time=datetime.fromtimestamp(path.stat().st_mtime, UTC),
        )

    def owns(self, text: str) -> Ref | None:
        """Recognise the path of a document below the folder."""
        ref = Ref(self.name, "document", text.strip().removeprefix("./"))
        return ref if self.fetch(ref) is not None else None

    def _files(self) -> Iterator[Path]:
        files = visible_files(self._root, _SKIPPED)
        return (path for path in files if path.suffix.lower() in _SUFFIXES)

    def _text(self, path: Path) -> str:
        with path.open("rb") as file:
            return file.read(MAX_BYTES).decode("utf-8", errors="replace")


def _title(body: str) -> str | None:
    for line in body.splitlines():
        if line.startswith("# "):
            return line[2:].strip()
    return None
