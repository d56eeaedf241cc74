"""Does `unlit diversity` cover the truth? Latent-normal tables with known correlations.

A sample fails when sqrt(a) task + sqrt(b) model-on-task + rest falls below the p-quantile, so the
true correlations are bivariate normal probabilities. Prints the true value, the mean estimate and
the coverage of the 95 % interval; run `python bench/stats_diversity.py [REPLICATES]`.
"""

import math
import random
import sys
import time
from collections.abc import Iterator

from unlit.evaluation.rules.diversity import Estimate, Sample, measure, n_effective
from unlit.evaluation.rules.special import normal_cdf, normal_quantile

ROWS = (
    (3, 5, 50, 0.2, 0.4, 0.0),
    (3, 5, 50, 0.2, 0.2, 0.4),
    (3, 5, 200, 0.2, 0.6, 0.1),
    (2, 8, 100, 0.3, 0.1, 0.5),
    (5, 4, 200, 0.1, 0.5, 0.2),
    (9, 2, 300, 0.2, 0.35, 0.1),
)


def both_below(p: float, r: float) -> float:
    """P(both standard normals of correlation r lie below the p-quantile), by quadrature."""
    z = normal_quantile(p)
    steps = 4000
    total = 0.0
    for i in range(steps):
        x = -8 + (z + 8) * (i + 0.5) / steps
        density = math.exp(-x * x / 2) / math.sqrt(2 * math.pi)
        total += density * normal_cdf((z - r * x) / math.sqrt(1 - r * r))
    return total * (z + 8) / steps


def table(
    rng: random.Random, m: int, k: int, t: int, p: float, a: float, b: float
) -> Iterator[Sample]:
    z = normal_quantile(p)
    rest = math.sqrt(1 - a - b)
    for task in range(t):
        shared = math.sqrt(a) * rng.gauss(0, 1)
        for model in range(m):
            own = shared + math.sqrt(b) * rng.gauss(0, 1)
            for sample in range(k):
                yield Sample(str(task), str(model), str(sample), own + rest * rng.gauss(0, 1) < z)


def main(replicates: int) -> None:
    for number, (m, k, t, p, a, b) in enumerate(ROWS):
        rng = random.Random(20260101 + number)
        rho_w = (both_below(p, a + b) - p * p) / (p * (1 - p))
        rho_b = (both_below(p, a) - p * p) / (p * (1 - p))
        truth = {
            "rho_within": rho_w,
            "rho_between": rho_b,
            "share": 1 - rho_b / rho_w,
            "n_effective": n_effective(m, k, rho_w, rho_b),
        }
        seen: dict[str, list[Estimate]] = {name: [] for name in truth}
        start = time.perf_counter()
        for _ in range(replicates):
            found = measure(table(rng, m, k, t, p, a, b))
            assert found is not None
            for name in truth:
                seen[name].append(found.numbers[name])
        took = time.perf_counter() - start
        cells = []
        for name, value in truth.items():
            known = [
                (e.estimate, e.lower, e.upper)
                for e in seen[name]
                if e.estimate is not None and e.lower is not None and e.upper is not None
            ]
            mean = sum(estimate for estimate, _, _ in known) / len(known)
            cover = sum(lower <= value <= upper for _, lower, upper in known) / len(known)
            cells.append(f"{name} {value:.3f} -> {mean:.3f} covered {cover:.3f}")
        print(f"M{m} K{k} T{t} p{p} a{a} b{b}: " + "; ".join(cells) + f"  [{took:.0f} s]")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
