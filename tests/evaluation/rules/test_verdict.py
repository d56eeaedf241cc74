"""One verdict from all evidence; vetoes only ever take `ship` away."""

import pytest

from unlit.core.ids import CriterionId, ScenarioId
from unlit.core.states import CriterionState, Verdict
from unlit.evaluation.model import CriterionResult, Independence, Leaks, Looks, ShipRule, Strength
from unlit.evaluation.rules.ship import ShipTest, start
from unlit.evaluation.rules.strength import Battery, Mutant, kill_order, strength
from unlit.evaluation.rules.verdict import Evidence, decide, not_verified

HELD = Leaks("held", "held", "held", "held")


def fed(outcomes: str) -> ShipTest:
    test = start(ShipRule(0.8, 0.9))
    for char in outcomes:
        test = test.after(char == "+")
    return test


def criterion(state: CriterionState, *, people: bool = False) -> CriterionResult:
    return CriterionResult(
        CriterionId("AC-7"), "is useful", (), 3, 3, state,
        Independence(None, ceiling="nothing", for_people=people),
    )  # fmt: skip


def evidence(outcomes: str, **changes: object) -> Evidence:
    base = {"test": fed(outcomes), "criteria": (), "leaks": HELD, "drawn": len(outcomes)}
    return Evidence(**{**base, **changes})  # type: ignore[arg-type] # built from a table


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        (evidence("+" * 26), Verdict.SHIP),
        (evidence("+" * 25), Verdict.UNDECIDED),
        (evidence("----"), Verdict.NOT_YET),
        (evidence(""), Verdict.NOT_EXERCISED),
        (evidence("+" * 26, harness_broken="no fence"), Verdict.HARNESS_FAULT),
        (evidence("+" * 26, broken_invariants=("secret-in-output",)), Verdict.NOT_YET),
        (evidence("+" * 26, leaks=Leaks("held", "leaked", "held", "held")), Verdict.NOT_YET),
        (evidence("+" * 26, criteria=(criterion(CriterionState.NOT_MET),)), Verdict.NOT_YET),
        (evidence("+" * 26, criteria=(criterion(CriterionState.UNDECIDED),)), Verdict.SHIP),
        (evidence("+" * 26, unexercised=("a",)), Verdict.NOT_EXERCISED),
        (evidence("+" * 26, leaks=Leaks(), needs_leak_proof=True), Verdict.UNDECIDED),
        (evidence("+" * 26, needs_leak_proof=True), Verdict.SHIP),
        (evidence("", broken_invariants=("crash",)), Verdict.NOT_YET),
    ],
)
def test_the_verdict_follows_from_the_evidence(given: Evidence, verdict: Verdict) -> None:
    assert decide(given).verdict is verdict


def test_what_was_not_verified_is_said_in_sentences() -> None:
    said = not_verified(
        (criterion(CriterionState.UNDECIDED, people=True), criterion(CriterionState.NOT_EXERCISED)),
        Strength(),
        Leaks(),
        Looks(),
        extra=("More.",),
    )
    text = "\n".join(said)
    for words in ("3 of 3 held", "green means at most this: nothing", "not exercised by any",
                  "was not measured", "probe from inside", "No sealed scenario",
                  "More."):  # fmt: skip
        assert words in text


def test_a_proof_whose_control_was_missed_does_not_count() -> None:
    said = not_verified((), Strength(3, 3), Leaks("held", "held", "failed", "held"), Looks(1))
    assert said == ("Leak proof: the planted leak was not caught, so the proof does not count.",)


A, B, C = ScenarioId("a"), ScenarioId("b"), ScenarioId("c")
CRITERIA = {A: (CriterionId("AC-1"),), B: (CriterionId("AC-2"),), C: (CriterionId("AC-3"),)}


def test_strength_counts_reached_mutants_that_change_something() -> None:
    found = strength(
        Battery(
            (
                Mutant("m1", frozenset({A})),
                Mutant("m2"),
                Mutant("m3", reached=False),
                Mutant("m4", equivalent=True),
            ),
            CRITERIA,
            passed_by_null=frozenset({C}),
        )
    )
    assert (found.mutants, found.killed) == (2, 1)
    assert found.interval is not None
    assert found.interval.lower == pytest.approx(0.0126, abs=1e-3)
    assert found.void == (C,)
    assert found.idle == (B,)
    assert found.uncovered == ("AC-2", "AC-3")


def test_a_scenario_that_a_null_program_may_pass_is_not_void() -> None:
    found = strength(
        Battery((), CRITERIA, passed_by_null=frozenset({C}), may_pass_null=frozenset({C}))
    )
    assert found.void == ()
    assert found.mutants is None
    assert found.interval is None


def test_the_best_catcher_runs_first() -> None:
    assert kill_order({A: 0, B: 4, C: 4}) == (B, C, A)
    slow = {A: 0.2, B: 30.0, C: 0.3}  # what takes a hundred times as long comes later
    assert kill_order({A: 0, B: 4, C: 4}, slow) == (C, A, B)
    assert kill_order({A: 3, B: 3}, {A: 0.21, B: 0.2}) == (A, B)  # jitter is no reason


def test_weak_spots_of_the_set_are_named() -> None:
    weak = Strength(2, 1, None, (C,), (B,), (CriterionId("AC-2"),))
    said = "\n".join(not_verified((), weak, HELD, Looks(1)))
    assert "Void scenarios, which any program passes: c" in said
    assert "No planted defect threatened: AC-2" in said
