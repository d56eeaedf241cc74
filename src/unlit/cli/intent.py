"""`unlit intent`: lint a spec, judge its readiness, read other people's formats."""

import json
import shutil
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Literal

import cyclopts

from unlit.cli.spec_text import read_text, write_text
from unlit.core.errors import InvalidInput, UsageError

if TYPE_CHECKING:
    from unlit.intent import Finding, Readiness, Spec
    from unlit.intent.rules.parse import Reading

app = cyclopts.App(name="intent", help="Read, lint and judge specs; ask what they leave open.")
app.command(
    "unlit.cli.intent_programs:ask",
    name="ask",
    help="Ask about the inputs on which programs written from a spec differ.",
)
app.command(
    "unlit.cli.intent_programs:from_code",
    name="from-code",
    help="Draft a spec of what a program does: observed, not intended.",
)

AsJson = Annotated[bool, cyclopts.Parameter("--json", negative=())]
Format = Literal["text", "json", "sarif"]


def _specs(paths: tuple[Path, ...]) -> list[Path]:
    found = []
    for path in paths or (Path("specs"),):
        found += sorted(path.rglob("*.md")) if path.is_dir() else [path]
    if not found:
        raise InvalidInput(
            "INT-113", f"No spec in {', '.join(map(str, paths)) or 'specs'}.",
            "A spec is a Markdown file.", "Write one, or `unlit init`.",
        )  # fmt: skip
    return found


def _findings(reading: "Reading") -> "list[Finding]":
    from unlit.intent import lint, ready

    if reading.problems:
        return list(reading.problems)
    spec: Spec = reading.spec
    return [*ready(spec).missing, *lint(spec)]


@app.command
def lint(
    *specs: Path,
    as_json: AsJson = False,
    form: Annotated[Format, cyclopts.Parameter("--format")] = "text",
    strict: Annotated[bool, cyclopts.Parameter(negative=())] = False,
    fix: Annotated[bool, cyclopts.Parameter(negative=())] = False,
) -> int:
    """List what is broken, what is missing and what could be misread. Hints never gate.

    Args:
        specs: Files or folders; default `specs`.
        as_json: Print JSON.
        form: text (with carets), json or sarif.
        fix: First put in the rewrites that are known (no `shall`, condition after the demand).
        strict: Also exit with 1 when there are only hints.

    Returns:
        0, or 1 when something is missing, or 3 when a spec cannot be read.
    """
    from unlit.intent import reading_of
    from unlit.intent.rules.show import as_sarif, as_text

    rows: list[dict[str, Any]] = []
    texts = []
    levels: set[str] = set()
    for path in _specs(specs):
        text = _fixed(path) if fix else read_text(path)
        findings = _findings(reading_of(text, path))
        levels |= {finding.level for finding in findings}
        texts.append(as_text(str(path), text, findings, _columns()))
        rows += [{"file": str(path), **finding.to_json()} for finding in findings]
    if as_json or form == "json":
        sys.stdout.write(json.dumps({"schema": "unlit.lint/1", "findings": rows}) + "\n")
    elif form == "sarif":
        sys.stdout.write(json.dumps(as_sarif(rows)) + "\n")
    else:
        sys.stdout.write("".join(texts))
        sys.stderr.write(_summary(rows))
    if "error" in levels:
        return 3
    return 1 if "gate" in levels or (strict and levels) else 0


def _columns() -> int:
    return shutil.get_terminal_size((104, 24)).columns


def _fixed(path: Path) -> str:
    from unlit.intent.rules.edit import fixed

    text = read_text(path)
    done = fixed(text)
    if done.rewrites:
        write_text(path, done.text)
        sys.stderr.write(f"{path}: {done.rewrites} rewritten\n")
    return done.text


def _summary(rows: list[dict[str, Any]]) -> str:
    def count(level: str) -> int:
        return sum(row["level"] == level for row in rows)

    hints = count("hint")
    said = "1 hint" if hints == 1 else f"{hints} hints"
    return f"{count('error')} broken, {count('gate')} missing, {said}\n"


@app.command
def ready(
    spec: Path, *, to: str | None = None, repository: Path = Path(), as_json: AsJson = False
) -> int:
    """Say whether a spec may be worked on, and exactly what is missing.

    Args:
        spec: The spec.
        to: Also write the result as a comment to this ticket: URL, key or NAME:KEY.
        repository: The repository whose sources are meant.
        as_json: Print JSON.

    Returns:
        0 when it is ready, else 1.
    """
    from unlit.intent import parse_spec
    from unlit.intent import ready as judge
    from unlit.intent.rules.show import as_text

    text = read_text(spec)
    read = parse_spec(text, spec)
    verdict = judge(read)
    if to is not None:
        _comment(repository, to, read, verdict)
    if as_json:
        sys.stdout.write(
            json.dumps(
                {
                    "schema": "unlit.ready/1",
                    "spec": read.id,
                    "digest": read.digest,
                    **verdict.to_json(),
                }
            )
            + "\n"
        )
    elif verdict.ready:
        number = len(read.criteria)
        said = (
            "1 criterion, with examples" if number == 1 else f"{number} criteria, all with examples"
        )
        sys.stdout.write(f"{read.id} is ready: {said}.\n")
    else:
        sys.stdout.write(as_text(str(spec), text, verdict.missing, _columns()))
        sys.stdout.write(f"{read.id} is not ready: {len(verdict.missing)} missing.\n")
    return 0 if verdict.ready else 1


def _comment(repository: Path, ticket: str, spec: "Spec", verdict: "Readiness") -> None:
    from unlit.line.tickets import write_readiness
    from unlit.wiring.build import person
    from unlit.wiring.settings import read_settings
    from unlit.wiring.sources import open_library

    with open_library(repository) as library:
        who = person(read_settings())
        done = write_readiness(library, ticket, spec, verdict, person=who)
    sys.stderr.write(f"commented on {done.source}:{done.key}\n")


@app.command
def show(spec: Path, *, schema: Annotated[bool, cyclopts.Parameter(negative=())] = False) -> int:
    """Print the parsed form of a spec as JSON.

    Args:
        spec: The spec.
        schema: Print the JSON Schema of that form instead.
    """
    from importlib.resources import files

    from unlit.intent import parse_spec

    if schema:
        sys.stdout.write(files("unlit.intent").joinpath("spec.schema.json").read_text("utf-8"))
        return 0
    read = parse_spec(read_text(spec), spec)
    sys.stdout.write(json.dumps({**read.to_json(), "digest": read.digest}, indent=2) + "\n")
    return 0


@app.command
def diff(
    old: Path,
    new: Path,
    *,
    vault: Path | None = None,
    repository: Path | None = None,
    as_json: AsJson = False,
) -> int:
    """Say which criteria changed between two versions of a spec and what that makes worthless.

    Args:
        old: Before.
        new: After.
        vault: Also name the scenarios of this folder that no longer mean what they say.
        repository: Also name the past verdicts of its record that no longer hold.
        as_json: Print JSON.

    Returns:
        0 when nothing changed, else 1.
    """
    from unlit.cli.intent_delta import delta_of

    found = delta_of(old, new, vault, repository)
    if as_json:
        sys.stdout.write(json.dumps(found.to_json()) + "\n")
        return 0 if found.is_empty else 1
    for entry in found.criteria:
        invalid = [
            name
            for name, is_so in (
                ("scenarios", entry.invalidates_scenarios),
                ("verdicts", entry.invalidates_verdicts),
            )
            if is_so
        ]
        worth = f"its {' and '.join(invalid)} no longer hold" if invalid else "nothing is lost"
        sys.stdout.write(f"{entry.id} {entry.change}: {worth}\n")
    for case in found.boundaries:
        sys.stdout.write(f"boundary {case}: all verdicts no longer hold\n")
    for name in found.other:
        sys.stdout.write(f"{name} changed\n")
    for one in found.scenarios:
        sys.stdout.write(f"scenario {one}: no longer means what it says\n")
    for name in found.verdicts:
        sys.stdout.write(f"verdict {name}: no longer holds\n")
    if found.is_empty:
        sys.stdout.write("Nothing changed.\n")
    return 0 if found.is_empty else 1


@app.command(name="import")
def import_spec(
    source: str,
    *,
    out: Path | None = None,
    repository: Path = Path(),
    form: Annotated[str | None, cyclopts.Parameter("--from")] = None,
    owner: str = "",
    as_json: AsJson = False,
) -> int:
    """Make a spec from a document of another kind; what has no place in it is named.

    Args:
        source: A Markdown file, a JSON file of a tracker's issue (key, title, body, url, owner), a
            folder of spec-kit, OpenSpec or Kiro (a feature, a change, or the repository), or a
            ticket of a configured tracker: URL, key or NAME:KEY.
        out: Where to write the spec; default: print it. A folder takes all specs of a repository.
        repository: The repository whose trackers are meant.
        form: prd, spec-kit, openspec or kiro; default: found out.
        owner: Who answers for it.
        as_json: Print what was made and what could not be mapped as JSON.
    """
    from unlit.cli.intent_import import every, from_ticket, imported, write_new
    from unlit.intent.rules.render import render_spec

    path = Path(source)
    if path.is_dir() and out is not None and (out.is_dir() or not out.suffix):
        return every(path, out, form, owner, as_json=as_json)
    is_file = path.exists() or path.suffix in (".md", ".json")
    made = imported(path, form, owner) if is_file else from_ticket(repository, source, owner)
    text = render_spec(made.spec)
    if out is not None:
        write_new(out, text)
    if as_json:
        document = {
            "schema": "unlit.import/1",
            "spec": made.spec.to_json(),
            "unmapped": list(made.unmapped),
            "written": None if out is None else str(out),
        }
        sys.stdout.write(json.dumps(document) + "\n")
        return 0
    if out is None:
        sys.stdout.write(text)
    for line in made.unmapped:
        sys.stderr.write(f"not mapped: {line}\n")
    return 0


@app.command
def interview(
    sentence: Annotated[str, cyclopts.Parameter(help="What is wanted, in one sentence.")] = "",
    *,
    out: Path,
    owner: str = "",
) -> int:
    """Ask until the spec is ready, one question at a time; `enough` or end of input stops.

    Args:
        sentence: What is wanted; with an `--out` that exists, the interview goes on with that spec.
        out: The spec's file; saved after every answer.
        owner: Who answers for it.

    Returns:
        0 when the spec is ready, else 1.
    """
    from unlit.intent.rules.interview import Interview, begin, next_question, reply

    if out.is_file():
        state = Interview(read_text(out))
    elif sentence.strip():
        state = begin(sentence, owner=owner)
    else:
        raise UsageError(
            "INT-134", "There is no sentence to begin with.", "An interview starts from one.",
            'Say for instance: unlit intent interview "A tool that sorts names" --out specs/x.md',
        )  # fmt: skip
    write_text(out, state.text)
    while (ask := next_question(state)) is not None:
        sys.stderr.write(f"{ask.text}\n> ")
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line or line.strip().lower() == "enough":
            break
        again = reply(state, ask, line)
        if again == state:
            sys.stderr.write("That does not fit; see the form in the question.\n")
        state = again
        write_text(out, state.text)
    write_text(out, state.text)
    sys.stdout.write(f"{out} {'is ready' if state.is_ready else 'is not ready yet'}\n")
    return 0 if state.is_ready else 1


@app.command(name="language-server")
def language_server() -> int:
    """Serve an editor on standard input and output: findings while typing, known rewrites as fixes.

    Returns:
        0 when the editor said good-bye properly, else 1.
    """
    from unlit.intent.rules.editor import Session, take

    session = Session()
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while not session.is_over:
        length = _length(source)
        if length is None:
            break
        try:
            message = json.loads(source.read(length))
        except ValueError:
            continue
        if not isinstance(message, dict):
            continue
        turn = take(session, message)
        session = turn.session
        for reply in turn.replies:
            body = json.dumps(reply).encode()
            sink.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
            sink.flush()
    return 0 if session.is_shut else 1


def _length(source: IO[bytes]) -> int | None:
    """Read the head of one message; None at the end of the stream or of sense."""
    length = None
    while line := source.readline(1000).strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length" and value.strip().isdigit():
            length = int(value)
    return length if length is not None and length <= 16_000_000 else None
