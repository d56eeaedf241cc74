"""Render a report: HTML that stands alone, the console's fragment, and Markdown for a ticket."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from functools import lru_cache
from importlib.resources import files
from typing import Any, Protocol

from jinja2 import BaseLoader, Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from unlit import __version__
from unlit.core.ids import CandidateId, CriterionId
from unlit.core.states import Partition, TrajectoryState
from unlit.review import plots, tracks
from unlit.review.access import standing_words
from unlit.review.model import Graded, Point, Report, tier_words, weakest_words
from unlit.review.rules import words
from unlit.review.rules.sayings import SOURCES, forecast_words, rule_words

_MISSES_SHOWN = 200
_ID = re.compile(r"\b([A-Z]{1,8}-[0-9]+)\b")


class Links(Protocol):
    """Where a number of a report leads to."""

    def trajectory(self, candidate: CandidateId, partition: Partition) -> Callable[[int], str]:
        """Return where one trajectory opens, by its number."""
        ...

    def trajectories(self, candidate: CandidateId, partition: Partition) -> str:
        """Return where all trajectories of a grading are listed."""
        ...

    def criterion(self, criterion: CriterionId) -> str:
        """Return where the trajectories of a criterion are listed."""
        ...

    def audit(self, *, denied: bool = False) -> str:
        """Return where the audit entries of the run are listed."""
        ...


class StandAloneLinks:
    """Links inside the one file."""

    def trajectory(self, candidate: CandidateId, partition: Partition) -> Callable[[int], str]:
        """Return the row in the table at the end."""
        return lambda n: f"#t-{candidate}-{partition.value}-{n}"

    def trajectories(self, candidate: CandidateId, partition: Partition) -> str:
        """Return the section that holds the plot."""
        return "#s-misses"

    def criterion(self, criterion: CriterionId) -> str:
        """Return the section of criteria."""
        return "#s-criteria"

    def audit(self, *, denied: bool = False) -> str:
        """Return the section that names the command."""
        return "#s-from"


def whole_names(value: str) -> Markup:
    """Escape a text and keep the ids of criteria in it (``AC-7``) on one line."""
    return Markup(_ID.sub(r'<span class="whole">\1</span>', str(escape(value))))  # noqa: S704 # escaped before


def filters(zone: tzinfo | None = None) -> Mapping[str, Any]:
    """Return the template filters; `zone` `None` is the machine's own.

    `when` leaves the date out when it is that of the template's `now`.
    """

    @pass_context
    def when(context: Context, at: datetime | None) -> str:
        now = context.get("now")
        return words.when(
            None if at is None else at.astimezone(zone),
            None if now is None else now.astimezone(zone),
        )

    def text(value: Any) -> str:
        return words.inert(str(value))

    return {
        "percent": words.percent,
        "at_least": words.at_least,
        "money": words.money,
        "duration": words.duration,
        "count": words.count,
        "spelled": words.spelled,
        "mark": lambda state: words.mark(getattr(state, "value", state)),
        "criterion_word": lambda name: words.CRITERION_WORDS[str(getattr(name, "value", name))],
        "trajectory_word": lambda state: words.TRAJECTORY_WORDS[state.value],
        "source_word": lambda source: SOURCES.get(source or "", source or "None"),
        "inert": text,
        "whole": whole_names,
        "tier": tier_words,
        "weakest": weakest_words,
        "when": when,
        "reason": words.reason,
        "standing": standing_words,
        "short": lambda value: str(value or "not known").removeprefix("sha256:")[:10],
        "known": lambda value: words.UNKNOWN if value is None else f"{value:,}",
        "plain": lambda value, unknown=words.UNKNOWN: unknown if value is None else f"{value:g}",
    }


def environment(loader: BaseLoader) -> Environment:
    """Make a template environment with our globals; autoescape always, undefined is an error."""
    env = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(filters())
    env.globals.update(
        glyph=plots.glyph,
        interval=words.interval,
        whisker=plots.whisker,
        scale_bar=plots.scale_bar,
        satisfaction_plot=plots.satisfaction_plot,
        looks_plot=plots.looks_plot,
        forecast_bar=plots.forecast_bar,
        tally=plots.tally,
        spark_of=lambda shares, rule: plots.spark(
            [(share.estimate, share.lower, share.upper) for share in shares], rule
        ),
        ticks_svg=tracks.ticks_svg,
        track_svg=tracks.track_svg,
        version=__version__,
    )
    return env


@lru_cache(maxsize=1)
def _own() -> Environment:
    return environment(PackageLoader("unlit.review", "templates"))


@lru_cache(maxsize=1)
def stylesheet() -> str:
    """Return the one style sheet of console and report."""
    return (files("unlit.review") / "assets" / "console.css").read_text(encoding="utf-8")


def facts_for(report: Report, links: Links) -> Mapping[str, Any]:
    """Return what the body template needs, apart from the question block."""
    waits = report.run.state == "waiting"
    open_ids = {line.criterion for line in report.open_questions}
    states = Counter(
        line.standing
        for line in report.criteria
        if not (waits and line.id in open_ids and line.state.value != "not_met")
    )
    asked = {line.criterion for line in report.open_questions if waits and line.criterion}
    rest = [
        f"{states[name]} {words.CRITERION_WORDS[name].lower()}"
        for name in ("not_met", "undecided", "held", "not_exercised")
        if states[name]
    ]
    if asked:
        rest.append(f"{len(asked)} asks you")
    if not states["met"] and not states["not_met"] and states["held"]:
        held = "none failed"
        rest[rest.index(f"{states['held']} held so far")] = (
            f"{states['held']} held, too few tries for each"
        )
    else:
        held = f"{states['met']} of {len(report.criteria)}"
    return {
        "r": report,
        "links": links,
        "asked": asked,
        "tallies": {"held": held, "rest": ", ".join(rest) or "all of them"},
        "cost_words": words.cost(report.cost.usd, report.cost.calls),
        "forecast_words": forecast_words(report.forecasts),
        "rule_words": rule_words(report),
        "interval_words": f"{(1 - (report.rule.alpha if report.rule else 0.05)) * 100:g} %",
    }


def render_html(report: Report) -> str:
    """Render the report as one HTML file: no script, no other file, nothing fetched."""
    env = _own()
    macros = env.get_template("macros.html").module
    return env.get_template("report.html").render(
        **facts_for(report, StandAloneLinks()),
        desk=None,
        access_desk=None,
        css=Markup(stylesheet()),  # noqa: S704 # our own file
        misses=misses_of(report),
        m=macros,
    )


def misses_of(report: Report) -> list[tuple[CandidateId, str, Point]]:
    """Return what speaks against the candidates, newest candidate first; at most 200 rows."""
    found: list[tuple[CandidateId, str, Point]] = []
    gradings: list[Graded] = [line.graded for line in report.candidates if line.graded]
    if report.sealed is not None:
        gradings.append(report.sealed)
    for graded in reversed(gradings):
        found += [
            (graded.candidate, graded.partition.value, point)
            for point in graded.points
            if point.state is not TrajectoryState.SATISFIED
        ]
    return found[:_MISSES_SHOWN]
