"""False ships and coverage by simulation, against the exact tables and nominal levels.

Each line: setting, simulated rate, exact or nominal value, Monte-Carlo standard error. Everything
is looked at after every trajectory. Run `python bench/stats_ship.py [RUNS]`.
"""

import math
import random
import sys
import time

from unlit.core.states import Verdict
from unlit.evaluation.model import ShipRule
from unlit.evaluation.rules.claims import ScenarioCount, claim_b
from unlit.evaluation.rules.intervals import anytime, wilson
from unlit.evaluation.rules.ship import operating, start


def ship_rate(rule: ShipRule, p: float, runs: int, rng: random.Random) -> float:
    shipped = 0
    for _ in range(runs):
        test = start(rule)
        while not test.is_decided and test.n < 2000:
            test = test.after(rng.random() < p)
        shipped += test.decision is Verdict.SHIP
    return shipped / runs


def miss_rate(p: float, runs: int, horizon: int, rng: random.Random, *, kind: str) -> float:
    edges = {}
    missed = 0
    for _ in range(runs):
        k = 0
        for n in range(1, horizon + 1):
            k += rng.random() < p
            if (n, k) not in edges:
                edges[n, k] = anytime(k, n) if kind == "anytime" else wilson(k, n)
            if not edges[n, k].lower <= p <= edges[n, k].upper:
                missed += 1
                break
    return missed / runs


def claim_b_rate(p: float, icc: float, scenarios: int, runs: int, rng: random.Random) -> float:
    """Return how often claim B holds when drawing stops as a grading does, at 200 at the most."""
    size = 1 / icc - 1
    held = 0
    for _ in range(runs):
        rates = [rng.betavariate(p * size, (1 - p) * size) for _ in range(scenarios)]
        rows, sweeps = stopped(rates, rng)
        held += claim_b(rows, ShipRule(), alpha=0.05, whole_set=sweeps).holds is True
    return held / runs


def stopped(rates: list[float], rng: random.Random) -> tuple[list[ScenarioCount], bool]:
    sweeps = len(rates) <= 40
    test, seen = start(ShipRule()), dict[int, list[bool]]()
    while test.n < 200 and not test.is_decided:
        order = rng.sample(range(len(rates)), len(rates) if sweeps else 1)
        for which in order:
            satisfied = rng.random() < rates[which]
            seen.setdefault(which, []).append(satisfied)
            test = test.after(satisfied, test=False)
        test = test.tested()
    rows = [ScenarioCount(str(n), len(done), sum(done), done[0]) for n, done in seen.items()]
    return rows, sweeps


def show(name: str, found: float, wanted: float, runs: int, what: str) -> None:
    error = math.sqrt(max(wanted * (1 - wanted), 1e-4) / runs)
    print(
        f"{name:46} {found:.4f}  {what} {wanted:.4f}  "
        f"(s.e. {error:.4f}, z {(found - wanted) / error:+.1f})"
    )


def main(runs: int) -> None:
    rng = random.Random(20261125)
    began = time.perf_counter()
    for p0, p1 in ((0.8, 0.9), (0.9, 0.95), (0.9, 0.97), (0.95, 0.99)):
        rule = ShipRule(p0, p1)
        for p in (p0, p1):
            exact = operating(rule, p).ship_rate
            show(
                f"ship rate p0={p0} p1={p1} at p={p}",
                ship_rate(rule, p, runs, rng),
                exact,
                runs,
                "exact",
            )
    for p in (0.8, 0.9, 0.97):
        show(
            f"anytime interval ever misses p={p}, n<=300",
            miss_rate(p, runs // 4, 300, rng, kind="anytime"),
            0.05,
            runs // 4,
            "at most",
        )
    show(
        "Wilson, peeked, ever misses p=0.9, n<=300",
        miss_rate(0.9, runs // 4, 300, rng, kind="wilson"),
        0.05,
        runs // 4,
        "nominal",
    )
    for scenarios in (29, 40, 100):
        for icc in (0.1, 0.3, 0.6):
            show(
                f"claim B holds falsely, ICC={icc}, {scenarios} scenarios",
                claim_b_rate(0.9, icc, scenarios, runs // 10, rng),
                0.05,
                runs // 10,
                "at most",
            )
    test = start(ShipRule())
    start_s = time.perf_counter()
    for i in range(50_000):
        test = test.after(i % 40 != 0)
    rate = 50_000 / (time.perf_counter() - start_s)
    print(
        f"trajectories counted and tested per second: {rate:,.0f}; "
        f"whole bench {time.perf_counter() - began:.0f} s"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8000)
