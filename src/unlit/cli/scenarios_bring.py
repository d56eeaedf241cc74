"""`unlit scenarios import` and `record`: scenarios from elsewhere, or from a program's habits."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import cyclopts

from unlit.core.errors import InvalidInput

if TYPE_CHECKING:
    from unlit.evaluation.interchange.imported import Terms

_SHOWN = 100


def import_(  # a command line has many flags
    *files: Path,
    into: Path,
    owner: str,
    spec: Path | None = None,
    criterion: str = "AC-1",
    partition: str = "validation",
    because: str = "imported",
    write_spec: Path | None = None,
    as_json: Annotated[bool, cyclopts.Parameter("--json", negative=())] = False,
) -> int:
    """Import OctopusGarden scenarios (.yaml), Gherkin features and Hurl files into a vault.

    What no driver performs stays in the scenario by name, and its trajectories are not exercised.
    Exit code: 0; 1 if anything is not supported.

    Args:
        files: Files, or folders that hold some.
        into: The vault.
        owner: Who answers for the scenarios.
        spec: The spec that they are about; its id is written into each.
        criterion: The criterion that they speak for.
        partition: visible, validation or sealed.
        because: Why they exist.
        write_spec: Also write a spec with one criterion for each scenario to this file; they are
            about that one.
        as_json: Print JSON.
    """
    from unlit.evaluation.interchange.imported import Terms
    from unlit.evaluation.interchange.importing import import_files, spec_for

    about = _about(spec, write_spec, criterion)
    criteria = [f"AC-{n}" for n in range(1, 10_000)] if write_spec is not None else []
    terms = Terms(criterion, owner, partition, because=because, spec=about)
    written = import_files(files, into, terms, criteria=criteria)
    if write_spec is not None:
        write_spec.write_text(spec_for(written, _title(write_spec), owner), encoding="utf-8")
    if as_json:
        rows = [
            {"file": str(w.path), "source": w.source, "unsupported": list(w.unsupported)}
            for w in written
        ]
        document = {"schema": "unlit.import/1", "scenarios": rows}
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
    else:
        for entry in written:
            sys.stdout.write(f"{entry.path}  from {entry.source}\n")
            for what in entry.unsupported:
                sys.stdout.write(f"    not supported: {what}\n")
        kept = sum(bool(entry.unsupported) for entry in written)
        made = f"{len(written)} scenario{'' if len(written) == 1 else 's'}"
        sys.stdout.write(f"{made}, {kept} with steps that are not supported\n")
    _say_of_every_spec(terms)
    return 1 if any(entry.unsupported for entry in written) else 0


def record(  # noqa: PLR0913 # a command line has many flags
    *command: Annotated[str, cyclopts.Parameter(allow_leading_hyphen=True)],
    into: Path,
    owner: str,
    spec: Path | None = None,
    criterion: str = "AC-1",
    partition: str = "validation",
    because: str = "the previous system does it",
    words: int | None = None,
    stdin: Path | None = None,
    har: Path | None = None,
    write_spec: Path | None = None,
) -> int:
    """Record what a previous system does as golden scenarios: `record … -- CMD`, or `--har FILE`.

    The command is run twice, as it is, in this folder; what differs between the runs, and what
    looks like a time or an id, is left out of the expectation. Small text files that its words name
    become files of the scenario; the program itself, such as `tool.sh` of `sh tool.sh`, does not.

    Args:
        command: The command with its arguments.
        into: The vault.
        owner: Who answers for the scenarios.
        spec: The spec that they are about; its id is written into each.
        criterion: The criterion that they speak for.
        partition: visible, validation or sealed.
        because: Why they exist.
        words: How many words of the command start the program; the rest are its arguments. Default:
            an interpreter with its script, else the first word.
        stdin: File that the command reads on standard input.
        har: An HTTP archive with exchanges of the previous system.
        write_spec: Also write a spec with one criterion for each scenario to this file; they are
            about that one.
    """
    import asyncio
    from dataclasses import replace

    from unlit.evaluation.adapters.previous import files_named, read_har, watched
    from unlit.evaluation.interchange.imported import Terms
    from unlit.evaluation.interchange.importing import spec_for, write_imported
    from unlit.evaluation.recording import golden_cli, golden_http
    from unlit.evaluation.rules.program import program_words

    about = _about(spec, write_spec, criterion)
    terms = Terms(criterion, owner, partition, "golden", because, about)
    runs: tuple[tuple[int, str, str], ...] = ()
    if har is not None:
        found = golden_http(read_har(har), terms)
    else:
        read = "" if stdin is None else _text_of(stdin)
        rest = command[program_words(command) if words is None else words :]
        files = files_named(rest)  # as they are before it may change them
        ran = asyncio.run(watched(command, read))
        runs = ran.runs
        found = [golden_cli(rest, ran.runs, terms, stdin=read, files=files, left=ran.left)]
    if write_spec is not None:
        found = [
            replace(entry, table={**entry.table, "criterion": [f"AC-{n}"]})
            for n, entry in enumerate(found, 1)
        ]
    written = write_imported(found, into / partition)
    if write_spec is not None:
        write_spec.write_text(spec_for(written, _title(write_spec), owner), encoding="utf-8")
    for entry in written:
        sys.stdout.write(f"{entry.path}\n")
    if runs:
        sys.stderr.write(_seen(runs[0]))
    _say_of_every_spec(terms)
    return 0


def _seen(run: tuple[int, str, str]) -> str:
    """Say what was recorded: a program that could not start is recorded like one that did."""
    code, out, err = run
    lines = [f"  seen: exit code {code}, {_piece('standard output', out)}, "
             f"{_piece('standard error', err)}"]  # fmt: skip
    if code:
        lines.append(
            "  It did not end with 0. If that is not what it is meant to do here, remove the file"
            " and record again."
        )
    return "".join(f"{line}\n" for line in lines)


def _piece(name: str, text: str) -> str:
    lines = text.strip().splitlines()
    if not lines:
        return f"nothing on {name}"
    shown = "".join(char if char.isprintable() else " " for char in lines[-1])
    return f"{name} ends `{shown[:_SHOWN]}{'…' if len(shown) > _SHOWN else ''}`"


def _title(path: Path) -> str:
    return path.stem.replace("-", " ").capitalize()


def _about(spec: Path | None, write_spec: Path | None, criterion: str) -> str | None:
    """Return the id of the spec that the scenarios are about; None when none is named."""
    from unlit.evaluation.interchange.importing import spec_id
    from unlit.evaluation.spec import read_spec

    if write_spec is not None:
        return spec_id(_title(write_spec))
    if spec is None:
        return None
    facts = read_spec(spec)
    if criterion not in facts.criteria:
        raise InvalidInput(
            "EVA-162", f"The spec {spec} has no criterion {criterion}.",
            f"it has: {', '.join(facts.criteria) or 'none'}.", "name one of them with --criterion.",
        )  # fmt: skip
    return facts.id


def _say_of_every_spec(terms: "Terms") -> None:
    if terms.spec is None:
        sys.stderr.write(
            "  Without --spec they speak for every spec that this vault grades; `unlit run` refuses"
            " that once there are two.\n"
        )


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            "EVA-154", f"{path} cannot be read: {error}.", "it is what the command reads.",
            "name a text file.",
        ) from error  # fmt: skip
