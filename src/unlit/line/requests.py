"""Read what a run is asked to do: from the record, and from its spec's front matter."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from unlit.core.errors import InvalidInput
from unlit.line.model import BudgetPlan, CiPlan, ProductPlan, RunRequest, ShipPlan, SpecFacts

_LIMITS: Final = ("run_usd", "day_usd", "person_usd")
_PATHS: Final = ("spec", "repository", "vault", "policy")


def request_from_json(plain: Mapping[str, Any]) -> RunRequest:
    """Read what `RunRequest.to_json` made."""
    values = dict(plain)
    for name in _PATHS:
        values[name] = Path(values[name])
    values["agents"] = tuple(values["agents"])
    values["product"] = ProductPlan(**values["product"])
    values["ship"] = ShipPlan(**values["ship"])
    budget: dict[str, Any] = {
        name: value if value is None or isinstance(value, bool) else Decimal(value)
        for name, value in values["budget"].items()
    }
    values["budget"] = BudgetPlan(**budget)
    values["ci"] = CiPlan(**values.get("ci") or {})
    return RunRequest(**values)


def with_spec(request: RunRequest, spec: SpecFacts) -> RunRequest:
    """Return a request with what its spec says of the product and of money.

    The spec's words win for the product; of two limits the lower one counts.
    """
    said = dict(spec.product)
    if "env" in said:
        said["env"] = {**request.product.env, **said["env"]}
    return replace(
        request,
        product=replace(request.product, **said),
        budget=tighter(request.budget, spec.budget),
    )


def tighter(budget: BudgetPlan, other: Mapping[str, Decimal]) -> BudgetPlan:
    """Return the lower of each pair of limits."""
    pairs = {name: (getattr(budget, name), other.get(name)) for name in _LIMITS}
    known: dict[str, Any] = {
        name: [value for value in pair if value is not None] for name, pair in pairs.items()
    }
    return replace(budget, **{name: min(found) for name, found in known.items() if found})


def budget_now(was: BudgetPlan, limits: BudgetPlan | None, run_usd: Decimal | None) -> BudgetPlan:
    """Return the limits that a run goes on with.

    Args:
        was: What it had.
        limits: What the files say now; `None` where nobody read them.
        run_usd: What a person says for this run alone.

    Raises:
        InvalidInput: LIN-096: it is no limit.
    """
    if run_usd is not None and not (run_usd.is_finite() and run_usd > 0):
        raise InvalidInput(
            "LIN-096",
            f"{run_usd} dollars are no limit of a run.",
            "a limit is what the run may spend, above 0.",
            "write for example --run-usd 5.",
        )
    found = was
    if limits is not None:
        found = replace(limits, run_usd=was.run_usd, run_said=True) if was.run_said else limits
    return found if run_usd is None else replace(found, run_usd=run_usd, run_said=True)
