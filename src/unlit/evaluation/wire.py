"""Read evaluation requests and results back from their JSON form."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unlit.core.errors import InvalidInput
from unlit.core.ids import CriterionId, ScenarioId
from unlit.core.states import CriterionState, Partition, TrajectoryState, Verdict
from unlit.evaluation.model import (
    RESULT_SCHEMA,
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
    Separation,
    ShipRule,
    Strength,
    TrajectoryRecord,
)

JSON = Mapping[str, Any]


def request_from_json(value: JSON) -> EvaluationRequest:
    """Read a request.

    Raises:
        InvalidInput: A key is missing or a value is not what the form says.
    """
    from unlit.policy import Identity

    try:
        identity = value["identity"]
        return EvaluationRequest(
            spec=Path(value["spec"]),
            candidate=Path(value["candidate"]),
            base=None if value["base"] is None else Path(value["base"]),
            vault=Path(value["vault"]),
            partition=Partition(value["partition"]),
            product=_product(value["product"]),
            ship=ShipRule(**value["ship"]),
            seed=int(value["seed"]),
            max_trajectories=int(value["max_trajectories"]),
            parallel=int(value["parallel"]),
            look=value["look"],
            artefacts=Path(value["artefacts"]),
            policy=Path(value["policy"]),
            identity=Identity(
                identity["run"], identity["stage"], identity["agent"], identity["role"]
            ),
            base_commit=value.get("base_commit"),
            tree=value.get("tree"),
            only=tuple(ScenarioId(name) for name in value.get("only", ())),
            bits=float(value.get("bits", 0.0)),
            coder_families=tuple(value.get("coder_families", ())),
            keep_going=bool(value.get("keep_going", False)),
            options=dict(value.get("options", {})),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable("request", error) from error


def result_from_json(value: JSON) -> EvaluationResult:
    """Read a result of schema `unlit.evaluation/1`.

    Raises:
        InvalidInput: Another schema, a missing key, or a value that is not what the form says.
    """
    if value.get("schema") != RESULT_SCHEMA:
        raise _unreadable("result", ValueError(f"schema is {value.get('schema')!r}"))
    try:
        return EvaluationResult(
            verdict=Verdict(value["verdict"]),
            base=value["base"],
            tree=value["tree"],
            satisfaction=_satisfaction(value["satisfaction"]),
            criteria=tuple(criterion_from_json(entry) for entry in value["criteria"]),
            strength=_strength(value["strength"]),
            leaks=Leaks(**{**value["leaks"], "details": tuple(value["leaks"].get("details", ()))}),
            looks=Looks(**value["looks"]),
            trajectories=tuple(trajectory_from_json(entry) for entry in value["trajectories"]),
            not_verified=tuple(value["not_verified"]),
            feedback=tuple(
                Feedback(CriterionId(entry["criterion"]), entry["bucket"])
                for entry in value.get("feedback", ())
            ),
            partition=_partition(value.get("partition")),
            ship=None if value.get("ship") is None else ShipRule(**value["ship"]),
            seed=value.get("seed"),
            spec_digest=value.get("spec_digest"),
            vault_digest=value.get("vault_digest"),
            warnings=tuple(value.get("warnings", ())),
            invariants=tuple(value.get("invariants", ())),
            pack=value.get("pack"),
            judges=tuple(value.get("judges", ())),
            reason=str(value.get("reason", "")),
            separation=Separation(**value.get("separation", {})),
            usage=tuple(value.get("usage", ())),
            unexercised=_names(value.get("unexercised")),
            unpaid=None if value.get("unpaid") is None else str(value["unpaid"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _unreadable("result", error) from error


def event_from_json(value: JSON) -> Event:
    """Read one event.

    Raises:
        InvalidInput: It has no kind.
    """
    if not isinstance(value.get("event"), str):
        raise _unreadable("event", ValueError("no 'event'"))
    return Event(value["event"], {key: item for key, item in value.items() if key != "event"})


def _unreadable(what: str, error: Exception) -> InvalidInput:
    return InvalidInput(
        "EVA-303",
        f"An evaluation {what} cannot be read: {type(error).__name__} {error}.",
        f"It must have the form that `EvaluationRequest.to_json` or {RESULT_SCHEMA} prescribes.",
        "Make it with the same version of unlit that reads it.",
    )


def _partition(value: Any) -> Partition | None:
    return None if value is None else Partition(value)


def _product(value: JSON) -> Product:
    from unlit.fence import Mount

    mounts = tuple(
        Mount(Path(entry["source"]), entry["target"], bool(entry["writable"]))
        for entry in value.get("mounts", ())
    )
    return Product(**{**value, "env": dict(value.get("env", {})), "mounts": mounts})


def _satisfaction(value: JSON) -> Satisfaction:
    claims = {name: Claim(**value[name]) for name in ("claim_a", "claim_b")}
    return Satisfaction(**{**value, **claims})


def criterion_from_json(value: JSON) -> CriterionResult:
    """Read one criterion of a result."""
    made = {
        **value,
        "id": CriterionId(value["id"]),
        "scenarios": tuple(ScenarioId(name) for name in value["scenarios"]),
        "state": CriterionState(value["state"]),
        "independence": Independence(
            **{**value["independence"], "families": tuple(value["independence"]["families"])}
        ),
    }
    return CriterionResult(**made)


def _strength(value: JSON) -> Strength:
    interval = value.get("interval")
    made = {
        **value,
        "interval": None if interval is None else Interval(**interval),
        "void": _names(value.get("void")),
        "idle": _names(value.get("idle")),
        "uncovered": _names(value.get("uncovered")),
    }
    return Strength(**made)


def _names(value: Any) -> tuple[Any, ...] | None:
    return None if value is None else tuple(value)


def trajectory_from_json(value: JSON) -> TrajectoryRecord:
    """Read one trajectory of a result."""
    made = {key: item for key, item in value.items() if key != "cost"}
    made |= {
        "cost_usd": value.get("cost"),
        "state": TrajectoryState(value["state"]),
        "criteria": tuple(value["criteria"]),
        "reasons": tuple(value["reasons"]),
        "twin_routes": tuple(value["twin_routes"]),
        "failed": tuple(value.get("failed", ())),
    }
    return TrajectoryRecord(**made)
