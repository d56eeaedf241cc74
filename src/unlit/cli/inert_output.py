"""What a command prints on a terminal cannot steer it.

Titles, claims, tickets and notes come from agents and strangers. A terminal obeys some of their
characters: it changes what was printed before, its title, or what the next paste does. So on a
terminal each becomes visible. What goes into a file or a pipe stays as it is.
"""

import re
from collections.abc import Iterable
from typing import Any, Final, TextIO

_STEERS: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
_PICTURES: Final = 0x2400


class InertOutput:
    """A text stream that shows what would steer a terminal.

    Args:
        stream: The terminal; ours alone may write to it directly, as `open_stream`.
    """

    def __init__(self, stream: TextIO) -> None:
        self.open_stream = stream

    def write(self, text: str) -> int:
        """Write text; its length is that of what was asked for."""
        self.open_stream.write(_STEERS.sub(_shown, text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        """Be the stream in everything else."""
        return getattr(self.open_stream, name)


def open_stream(stream: TextIO) -> TextIO:
    """Return a stream that obeys: for a view of our own that moves the cursor."""
    found: TextIO = getattr(stream, "open_stream", stream)
    return found


def shown(text: str) -> str:
    """Return a text with every character visible that would steer a terminal."""
    return _STEERS.sub(_shown, text)


def _shown(match: re.Match[str]) -> str:
    code = ord(match[0])
    return chr(_PICTURES + code) if code < 32 else f"\\u{code:04x}"
