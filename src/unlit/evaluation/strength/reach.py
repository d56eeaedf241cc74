"""Which lines of a product the scenarios execute, measured inside its own fence.

Python by a trace function, Node by V8's own coverage, bash by its trace (a script for plain `sh` is
run by bash while it is measured). For other languages nothing is measured, every line counts as
reached, and the report says so.

What is reported comes from the product's side and could be forged; it only decides where mutants
are planted, never a verdict.
"""

import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from unlit.evaluation.stage import Launch
from unlit.evaluation.strength.languages import language_of, line_starts

FOLDER: Final = ".unlit-reach"
_PLACE: Final = f"/work/{FOLDER}"
_SHELLS: Final = ("sh", "/bin/sh", "dash", "/bin/dash")
_SITE: Final = """
import atexit, os, sys, threading
_root = os.getcwd() + "/"
_here = os.path.dirname(os.path.abspath(__file__))
_seen = set()
_file = open(os.path.join(_here, f"lines-{os.getpid()}"), "a", buffering=1)
def _line(frame, event, argument):
    if event == "line":
        key = (frame.f_code.co_filename, frame.f_lineno)
        if key not in _seen:
            _seen.add(key)
            _file.write(f"{key[0][len(_root):]}\\t{key[1]}\\n")
    return _line
def _call(frame, event, argument):
    name = frame.f_code.co_filename
    if name.startswith(_root) and not name.startswith(_here):
        return _line(frame, "line", None)
    return None
sys.settrace(_call)
threading.settrace(_call)
"""
_NODE: Final = """
const v8 = require("v8");
setInterval(() => { try { v8.takeCoverage(); } catch (e) {} }, 200).unref();
"""
_BASH: Final = f"""
exec {{_unlit_fd}}>>{_PLACE}/bash-$$
BASH_XTRACEFD=$_unlit_fd
PS4='+unlit\t${{BASH_SOURCE}}\t${{LINENO}}\t'
set -x
"""


def traced(launch: Launch, sources: Mapping[str, str]) -> tuple[Launch, dict[str, bytes]]:
    """Return how the product is started so that it reports its lines, and the files for that.

    Args:
        launch: How it is started.
        sources: Its own source files.
    """
    reached = {file: language for file, text in sources.items()
               if (language := language_of(file, text)) is not None}  # fmt: skip
    ways = {language.reach for language in reached.values()}
    env, files, run = dict(launch.env), dict[str, bytes](), launch.run
    if "python" in ways:
        path = env.get("PYTHONPATH", "")
        env["PYTHONPATH"] = _PLACE + (f":{path}" if path else "")
        files[f"{FOLDER}/sitecustomize.py"] = _SITE.encode()
    if "node" in ways:
        env["NODE_V8_COVERAGE"] = f"{_PLACE}/v8"
        env["NODE_OPTIONS"] = f"{env.get('NODE_OPTIONS', '')} --require {_PLACE}/hook.cjs".strip()
        files[f"{FOLDER}/hook.cjs"] = _NODE.encode()
    if "bash" in ways:
        env["BASH_ENV"] = f"{_PLACE}/trace.bash"
        files[f"{FOLDER}/trace.bash"] = _BASH.encode()
        files |= {file: _for_bash(sources[file]) for file, language in reached.items()
                  if language.reach == "bash"}  # fmt: skip
        if run and run[0] in _SHELLS:
            run = ("bash", *run[1:])
    return replace(launch, run=run, env=env), files


def _for_bash(text: str) -> bytes:
    first, newline, rest = text.partition("\n")
    if first.startswith("#!") and "bash" not in first:
        first = "#!/bin/bash"
    return f"{first}{newline}{rest}".encode()


def lines_in(
    files: Mapping[str, bytes], sources: Mapping[str, str] | None = None
) -> dict[str, frozenset[int]]:
    """Return file to executed lines, from what the product left behind."""
    found: dict[str, set[int]] = {}
    known = sources or {}
    for name, content in files.items():
        for file, line in _reported(name, content, known):
            found.setdefault(file, set()).add(line)
    return {file: frozenset(numbers) for file, numbers in found.items()}


def _reported(name: str, content: bytes, sources: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    text = content.decode("utf-8", "replace")
    if name.startswith(f"{FOLDER}/lines-"):
        for row in text.splitlines():
            file, _, line = row.partition("\t")
            if line.isdigit():
                yield file, int(line)
    elif name.startswith(f"{FOLDER}/bash-"):
        for row in text.splitlines():
            parts = row.split("\t")
            if len(parts) > 3 and parts[0].endswith("+unlit") and parts[2].isdigit():
                yield parts[1].removeprefix("/work/").removeprefix("./"), int(parts[2])
    elif name.startswith(f"{FOLDER}/v8/"):
        yield from _of_v8(text, sources)


def _of_v8(text: str, sources: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    try:
        scripts: list[Any] = json.loads(text)["result"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return  # cut short by the end of the process
    for script in scripts:
        file = str(script.get("url", "")).removeprefix("file:///work/")
        if file in sources:
            for line in _covered(sources[file], script.get("functions", ())):
                yield file, line


def _covered(text: str, functions: Any) -> Iterator[int]:
    """Yield the lines on which something was executed; the innermost range of a place counts."""
    ranges = sorted(
        (int(span["startOffset"]), -int(span["endOffset"]), int(span["count"]))
        for function in functions
        for span in function["ranges"]
    )
    counts = [0] * (len(text) + 1)
    for start, end, count in ranges:  # outer ranges come first, inner ones write over them
        stop = min(-end, len(text))
        counts[start:stop] = [count] * max(0, stop - start)
    starts = list(line_starts(text))
    yielded = set()
    for at, char in enumerate(text):
        if counts[at] and not char.isspace():
            line = bisect_right(starts, at)
            if line not in yielded:
                yielded.add(line)
                yield line


def unmeasured(sources: Mapping[str, str], lines: Mapping[str, frozenset[int]]) -> tuple[str, ...]:
    """Return the languages of which nothing was measured: every line counts as reached."""
    names = {file: language_of(file, text) for file, text in sources.items()}
    seen = {names[file].name for file in lines if names.get(file)}  # type: ignore[union-attr]
    return tuple(sorted({found.name for found in names.values() if found} - seen))
