"""The shipped corpus: specs with planted defects, ambiguous ones with five programs each."""

import contextlib
import io
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

from unlit.intent import Finding, Spec, lint, parse_spec

FOLDER = Path(__file__).parents[1] / "fixtures" / "intent"


@dataclass(frozen=True)
class Entry:
    """One spec, what was planted in it, and whether its five programs read it differently."""

    name: str
    text: str
    spec: Spec
    defects: tuple[tuple[str, str], ...]
    ambiguous: bool | None
    held_out: bool
    programs: tuple[Path, ...]


def entries(pattern: str = "*") -> Iterator[Entry]:
    for folder in sorted(FOLDER.glob(pattern)):
        text = (folder / "spec.md").read_text(encoding="utf-8")
        planted = json.loads((folder / "planted.json").read_text(encoding="utf-8"))
        yield Entry(
            folder.name,
            text,
            parse_spec(text, folder / "spec.md"),
            tuple((row["code"], row["text"]) for row in planted["defects"]),
            planted.get("ambiguous"),
            planted.get("held_out", False),
            tuple(sorted(folder.glob("[0-9].py"))),
        )


@dataclass(frozen=True)
class Score:
    planted: int
    found: int
    extra: int

    @property
    def precision(self) -> float:
        return self.found / (self.found + self.extra)

    @property
    def recall(self) -> float:
        return self.found / self.planted


def score(chosen: Sequence[Entry]) -> Score:
    """Match each planted defect with one hint of its code at its place."""
    planted = found = extra = 0
    for entry in chosen:
        left = list(lint(entry.spec))
        for code, text in entry.defects:
            planted += 1
            match = next((f for f in left if f.code == code and _is_at(entry, f, text)), None)
            if match is not None:
                found += 1
                left.remove(match)
        extra += len(left)
    return Score(planted, found, extra)


def _is_at(entry: Entry, finding: Finding, text: str) -> bool:
    line = entry.text.split("\n")[finding.span.line - 1]
    return text.lower() in f"{finding.message} {line}".lower()


_compiled: dict[Path, CodeType] = {}


@dataclass(frozen=True)
class Ran:
    exit_code: int
    stdout: str


def run(program: Path, args: Sequence[str]) -> Ran:
    """Run a shipped program in this process; they are ours, small and without effects."""
    if program not in _compiled:
        _compiled[program] = compile(program.read_text(encoding="utf-8"), str(program), "exec")
    out = io.StringIO()
    argv, sys.argv = sys.argv, [str(program), *args]
    code = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            exec(_compiled[program], {"__name__": "__main__"})  # noqa: S102 # our own fixtures
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except Exception:  # a traceback is exit code 1, as in a process of its own
        code = 1
    finally:
        sys.argv = argv
    return Ran(code, out.getvalue())
