"""A draft spec of what a program does, from its help, its tests, its OpenAPI document and its runs.

Everything in it is marked as observed, not intended: `origin: observed` keeps it from being ready
until a person has said which of it is wanted. Nothing is guessed: a criterion says what was seen.
"""

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from unlit.core.canonical import digest_json
from unlit.core.ids import CriterionId
from unlit.intent.model import Boundary, Criterion, Example, Section, Spec
from unlit.intent.rules.examples import Input, Observed

MAX_CRITERIA: Final = 200
_METHODS: Final = ("get", "put", "post", "delete", "patch", "head", "options")
_OPTION: Final = re.compile(
    r"^\s{1,12}(-{1,2}[A-Za-z][\w-]*(?:[ ,|/=]+(?:-{1,2}[A-Za-z][\w-]*|[A-Z][A-Z_]+|<[^>]+>|"
    r"\[[^\]]+\]))*)"
    r"(?:\s{2,}|\n\s+)(\S.*)$",
    re.M,
)
_CALLED: Final = re.compile(
    r"(?<![\w.])(?:test|it)(?:\.only)?\(\s*([\"'`])((?:(?!\1)[^\\\n]){1,200})\1"
)
_COMMAND: Final = re.compile(r"^\s{2,8}([a-z][\w-]+)\s{2,}(\S.*)$", re.M)


@dataclass(frozen=True, slots=True)
class Run:
    """One observed run of the program."""

    input: Input
    observed: Observed


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that was looked at; a missing source is empty, and said so in the draft."""

    name: str
    program: str
    readme: str = ""
    help: str = ""
    tests: Mapping[str, str] = field(default_factory=dict)
    openapi: Mapping[str, Any] | None = None
    runs: Sequence[Run] = ()


def observed_spec(seen: Seen, *, owner: str) -> Spec:
    """Return the draft."""
    drafts = [
        *_from_runs(seen),
        *_from_help(seen),
        *_from_openapi(seen),
        *_from_tests(seen),
    ][:MAX_CRITERIA]
    criteria = tuple(
        replace(draft, id=CriterionId(f"AC-{number}")) for number, draft in enumerate(drafts, 1)
    )
    spec = Spec(
        id=re.sub(r"[^a-z0-9]+", "-", seen.name.lower()).strip("-") or "observed",
        title=f"{seen.name}, as observed",
        owner=owner,
        uses=(),
        risk=None,
        product={},
        budget={},
        intent=_intent(seen),
        criteria=criteria,
        boundaries=_boundaries(seen),
        out_of_scope="",
        metric="",
        notes=(Section("Sources", _sources(seen)),),
        origin="observed",
    )
    return replace(spec, digest=digest_json(spec.to_json()))


def _draft(title: str, text: str, examples: Iterable[Example] = ()) -> Criterion:
    return Criterion(CriterionId("AC-0"), title, text, tuple(examples))


def _intent(seen: Seen) -> str:
    said = f"What {seen.program} does today, observed and not intended."
    first = next(
        (
            " ".join(block.split())
            for block in seen.readme.split("\n\n")
            if block.strip() and not block.lstrip().startswith(("#", "[", "!", "<", "```", "|"))
        ),
        "",
    )
    return f"{said} Its README says: {first}" if first else said


def _sources(seen: Seen) -> str:
    rows = [
        ("README", bool(seen.readme)),
        ("help text", bool(seen.help)),
        (f"{len(seen.tests)} test files", bool(seen.tests)),
        ("OpenAPI document", seen.openapi is not None),
        (f"{len(seen.runs)} observed runs", bool(seen.runs)),
    ]
    return "\n".join(f"- {name}: {'read' if there else 'not found'}" for name, there in rows)


def _example(run: Run, title: str) -> Example:
    outcome = str(run.observed).replace("\n", "\\n")
    if run.observed.exit_code and not run.observed.stdout.strip():
        outcome = f"exit code {run.observed.exit_code} and empty standard output"
    return Example(title, run.input.as_text(), outcome, source="observed")


def _from_runs(seen: Seen) -> list[Criterion]:
    groups: dict[tuple[str, int], list[Run]] = {}
    for run in seen.runs:
        command = next((arg for arg in run.input.args if not arg.startswith("-")), "")
        # only a word that help lists as a command groups runs; other words are values
        listed = {match[1] for match in _COMMAND.finditer(seen.help)}
        groups.setdefault(
            (command if command in listed else "", run.observed.exit_code), []
        ).append(run)
    found = []
    for (command, code), runs in groups.items():
        called = (
            f"`{seen.program} {command}`".replace(" `", "`") if command else f"`{seen.program}`"
        )
        found.append(
            _draft(
                f"{called} ends with {code}".replace("`", ""),
                f"When {called} runs with the inputs below, the program shall exit with code "
                f"{code} "
                "and write what the examples show.",
                [_example(run, f"run {number}") for number, run in enumerate(runs, 1)],
            )
        )
    return found


def _from_help(seen: Seen) -> list[Criterion]:
    found = [
        _draft(
            f"Command {match[1]}",
            f"When `{seen.program} {match[1]}` runs, the program shall do what its help says: "
            f"{_closed(match[2])}",
        )
        for match in _COMMAND.finditer(seen.help)
    ]
    for match in _OPTION.finditer(seen.help):
        name = " ".join(match[1].split())
        found.append(
            _draft(
                f"Option {name}",
                f"Where `{name}` is given, the program shall do what its help says: "
                f"{_closed(match[2])}",
            )
        )
    return found


def _closed(text: str) -> str:
    words = " ".join(text.split())
    return words if words.endswith((".", "!", "?")) else f"{words}."


def _from_openapi(seen: Seen) -> list[Criterion]:
    document = seen.openapi or {}
    paths = document.get("paths")
    found = []
    for path, entry in paths.items() if isinstance(paths, Mapping) else ():
        if not isinstance(entry, Mapping):
            continue
        for method in _METHODS:
            operation = entry.get(method)
            if isinstance(operation, Mapping):
                found += _operation(method.upper(), str(path), operation)
    return found


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> list[Criterion]:
    responses = operation.get("responses")
    codes = [str(code) for code in responses] if isinstance(responses, Mapping) else []
    summary = str(operation.get("summary") or operation.get("operationId") or f"{method} {path}")
    if not codes:
        return []
    listed = ", ".join(codes[:-1]) + (f" or {codes[-1]}" if len(codes) > 1 else codes[0])
    said = "; ".join(
        f"{code}: {' '.join(str(entry.get('description', '')).split())}"
        for code, entry in responses.items()  # type: ignore[union-attr] # a mapping, as codes shows
        if isinstance(entry, Mapping) and entry.get("description")
    )
    text = f"When `{method} {path}` arrives, the service shall answer {listed}"
    return [_draft(summary, f"{text} ({said})." if said else f"{text}.")]


def _from_tests(seen: Seen) -> list[Criterion]:
    found = []
    for path, text in sorted(seen.tests.items()):
        read = _tests if path.endswith(".py") else _script_tests
        for name, words in read(text):
            found.append(
                _draft(words, f"The program shall hold to the test `{name}` in `{path}`: {words}.")
            )
    return found


def _tests(text: str) -> list[tuple[str, str]]:
    """Return name and words of each test function; of a file that does not parse, nothing."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return []
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith(
            "test"
        ):
            doc = (ast.get_docstring(node) or "").strip().split("\n")[0].rstrip(".")
            words = doc or node.name.removeprefix("test").strip("_").replace("_", " ")
            if words:
                found.append((node.name, words))
    return found


def _script_tests(text: str) -> list[tuple[str, str]]:
    """Return the names of tests in JavaScript or TypeScript, as `test`, `it` are called."""
    return [(" ".join(m[2].split()),) * 2 for m in _CALLED.finditer(text) if m[2].strip()]


def _boundaries(seen: Seen) -> tuple[Boundary, ...]:
    bare = next((run for run in seen.runs if not run.input.args and not run.input.stdin), None)
    if bare is None:
        return ()
    return (Boundary("empty", f"observed: {str(bare.observed).splitlines()[0]}"),)


def first_inputs(help_text: str) -> tuple[Input, ...]:
    """Return inputs worth observing first: nothing, help, an unknown option, each command."""
    made = [
        Input(()),
        Input(("--help",)),
        Input(("--version",)),
        Input(("--no-such-option",)),
        Input(("no-such-command",)),
    ]
    for match in _COMMAND.finditer(help_text):
        made += [Input((match[1], "--help")), Input((match[1],))]
    return tuple(dict.fromkeys(made))
