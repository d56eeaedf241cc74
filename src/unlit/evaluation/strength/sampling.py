"""Which mutants to run: a seeded sample over all places that scenarios reach."""

import hashlib
import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from unlit.evaluation.leaks.sources import read_trees
from unlit.evaluation.strength.languages import PYTHON, language_of
from unlit.evaluation.strength.python_mutants import Planted, plant
from unlit.evaluation.strength.text_mutants import plant_by_text

_NOT_PRODUCT: Final = ("test", "tests", "spec", "specs", "docs", "vendor", "migrations", "examples")

Lines = Mapping[str, frozenset[int]]
"""File to the lines that were executed."""


def sources_of(candidate: Path) -> dict[str, str]:
    """Return the candidate's own source files by relative path; no tests, no documents."""
    found: dict[str, str] = {}
    for item in read_trees([candidate]):
        parts = item.label.split("/")
        text = item.content.decode("utf-8", "replace")
        is_source = language_of(item.label, text) is not None
        is_test = any(part in _NOT_PRODUCT for part in parts[:-1]) or "test" in parts[-1]
        if is_source and not is_test and item.content != item.label.encode():
            found.setdefault(item.label, text)
    return found


def programs_in(candidate: Path) -> frozenset[str]:
    """Return the candidate's own source files that may be executed."""
    return frozenset(
        name for name in sources_of(candidate) if (candidate / name).stat().st_mode & 0o111
    )


def all_mutants(sources: Mapping[str, str]) -> list[Planted]:
    """Return every mutant of every file, in a fixed order."""
    found: list[Planted] = []
    for file in sorted(sources):
        is_python = language_of(file, sources[file]) is PYTHON
        found += (plant if is_python else plant_by_text)(sources[file], file)
    return found


def reachable(
    mutants: Iterable[Planted], lines: Lines | None, unmeasured: frozenset[str] = frozenset()
) -> list[Planted]:
    """Return the mutants in executed statements; all of them where nothing was measured."""
    return [mutant for mutant in mutants if is_reached(mutant, lines, unmeasured)]


def is_reached(
    mutant: Planted, lines: Lines | None, unmeasured: frozenset[str] = frozenset()
) -> bool:
    """Say whether the changed statement was executed; yes where nothing was measured.

    Args:
        mutant: What was planted.
        lines: What was executed.
        unmeasured: Names of languages that nothing measured in any scenario.
    """
    language = language_of(mutant.file, mutant.text)
    if not lines and not unmeasured:
        return True
    if language is None or language.name in unmeasured:
        return True
    return bool({mutant.line, mutant.anchor} & (lines or {}).get(mutant.file, frozenset()))


def choose(mutants: Sequence[Planted], count: int, seed: int) -> list[Planted]:
    """Return a seeded sample, in the order of the files."""
    if len(mutants) <= count:
        return list(mutants)
    material = hashlib.sha256(f"unlit.mutants/1:{seed}".encode()).digest()
    source = random.Random(int.from_bytes(material[:16], "big"))  # noqa: S311 # replay
    return [mutants[n] for n in sorted(source.sample(range(len(mutants)), count))]
