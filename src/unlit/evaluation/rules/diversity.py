"""How much another model family is worth, measured from per-sample results.

For K samples of M models on T tasks, y = 1 where a sample fails. Between two samples of one task:

    cw_m    = mean over t of y y' of two samples of model m        - U(mu_m mu_m)
    cb_mm'  = mean over t of y y' of one sample of m and one of m'  - U(mu_m mu_m')
    v_m     = mu_m - U(mu_m mu_m)

with U(a b) = (sum a sum b - sum a b) / (T (T-1)), the product of means over different tasks.

    rho_within  = mean cw / mean v             rho_between = mean cb / mean sqrt(v_m v_m')
    share       = 1 - rho_between/rho_within   0: another model is another sample; 1: independent
    n_effective = M K / (1 + (K-1) rho_within + K (M-1) rho_between), also for K = 1 and K endless

With labels (clusters of behaviour) alone, "both fail" becomes "both show the same label": the same
numbers, corrected for the agreement of different tasks; for two labels they are equal.

Intervals: jackknife over tasks with t(T-1). With labels also: A_within and A_between are the
chances that two samples agree, A_pool = A_within/M + (1-1/M) A_between, 1/A the effective number of
interpretations, D = A_within/A_pool the effective number of models, Hill order 2.

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
        numbers |= _correlations(table, lambda sample: sample.fail, confidence)
    elif has_label:
        numbers |= _correlations(table, lambda sample: sample.label, confidence)
    else:
        reason = "needs `fail`, or `label`, for every sample"
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
    """Turns column sums over tasks into the numbers; failing is a label with two values.

    With a_tmc the share of label c in model m's samples of task t, columns per pair (m, m'), m = m'
    included, are the agreement d = sum_c a_tmc a_tm'c and x = sum_c (a_tmc S_m'c + a_tm'c S_mc)
    with S the totals over tasks; so that agreement across different tasks, U, can be had for all
    tasks and for all but one from sums alone. One more column per model: agreement of two of its
    samples. For two labels this is y y' throughout.
    """

    models: int
    samples: float
    pairs: Sequence[tuple[int, int]]
    sampled_twice: bool
    totals: Mapping[tuple[int, int], float]
    agreed: Mapping[tuple[int, int], float]

    def rhos(self, sums: Sequence[float], tasks: int) -> _Rhos:
        own = [(m, m) for m in range(self.models)]
        places = {pair: self.models + 2 * n for n, pair in enumerate([*own, *self.pairs])}

        def apart(pair: tuple[int, int]) -> float:
            at = places[pair]
            across = sums[at + 1] - self.totals[pair] + self.agreed[pair] - 2 * sums[at]
            return across / (tasks * (tasks - 1))

        chance = [apart(pair) for pair in own]
        total = sum(1 - value for value in chance)
        within = sum(sums[m] / tasks - chance[m] for m in range(self.models))
        rho_within = within / total if self.sampled_twice and total > 1e-12 else None
        between, scales = 0.0, 0.0
        for a, b in self.pairs:
            between += sums[places[a, b]] / tasks - apart((a, b))
            scales += math.sqrt(max(0.0, 1 - chance[a]) * max(0.0, 1 - chance[b]))
        return _Rhos(rho_within, between / scales if scales > 1e-12 else None)

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


def _correlations(
    table: _Table, label: Callable[[Sample], object], confidence: float
) -> dict[str, Estimate]:
    if len(table.tasks) < 3:
        return {name: Estimate(None, reason="needs at least three tasks") for name in NUMBERS}
    count = len(table.models)
    pairs = list(combinations(range(count), 2))
    spans = [*((m, m) for m in range(count)), *pairs]
    rows = [_shares(table, task, label) for task in table.tasks]
    sums: list[dict[object, float]] = [{} for _ in range(count)]
    for row in rows:
        for total, cell in zip(sums, row, strict=True):
            for name, share in cell.shares.items():
                total[name] = total.get(name, 0.0) + share
    columns = [_columns(row, spans, sums) for row in rows]
    agreed = {
        pair: math.fsum(row[count + 2 * n] for row in columns) for n, pair in enumerate(spans)
    }
    totals = {(a, b): _dot(sums[a], sums[b]) for a, b in spans}
    twice = all(len(c) > 1 for row in table.cells.values() for c in row.values())
    made = _Correlator(count, table.samples, pairs, twice, totals, agreed)
    statistics = (
        made.within, made.between, made.share, made.voters, made.one_each, made.endless
    )  # fmt: skip
    numbers = {
        name: _jackknife(columns, statistic, confidence)
        for name, statistic in zip(NUMBERS, statistics, strict=True)
    }
    return {name: _explained(name, number, table) for name, number in numbers.items()}


@dataclass(frozen=True, slots=True)
class _Cell:
    """One model's samples of one task: share of each label, and how often two of them agree."""

    shares: Mapping[object, float]
    twice: float


def _shares(table: _Table, task: str, label: Callable[[Sample], object]) -> list[_Cell]:
    cells = []
    for model in table.models:
        counts: dict[object, int] = {}
        for sample in table.cells[task][model]:
            counts[label(sample)] = counts.get(label(sample), 0) + 1
        total = sum(counts.values())
        agree = sum(n * (n - 1) for n in counts.values())
        cells.append(
            _Cell(
                {name: n / total for name, n in counts.items()},
                agree / (total * (total - 1)) if total > 1 else 0.0,
            )
        )
    return cells


def _dot(a: Mapping[object, float], b: Mapping[object, float]) -> float:
    return sum(share * b.get(name, 0.0) for name, share in a.items())


def _columns(
    row: Sequence[_Cell],
    spans: Sequence[tuple[int, int]],
    totals: Sequence[Mapping[object, float]],
) -> list[float]:
    found = [cell.twice for cell in row]
    for a, b in spans:
        found.append(_dot(row[a].shares, row[b].shares))
        found.append(_dot(row[a].shares, totals[b]) + _dot(row[b].shares, totals[a]))
    return found


def _explained(name: str, number: Estimate, table: _Table) -> Estimate:
    if number.estimate is not None:
        return number
    if name == "share":
        return Estimate(None, reason=f"undefined: rho_within is unknown or below {MIN_RHO}")
    if len(table.models) < 2 and name == "rho_between":
        return Estimate(None, reason="needs at least two models")
    return Estimate(None, reason="needs failures and successes, and two samples of each model")


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
