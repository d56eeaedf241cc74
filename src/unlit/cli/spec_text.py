"""A spec that a person named, as text."""

from pathlib import Path
from typing import Final

from unlit.core.errors import InvalidInput

MAX_FILE: Final = 8_000_000
"""More is not read at all; what a spec may have is less, and said when it is parsed."""


def read_text(path: Path) -> str:
    """Read a file that a person named.

    Raises:
        InvalidInput: It cannot be read, or it is not text.
    """
    try:
        size = path.stat().st_size
        if size > MAX_FILE:
            raise InvalidInput(
                "INT-112", f"{path} has {size:,} bytes.", f"A spec has at most {MAX_FILE:,}.",
                "Split it into several specs.",
            )  # fmt: skip
        # line endings stay as they are, so that what is written back differs in what changed
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except OSError as error:
        raise InvalidInput(
            "INT-113", f"{path} cannot be read: {error.strerror}.", "A spec is a file.",
            "Name a spec such as specs/NAME.md.",
        ) from error  # fmt: skip
    except UnicodeDecodeError as error:
        raise InvalidInput(
            "INT-114", f"{path} is not text: byte {error.start} is not UTF-8.",
            "A spec is Markdown in UTF-8.", "Save it as UTF-8.",
        ) from error  # fmt: skip


def write_text(path: Path, text: str) -> None:
    """Write a text with the line endings that it has.

    Raises:
        InvalidInput: It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
    except OSError as error:
        raise InvalidInput(
            "INT-133", f"{path} cannot be written: {error.strerror}.", "The spec is a file.",
            "Make it writable, or copy it to where you may write.",
        ) from error  # fmt: skip
