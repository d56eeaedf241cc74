"""The previous system, as its owner runs it: a command on this machine, or a recorded archive."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from unlit.core.errors import InvalidInput
from unlit.core.pipes import converse

_TIMEOUT_S: Final = 120
_FILE_LIMIT: Final = 200_000
_MOST_FILES: Final = 2000


def files_named(words: Sequence[str]) -> dict[str, str]:
    """Return the small text files of this folder that the words of a command name."""
    found: dict[str, str] = {}
    for word in words:
        path = Path(word)
        if path.is_absolute() or ".." in path.parts or not path.is_file():
            continue
        if path.stat().st_size <= _FILE_LIMIT:
            try:
                found[word.removeprefix("./")] = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                continue
    return found


def texts_here(folder: Path = Path()) -> dict[str, str]:
    """Return the small text files of a folder by relative path; nothing of hidden folders."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if len(found) >= _MOST_FILES:
            break
        if any(part.startswith(".") or part == "__pycache__" for part in name.parts):
            continue
        try:
            if path.is_file() and not path.is_symlink() and path.stat().st_size <= _FILE_LIMIT:
                found[name.as_posix()] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
    return found


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command did in two runs.

    Attributes:
        runs: Exit code, standard output and standard error of each.
        left: Files that it made or changed: their text after the first and the second run.
    """

    runs: tuple[tuple[int, str, str], ...]
    left: Mapping[str, tuple[str, str]]


async def watched(command: Sequence[str], stdin: str = "") -> Ran:
    """Run a command two times in this folder, and see which small text files it leaves.

    Raises:
        InvalidInput: There is no command, it does not exist, or it does not end.
    """
    before = texts_here()
    if not command:
        raise _refused("No command is given.", "give it after `--`, or use `--har FILE`")
    first = await _run(command, stdin)
    after = texts_here()
    second = await _run(command, stdin)
    again = texts_here()
    left = {
        name: (text, again[name])
        for name, text in after.items()
        if before.get(name) != text and name in again
    }
    return Ran((first, second), left)


async def _run(command: Sequence[str], stdin: str) -> tuple[int, str, str]:
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        raise _refused(f"`{command[0]}` cannot be run: {error.strerror}.", "name a program") from (
            error
        )
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            out, err = await converse(process, stdin.encode())
    except TimeoutError as error:
        process.kill()
        await process.wait()
        raise _refused(
            f"`{command[0]}` did not end in {_TIMEOUT_S} s.", "record a shorter one"
        ) from (error)
    code = process.returncode if process.returncode is not None else -1
    return code, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")


def read_har(path: Path) -> Mapping[str, Any]:
    """Read an HTTP archive.

    Raises:
        InvalidInput: It cannot be read, or is none.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _refused(f"{path} cannot be read: {error}.", "give an HTTP archive (HAR)") from error
    if not isinstance(value, dict) or "log" not in value:
        raise _refused(f"{path} is no HTTP archive.", "give a file with `log.entries`")
    return value


def _refused(what: str, remedy: str) -> InvalidInput:
    return InvalidInput("EVA-154", what, "there is nothing to record.", f"{remedy}.")
