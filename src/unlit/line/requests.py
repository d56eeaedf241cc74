"""Read what a run is asked to do back from the record."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from unlit.line.model import BudgetPlan, CiPlan, ProductPlan, RunRequest, ShipPlan

_PATHS: Final = ("spec", "repository", "vault", "policy")


def request_from_json(plain: Mapping[str, Any]) -> RunRequest:
    """Read what `RunRequest.to_json` made."""
    values = dict(plain)
    for name in _PATHS:
        values[name] = Path(values[name])
    values["agents"] = tuple(values["agents"])
    values["product"] = ProductPlan(**values["product"])
    values["ship"] = ShipPlan(**values["ship"])
    values["budget"] = BudgetPlan(
        **{
            name: None if value is None else Decimal(value)
            for name, value in values["budget"].items()
        }
    )
    values["ci"] = CiPlan(**values.get("ci") or {})
    return RunRequest(**values)
