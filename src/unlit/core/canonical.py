"""One canonical JSON form and digest, so that equal data always has the same name."""

import hashlib
import json
from typing import Any

from unlit.core.ids import Digest


def canonical_json(value: Any) -> bytes:
    """Encode as JSON with sorted keys, no spaces, ASCII only.

    Raises:
        TypeError: `value` holds something that is not JSON.
        ValueError: `value` holds NaN or an infinity.
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    ).encode("ascii")


def digest_bytes(data: bytes) -> Digest:
    """Return ``sha256:`` plus the hexadecimal digest of `data`."""
    return Digest("sha256:" + hashlib.sha256(data).hexdigest())


def digest_json(value: Any) -> Digest:
    """Return the digest of the canonical JSON form of `value`."""
    return digest_bytes(canonical_json(value))
