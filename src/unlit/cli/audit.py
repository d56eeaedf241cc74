"""`unlit audit`: read, verify and export an audit log."""

import json
import sys
from pathlib import Path
from typing import Annotated

import cyclopts

app = cyclopts.App(name="audit", help="Read, verify and export an audit log.")
Json = Annotated[bool, cyclopts.Parameter("--json", negative=())]
Folder = Annotated[Path | None, cyclopts.Parameter("--audit")]


@app.command
def show(
    *,
    audit: Folder = None,
    repository: Path | None = None,
    run: str | None = None,
    denied: Annotated[bool, cyclopts.Parameter("--denied", negative=())] = False,
    last: int | None = None,
    as_json: Json = False,
) -> int:
    """Print entries, one a line, in order; of the logs inside the folder too.

    Args:
        audit: Folder of the log; default the one of this repository's factory.
        repository: The repository; default the nearest one upwards from here.
        run: Only this run.
        denied: Only refusals.
        last: Only the last N.
        as_json: Print JSON lines.
    """
    from collections import deque

    from unlit.policy.audit.reading import logs_in, merged
    from unlit.policy.audit.show import entry_json, entry_text

    if last is not None and last < 1:
        from unlit.core.errors import UsageError

        raise UsageError(
            "POL-164", f"--last {last} shows nothing.", "it counts entries", "Give 1 or more."
        )
    found = merged(logs_in(_folder(audit, repository)), run=run, denied=denied)
    for entry in found if last is None else deque(found, maxlen=last):
        sys.stdout.write((entry_json(entry) if as_json else entry_text(entry)) + "\n")
    return 0


@app.command
def verify(
    *,
    audit: Folder = None,
    repository: Path | None = None,
    key: str | None = None,
    as_json: Json = False,
) -> int:
    """Check that a log is complete and is what was signed; ends with 1 if it is not.

    Without --audit these are all logs of the repository (of fences, of gates, and those that lie
    beside), and each decision in the record must have its entry.

    Args:
        audit: Folder of the log; default the one of this repository's factory.
        repository: The repository; default the nearest one upwards from here.
        key: The signer's public key (base64), known from elsewhere.
        as_json: Print JSON.
    """
    from unlit.policy import verify as check
    from unlit.policy.audit.reading import logs_in

    logs = logs_in(_folder(audit, repository))
    results = [(folder, check(folder, key=key)) for folder in logs]
    decisions, missing = (None, ()) if audit is not None else _decisions(logs, repository)
    holds = all(result.ok for _, result in results) and not missing
    if as_json:
        rows = [
            {
                "log": str(folder),
                "ok": result.ok,
                "entries": result.entries,
                "signed": result.signed,
                "head": result.head,
                "problems": list(result.problems),
            }
            for folder, result in results
        ]
        found = {
            "schema": "unlit.audit-verification/1", "ok": holds, "logs": rows,
            "decisions": decisions, "decisions_without_entry": list(missing),
        }  # fmt: skip
        sys.stdout.write(json.dumps(found) + "\n")
        return 0 if holds else 1
    for folder, result in results:
        for problem in result.problems:
            sys.stdout.write(f"problem in {folder}: {problem}\n")
        state = "holds" if result.ok else "DOES NOT HOLD"
        counts = f"{result.entries} entries, {result.signed} signed"
        sys.stdout.write(f"The log {folder} {state}: {counts}, root {result.head}.\n")
    for problem in missing:
        sys.stdout.write(f"problem in the record: {problem}\n")
    if decisions and not missing:
        sys.stdout.write(f"Decisions in the record: {decisions}, each with its log entry.\n")
    if key is None:
        sys.stdout.write(
            "The key was taken from the log itself; --key compares with a known one.\n"
        )
    return 0 if holds else 1


@app.command
def export(*, audit: Folder = None, repository: Path | None = None, run: str | None = None) -> int:
    """Print a DSSE envelope with an in-toto statement over the log, signed by the log's key.

    Args:
        audit: Folder of the log; default the one of this repository's factory.
        repository: The repository; default the nearest one upwards from here.
        run: Only count and digest the entries of this run.
    """
    from unlit.policy.audit.export import export as envelope

    sys.stdout.write(json.dumps(envelope(_folder(audit, repository), run=run)) + "\n")
    return 0


@app.command
def prove(index: int, *, audit: Folder = None, repository: Path | None = None) -> int:
    """Print the proof that one entry is in the log, checkable without the rest of it.

    Args:
        index: Number of the entry.
        audit: Folder of the log; default the one of this repository's factory.
        repository: The repository; default the nearest one upwards from here.
    """
    from unlit.policy.audit.export import prove as proof

    sys.stdout.write(json.dumps(proof(_folder(audit, repository), index)) + "\n")
    return 0


def _folder(named: Path | None, repository: Path | None) -> Path:
    if named is not None:
        return named
    from unlit.wiring.finding import find_repository
    from unlit.wiring.paths import state_paths
    from unlit.wiring.settings import read_settings

    return state_paths(read_settings(), find_repository(repository or Path())).audit


def _decisions(logs: tuple[Path, ...], repository: Path | None) -> tuple[int, tuple[str, ...]]:
    """Number of decisions in this repository's record, and those without their log entry."""
    from unlit.policy.audit.reading import merged
    from unlit.review.rules.audited import without_entry
    from unlit.wiring.desk import decisions_made
    from unlit.wiring.finding import find_repository
    from unlit.wiring.settings import read_settings

    made = decisions_made(read_settings(), find_repository(repository or Path()))
    return len(made), without_entry(made, merged(logs))
