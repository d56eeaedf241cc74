"""A spec that a person named, as text."""

from pathlib import Path

from unlit.core.errors import InvalidInput


def read_text(path: Path) -> str:
    """Read a file that a person named.

    Raises:
        InvalidInput: It cannot be read, or it is not text.
    """
    try:
        return path.read_text(encoding="utf-8")
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
