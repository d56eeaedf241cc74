"""Bug reports: the traceback goes to a file, never to the terminal."""

import os
import tempfile
from pathlib import Path


def write_bug_report(text: str) -> Path:
    """Write a traceback to a fresh private file.

    Returns:
        The file's path.
    """
    descriptor, name = tempfile.mkstemp(prefix="unlit-bug-", suffix=".txt")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return Path(name)
