"""`unlit intent import`: files, folders and tickets of other tools as specs."""

import json
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from unlit.cli.spec_text import read_text
from unlit.core.errors import InvalidInput, UsageError

if TYPE_CHECKING:
    from unlit.intent.rules.imports import Found, Imported

_MOST_FILES = 20_000


def from_ticket(repository: Path, ticket: str, owner: str) -> "Imported":
    """Import a ticket of a configured tracker."""
    from unlit.line.tickets import spec_from_ticket
    from unlit.wiring.sources import open_library

    with open_library(repository) as library:
        return spec_from_ticket(library, ticket, owner=owner)


def imported(source: Path, form: str | None, owner: str) -> "Imported":
    """Import a file, or the one spec of a folder.

    Raises:
        InvalidInput: It cannot be read, or a folder holds no spec.
        UsageError: There is no such format, or a folder holds several specs.
    """
    from unlit.intent.rules.imports import import_text
    from unlit.intent.rules.imports.detect import import_issue

    _known(form)
    if source.is_dir():
        found = _specs(source)
        if len(found) > 1:
            names = ", ".join(str(source / entry.folder) for entry in found[:8])
            raise UsageError(
                "INT-135", f"{source} holds {len(found)} specs: {names}.",
                "One spec is printed at a time.",
                "Name one of these folders, or a folder that takes all: --out specs/",
            )  # fmt: skip
        return _one(source, found[0], form, owner)
    text = read_text(source)
    if source.suffix == ".json":
        try:
            issue = json.loads(text)
        except (json.JSONDecodeError, RecursionError) as error:
            at = ", or is nested too deep"
            if isinstance(error, json.JSONDecodeError):
                at = f": {error.msg} in line {error.lineno}"
            raise InvalidInput(
                "INT-132", f"{source} is not JSON{at}.",
                "A tracker's issue is one object.", "Export it as JSON with title and body.",
            ) from error  # fmt: skip
        return import_issue(issue if isinstance(issue, dict) else {}, owner=owner)
    named = source.resolve().parent.name if source.name in ("spec.md", "requirements.md") else ""
    return import_text(text, form=form, name=named or source.stem, owner=owner)


def every(source: Path, out: Path, form: str | None, owner: str, *, as_json: bool) -> int:
    """Import all specs of a folder into another one; what exists is left alone and named."""
    from unlit.intent.rules.render import render_spec

    _known(form)
    rows = []
    for entry in _specs(source):
        made = _one(source, entry, form, owner)
        path = out / f"{made.spec.id}.md"
        write_new(path, render_spec(made.spec))
        rows.append({"from": entry.folder, "written": str(path), "unmapped": list(made.unmapped)})
        if not as_json:
            sys.stdout.write(f"{path}: {len(made.spec.criteria)} criteria\n")
            for line in made.unmapped:
                sys.stderr.write(f"{path}: not mapped: {line}\n")
    if as_json:
        sys.stdout.write(json.dumps({"schema": "unlit.imports/1", "specs": rows}) + "\n")
    return 0


def _known(form: str | None) -> None:
    from unlit.intent.rules.imports import FORMATS

    if form is not None and form not in FORMATS:
        raise UsageError(
            "INT-131", f"There is no format {form!r}.", "An importer is needed for each.",
            f"Use one of: {', '.join(FORMATS)}.",
        )  # fmt: skip


def _one(source: Path, found: "Found", form: str | None, owner: str) -> "Imported":
    from unlit.intent.rules.imports import import_text, joined

    texts = {name: read_text(source / name) for name in found.files}
    name = found.name or source.resolve().name
    made = import_text(joined(texts, found), form=form, name=name, owner=owner)
    if len(found.files) == 1:
        return made
    # lines of several files joined are lines of none
    left = (re.sub(r"^line \d+: ", "", entry) for entry in made.unmapped)
    return replace(made, unmapped=tuple(left))


def _specs(source: Path) -> "tuple[Found, ...]":
    from unlit.intent.rules.imports import specs_in

    names: list[str] = []
    for folder, folders, files in os.walk(source):
        folders[:] = [name for name in folders if name not in (".git", "node_modules", ".venv")]
        names += [
            (Path(folder) / name).relative_to(source).as_posix()
            for name in files
            if name in ("spec.md", "requirements.md", "proposal.md")
        ]
        if len(names) > _MOST_FILES:
            break
    found = specs_in(names)
    if not found:
        raise InvalidInput(
            "INT-136", f"{source} holds no spec.",
            "spec-kit and OpenSpec write spec.md, Kiro writes requirements.md.",
            "Name a file, or a folder that holds one of them.",
        )  # fmt: skip
    return found


def write_new(path: Path, text: str) -> None:
    """Write a file that does not exist yet.

    Raises:
        UsageError: It exists.
        InvalidInput: It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError(
            "INT-133", f"{path} exists.", "A spec that people wrote is never overwritten.",
            "Name another file with --out, or move it away.",
        ) from error  # fmt: skip
    except OSError as error:
        raise InvalidInput(
            "INT-133", f"{path} cannot be written: {error.strerror}.", "The spec is a file.",
            "Name another file with --out.",
        ) from error  # fmt: skip
