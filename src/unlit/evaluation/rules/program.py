"""Which words of a command are the program, and which its arguments."""

from collections.abc import Sequence
from typing import Final

_INTERPRETERS: Final = (
    "sh", "bash", "dash", "zsh", "ksh", "busybox", "python", "pypy", "node", "deno", "bun", "ruby",
    "perl", "php", "lua", "java", "dotnet", "Rscript", "tclsh", "guile", "escript", "pwsh",
)  # fmt: skip
_INLINE: Final = frozenset({"-c", "-e", "-p", "-r", "--eval", "--print"})
"""The word after it is the program; what follows are its arguments."""
_NAMED: Final = frozenset({"-m", "-jar"})
_WITH_VALUE: Final = frozenset(
    {"-W", "-X", "-I", "-cp", "-classpath", "--class-path", "--require", "--import", "--loader",
     "-d", "-o", "-O"}
)  # fmt: skip
_RUNNERS: Final = {"uv": "run", "poetry": "run", "pipenv": "run", "bundle": "exec", "npm": "exec"}
_SUBCOMMANDS: Final = frozenset({"run"})


def program_words(command: Sequence[str]) -> int:
    """Return how many words of a command start the program; the rest are its arguments.

    ``sh tool.sh in.csv`` is two, ``python -m tool in.csv`` three, ``./tool in.csv`` one.
    """
    if not command:
        return 0
    before = _before(command)
    if before >= len(command):
        return len(command)
    name = command[before].rsplit("/", 1)[-1]
    if not _is_interpreter(name):
        return before + 1
    return min(len(command), _script(command, before + 1, name))


def _before(command: Sequence[str]) -> int:
    """Return how many words stand before the program: ``env A=1``, ``uv run``, ``timeout 5``."""
    first = command[0].rsplit("/", 1)[-1]
    if first == "env":
        at = 1
        while at < len(command) and (command[at].startswith("-") or "=" in command[at]):
            at += 1
        return at
    if first == "timeout":
        return 2
    if len(command) > 1 and _RUNNERS.get(first) == command[1]:
        return 2
    return 0


def _is_interpreter(name: str) -> bool:
    bare = name.rstrip("0123456789.")
    return name in _INTERPRETERS or bare in _INTERPRETERS


def _script(command: Sequence[str], at: int, name: str) -> int:
    """Return the place behind the interpreter's script."""
    while at < len(command):
        word = command[at]
        if word in _NAMED or (word in _INLINE and not (name == "ruby" and word == "-r")):
            return at + 2
        if word in _WITH_VALUE:
            at += 2
        elif (word.startswith("-") and word != "-") or (
            word in _SUBCOMMANDS and name in ("deno", "bun", "dotnet")
        ):
            at += 1
        else:
            return at + 1
    return at
