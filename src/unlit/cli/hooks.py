"""`unlit hooks`: how far each lifecycle hook is, and what could not be told."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts

if TYPE_CHECKING:
    from unlit.ship.hooks import Outbox

app = cyclopts.App(name="hooks", help="Lifecycle hooks: how far each is, and tell them again.")
Json = Annotated[bool, cyclopts.Parameter("--json", negative=())]


@app.default
def hooks(*, as_json: Json = False, repository: Path | None = None) -> int:
    """List the hooks of unlit.toml with how far each is and what was put aside.

    Exit code: 0 all is told or will be; 1 something was put aside after its last attempt.

    Args:
        as_json: Print JSON.
        repository: Folder of the repository; default this one.
    """
    outbox = _outbox(repository)
    rows: list[dict[str, Any]] = [] if outbox is None else [
        {
            "hook": name, "event": cursor.seq, "failed_attempts": cursor.attempts,
            "aside": [{k: v for k, v in one.items() if k != "body"} for one in cursor.aside],
        }
        for name, cursor in sorted(outbox.cursors().items())
    ]  # fmt: skip
    if as_json:
        sys.stdout.write(json.dumps({"schema": "unlit.hooks/1", "hooks": rows}) + "\n")
    elif not rows:
        sys.stdout.write("no hooks: a hook is a table [hook.NAME] in unlit.toml\n")
    for row in [] if as_json else rows:
        trying = f", {row['failed_attempts']} failed attempts" if row["failed_attempts"] else ""
        sys.stdout.write(f"{row['hook']}: told up to event {row['event']}{trying}\n")
        for one in row["aside"]:
            sys.stdout.write(f"  put aside: {one['event']} of {one['run']}: {one['words']}\n")
    return 1 if any(row["aside"] for row in rows) else 0


@app.command
def retry(hook: str, *, repository: Path | None = None) -> int:
    """Tell a hook again what was put aside.

    Args:
        hook: Its name.
        repository: Folder of the repository; default this one.
    """
    from unlit.core.errors import InvalidInput

    outbox = _outbox(repository)
    known = () if outbox is None else tuple(outbox.cursors())
    if outbox is None or hook not in known:
        raise InvalidInput(
            "SHP-066",
            f"There is no hook {hook!r}.",
            "a hook is a table [hook.NAME] in unlit.toml.",
            f"use one of: {', '.join(known) or 'none'}.",
        )
    told = outbox.retry(hook)
    left = len(outbox.cursors()[hook].aside)
    sys.stdout.write(f"told {told}, {left} still put aside\n")
    return 1 if left else 0


def _outbox(repository: Path | None) -> "Outbox | None":
    from unlit.wiring.desk import open_office
    from unlit.wiring.hooks import open_outbox

    office = open_office(repository)
    return open_outbox(office.repository, office.settings, office.paths, office.store)
