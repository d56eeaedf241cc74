"""Model diversity: unbiased correlations, exact limits, honest gaps."""

import math
import random
from collections.abc import Iterator

import pytest

from unlit.evaluation.rules.diversity import Sample, measure, n_effective, per_candidate


def latent(seed: int, m: int, k: int, t: int, a: float, b: float) -> Iterator[Sample]:
    rng = random.Random(seed)
    for task in range(t):
        shared = math.sqrt(a) * rng.gauss(0, 1)
        for model in range(m):
            own = shared + math.sqrt(b) * rng.gauss(0, 1)
            for sample in range(k):
                z = own + math.sqrt(1 - a - b) * rng.gauss(0, 1)
                yield Sample(str(task), f"m{model}", str(sample), fail=z < -0.8416)


def test_seven_models_that_correlate_weigh_as_much_as_published() -> None:
    assert n_effective(7, 1, 0.0, 0.285) == pytest.approx(2.58, abs=5e-3)
    assert n_effective(3, 5, 1.0, 1.0) == pytest.approx(1)
    assert n_effective(3, 5, 0.0, 0.0) == 15


def test_the_estimates_are_near_the_truth_and_their_intervals_hold_it() -> None:
    found = measure(latent(7, 3, 5, 400, 0.2, 0.4))
    assert found is not None
    for name, truth in (("rho_within", 0.370), ("rho_between", 0.105), ("share", 0.716),
                        ("n_effective", 4.25)):  # fmt: skip
        number = found.numbers[name]
        assert number.lower is not None
        assert number.upper is not None
        assert number.lower <= truth <= number.upper
    one, endless = (
        found.numbers[f"n_effective_{name}"].estimate
        for name in ("one_sample_each", "endless_samples")
    )
    between, within = (found.numbers[f"rho_{name}"].estimate for name in ("between", "within"))
    assert between is not None
    assert within is not None
    assert one == pytest.approx(3 / (1 + 2 * between))
    assert endless == pytest.approx(3 / (within + 2 * between))
    form = found.to_json()
    assert set(form["rho_within"]) == {"estimate", "lower", "upper"}
    assert "independent opinions" in found.notes[-1]


@pytest.mark.parametrize(("a", "b", "truth"), [(0.4, 0.0, 0.226), (0.2, 0.4, 0.370)])
def test_the_interval_covers_as_often_as_it_says(a: float, b: float, truth: float) -> None:
    """120 replicates at nominal .95; tolerance three Monte-Carlo standard errors."""
    covered = 0
    for seed in range(120):
        found = measure(latent(1000 + seed, 3, 5, 50, a, b))
        assert found is not None
        number = found.numbers["rho_within"]
        assert number.lower is not None
        assert number.upper is not None
        covered += number.lower <= truth <= number.upper
    assert covered / 120 >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 120)


def test_identical_models_share_everything() -> None:
    rows = [
        Sample(str(t), m, str(k), fail=t % 3 == 0)
        for t in range(60)
        for m in "ab"
        for k in range(3)
    ]
    found = measure(rows)
    assert found is not None
    assert found.numbers["rho_between"].estimate == pytest.approx(1, abs=1e-9)
    assert found.numbers["share"].estimate == pytest.approx(0, abs=1e-9)
    assert found.numbers["n_effective"].estimate == pytest.approx(1, abs=1e-9)
    assert found.fail_rates["all_models"] == pytest.approx(1 / 3)
    assert found.pairs["a and b"]["kappa"] == pytest.approx(1)


def test_what_cannot_be_known_is_null_with_its_reason() -> None:
    never = measure([Sample(str(t), m, "0", fail=False) for t in range(5) for m in "ab"])
    assert never is not None
    assert never.numbers["rho_within"].estimate is None
    assert "failures and successes" in str(never.numbers["rho_within"].reason)
    one = measure([Sample(str(t), "a", str(k), fail=t < 3) for t in range(9) for k in range(2)])
    assert one is not None
    assert one.numbers["rho_between"].reason == "needs at least two models"
    assert one.numbers["n_effective"].estimate is not None
    few = measure([Sample(str(t), "a", str(k), fail=t < 1) for t in range(2) for k in range(2)])
    assert few is not None
    assert few.numbers["share"].reason == "needs at least three tasks"
    assert measure([Sample("t", "a", "0", fail=True)]) is None


def test_share_is_undefined_where_samples_of_one_model_are_independent() -> None:
    rng = random.Random(3)
    found = measure(
        Sample(str(t), m, str(k), fail=rng.random() < 0.5)
        for t in range(200)
        for m in "ab"
        for k in range(4)
    )
    assert found is not None
    assert found.numbers["share"].estimate is None
    assert "below 0.05" in str(found.numbers["share"].reason)


def test_a_task_that_a_model_lacks_is_left_out_and_said_so() -> None:
    rows = list(latent(1, 2, 3, 60, 0.3, 0.1))
    found = measure([*rows, Sample("lonely", "m0", "0", fail=True)])
    assert found is not None
    assert found.dropped_tasks == 1
    assert any("left out" in note for note in found.notes)


def test_labels_give_effective_interpretations_and_models() -> None:
    rows = [
        Sample(str(t), m, str(k), label=m if t % 2 else "same")
        for t in range(10)
        for m in "ab"
        for k in range(3)
    ]
    found = measure(rows)
    assert found is not None
    assert found.numbers["agree_within"].estimate == 1
    assert found.numbers["agree_between"].estimate == 0.5
    assert found.numbers["interpretations_pool"].estimate == pytest.approx(4 / 3)
    assert found.numbers["models_effective"].estimate == pytest.approx(4 / 3)
    assert found.numbers["rho_within"].estimate == pytest.approx(1)
    nothing = measure([Sample(str(t), m, "0") for t in range(4) for m in "ab"])
    assert nothing is not None
    assert "needs `fail`, or `label`" in str(nothing.numbers["rho_within"].reason)


def test_two_labels_say_exactly_what_failing_says() -> None:
    rows = list(latent(5, 3, 4, 60, 0.3, 0.2))
    named = [Sample(r.task, r.model, r.sample, label="bad" if r.fail else "good") for r in rows]
    one, other = measure(rows), measure(named)
    assert one is not None
    assert other is not None
    for name in ("rho_within", "rho_between", "share", "n_effective"):
        a, b = one.numbers[name], other.numbers[name]
        assert (a.estimate, a.lower, a.upper) == pytest.approx((b.estimate, b.lower, b.upper))


def test_labels_that_no_two_tasks_share_need_no_correction_for_chance() -> None:
    rows = [
        Sample(str(t), m, str(k), label=f"{t}-{m if t % 2 else 'same'}")
        for t in range(20)
        for m in "ab"
        for k in range(3)
    ]
    found = measure(rows)
    assert found is not None
    assert found.numbers["rho_within"].estimate == pytest.approx(1)
    assert found.numbers["rho_between"].estimate == pytest.approx(0.5)
    assert found.numbers["share"].estimate == pytest.approx(0.5)


def test_repetitions_of_one_candidate_are_one_sample_that_fails_if_any_did() -> None:
    rows = [Sample("t", "a", "r1", fail=fail) for fail in (False, True, False)]
    rows.append(Sample("t", "a", "r2", fail=False))
    assert per_candidate(rows) == (
        Sample("t", "a", "r1", fail=True),
        Sample("t", "a", "r2", fail=False),
    )
