"""What an example means to a machine: the command to run and what its outcome demands."""

import json
import re
import shlex
from dataclasses import dataclass
from typing import Final

from typing_extensions import override

from unlit.intent.model import Example

_CODE: Final = re.compile(r"(?<!`)(`{1,2})(?!`)(.+?)(?<!`)\1(?!`)", re.S)
_STDIN: Final = re.compile(r"standard input|\bstdin\b|\bpiped?\b", re.I)
_EXIT: Final = re.compile(
    r"\bexit(?:s|ed)?\b[^.;,]{0,20}?\b(?:code|status|with)?\s*(\d{1,3})\b", re.I
)
_PRINTS: Final = re.compile(
    r"^(?:it )?(?:prints|outputs|writes|answers|shows)?\s*(?:exactly )?`([^`]*)`\s*"
    r"(?:and (?:a|one) newline)?\.?$",
    re.I,
)
_NOTHING: Final = re.compile(
    r"\b(?:prints nothing|empty standard output|no output|nothing on standard output|prints an "
    r"empty line)\b",
    re.I,
)
_CALL: Final = re.compile(r"(GET|POST|PUT|PATCH|DELETE|HEAD) (/\S*)(?: +(.+))?\Z", re.S)
_FILE: Final = re.compile(
    r"\bfile `([^`]+)` (?:holding|containing|with the (?:text|content|lines?)|that (?:holds|says))"
    r" `([^`]*)`"
)
_STATUS: Final = re.compile(
    r"\b(?:status|answers?|responds?(?: with)?|HTTP)\s+`?([1-5]\d\d)\b", re.I
)
_WRITES: Final = re.compile(
    r"\b(?:writes|file) `([^`]+)` (?:with|holds|holding|contains|containing|says) `([^`]*)`", re.I
)
_CONTAINS: Final = re.compile(
    r"\b(standard output|stdout|standard error|stderr)\s+(?:contains|says|has)\s+`([^`]*)`", re.I
)


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request; `body` is JSON or any text."""

    method: str
    path: str
    body: str = ""

    @override
    def __str__(self) -> str:
        """The request as a spec writes it."""
        return " ".join(part for part in (self.method, self.path, self.body) if part)


@dataclass(frozen=True, slots=True)
class Input:
    """One way to use a product: a command line with its files, or HTTP requests in a row."""

    args: tuple[str, ...]
    stdin: str = ""
    files: tuple[tuple[str, str], ...] = ()
    calls: tuple[Call, ...] = ()

    @override
    def __str__(self) -> str:
        """The call as a person would type it."""
        if self.calls:
            return " then ".join(map(str, self.calls))
        shown = shlex.join(self.args) or "(no arguments)"
        shown += "".join(f", file {name} holding {text!r}" for name, text in self.files)
        return f"{shown} with {self.stdin!r} on standard input" if self.stdin else shown

    def as_text(self) -> str:
        """Return the call as an example's input."""
        if self.calls:
            return " then ".join(f"`{call}`" for call in self.calls)
        call = f"`{shlex.join(self.args)}`" if self.args else "no arguments"
        call += "".join(
            f" with a file `{name}` holding `{text}`".replace("\n", "\\n")
            for name, text in self.files
        )
        return f"{call} with `{self.stdin}` on standard input" if self.stdin else call


@dataclass(frozen=True, slots=True)
class Observed:
    """What a product did with one input.

    Attributes:
        ended: False when it had to be stopped.
        answers: Status and body of each HTTP response.
        files: Files that it wrote or changed, with their text.
        effects: What it changed at services: one sentence for each thing in a twin's world.
    """

    exit_code: int
    stdout: str
    ended: bool = True
    stderr: str = ""
    answers: tuple[tuple[int, str], ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    effects: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[object, ...]:
        """What counts as the same behaviour.

        Success or failure, the standard output without blanks at line ends, status and body of each
        response (JSON by value), files by text, effects in any order; which non-zero code and which
        words on standard error are left to the writer unless the spec names them.
        """
        answers = tuple((status, _canonical(body)) for status, body in self.answers)
        files = tuple((name, text.strip("\n")) for name, text in sorted(self.files))
        effects = tuple(sorted(self.effects))
        return (self.ended, self.exit_code == 0, self.shown, answers, files, effects)

    @property
    def shown(self) -> str:
        """The standard output without blanks at line ends and around it."""
        return "\n".join(line.rstrip() for line in self.stdout.strip("\n").split("\n"))

    @override
    def __str__(self) -> str:
        """The behaviour as a person reads it."""
        if not self.ended:
            return "does not end"
        more = [f"writes `{name}` with `{text.strip()}`" for name, text in sorted(self.files)]
        more += sorted(self.effects)
        if self.answers:
            said = [f"status {status} `{body.strip()}`" for status, body in self.answers]
            return ", ".join([" then ".join(said), *more])
        shown = self.stdout.strip("\n")
        first = f"prints `{shown}`" if shown or not more else ""
        if not shown and not more:
            first = "prints nothing"
        if self.exit_code != 0:
            first = f"exit code {self.exit_code}" + (f", {first}" if first else "")
        return ", ".join(part for part in (first, *more) if part)


def _canonical(body: str) -> str:
    try:
        return json.dumps(json.loads(body), sort_keys=True)
    except ValueError:
        return body.strip()


def input_of(example: Example, program: str | None = None) -> Input | None:
    """Return the call that an example describes; None when it is not one that can be typed in.

    The first code span that does not belong to standard input is the arguments; a leading `program`
    name is dropped.
    """
    calls = [_CALL.match(span[2].strip()) for span in _CODE.finditer(example.input)]
    if calls and all(calls):
        return Input((), calls=tuple(Call(c[1], c[2], (c[3] or "").strip()) for c in calls if c))
    files = tuple((name, _unescaped(text)) for name, text in _FILE.findall(example.input))
    text = _FILE.sub("", example.input)
    spans = list(_CODE.finditer(text))
    if not spans and files:
        return Input((), files=files)
    if not spans:
        return Input(()) if re.search(r"\bno arguments?\b", example.input, re.I) else None
    args: str | None = None
    stdin = ""
    for index, span in enumerate(spans):
        end = spans[index + 1].start() if index + 1 < len(spans) else len(text)
        after = text[span.end() : end]
        if _STDIN.search(after) and (args is not None or index + 1 < len(spans) or stdin == ""):
            if args is None and len(spans) > index + 1 and not _STDIN.search(after[:40]):
                args = span[2]
                continue
            stdin = span[2]
        elif args is None:
            args = span[2]
    try:
        parts = shlex.split(args or "")
    except ValueError:
        return None
    if program and parts and parts[0].rsplit("/", 1)[-1] == program:
        parts = parts[1:]
    return Input(tuple(parts), _unescaped(stdin), files)


def _unescaped(text: str) -> str:
    return text.replace("\\n", "\n").replace("\\t", "\t")


def violation(example: Example, observed: Observed) -> str | None:
    """Return what in `observed` breaks what the outcome demands literally; None if nothing does."""
    outcome = example.outcome.strip()
    if observed.answers or _STATUS.search(outcome):
        return _broken_answer(outcome, observed)
    code = _EXIT.search(outcome)
    wanted_code = int(code[1]) if code else 0
    if code is not None and observed.exit_code != wanted_code:
        return f"exit code {observed.exit_code}, not {wanted_code}"
    if not observed.ended:
        return "it does not end"
    prints = _PRINTS.match(outcome)
    if prints is not None:
        expected = prints[1].replace("\\n", "\n").strip("\n")
        if observed.shown != expected or observed.exit_code != 0:
            return f"{observed}, not `{prints[1]}`"
    if _NOTHING.search(outcome) and observed.stdout.strip("\n"):
        return f"prints `{observed.stdout.strip()}`, not nothing"
    return _broken_text(outcome, observed)


def _broken_text(outcome: str, observed: Observed) -> str | None:
    """Hold files and outputs against the texts that the outcome names."""
    held = dict(observed.files)
    for name, text in _WRITES.findall(outcome):
        if held.get(name, "").strip() != _unescaped(text).strip():
            return f"`{name}` holds `{held.get(name, '')}`, not `{text}`"
    for match in _CONTAINS.finditer(outcome):
        text = observed.stdout if "out" in match[1].lower() else observed.stderr
        if match[2] not in text:
            return f"{match[1]} does not contain `{match[2]}`"
    return None


def _broken_answer(outcome: str, observed: Observed) -> str | None:
    """Hold the last response against a status and bodies that the outcome names."""
    if not observed.answers:
        return "it does not answer"
    status, body = observed.answers[-1]
    wanted = _STATUS.search(outcome)
    if wanted is not None and int(wanted[1]) != status:
        return f"status {status}, not {wanted[1]}"
    for text in (span[2].strip() for span in _CODE.finditer(outcome)):
        if text.startswith(("{", "[")) and _canonical(text) != _canonical(body):
            return f"answers `{body.strip()}`, not `{text}`"
    return None
