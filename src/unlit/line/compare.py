"""Compare two ways to run the line on the same specs and seeds, one pair after another."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from unlit.core.errors import UsageError
from unlit.core.ids import RunId
from unlit.core.states import Partition, Verdict
from unlit.line.model import RunRequest
from unlit.line.rules.paired import Difference, Result, compare
from unlit.line.service import Line
from unlit.record.store import Store

_CHANGES: Final = ("line", "agent", "model", "memory")


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to run: a name, and what it changes in the request."""

    name: str
    changes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What pairs of runs showed; `null` when B was A again."""

    a: str
    b: str
    null: bool
    runs: tuple[tuple[str, str], ...]
    differences: tuple[Difference, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "schema": "unlit.comparison/1",
            "a": self.a,
            "b": self.b,
            "null": self.null,
            "runs": [{"a": one, "b": two} for one, two in self.runs],
            "differences": [difference.to_json() for difference in self.differences],
        }


def parse_variant(text: str) -> Variant:
    """Read ``FILE.dot``, a line's name, or ``agent=codex,memory=off``.

    Raises:
        UsageError: It changes something that cannot be compared.
    """
    if "=" not in text:
        return Variant(text, {"line": text})
    changes: dict[str, Any] = {}
    for part in text.split(","):
        name, _, value = part.partition("=")
        if name not in _CHANGES or not value:
            raise UsageError(
                "LIN-093",
                f"{text!r} is not a variant of the line.",
                "a variant is a line, or changes of " + ", ".join(_CHANGES) + ".",
                "write for example agent=codex,memory=off.",
            )
        changes["agents" if name == "agent" else name] = (value,) if name == "agent" else value
    return Variant(text, changes)


async def compare_variants(
    line: Line,
    store: Store,
    request_of: Callable[[Path], RunRequest],
    variants: tuple[Variant, Variant],
    specs: Sequence[Path],
    seeds: Sequence[int],
) -> Comparison:
    """Run both variants on every spec and seed, and compare them pair by pair.

    The order within a pair alternates, so that a slow hour or a warm cache favours nobody.
    """
    results: tuple[list[Result], list[Result]] = ([], [])
    runs: list[tuple[str, str]] = []
    for number, (spec, seed) in enumerate((spec, seed) for spec in specs for seed in seeds):
        names = ["", ""]
        for which in (0, 1) if number % 2 == 0 else (1, 0):
            asked = replace(request_of(spec), seed=seed, **variants[which].changes)
            run = await line.start(asked)
            await line.wait(run)
            names[which] = run
            results[which].append(_result(store, run, f"{spec}#{seed}"))
        runs.append((names[0], names[1]))
    a, b = variants
    return Comparison(a.name, b.name, a.changes == b.changes, tuple(runs), compare(*results))


def _result(store: Store, run: RunId, pair: str) -> Result:
    found = store.run(run)
    assert found is not None  # noqa: S101 # it has just ended
    graded = [row for row in store.evaluations(run) if row.partition is Partition.VALIDATION]
    costs = store.costs(run=run)
    known = all(row.usd is not None for row in costs)
    return Result(
        pair=pair,
        satisfaction=graded[-1].estimate if graded else None,
        ships=1.0 if found.verdict is Verdict.SHIP else 0.0,
        usd=float(store.spent(run=run)) if known else None,
        hours=(found.updated_at - found.created_at).total_seconds() / 3600,
        candidates=float(len(store.candidates(run))),
    )
