"""Server-sent events as bytes."""

import json
from collections.abc import Mapping
from typing import Any


def event(value: Mapping[str, Any], name: str | None = None) -> bytes:
    """Render one event."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(value, ensure_ascii=False)}\n\n".encode()


def pieces(text: str, size: int = 40) -> list[str]:
    """Cut a text into the deltas of a stream."""
    return [text[start : start + size] for start in range(0, len(text), size)]
