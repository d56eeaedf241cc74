"""`unlit context issues`: what people and agents do with issues, alike for every tracker."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts

from unlit.cli.context_tables import names_told, put_json, put_table

if TYPE_CHECKING:
    from unlit.context.changes import Change

issues = cyclopts.App("issues", help="Get, create, edit, move, assign, comment, delete.")

Json = Annotated[bool, cyclopts.Parameter("--json", negative=())]
Folder = Annotated[Path, cyclopts.Parameter("--repository")]
HERE = Path()


@issues.command(name="list")
def list_issues(
    name: str,
    *,
    query: str = "",
    state: str = "",
    limit: int = 50,
    repository: Folder = HERE,
    as_json: Json = False,
) -> int:
    """List what is open in a source.

    Args:
        name: The source.
        query: In the source's own words, instead of what is open.
        state: Only what is in this state, by the name people see.
        limit: Most of them.
        repository: The repository's folder.
        as_json: Print JSON.
    """
    from itertools import islice

    from unlit.context.model import item_json
    from unlit.wiring.sources import open_library

    with open_library(repository) as library:
        connector = library.source(name)
        found = (connector.fetch(ref) for ref in connector.search(query))
        wanted = (one for one in found if one is not None and _is_in(one.status, state))
        items = list(islice(wanted, limit))
    if as_json:
        put_json({"schema": "unlit.items/1", "items": [item_json(item) for item in items]})
    else:
        rows = [
            [one.ref.key, one.status or "", ", ".join(one.people[:1]), one.title] for one in items
        ]
        put_table(["key", "state", "who", "title"], rows)
    return 0


def _is_in(status: str | None, wanted: str) -> bool:
    return not wanted or (status or "").casefold() == wanted.casefold()


@issues.command
def statuses(text: str, *, repository: Folder = HERE) -> int:
    """Say which states a thing can move to now.

    Args:
        text: URL, key or NAME:KEY.
        repository: The repository's folder.
    """
    from unlit.wiring.sources import open_library

    with open_library(repository) as library:
        sys.stdout.write("\n".join(library.statuses(library.owner(text))) + "\n")
    return 0


@issues.command
def create(
    name: str,
    title: str,
    *,
    body: str = "",
    kind: str = "",
    project: str = "",
    parent: str = "",
    repository: Folder = HERE,
) -> int:
    """Open a new thing in a source.

    Args:
        name: The source.
        title: Its title.
        body: Markdown; ``-`` reads standard input.
        kind: The source's own type.
        project: Where; default the source's project.
        parent: Key of what it belongs under.
        repository: The repository's folder.
    """
    from unlit.context.changes import Create

    text = sys.stdin.read() if body == "-" else body
    return _write(name, Create(project, title, text, kind, parent), repository)


@issues.command
def edit(
    text: str, *, title: str | None = None, body: str | None = None, repository: Folder = HERE
) -> int:
    """Change title or body.

    Args:
        text: URL, key or NAME:KEY.
        title: New title.
        body: New body in Markdown; ``-`` reads standard input.
        repository: The repository's folder.
    """
    from unlit.context.changes import Edit

    if title is None and body is None:
        from unlit.core.errors import UsageError

        raise UsageError(
            "CTX-325", f"Nothing to change in {text}.", "neither a title nor a body was given.",
            "add --title or --body.",
        )  # fmt: skip
    new = sys.stdin.read() if body == "-" else body
    return _change(text, lambda ref: Edit(ref, title, new), repository)


@issues.command
def transition(text: str, state: str, *, repository: Folder = HERE) -> int:
    """Move to a state, by the name people see.

    Args:
        text: URL, key or NAME:KEY.
        state: The state.
        repository: The repository's folder.
    """
    from unlit.context.changes import Transition

    return _change(text, lambda ref: Transition(ref, state), repository)


@issues.command
def start(text: str, *, repository: Folder = HERE) -> int:
    """Move to the first state that means work has begun, and take it oneself.

    Args:
        text: URL, key or NAME:KEY.
        repository: The repository's folder.
    """
    from unlit.context.changes import Start

    return _change(text, Start, repository)


@issues.command
def assign(text: str, person: str = "me", *, repository: Folder = HERE) -> int:
    """Give to a person.

    Args:
        text: URL, key or NAME:KEY.
        person: Name or address; ``me`` is the owner of the credential.
        repository: The repository's folder.
    """
    from unlit.context.changes import Assign

    return _change(text, lambda ref: Assign(ref, person), repository)


@issues.command
def comment(text: str, body: str, *, repository: Folder = HERE) -> int:
    """Add a comment.

    Args:
        text: URL, key or NAME:KEY.
        body: Markdown; ``-`` reads standard input.
        repository: The repository's folder.
    """
    from unlit.context.changes import Comment

    words = sys.stdin.read() if body == "-" else body
    return _change(text, lambda ref: Comment(ref, words), repository)


@issues.command
def fields(text: str, *, repository: Folder = HERE, as_json: Json = False) -> int:
    """List the fields of the source's own making that can be set, with what they hold.

    Args:
        text: URL, key or NAME:KEY.
        repository: The repository's folder.
        as_json: Print JSON.
    """
    from unlit.wiring.sources import open_library

    with open_library(repository) as library:
        found = library.fields(library.owner(text))
    return names_told("unlit.fields/1", ["field", "kind", "value"], found, as_json)


@issues.command(name="set")
def set_field(text: str, field: str, value: str, *, repository: Folder = HERE) -> int:
    """Set one field, by its name or key.

    Args:
        text: URL, key or NAME:KEY.
        field: Its name as people see it, or its key.
        value: The new value; several are separated by commas.
        repository: The repository's folder.
    """
    from unlit.context.changes import SetField

    return _change(text, lambda ref: SetField(ref, field, value), repository)


@issues.command
def delete(text: str, *, repository: Folder = HERE) -> int:
    """Ask to remove; where the source cannot, to close. Another person confirms it.

    Args:
        text: URL, key or NAME:KEY.
        repository: The repository's folder.
    """
    from unlit.context.changes import Delete

    return _change(text, Delete, repository)


def _change(text: str, make: Any, repository: Path) -> int:
    from unlit.wiring.build import person
    from unlit.wiring.settings import read_settings
    from unlit.wiring.sources import open_library

    with open_library(repository) as library:
        ref = library.owner(text)
        done = library.write(ref.source, make(ref), person=person(read_settings()))
    sys.stdout.write(f"{done.source}:{done.key}\n")
    return 0


def _write(name: str, change: "Change", repository: Path) -> int:
    from unlit.wiring.build import person
    from unlit.wiring.settings import read_settings
    from unlit.wiring.sources import open_library

    with open_library(repository) as library:
        done = library.write(name, change, person=person(read_settings()))
    sys.stdout.write(f"{done.source}:{done.key}\n")
    return 0
