"""Bodies in parts: ``multipart/form-data`` and ``multipart/related``."""

import re
from dataclasses import dataclass, field
from typing import Final

from unlit.twins.kit.http import Request

_BOUNDARY: Final = re.compile(r'boundary="?([^";,]+)"?', re.IGNORECASE)
_NAME: Final = re.compile(r'\bname="((?:[^"\\]|\\.)*)"')
_FILE: Final = re.compile(r'\bfilename="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Part:
    """One part; `filename` is `None` for a plain field."""

    data: bytes
    name: str = ""
    filename: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The data as text."""
        return self.data.decode("utf-8", "replace")


def parse_multipart(request: Request) -> list[Part] | None:
    """Return the parts of a body, or `None` if it has no boundary or is cut off."""
    found = _BOUNDARY.search(request.headers.get("content-type", ""))
    if found is None:
        return None
    mark = b"--" + found[1].encode()
    pieces = (b"\r\n" + request.body).split(b"\r\n" + mark)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        return None
    parts = []
    for piece in pieces[1:-1]:
        head, separator, data = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        if not separator:
            if not piece.startswith(b"\r\n\r\n"):
                return None
            head, data = b"", piece[4:]
        headers = {}
        for line in head.decode("utf-8", "replace").split("\r\n"):
            key, _, value = line.partition(":")
            headers[key.strip().lower()] = value.strip()
        about = headers.get("content-disposition", "")
        name, file = _NAME.search(about), _FILE.search(about)
        parts.append(Part(data, name[1] if name else "", file[1] if file else None, headers))
    return parts
