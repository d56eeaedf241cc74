"""Longer sentences of the report: what the rule did, how the forecast fared."""

from collections.abc import Sequence
from typing import Final

from unlit.core.states import Verdict
from unlit.review.model import ForecastLine, Report
from unlit.review.rules.words import percent

SOURCES: Final = {
    "oracle": "External oracle",
    "invariant": "Pre-committed invariant",
    "diversity": "Model diversity, measured",
    "person": "A person",
    "": "Nothing independent",
}


def rule_words(report: Report) -> str:
    """Say what the ship rule did, and what its interval answers besides."""
    graded, rule = report.graded, report.rule
    if graded is None or rule is None:
        return "No ship rule is recorded with this run."
    alpha = round(1 / rule.alpha)
    stop = (
        f"If the product were only at {percent(rule.p0)}, this rule would ship it at most once in "
        f"{alpha}."
    )
    if graded.stopped_by:
        return (
            f"The candidate is stopped although {graded.satisfied} of {graded.trajectories} held: "
            f"{graded.stopped_by}. No count outweighs that."
        )
    if graded.verdict is Verdict.NOT_YET:
        known = graded.e_value_against
        against = (
            _odds(graded.e_value, inverse=True) if known is None else f"{_odds(known)} against it"
        )
        return (
            f"The rule stopped at trajectory {graded.trajectories}{against}: a product at "
            f"{percent(rule.p1)} would be stopped at most once in {round(1 / rule.beta)}."
        )
    if graded.verdict is Verdict.SHIP:
        words = (
            f"The rule stopped at trajectory {graded.trajectories}{_odds(graded.e_value)} that "
            f"satisfaction is above {percent(rule.p0)}; it needs {alpha} to 1. {stop}"
        )
        if graded.lower is not None and graded.lower < rule.p0:
            words += (
                f" The interval answers another question and still reaches below "
                f"{percent(rule.p0)}."
            )
        return words
    return (
        f"The rule has not decided after {graded.trajectories} trajectories"
        f"{_odds(graded.e_value)} for shipping; it needs {alpha} to 1. {stop}"
    )


def _odds(e_value: float | None, *, inverse: bool = False) -> str:
    if e_value is None or e_value <= 0:
        return ""
    value = 1 / e_value if inverse else e_value
    shown = f"{value:,.0f}" if value >= 10 else f"{value:.1f}"
    return f" with evidence {shown} to 1" + (" against it" if inverse else "")


def forecast_words(forecasts: Sequence[ForecastLine]) -> str:
    """Say the forecast of cost and time in a few words."""
    said = []
    for line in forecasts:
        if line.middle is None:
            continue
        if line.measure == "usd":
            said.append(f"${line.middle:,.2f}")
        elif line.measure == "hours":
            said.append(f"{line.middle * 60:.0f} min" if line.middle < 2 else f"{line.middle:g} h")
    return f"forecast {', '.join(said)}" if said else "no forecast was made"
