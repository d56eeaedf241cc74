"""`unlit memory list | show | add | approve | forget`: people curate what agents are told."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts

from unlit.wiring.finding import find_repository

if TYPE_CHECKING:
    from unlit.record.model import Lesson, LessonState
    from unlit.record.store import Store

app = cyclopts.App(name="memory", help="Lessons of a repository: list, show, approve, forget.")

Json = Annotated[bool, cyclopts.Parameter("--json", negative=())]
Repository = Annotated[Path | None, cyclopts.Parameter("--repository")]


@app.command(name="list")
def list_lessons(
    *, state: str | None = None, repository: Repository = None, as_json: Json = False
) -> int:
    """List lessons; agents are told only approved ones.

    Args:
        state: Only proposed, approved or forgotten ones.
        repository: The repository; default the nearest one upwards from here.
        as_json: Print JSON.
    """
    store, folder = _open(repository)
    found = [row for row in store.lessons(str(folder)) if state in (None, row.state.value)]
    if as_json:
        rows = [_plain(row) for row in found]
        sys.stdout.write(json.dumps({"schema": "unlit.memory/1", "lessons": rows}) + "\n")
        return 0
    for row in found:
        sys.stdout.write(f"{row.id} {row.state.value:9} +{row.wins} -{row.losses} {row.claim}\n")
    if not found:
        sys.stdout.write("No lessons. A run proposes them when it ends.\n")
    return 0


@app.command
def show(lesson: str, *, repository: Repository = None, as_json: Json = False) -> int:
    """Show one lesson with its keys and evidence.

    Args:
        lesson: Its id.
        repository: The repository; default the nearest one upwards from here.
        as_json: Print JSON.
    """
    store, folder = _open(repository)
    row = _find(store, folder, lesson)
    if as_json:
        sys.stdout.write(json.dumps(_plain(row)) + "\n")
        return 0
    for name, value in _plain(row).items():
        shown = ", ".join(value) if isinstance(value, list) else value
        sys.stdout.write(f"{name:11} {shown if shown is not None else '-'}\n")
    return 0


@app.command
def add(claim: str, *, key: tuple[str, ...] = (), repository: Repository = None) -> int:
    """Add a lesson of your own; it is approved at once.

    Args:
        claim: One sentence for agents.
        key: What it is about, such as path:src/a.py or criterion:SPEC/AC-1; may be repeated.
        repository: The repository; default the nearest one upwards from here.
    """
    from unlit.core.errors import UsageError
    from unlit.core.system import SystemClock, SystemIds
    from unlit.record.model import Lesson, LessonState

    store, folder = _open(repository)
    now, person = SystemClock().now(), _person()
    name = SystemIds().fresh("l")
    text = " ".join(claim.split())
    if not text:
        raise UsageError(
            "HAR-042",
            "The lesson says nothing.",
            "agents are told it as it stands.",
            "write one sentence, such as 'Dates are in UTC.'",
        )
    approved = LessonState.APPROVED
    store.keep_lessons(
        [Lesson(name, str(folder), text, key, (), approved, person, now, person, now)]
    )
    sys.stdout.write(f"{name} approved\n")
    return 0


@app.command
def approve(lesson: str, *, repository: Repository = None) -> int:
    """Approve a lesson: agents are told it from now on.

    Args:
        lesson: Its id.
        repository: The repository; default the nearest one upwards from here.
    """
    from unlit.record.model import LessonState

    return _decide(lesson, repository, LessonState.APPROVED)


@app.command
def forget(lesson: str, *, repository: Repository = None) -> int:
    """Forget a lesson: agents are not told it any more, and it is not proposed again.

    Args:
        lesson: Its id.
        repository: The repository; default the nearest one upwards from here.
    """
    from unlit.record.model import LessonState

    return _decide(lesson, repository, LessonState.FORGOTTEN)


def _decide(lesson: str, repository: Path | None, state: "LessonState") -> int:
    from unlit.core.system import SystemClock

    store, folder = _open(repository)
    row = _find(store, folder, lesson)
    now = SystemClock().now()
    store.change_lesson(row.id, state=state, decided_by=_person(), decided_at=now)
    sys.stdout.write(f"{row.id} {state.value}\n")
    return 0


def _find(store: "Store", folder: Path, name: str) -> "Lesson":
    from unlit.core.errors import InvalidInput

    found = [row for row in store.lessons(str(folder)) if row.id == name]
    if not found:
        raise InvalidInput(
            "HAR-041",
            f"There is no lesson {name!r}.",
            "this repository's memory does not have it.",
            "`unlit memory list` shows them.",
        )
    return found[0]


def _plain(row: "Lesson") -> dict[str, Any]:
    return {
        "id": row.id,
        "state": row.state.value,
        "claim": row.claim,
        "keys": list(row.keys),
        "evidence": list(row.evidence),
        "author": row.author,
        "at": row.at.isoformat(),
        "decided_by": row.decided_by,
        "wins": row.wins,
        "losses": row.losses,
    }


def _open(repository: Path | None) -> tuple["Store", Path]:
    from unlit.record.engine import sqlite_url
    from unlit.record.store import Store
    from unlit.wiring.paths import state_paths
    from unlit.wiring.settings import read_settings

    settings = read_settings()
    folder = find_repository(repository or Path())
    paths = state_paths(settings, folder)
    paths.create()
    return Store.open(settings.text("database_url") or sqlite_url(paths.database)), folder


def _person() -> str:
    import getpass

    from unlit.wiring.settings import read_settings

    return read_settings().text("person") or getpass.getuser()
