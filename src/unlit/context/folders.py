"""The files below a folder that a connector may read: hidden ones and links are left out."""

from collections.abc import Collection, Iterator
from pathlib import Path


def visible_files(folder: Path, skipped: Collection[str]) -> Iterator[Path]:
    """Yield the files below a folder in order of their names, folders walked where they stand.

    Args:
        folder: Where to begin.
        skipped: Names of files and folders that are left out.
    """
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in skipped or path.is_symlink():
            continue
        if path.is_dir():
            yield from visible_files(path, skipped)
        else:
            yield path
