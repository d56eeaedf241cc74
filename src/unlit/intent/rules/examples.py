"""What an example means to a machine: the command to run and what its outcome demands."""

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
_CONTAINS: Final = re.compile(
    r"\b(standard output|stdout|standard error|stderr)\s+(?:contains|says|has)\s+`([^`]*)`", re.I
)


@dataclass(frozen=True, slots=True)
class Input:
    """One way to call a command-line product."""

    args: tuple[str, ...]
    stdin: str = ""

    @override
    def __str__(self) -> str:
        """The call as a person would type it."""
        shown = shlex.join(self.args) or "(no arguments)"
        return f"{shown} with {self.stdin!r} on standard input" if self.stdin else shown

    def as_text(self) -> str:
        """Return the call as an example's input."""
        call = f"`{shlex.join(self.args)}`" if self.args else "no arguments"
        return f"{call} with `{self.stdin}` on standard input" if self.stdin else call


@dataclass(frozen=True, slots=True)
class Observed:
    """What a program did with one input; `ended` is False when it had to be stopped."""

    exit_code: int
    stdout: str
    ended: bool = True
    stderr: str = ""

    @property
    def key(self) -> tuple[bool, bool, str]:
        """What counts as the same behaviour.

        Success or failure and the standard output without blanks at line ends; which non-zero code
        and which words on standard error are left to the writer unless the spec names them.
        """
        lines = [line.rstrip() for line in self.stdout.strip("\n").split("\n")]
        return self.ended, self.exit_code == 0, "\n".join(lines)

    @override
    def __str__(self) -> str:
        """The behaviour as a person reads it."""
        if not self.ended:
            return "does not end"
        shown = self.stdout.strip("\n")
        said = f"prints `{shown}`" if shown else "prints nothing"
        return said if self.exit_code == 0 else f"exit code {self.exit_code}, {said}"


def input_of(example: Example, program: str | None = None) -> Input | None:
    """Return the call that an example describes; None when it is not one that can be typed in.

    The first code span that does not belong to standard input is the arguments; a leading `program`
    name is dropped.
    """
    spans = list(_CODE.finditer(example.input))
    if not spans:
        return Input(()) if re.search(r"\bno arguments?\b", example.input, re.I) else None
    args: str | None = None
    stdin = ""
    for index, span in enumerate(spans):
        end = spans[index + 1].start() if index + 1 < len(spans) else len(example.input)
        after = example.input[span.end() : end]
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
    return Input(tuple(parts), stdin.encode().decode("unicode_escape") if "\\n" in stdin else stdin)


def violation(example: Example, observed: Observed) -> str | None:
    """Return what in `observed` breaks what the outcome demands literally; None if nothing does."""
    outcome = example.outcome.strip()
    code = _EXIT.search(outcome)
    wanted_code = int(code[1]) if code else 0
    if code is not None and observed.exit_code != wanted_code:
        return f"exit code {observed.exit_code}, not {wanted_code}"
    if not observed.ended:
        return "it does not end"
    prints = _PRINTS.match(outcome)
    if prints is not None:
        expected = prints[1].replace("\\n", "\n").strip("\n")
        if observed.key[2] != expected or observed.exit_code != 0:
            return f"{observed}, not `{prints[1]}`"
    if _NOTHING.search(outcome) and observed.stdout.strip("\n"):
        return f"prints `{observed.stdout.strip()}`, not nothing"
    for match in _CONTAINS.finditer(outcome):
        text = observed.stdout if "out" in match[1].lower() else observed.stderr
        if match[2] not in text:
            return f"{match[1]} does not contain `{match[2]}`"
    return None
