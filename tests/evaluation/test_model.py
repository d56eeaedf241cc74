"""The forms of a grading: what goes in, what comes out, and refusal of nonsense."""

import json
from pathlib import Path

import pytest

from unlit.core.errors import InvalidInput
from unlit.core.ids import CriterionId, ScenarioId
from unlit.core.states import CriterionState, Partition, TrajectoryState, Verdict
from unlit.evaluation.model import (
    Claim,
    CriterionResult,
    EvaluationRequest,
    EvaluationResult,
    Event,
    Feedback,
    Independence,
    Interval,
    Leaks,
    Looks,
    Product,
    Satisfaction,
    ShipRule,
    Strength,
    TrajectoryRecord,
)
from unlit.evaluation.wire import event_from_json, request_from_json, result_from_json
from unlit.fence import Mount
from unlit.policy import Identity


def _result() -> EvaluationResult:
    claim = Claim(True, 1.0, 0.86, "lr", 26, "On this set …")
    return EvaluationResult(
        verdict=Verdict.SHIP,
        base="abc",
        tree="def",
        satisfaction=Satisfaction(1.0, 0.8, 1.0, "cs", claim, claim, 20.5, 0.0, 26, 26, {"2": 1.0}),
        criteria=(
            CriterionResult(
                CriterionId("AC-1"),
                "text",
                (ScenarioId("a"),),
                26,
                26,
                CriterionState.MET,
                Independence("oracle", {"code": "scripted"}, ("anthropic",), "…", 3),
                1.0,
                0.8,
                1.0,
            ),
        ),
        strength=Strength(10, 9, Interval(0.5, 0.99, "cp"), (), (ScenarioId("b"),), ()),
        leaks=Leaks("held", "held", "held", "held", None, ("x",)),
        looks=Looks(1, 0.0, 0.905, 0.05, "first"),
        trajectories=(
            TrajectoryRecord(
                1,
                ScenarioId("a"),
                7,
                TrajectoryState.NOT_SATISFIED,
                (CriterionId("AC-1"),),
                ("then[1] exit",),
                ({"service": "slack", "route": "chat.postMessage", "tier": "A", "count": 1},),
                None,
                1,
                (CriterionId("AC-1"),),
            ),
        ),
        not_verified=("AC-7 …",),
        feedback=(Feedback(CriterionId("AC-1"), "some_fail"),),
        partition=Partition.SEALED,
        ship=ShipRule(0.8, 0.9),
        seed=7,
    )


def test_a_result_survives_its_json_form() -> None:
    result = _result()
    assert result_from_json(json.loads(json.dumps(result.to_json()))) == result


def test_a_result_has_the_keys_that_its_schema_names() -> None:
    form = _result().to_json()
    assert form["schema"] == "unlit.evaluation/1"
    assert {
        "verdict", "base", "tree", "satisfaction", "criteria", "strength", "leaks", "looks",
        "trajectories", "not_verified",
    } <= form.keys()  # fmt: skip
    assert {"estimate", "lower", "upper", "method", "claim_a", "claim_b"} <= form[
        "satisfaction"
    ].keys()
    assert {"id", "text", "scenarios", "trajectories", "satisfied", "state", "independence"} <= (
        form["criteria"][0].keys()
    )
    assert {"source", "authors", "families", "ceiling"} <= form["criteria"][0][
        "independence"
    ].keys()
    assert {"scenario", "seed", "state", "reasons", "twin_routes", "cost"} <= form["trajectories"][
        0
    ].keys()


def test_unknown_is_null_and_never_zero() -> None:
    assert Strength().to_json()["killed"] is None
    assert Leaks().to_json()["control"] is None
    assert Looks().to_json()["bits"] is None


def test_a_result_of_another_schema_is_refused() -> None:
    with pytest.raises(InvalidInput, match="EVA-303"):
        result_from_json({"schema": "other/2"})


def test_a_result_without_a_key_is_refused() -> None:
    form = _result().to_json()
    del form["looks"]
    with pytest.raises(InvalidInput, match="looks"):
        result_from_json(form)


def test_an_event_survives_its_json_form() -> None:
    event = Event("trajectory", {"n": 1, "scenario": None})
    assert event_from_json(event.to_json()) == event


@pytest.mark.parametrize(("p0", "p1"), [(0.9, 0.9), (0.97, 0.9), (0.0, 0.5), (0.5, 1.0)])
def test_rates_that_cannot_be_told_apart_are_refused(p0: float, p1: float) -> None:
    with pytest.raises(InvalidInput, match="EVA-301"):
        ShipRule(p0, p1)


def test_an_error_rate_of_zero_is_refused() -> None:
    with pytest.raises(InvalidInput, match="EVA-302"):
        ShipRule(alpha=0.0)


def test_a_method_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InvalidInput, match="EVA-304"):
        ShipRule(method="wilson")


def _request() -> EvaluationRequest:
    return EvaluationRequest(
        spec=Path("specs/a.md"),
        candidate=Path("/c"),
        base=None,
        vault=Path("/v"),
        partition=Partition.VALIDATION,
        product=Product(
            "http", None, "pytest", "serve", 8080, {"T": "twin:slack"},
            (Mount(Path("/deps"), "/deps"),),
        ),
        ship=ShipRule(0.8, 0.9),
        seed=7,
        max_trajectories=100,
        parallel=2,
        look=None,
        artefacts=Path("/a"),
        policy=Path("policy.toml"),
        identity=Identity("r", "validate", "unlit", "evaluator"),
        only=(ScenarioId("s"),),
        coder_families=("anthropic",),
        options={"replay": 3},
    )  # fmt: skip


def test_a_request_survives_its_json_form() -> None:
    request = _request()
    assert request_from_json(json.loads(json.dumps(request.to_json()))) == request


@pytest.mark.parametrize(
    ("key", "value"),
    [("partition", "secret"), ("ship", {"p9": 1}), ("seed", "x"), ("identity", {})],
)
def test_a_request_that_is_not_one_is_refused(key: str, value: object) -> None:
    form = _request().to_json() | {key: value}
    with pytest.raises(InvalidInput, match="EVA-303"):
        request_from_json(form)


def test_an_event_without_a_kind_is_refused() -> None:
    with pytest.raises(InvalidInput, match="EVA-303"):
        event_from_json({"n": 1})
