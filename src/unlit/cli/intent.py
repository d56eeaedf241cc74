"""`unlit intent`: lint a spec, judge its readiness, read other people's formats."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import cyclopts

from unlit.core.errors import InvalidInput

if TYPE_CHECKING:
    from unlit.intent import Finding, Spec
    from unlit.intent.rules.parse import Reading

app = cyclopts.App(name="intent", help="Read, lint and judge specs.")

AsJson = Annotated[bool, cyclopts.Parameter("--json", negative=())]
Format = Literal["text", "json", "sarif"]


def read_text(path: Path) -> str:
    """Read a file that a person named.

    Raises:
        InvalidInput: It cannot be read, or it is not text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidInput(
            "INT-113", f"{path} cannot be read: {error.strerror}.", "A spec is a file.",
            "Name a spec such as specs/NAME.md.",
        ) from error  # fmt: skip
    except UnicodeDecodeError as error:
        raise InvalidInput(
            "INT-114", f"{path} is not text: byte {error.start} is not UTF-8.",
            "A spec is Markdown in UTF-8.", "Save it as UTF-8.",
        ) from error  # fmt: skip


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
) -> int:
    """List what is broken, what is missing and what could be misread. Hints never gate.

    Args:
        specs: Files or folders; default `specs`.
        as_json: Print JSON.
        form: text (with carets), json or sarif.
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
        text = read_text(path)
        findings = _findings(reading_of(text, path))
        levels |= {finding.level for finding in findings}
        texts.append(as_text(str(path), text, findings))
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


def _summary(rows: list[dict[str, Any]]) -> str:
    def count(level: str) -> int:
        return sum(row["level"] == level for row in rows)

    return f"{count('error')} broken, {count('gate')} missing, {count('hint')} hints\n"


@app.command
def ready(spec: Path, *, as_json: AsJson = False) -> int:
    """Say whether a spec may be worked on, and exactly what is missing.

    Args:
        spec: The spec.
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
        sys.stdout.write(f"{read.id} is ready: {len(read.criteria)} criteria, all with examples.\n")
    else:
        sys.stdout.write(as_text(str(spec), text, verdict.missing))
        sys.stdout.write(f"{read.id} is not ready: {len(verdict.missing)} missing.\n")
    return 0 if verdict.ready else 1
