"""Compare two ways to run the line on the same specs and seeds, one pair after another."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from unlit.core.canonical import digest_json
from unlit.core.errors import InvalidInput, UsageError
from unlit.core.ids import RunId
from unlit.core.states import Partition, Verdict
from unlit.line.model import RunRequest
from unlit.line.rules.paired import Difference, Result, compare
from unlit.line.service import Line
from unlit.record.model import Run, RunState
from unlit.record.store import Store

MOST_SEEDS: Final = 1000
_CHANGES: Final = ("line", "agent", "model", "memory")
_SHOWN: Final = (RunState.WAITING, RunState.ENDED, RunState.SHIPPED, RunState.REJECTED)
_CLOSED: Final = "made by `unlit lines compare`, which asks nobody to decide"


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to run: a name, and what it changes in the request."""

    name: str
    changes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What pairs of runs showed.

    Attributes:
        null: Whether B was A again.
        left_out: Runs that say nothing about their variant, with the reason; a pair with one of
            them is in no difference.
    """

    a: str
    b: str
    null: bool
    runs: tuple[tuple[str, str], ...]
    differences: tuple[Difference, ...]
    left_out: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "schema": "unlit.comparison/1",
            "a": self.a,
            "b": self.b,
            "null": self.null,
            "runs": [{"a": one, "b": two} for one, two in self.runs],
            "differences": [difference.to_json() for difference in self.differences],
            "left_out": [{"run": run, "why": why} for run, why in self.left_out],
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """What is compared: `variants` in pairs, on every spec and seed.

    Attributes:
        go_on: Take what the record has of the same comparison; else every run is made anew.
    """

    variants: tuple[Variant, Variant]
    specs: Sequence[Path]
    seeds: Sequence[int]
    go_on: bool = False

    @property
    def pairs(self) -> list[tuple[Path, int]]:
        """Spec and seed of each pair, in order."""
        return [(spec, seed) for spec in self.specs for seed in self.seeds]


@dataclass(frozen=True, slots=True)
class Watching:
    """Who is told how a comparison goes: a sentence, and which run is worked on now."""

    say: Callable[[str], None] = lambda sentence: None
    on: Callable[[RunId], None] = lambda run: None


@dataclass(slots=True)
class _Found:
    results: tuple[list[Result], list[Result]] = field(default_factory=lambda: ([], []))
    left_out: list[tuple[str, str]] = field(default_factory=list)


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


def seeds_of(count: int) -> range:
    """Return the seeds of that many pairs a spec.

    Raises:
        InvalidInput: LIN-095: none, or more than anybody means.
    """
    if not 1 <= count <= MOST_SEEDS:
        raise InvalidInput(
            "LIN-095",
            f"{count} pairs a spec are not compared.",
            f"each pair is two whole runs; 1 to {MOST_SEEDS} can be asked for.",
            "use --seeds 6 or more: fewer than 6 pairs in all say nothing.",
        )
    return range(1, count + 1)


async def compare_variants(
    line: Line,
    store: Store,
    request_of: Callable[[Path], RunRequest],
    plan: Plan,
    watching: Watching | None = None,
) -> Comparison:
    """Run both variants on every spec and seed, and compare them pair by pair.

    Everything that a run would be refused for is refused before the first one. The order within a
    pair alternates, so that a slow hour or a warm cache favours nobody.

    Raises:
        InvalidInput: As `Line.start`, for any of the runs.
    """
    told = watching or Watching()
    asked = {
        (which, spec): await line.check(replace(request_of(spec), **variant.changes))
        for spec in plan.specs
        for which, variant in enumerate(plan.variants)
    }
    found = _Found()
    runs: list[tuple[str, str]] = []
    for number, (spec, seed) in enumerate(plan.pairs):
        names = ["", ""]
        for which in (0, 1) if number % 2 == 0 else (1, 0):
            request = replace(asked[which, spec], seed=seed)
            key = _key(line, request, "AB"[which], plan)
            label = f"pair {number + 1} of {len(plan.pairs)}, {'AB'[which]} ({_named(plan, which)})"
            told.say(f"{label}, {spec.name}, seed {seed}:")
            run = await _run(line, store, replace(request, compared=key), plan, told)
            names[which] = run
            result, why = _result(store, run, f"{spec}#{seed}")
            found.results[which].append(result)
            if why:
                found.left_out.append((run, why))
                told.say(f"! {run} is left out: {why}")
        runs.append((names[0], names[1]))
    a, b = plan.variants
    return Comparison(
        a.name,
        b.name,
        a.changes == b.changes,
        tuple(runs),
        compare(*found.results),
        tuple(found.left_out),
    )


async def _run(line: Line, store: Store, request: RunRequest, plan: Plan, told: Watching) -> RunId:
    """Make a run, or take it from the record; one that was cut off goes on."""
    known = _known(store, request.compared) if plan.go_on else None
    if known is not None and _why_not(known) == "":
        told.say(f"✓ {known.id} is in the record")
        return known.id
    if known is not None and (known.state is RunState.FAILED or not known.state.is_over):
        told.on(known.id)
        told.say(f"run {known.id} goes on")
        await line.resume(known.id, limits=request.budget)
        run = known.id
    else:
        run = await line.start(request)
        told.on(run)
        told.say(f"run {run}")
    done = await line.wait(run)
    if done.state is RunState.WAITING and not done.settings.get("gate"):
        now = line.services.clock.now()
        store.change_run(run, now, state=RunState.ENDED, note=_CLOSED)
    return run


def _known(store: Store, key: str) -> Run | None:
    """Return the newest run of this place in the same comparison."""
    for found in store.runs(limit=100_000):
        if found.settings.get("compared") == key and found.state is not RunState.CANCELLED:
            return found
    return None


def _key(line: Line, request: RunRequest, side: str, plan: Plan) -> str:
    spec = line.services.specs.read(request.spec).digest
    names = [variant.name for variant in plan.variants]
    return digest_json({"of": names, "side": side, "spec": spec, "seed": request.seed})


def _named(plan: Plan, which: int) -> str:
    return plan.variants[which].name


def _why_not(found: Run) -> str:
    """Say why a run shows nothing about its variant; empty when it does."""
    if found.state not in _SHOWN:
        return found.note or f"it is {found.state.value}"
    if found.state is RunState.WAITING and found.settings.get("gate"):
        return f"it waits at its {found.settings['gate']} gate; nothing was built"
    if found.state is RunState.WAITING and found.verdict is None:
        return "it waits for people in the middle of its line"
    if found.verdict is Verdict.HARNESS_FAULT:
        return "its grading failed on our side"
    return ""


def _result(store: Store, run: RunId, pair: str) -> tuple[Result, str]:
    found = store.run(run)
    assert found is not None  # noqa: S101 # it has just ended
    if why := _why_not(found):
        return Result(pair, None, None, None, None, None), why
    graded = [row for row in store.evaluations(run) if row.partition is Partition.VALIDATION]
    costs = store.costs(run=run)
    known = all(row.usd is not None for row in costs)
    stages = [row.ended_at for row in store.stages(run) if row.ended_at is not None]
    ended = max(stages, default=found.updated_at)
    return Result(
        pair=pair,
        satisfaction=graded[-1].estimate if graded else None,
        ships=1.0 if found.verdict is Verdict.SHIP else 0.0,
        usd=float(store.spent(run=run)) if known else None,
        hours=(ended - found.created_at).total_seconds() / 3600,
        candidates=float(len(store.candidates(run))),
    ), ""
