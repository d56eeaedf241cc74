"""A spec that a person named, as text."""

from pathlib import Path

from unlit.core.errors import InvalidInput


def read_text(path: Path) -> str:
    """Read a file that a person named.

    Raises:
        InvalidInput: It cannot be read, or it is not text.
    """
    try:
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
        with path.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
    except OSError as error:
        raise InvalidInput(
            "INT-133", f"{path} cannot be written: {error.strerror}.", "The spec is a file.",
            "Make it writable, or copy it to where you may write.",
        ) from error  # fmt: skip
