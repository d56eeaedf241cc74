"""The stored form of the audit log: one ASCII JSON line per entry, and signed checkpoints.

`log.jsonl` holds the entries. `checkpoints` holds one signed note per line of JSON: what is signed
is origin, size, root in base64 and time, a line each (the C2SP tlog-checkpoint form, with a time).
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from unlit.policy.model import JSON, AuditEntry, Identity

LOG_NAME: Final = "log.jsonl"
CHECKPOINTS_NAME: Final = "checkpoints"
ORIGIN: Final = "unlit.audit/1"
HEADER_KIND: Final = "log.opened"
LONGEST_TEXT: Final = 512
_MOST_ITEMS: Final = 64

encode: Final = json.JSONEncoder(
    ensure_ascii=True, separators=(",", ":"), allow_nan=False, default=str
).encode


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed statement: the first `size` entries have this root."""

    size: int
    root: bytes
    at: str
    signature: bytes

    def signed_text(self) -> bytes:
        """Return what the signature is over."""
        return checkpoint_text(self.size, self.root, self.at)

    def line(self) -> bytes:
        """Render for the file."""
        row = {
            "size": self.size,
            "root": base64.b64encode(self.root).decode(),
            "at": self.at,
            "sig": base64.b64encode(self.signature).decode(),
        }
        return encode(row).encode("ascii") + b"\n"


def checkpoint_text(size: int, root: bytes, at: str) -> bytes:
    """Return the text of a checkpoint."""
    return f"{ORIGIN}\n{size}\n{base64.b64encode(root).decode()}\n{at}\n".encode("ascii")


def parse_checkpoint(line: bytes) -> Checkpoint | None:
    """Read one line of the checkpoints file; `None` if it is none."""
    try:
        row = json.loads(line)
        root = base64.b64decode(row["root"], validate=True)
        signature = base64.b64decode(row["sig"], validate=True)
        return Checkpoint(int(row["size"]), root, str(row["at"]), signature)
    except (ValueError, KeyError, TypeError):
        return None


def bounded(value: JSON, depth: int = 0) -> JSON:
    """Cut a value to what a log line may hold: short texts, few items, no depth."""
    if isinstance(value, str):
        if len(value) <= LONGEST_TEXT:
            return value
        return f"{value[:LONGEST_TEXT]}… ({len(value)} characters)"
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth >= 4:
        return "…"
    if isinstance(value, Mapping):
        items = list(value.items())[:_MOST_ITEMS]
        return {str(key)[:64]: bounded(item, depth + 1) for key, item in items}
    if isinstance(value, list | tuple):
        return [bounded(item, depth + 1) for item in value[:_MOST_ITEMS]]
    return bounded(str(value))


def entry_line(
    index: int, at: str, kind: str, identity: Identity, fields: Mapping[str, JSON]
) -> bytes:
    """Render one entry as the bytes that are hashed (without the newline)."""
    short = {
        key: value if type(value) is int or value is None else bounded(value)
        for key, value in fields.items()
    }
    row = {
        "i": index,
        "at": at,
        "kind": kind,
        "run": identity.run,
        "stage": identity.stage,
        "agent": identity.agent,
        "role": identity.role,
        "f": short,
    }
    fast = msgspec.json.encode(row)
    # the fast encoder leaves characters beyond ASCII as they are; those lines take the slow one
    return fast if fast.isascii() else encode(row).encode("ascii")


def entry_start(index: int) -> bytes:
    """Return what the line of entry `index` begins with."""
    return b'{"i":%d,' % index


class _Row(msgspec.Struct):
    i: int
    at: str
    kind: str
    run: str
    stage: str
    agent: str
    role: str
    f: dict[str, Any]


_ROW: Final = msgspec.json.Decoder(_Row)


def parse_entry(line: bytes) -> AuditEntry | None:
    """Read one entry; `None` if the line is none."""
    try:
        row = _ROW.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return None
    identity = Identity(row.run, row.stage, row.agent, row.role)
    return AuditEntry(row.i, row.at, row.kind, identity, row.f)
