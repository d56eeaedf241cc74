"""Which lines of a Python product the scenarios execute, measured inside its own fence.

What is reported comes from the product's side and could be forged; it only decides where mutants
are planted, never a verdict.
"""

import json
from collections.abc import Mapping
from typing import Final

FOLDER: Final = ".unlit-reach"
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


def tracer(env: Mapping[str, str]) -> tuple[dict[str, bytes], dict[str, str]]:
    """Return the files and the environment that make a Python product report its lines."""
    path = env.get("PYTHONPATH", "")
    return (
        {f"{FOLDER}/sitecustomize.py": _SITE.encode()},
        {"PYTHONPATH": f"/work/{FOLDER}" + (f":{path}" if path else "")},
    )


def lines_in(files: Mapping[str, bytes]) -> dict[str, frozenset[int]]:
    """Return file to executed lines, from what the product left behind."""
    found: dict[str, set[int]] = {}
    for name, content in files.items():
        if not name.startswith(f"{FOLDER}/lines-"):
            continue
        for row in content.decode("utf-8", "replace").splitlines():
            file, _, line = row.partition("\t")
            if line.isdigit():
                found.setdefault(file, set()).add(int(line))
    return {file: frozenset(numbers) for file, numbers in found.items()}


def to_json(lines: Mapping[str, frozenset[int]]) -> str:
    """Return the JSON form, for the evaluator's store."""
    return json.dumps({file: sorted(numbers) for file, numbers in lines.items()})
