"""Reading and checking an audit log, offline, without the process that wrote it."""

import base64
import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from unlit.core.errors import InvalidInput
from unlit.policy.audit.ahead import AHEAD_NAME, following, lines_ahead
from unlit.policy.audit.form import (
    CHECKPOINTS_NAME,
    HEADER_KIND,
    LOG_NAME,
    Checkpoint,
    parse_checkpoint,
    parse_entry,
)
from unlit.policy.audit.keys import is_signed
from unlit.policy.audit.merkle import EMPTY_ROOT, Frontier, leaf_hash
from unlit.policy.model import JSON, AuditEntry, Verification

_KEY_BYTES: Final = 32
"""An Ed25519 public key."""


def read_entries(
    directory: Path, run: str | None = None, denied: bool = False
) -> Iterator[AuditEntry]:
    """Yield the entries of a log in order.

    Args:
        directory: The log's folder.
        run: Only entries of this run.
        denied: Only entries that refused something.

    Raises:
        InvalidInput: There is no log in `directory`.
    """
    with log_file(directory).open("rb") as file:
        for line in file:
            entry = parse_entry(line)
            if entry is None or (run is not None and entry.identity.run != run):
                continue
            if denied and not is_denial(entry):
                continue
            yield entry


def logs_in(directory: Path) -> tuple[Path, ...]:
    """Return every log in a folder: its own, and those that lie inside it.

    Raises:
        InvalidInput: There is none.
    """
    found = sorted(path.parent for path in directory.glob(f"**/{LOG_NAME}"))
    if not found:
        log_file(directory)
    return tuple(found)


def merged(
    directories: Iterable[Path], run: str | None = None, denied: bool = False
) -> Iterator[AuditEntry]:
    """Yield the entries of several logs in the order of their time."""
    logs = (read_entries(directory, run, denied) for directory in directories)
    return heapq.merge(*logs, key=lambda entry: entry.at)


def is_denial(entry: AuditEntry) -> bool:
    """Say whether an entry records a refusal."""
    return entry.fields.get("outcome") == "deny" or entry.kind.endswith((".denied", ".refused"))


def denials(entry: AuditEntry) -> int:
    """Return how many refusals an entry records: none, one, or many where they were folded."""
    count = entry.fields.get("count")
    return count if is_denial(entry) and isinstance(count, int) else int(is_denial(entry))


@dataclass(slots=True)
class _Check:
    checkpoints: dict[int, Checkpoint]
    problems: list[str] = field(default_factory=list)
    frontier: Frontier = field(default_factory=Frontier)
    header: Mapping[str, JSON] = field(default_factory=dict)
    key: str | None = None
    head: bytes = EMPTY_ROOT
    signed: int = 0

    def line(self, raw: bytes) -> None:
        """Check one line of the log."""
        number = self.frontier.size
        entry = parse_entry(raw)
        if entry is None or not raw.endswith(b"\n"):
            self.problems.append(f"entry {number} is damaged or torn")
        elif entry.index != number:
            self.problems.append(f"entry {number} says that it is entry {entry.index}")
        elif entry.kind == HEADER_KIND:
            self._header(entry)
        self.frontier.add(leaf_hash(raw.rstrip(b"\n")))
        mark = self.checkpoints.pop(number + 1, None)
        if mark is not None:
            self._checkpoint(mark)

    def _header(self, entry: AuditEntry) -> None:
        key = entry.fields.get("key")
        if self.key is None:
            self.header, self.key = entry.fields, key if isinstance(key, str) else None
        elif key != self.key:
            self.problems.append(f"entry {entry.index} names another signing key")

    def _checkpoint(self, mark: Checkpoint) -> None:
        root = self.frontier.root()
        if mark.root != root:
            self.problems.append(f"the entries up to {mark.size} are not those that were signed")
        elif self.key is None or not is_signed(self.key, mark.signed_text(), mark.signature):
            self.problems.append(
                f"the checkpoint over {mark.size} entries is not signed by the key"
            )
        else:
            self.head, self.signed = root, mark.size


def verify(directory: Path, *, key: str | None = None) -> Verification:
    """Check that a log is complete, in order, and what was signed.

    Args:
        directory: The log's folder.
        key: The signer's public key (base64), known from elsewhere; default the one in the log,
            which proves nothing against somebody who could replace log and key together.

    Raises:
        InvalidInput: There is no log in `directory`, or `key` is no public key (POL-168).
    """
    if key is not None:
        _refuse_no_key(key)
    path = log_file(directory)
    marks, problems = _checkpoints(directory / CHECKPOINTS_NAME)
    check = _Check(marks, problems, key=key)
    ahead = lines_ahead(directory)  # before the log: what is written meanwhile is no loss
    with path.open("rb") as file:
        for raw in file:
            check.line(raw)
    for size in check.checkpoints:
        check.problems.append(f"{size} entries were signed, the log has {check.frontier.size}")
    if lost := len(following(ahead, check.frontier.size)):
        check.problems.append(
            f"{lost} more entries stand in {AHEAD_NAME} only; the next start takes them up"
        )
    if not check.signed:
        check.problems.append("no entry is covered by a signature")
    return Verification(
        ok=not check.problems,
        entries=check.frontier.size,
        problems=tuple(check.problems),
        head=base64.b64encode(check.head).decode(),
        signed=check.signed,
        header=check.header,
    )


def _refuse_no_key(key: str) -> None:
    try:
        if len(base64.b64decode(key, validate=True)) == _KEY_BYTES:
            return
    except ValueError:
        pass
    raise InvalidInput(
        "POL-168",
        f"{key!r} is not the public key of a log.",
        f"a key is {_KEY_BYTES} bytes in base64; nothing was compared.",
        "copy it whole from where you keep it.",
    )


def newest_checkpoint(directory: Path, most: int) -> Checkpoint | None:
    """Return the newest checkpoint over at most `most` entries."""
    marks, _ = _checkpoints(directory / CHECKPOINTS_NAME)
    return max((m for m in marks.values() if m.size <= most), key=lambda m: m.size, default=None)


def _checkpoints(path: Path) -> tuple[dict[int, Checkpoint], list[str]]:
    found: dict[int, Checkpoint] = {}
    problems: list[str] = []
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return found, ["the checkpoints are missing"]
    for number, line in enumerate(lines):
        mark = parse_checkpoint(line)
        if mark is None:
            if number < len(lines) - 1:
                problems.append(f"checkpoint {number} is damaged")
            continue
        twin = found.get(mark.size)
        if twin is not None and twin.root != mark.root:
            problems.append(f"two different logs of {mark.size} entries were signed")
        found[mark.size] = mark
    return found, problems


def log_file(directory: Path) -> Path:
    """Return the file of a log.

    Raises:
        InvalidInput: There is none in the folder.
    """
    path = directory / LOG_NAME
    if not path.is_file():
        raise InvalidInput(
            "POL-141",
            f"No audit log in {directory}.",
            f"there is no file {LOG_NAME}",
            "Name a log's folder with --audit; `unlit fence run` says where its own lies.",
        )
    return path
