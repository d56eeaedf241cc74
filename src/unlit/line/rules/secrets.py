"""Secrets that must not be in a candidate; pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_PATTERNS: Final[Mapping[str, re.Pattern[bytes]]] = {
    "private key": re.compile(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}"),
    "AWS access key": re.compile(rb"\bAKIA[0-9A-Z]{16}\b"),
    "GitHub token": re.compile(rb"\bgh[pousr]_[A-Za-z0-9]{36}\b"),
    "Slack token": re.compile(rb"\bxox[abpr]-[0-9]{8,}-[0-9A-Za-z-]{20,}\b"),
    "Anthropic key": re.compile(rb"\bsk-ant-[A-Za-z0-9_-]{32,}\b"),
    "Google key": re.compile(rb"\bAIza[0-9A-Za-z_-]{35}\b"),
}


@dataclass(frozen=True, slots=True)
class Found:
    """A secret in a file; its text is not repeated."""

    path: str
    kind: str
    line: int


def find_secrets(path: str, body: bytes, planted: Sequence[bytes] = ()) -> tuple[Found, ...]:
    """Find what looks like a secret.

    Args:
        path: Name to report.
        body: Bytes of the file.
        planted: Exact values that must not be there, such as placeholders of credentials.
    """
    found = [
        Found(path, kind, body.count(b"\n", 0, match.start()) + 1)
        for kind, pattern in _PATTERNS.items()
        for match in pattern.finditer(body)
    ]
    found += [
        Found(path, "placeholder of a credential", body.count(b"\n", 0, body.find(value)) + 1)
        for value in planted
        if value and value in body
    ]
    return tuple(found)
