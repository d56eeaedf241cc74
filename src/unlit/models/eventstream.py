"""The binary event stream that Bedrock answers with: frames of headers and a JSON payload.

Source: docs.aws.amazon.com, "Event stream encoding" (2026): total length, length of the headers,
checksum of both, headers, payload, checksum of all; numbers are big-endian.
"""

import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

KIND: Final = "application/vnd.amazon.eventstream"
LONGEST: Final = 24 << 20
_AROUND: Final = 16
_TEXT: Final = 7


def frame(event: str, payload: Mapping[str, Any]) -> bytes:
    """Render one event."""
    body = json.dumps(payload, ensure_ascii=False).encode()
    headers = b"".join(
        bytes([len(name)]) + name + bytes([_TEXT]) + struct.pack(">H", len(value)) + value
        for name, value in (
            (b":event-type", event.encode()),
            (b":content-type", b"application/json"),
            (b":message-type", b"event"),
        )
    )
    prelude = struct.pack(">II", _AROUND + len(headers) + len(body), len(headers))
    start = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + body
    return start + struct.pack(">I", zlib.crc32(start))


def frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Give where each whole frame ends, and its payload; what is no frame ends the stream."""
    position = 0
    while len(data) - position >= _AROUND:
        total, headers = struct.unpack_from(">II", data, position)
        if not _AROUND + headers <= total <= LONGEST or len(data) - position < total:
            return
        yield position + total, data[position + 12 + headers : position + total - 4]
        position += total
