"""Invariants that hold in every trajectory, whatever it is about."""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from unlit.evaluation.checks.state import Effects

_TRACEBACK: Final = re.compile(
    r"Traceback \(most recent call last\)"
    r"|^panic: |^fatal error: .*goroutine|thread '.*' panicked at"
    r"|^\s+at .+\(.+:\d+:\d+\)$|Unhandled(Promise)?Rejection|^Exception in thread "
    r"|Segmentation fault|core dumped|AddressSanitizer",
    re.MULTILINE,
)
_VOLATILE: Final = frozenset(
    {"id", "key", "ts", "created", "createdTime", "updated", "modifiedTime", "timestamp",
     "event_ts", "client_msg_id", "self", "iid", "revisionId", "documentId"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seen:
    """What a trajectory left behind, as far as invariants look."""

    outputs: Sequence[str] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    effects: Mapping[str, Effects] = field(default_factory=dict)
    secrets: Sequence[str] = ()
    exit_codes: Sequence[int] = ()
    timed_out: bool = False
    statuses: Sequence[int] = ()


def _secret_in_output(seen: Seen) -> str | None:
    for secret in seen.secrets:
        if not secret:
            continue
        if any(secret in text for text in seen.outputs):
            return "a credential was printed"
        if any(secret in text for text in seen.files.values()):
            return "a credential was written to a file"
        for name, done in seen.effects.items():
            if any(secret in json.dumps(item, default=str) for item in done.added):
                return f"a credential was sent to {name}"
    return None


def _traceback(seen: Seen) -> str | None:
    if any(_TRACEBACK.search(text) for text in seen.outputs):
        return "the product showed a stack trace or a crash"
    return None


def _crash(seen: Seen) -> str | None:
    dead = [code for code in seen.exit_codes if code < 0 or code in (132, 134, 135, 136, 139)]
    return f"the product died by signal (exit {dead[0]})" if dead else None


def _hang(seen: Seen) -> str | None:
    return "the product did not end in its time" if seen.timed_out else None


def _server_error(seen: Seen) -> str | None:
    bad = [status for status in seen.statuses if status >= 500]
    return f"the product answered {bad[0]}" if bad else None


def _duplicate_effect(seen: Seen) -> str | None:
    for name, done in seen.effects.items():
        counts = Counter(_essence(item) for item in done.added)
        if any(count > 1 for count in counts.values()):
            return f"the same effect happened twice in {name}"
    return None


def _essence(item: Mapping[str, Any]) -> str:
    kept = {key: value for key, value in item.items() if key not in _VOLATILE}
    return json.dumps(kept, sort_keys=True, default=str)


INVARIANTS: Final[Mapping[str, Callable[[Seen], str | None]]] = {
    "secret-in-output": _secret_in_output,
    "traceback": _traceback,
    "crash": _crash,
    "hang": _hang,
    "server-error": _server_error,
    "duplicate-effect": _duplicate_effect,
}
"""Name in `never` to the check; it returns what was broken, or None."""


def broken(names: Sequence[str], seen: Seen) -> dict[str, str]:
    """Return each named invariant that was broken, with what happened."""
    results = {name: INVARIANTS[name](seen) for name in names}
    return {name: text for name, text in results.items() if text is not None}
