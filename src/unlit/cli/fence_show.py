"""What `unlit fence run` prints of a fence: JSON on stdout, or a few words on stderr."""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from unlit.fence.once import Once

_MOST_REFUSED: Final = 200


@dataclass(frozen=True, slots=True)
class Refused:
    """One request that was denied, as the audit log has it."""

    method: str
    url: str
    rule: str
    why: str


@dataclass(frozen=True, slots=True)
class Done:
    """A fenced command that ended, and the first of its requests that were denied."""

    once: "Once"
    refused: tuple[Refused, ...] = ()
    audit: Path | None = None


def refused_in(audit: Path, run: str) -> tuple[Refused, ...]:
    """Return the first requests of a run that an audit log says were denied."""
    from unlit.policy import read_entries

    found = []
    for entry in read_entries(audit, run, denied=True):
        said = {name: str(value) for name, value in entry.fields.items()}
        url = said.get("url") or said.get("host") or entry.kind
        why = said.get("reason", "")
        found.append(Refused(said.get("method", ""), url, said.get("rule", ""), why))
        if len(found) == _MOST_REFUSED:
            break
    return tuple(found)


def outcome(once: "Once", refused: Sequence[Refused] = ()) -> dict[str, Any]:
    """Return the JSON form of what a fence saw, `unlit.fence/1`."""
    report = once.report
    return {
        "schema": "unlit.fence/1",
        "exit_code": once.exit_code,
        "timed_out": once.timed_out,
        "held": report.held,
        "probes": [
            {"name": one.name, "when": one.when, "blocked": one.blocked, "control": one.control}
            for one in report.probes
        ],
        "exchanges": report.exchanges,
        "denied": report.denied,
        "denied_requests": [asdict(one) for one in refused],
        "asked": [{"request": one.request, "reason": one.reason} for one in report.asked],
        "weak": list(report.weak),
        "peak_memory_mb": report.peak_memory_mb,
        "processes_left": report.processes_left,
        "changed": [{"path": one.path, "kind": one.kind} for one in once.layer.files],
        "refused": [{"path": one.path, "kind": one.kind} for one in once.layer.refused],
        "usage": [_usage(one) for one in report.usage],
    }


def _usage(one: Any) -> dict[str, Any]:
    return {
        "provider": one.provider,
        "model": one.model,
        "input_tokens": one.input_tokens,
        "output_tokens": one.output_tokens,
        "cost_usd": None if one.cost_usd is None else str(one.cost_usd),
    }


def summary(done: Done) -> None:
    """Say on stderr what a person should know; nothing when there is nothing."""
    from unlit.policy.audit.show import inert

    once, report = done.once, done.once.report
    if denied := max(report.denied, len(done.refused)):
        whole = max(report.exchanges, denied)
        requests = f"{whole} request{'s' if whole != 1 else ''}"
        sys.stderr.write(
            f"fence: {denied} of {requests} {'was' if denied == 1 else 'were'} denied; "
            "`unlit fence learn -- COMMAND` proposes rules for them.\n"
            f"fence: its log: unlit audit show --audit {shlex.quote(str(done.audit))} --denied\n"
        )
    for one in once.layer.refused:
        # the name was chosen inside: a terminal must not obey it
        sys.stderr.write(
            f"fence: the change of {inert(one.path)} was not taken: policy guards it, or it leads "
            "out of the workspace or steers git.\n"
        )
    for sentence in report.weak:
        sys.stderr.write(f"fence: weak: {sentence}\n")
