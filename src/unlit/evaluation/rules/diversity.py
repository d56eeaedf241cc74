"""How much another model family is worth, measured from per-sample results.

For K samples of M models on T tasks, y = 1 where a sample fails. Between two samples of one task:

    cw_m    = mean over t of y y' of two samples of model m        - U(mu_m mu_m)
    cb_mm'  = mean over t of y y' of one sample of m and one of m'  - U(mu_m mu_m')
    v_m     = mu_m - U(mu_m mu_m)

with U(a b) = (sum a sum b - sum a b) / (T (T-1)), the product of means over different tasks.

    rho_within  = mean cw / mean v             rho_between = mean cb / mean sqrt(v_m v_m')
    share       = 1 - rho_between/rho_within   0: another model is another sample; 1: independent
    n_effective = M K / (1 + (K-1) rho_within + K (M-1) rho_between), also for K = 1 and K endless

Intervals: jackknife over tasks with t(T-1). With labels (clusters of behaviour) instead of
failures: A_within and A_between are the chances that two samples agree, A_pool = A_within/M +
(1-1/M) A_between, 1/A the effective number of interpretations, D = A_within/A_pool the effective
number of models, Hill order 2.

Sources: Eckhardt and Lee (1985), IEEE TSE 11, 1511-1517; Littlewood and Miller (1989), IEEE TSE 15,
1596-1614; Jost (2007), Ecology 88, 2427-2439. What differs: task difficulty stays inside both
correlations by design, because a factory meets easy and hard tasks alike.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Final

from unlit.evaluation.rules.special import student_quantile

MIN_RHO: Final = 0.05
NUMBERS: Final = (
    "rho_within",
    "rho_between",
    "share",
    "n_effective",
    "n_effective_one_sample_each",
    "n_effective_endless_samples",
)
WISHED_TASKS: Final = 50
WISHED_SAMPLES: Final = 3


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample of one model on one task: whether it failed, or which behaviour it showed."""

    task: str
    model: str
    sample: str
    fail: bool | None = None
    label: str | None = None


def per_candidate(trajectories: Iterable[Sample]) -> tuple[Sample, ...]:
    """Join the trajectories of one candidate on one task: it fails when any of them failed.

    Repetitions of one deterministic candidate are one sample of its author, not several.
    """
    joined: dict[tuple[str, str, str], bool] = {}
    for row in trajectories:
        key = (row.task, row.model, row.sample)
        joined[key] = joined.get(key, False) or bool(row.fail)
    return tuple(Sample(*key, fail=fail) for key, fail in joined.items())


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval; `None` where it is not defined, with the reason."""

    estimate: float | None
    lower: float | None = None
    upper: float | None = None
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        form: dict[str, Any] = {"estimate": self.estimate, "lower": self.lower, "upper": self.upper}
        return form if self.reason is None else {**form, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Diversity:
    """The measurement; `n_effective` is for M models with K samples each, as measured."""

    tasks: int
    models: tuple[str, ...]
    samples: float
    numbers: Mapping[str, Estimate]
    fail_rates: Mapping[str, float]
    notes: tuple[str, ...]
    dropped_tasks: int = 0
    confidence: float = 0.95
    method: str = "unbiased pair products; jackknife over tasks with t"
    pairs: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form, schema `unlit.diversity/1`."""
        return {
            "schema": "unlit.diversity/1",
            "tasks": self.tasks,
            "dropped_tasks": self.dropped_tasks,
            "models": list(self.models),
            "samples": self.samples,
            "confidence": self.confidence,
            "method": self.method,
            **{name: number.to_json() for name, number in self.numbers.items()},
            "fail_rates": dict(self.fail_rates),
            "pairs": {name: dict(pair) for name, pair in self.pairs.items()},
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class _Table:
    """Per task, per model: how many samples, and what they showed."""

    tasks: tuple[str, ...]
    models: tuple[str, ...]
    cells: Mapping[str, Mapping[str, Sequence[Sample]]]
    dropped: int

    @property
    def samples(self) -> float:
        counts = [len(cell) for row in self.cells.values() for cell in row.values()]
        return sum(counts) / len(counts)


def measure(samples: Iterable[Sample], *, confidence: float = 0.95) -> Diversity | None:
    """Measure diversity; None when fewer than two tasks have samples of every model."""
    table = _table(samples)
    if len(table.tasks) < 2 or not table.models:
        return None
    has_fail = all(
        s.fail is not None for row in table.cells.values() for c in row.values() for s in c
    )
    has_label = all(
        s.label is not None for row in table.cells.values() for c in row.values() for s in c
    )
    numbers: dict[str, Estimate] = {}
    if has_fail:
        numbers |= _correlations(table, confidence)
    else:
        reason = "needs `fail` for every sample"
        numbers |= {name: Estimate(None, reason=reason) for name in NUMBERS}
    if has_label:
        numbers |= _agreements(table, confidence)
    return Diversity(
        tasks=len(table.tasks),
        models=table.models,
        samples=table.samples,
        numbers=numbers,
        fail_rates=_fail_rates(table) if has_fail else {},
        notes=tuple(_notes(table, numbers)),
        dropped_tasks=table.dropped,
        confidence=confidence,
        pairs=_pairs(table) if has_fail else {},
    )


def n_effective(models: float, samples: float, within: float, between: float) -> float:
    """Return the effective number of independent voters of `models` with `samples` each."""
    voters = models * samples
    return voters / (1 + (samples - 1) * within + samples * (models - 1) * between)


def _table(samples: Iterable[Sample]) -> _Table:
    cells: dict[str, dict[str, list[Sample]]] = {}
    models: set[str] = set()
    for sample in samples:
        models.add(sample.model)
        cells.setdefault(sample.task, {}).setdefault(sample.model, []).append(sample)
    whole = {task: row for task, row in cells.items() if len(row) == len(models)}
    return _Table(tuple(sorted(whole)), tuple(sorted(models)), whole, len(cells) - len(whole))


Statistic = Callable[[Sequence[float], int], float | None]


def _jackknife(
    columns: Sequence[Sequence[float]], statistic: Statistic, confidence: float
) -> Estimate:
    """Estimate a statistic of column sums over tasks, and its interval by leaving each task out."""
    tasks = len(columns)
    width = len(columns[0])
    totals = [math.fsum(row[i] for row in columns) for i in range(width)]
    whole = statistic(totals, tasks)
    if whole is None:
        return Estimate(None)
    without: list[float] = []
    for row in columns:
        value = statistic(
            [total - part for total, part in zip(totals, row, strict=True)], tasks - 1
        )
        if value is not None:
            without.append(value)
    if tasks < 3 or len(without) < tasks:
        return Estimate(whole)
    mean = sum(without) / tasks
    error = math.sqrt((tasks - 1) / tasks * sum((value - mean) ** 2 for value in without))
    half = student_quantile(0.5 + confidence / 2, tasks - 1) * error
    return Estimate(whole, whole - half, whole + half)


@dataclass(frozen=True, slots=True)
class _Rhos:
    within: float | None
    between: float | None


@dataclass(frozen=True, slots=True)
class _Correlator:
    """Turns column sums over tasks into the numbers.

    Columns per task: for each model y-bar, y-bar squared, y y' within; per pair y-bar y-bar'.
    """

    models: int
    samples: float
    pairs: Sequence[tuple[int, int]]
    sampled_twice: bool

    def rhos(self, sums: Sequence[float], tasks: int) -> _Rhos:
        def product(a: int, b: int, cross: float) -> float:
            return (sums[3 * a] * sums[3 * b] - cross) / (tasks * (tasks - 1))

        squares = [product(m, m, sums[3 * m + 1]) for m in range(self.models)]
        spread = [sums[3 * m] / tasks - squares[m] for m in range(self.models)]
        within = [sums[3 * m + 2] / tasks - squares[m] for m in range(self.models)]
        total = sum(spread)
        rho_within = sum(within) / total if self.sampled_twice and total > 0 else None
        between, scales = 0.0, 0.0
        for index, (a, b) in enumerate(self.pairs):
            cross = sums[3 * self.models + index]
            between += cross / tasks - product(a, b, cross)
            scales += math.sqrt(max(0.0, spread[a]) * max(0.0, spread[b]))
        return _Rhos(rho_within, between / scales if scales > 0 else None)

    def within(self, sums: Sequence[float], tasks: int) -> float | None:
        return self.rhos(sums, tasks).within

    def between(self, sums: Sequence[float], tasks: int) -> float | None:
        return self.rhos(sums, tasks).between

    def share(self, sums: Sequence[float], tasks: int) -> float | None:
        found = self.rhos(sums, tasks)
        if found.within is None or found.between is None or found.within < MIN_RHO:
            return None
        return 1 - found.between / found.within

    def voters(self, sums: Sequence[float], tasks: int) -> float | None:
        found = self.rhos(sums, tasks)
        between = 0.0 if self.models == 1 else found.between
        within = 0.0 if self.samples == 1 else found.within
        if within is None or between is None:
            return None
        return n_effective(self.models, self.samples, within, between)

    def one_each(self, sums: Sequence[float], tasks: int) -> float | None:
        between = self.rhos(sums, tasks).between
        return None if between is None else n_effective(self.models, 1, 0.0, between)

    def endless(self, sums: Sequence[float], tasks: int) -> float | None:
        found = self.rhos(sums, tasks)
        if found.within is None or found.between is None:
            return None
        shared = found.within + (self.models - 1) * found.between
        return self.models / shared if shared > 0 else None


def _correlations(table: _Table, confidence: float) -> dict[str, Estimate]:
    if len(table.tasks) < 3:
        return {name: Estimate(None, reason="needs at least three tasks") for name in NUMBERS}
    pairs = list(combinations(range(len(table.models)), 2))
    twice = all(len(c) > 1 for row in table.cells.values() for c in row.values())
    made = _Correlator(len(table.models), table.samples, pairs, twice)
    columns = [_columns(table, task, pairs) for task in table.tasks]
    statistics = (
        made.within, made.between, made.share, made.voters, made.one_each, made.endless
    )  # fmt: skip
    numbers = {
        name: _jackknife(columns, statistic, confidence)
        for name, statistic in zip(NUMBERS, statistics, strict=True)
    }
    return {name: _explained(name, number, table) for name, number in numbers.items()}


def _explained(name: str, number: Estimate, table: _Table) -> Estimate:
    if number.estimate is not None:
        return number
    if name == "share":
        return Estimate(None, reason=f"undefined: rho_within is unknown or below {MIN_RHO}")
    if len(table.models) < 2 and name == "rho_between":
        return Estimate(None, reason="needs at least two models")
    return Estimate(None, reason="needs failures and successes, and two samples of each model")


def _columns(table: _Table, task: str, pairs: Sequence[tuple[int, int]]) -> list[float]:
    means, row = [], []
    for model in table.models:
        cell = table.cells[task][model]
        failed, total = sum(bool(s.fail) for s in cell), len(cell)
        mean = failed / total
        twice = failed * (failed - 1) / (total * (total - 1)) if total > 1 else 0.0
        means.append(mean)
        row += [mean, mean * mean, twice]
    return row + [means[a] * means[b] for a, b in pairs]


def _agreements(table: _Table, confidence: float) -> dict[str, Estimate]:
    count = len(table.models)
    columns = []
    for task in table.tasks:
        cells = [[s.label for s in table.cells[task][model]] for model in table.models]
        within = [
            (sum(cell.count(label) for label in cell) - len(cell)) / (len(cell) * (len(cell) - 1))
            for cell in cells
            if len(cell) > 1
        ]
        between = [
            sum(a.count(label) for label in b) / (len(a) * len(b))
            for a, b in combinations(cells, 2)
        ]
        columns.append(
            [
                sum(within) / len(within) if within else math.nan,
                sum(between) / len(between) if between else math.nan,
            ]
        )

    def pool(sums: Sequence[float], tasks: int) -> float:
        return sums[0] / tasks / count + (1 - 1 / count) * (sums[1] / tasks if count > 1 else 0.0)

    def known(value: float) -> float | None:
        return None if math.isnan(value) or math.isinf(value) else value

    def ratio(a: float, b: float) -> float | None:
        return known(a / b) if b else None

    return {
        "agree_within": _jackknife(columns, lambda s, t: known(s[0] / t), confidence),
        "agree_between": _jackknife(columns, lambda s, t: known(s[1] / t), confidence),
        "interpretations_one_model": _jackknife(columns, lambda s, t: ratio(t, s[0]), confidence),
        "interpretations_pool": _jackknife(columns, lambda s, t: ratio(1, pool(s, t)), confidence),
        "models_effective": _jackknife(
            columns, lambda s, t: ratio(s[0] / t, pool(s, t)), confidence
        ),
    }


def _fail_rates(table: _Table) -> dict[str, float]:
    rates = {model: _mean_fail(table, model) for model in table.models}
    all_fail, product = 0.0, math.prod(rates.values())
    for task in table.tasks:
        all_fail += math.prod(
            sum(bool(s.fail) for s in cell) / len(cell) for cell in table.cells[task].values()
        )
    return {
        **{f"model:{name}": rate for name, rate in rates.items()},
        "all_models": all_fail / len(table.tasks),
        "all_models_if_independent": product,
    }


def _mean_fail(table: _Table, model: str) -> float:
    cells = [table.cells[task][model] for task in table.tasks]
    return sum(sum(bool(s.fail) for s in cell) / len(cell) for cell in cells) / len(cells)


def _pairs(table: _Table) -> dict[str, dict[str, float | None]]:
    """Return, for each pair of models, how often both fail and Cohen's kappa of single samples."""
    found: dict[str, dict[str, float | None]] = {}
    for a, b in combinations(table.models, 2):
        both = agree = 0.0
        for task in table.tasks:
            x, y = (sum(bool(s.fail) for s in table.cells[task][m]) / len(table.cells[task][m])
                    for m in (a, b))  # fmt: skip
            both += x * y
            agree += x * y + (1 - x) * (1 - y)
        tasks = len(table.tasks)
        p, q = _mean_fail(table, a), _mean_fail(table, b)
        chance = p * q + (1 - p) * (1 - q)
        kappa = (agree / tasks - chance) / (1 - chance) if chance < 1 else None
        found[f"{a} and {b}"] = {"both_fail": both / tasks, "kappa": kappa}
    return found


def _notes(table: _Table, numbers: Mapping[str, Estimate]) -> list[str]:
    notes = []
    if len(table.tasks) < WISHED_TASKS:
        notes.append(f"{len(table.tasks)} tasks; the protocol asks for at least {WISHED_TASKS}.")
    if table.samples < WISHED_SAMPLES:
        notes.append(f"{table.samples:g} samples per cell; the protocol asks for {WISHED_SAMPLES}.")
    if table.dropped:
        notes.append(f"{table.dropped} tasks lack a sample of some model and were left out.")
    voters = numbers["n_effective"]
    if voters.estimate is not None and voters.lower is not None and voters.upper is not None:
        notes.append(
            f"{len(table.models)} models with {table.samples:g} samples each weigh as much as "
            f"{voters.estimate:.1f} independent opinions ({voters.lower:.1f} to "
            f"{voters.upper:.1f}) on this kind of task; agreement between them is evidence of "
            "that weight, no more."
        )
    return notes
