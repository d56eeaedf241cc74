"""`unlit watch`: did the metric move after a run was shipped, and which errors are new."""

import json
import sys
import textwrap
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts

if TYPE_CHECKING:
    from unlit.ship.rules.effect import Effect, Interval, Reading

app = cyclopts.App(name="watch", help="Did the metric move after a run was shipped?")
Flag = Annotated[bool, cyclopts.Parameter(negative=())]


@app.default
def watch(
    run: str = "last",
    *,
    metric: str | None = None,
    errors: str | None = None,
    since: datetime | None = None,
    randomised: Flag = False,
    planned: int = 1000,
    as_json: Annotated[bool, cyclopts.Parameter("--json", negative=())] = False,
    repository: Path | None = None,
) -> int:
    """Look what a shipped run did to a metric, and open an intent for each new error.

    Exit code: 0 looked; 1 the metric moved down, or errors are new; 3 too little is known.

    Args:
        run: The run, the start of its id, or ``last``.
        metric: A CSV or JSON-lines file (time, value; unit, group, before), or ``SOURCE:KEY`` of a
            context source whose item holds a table, with ``#COLUMN`` for another than the first.
        errors: A source of errors in unlit.toml, such as sentry.
        since: When the change reached users; default its rollout, else its merge.
        randomised: The groups were drawn by chance: then the answer is causal.
        planned: Units at which the interval for repeated looks is narrowest; choose it once.
        as_json: Print JSON.
        repository: Folder of the repository; default this one.
    """
    from unlit.core.errors import UsageError
    from unlit.ship.rules.effect import measure
    from unlit.ship.watch import keep_effect, plain, reached_users
    from unlit.wiring.desk import open_office

    if metric is None and errors is None:
        raise UsageError(
            "SHP-064", "There is nothing to look at.", "a metric or a source of errors is needed.",
            "say --metric FILE, or --errors SOURCE.",
        )  # fmt: skip
    office = open_office(repository, run=run)
    found = office.store.find_run(run)
    facts: dict[str, Any] = {"schema": "unlit.watch/1", "run": found.id}
    lines: list[str] = []
    code = 0
    if metric is not None:
        when = _aware(since) if since is not None else reached_users(office.store, found.id)[0]
        readings = _readings(metric, Path(found.repository))
        effect = measure(readings, when, randomised=randomised, planned=planned)
        keep_effect(office.store, office.desk.clock, found.id, metric, effect)
        facts["metric"] = {"source": metric, "since": when.isoformat(), **plain(effect)}
        lines += _words(metric, effect)
        code = 1 if effect.verdict == "moved down" else 0
    if errors is not None:
        opened = _errors(errors, found.id, repository)
        facts["incidents"] = opened
        lines.append(f"{len(opened)} new error{'' if len(opened) == 1 else 's'} in {errors}.")
        lines += [f"  opened {path}" for path in opened]
        code = 1 if opened else code
    sys.stdout.write(json.dumps(facts) + "\n" if as_json else "\n".join(lines) + "\n")
    return code


def _aware(moment: datetime) -> datetime:
    return moment.astimezone() if moment.tzinfo is None else moment


def _readings(metric: str, repository: Path) -> "tuple[Reading, ...]":
    from unlit.core.errors import InvalidInput
    from unlit.ship.rules.readings import parse_readings, parse_table

    path = Path(metric)
    if path.is_file():
        return parse_readings(path.read_text(encoding="utf-8", errors="replace"), metric)
    name, _, rest = metric.partition(":")
    if not rest:
        raise InvalidInput(
            "SHP-062",
            f"The metric cannot be read: there is no file {metric}.",
            "a metric is a file, or SOURCE:KEY.",
            "correct it; `unlit context sources` lists the sources.",
        )
    from unlit.wiring.sources import open_library

    key, _, column = rest.partition("#")
    with open_library(repository) as library:
        body = library.read(library.owner(f"{name}:{key}"))[0].body
    return parse_table(body, column, metric)


def _errors(source: str, run: str, repository: Path | None) -> list[str]:
    from unlit.wiring.desk import open_office
    from unlit.wiring.watching import incidents_of

    return [str(path) for path in incidents_of(open_office(repository, run=run), run, source)]


def _words(metric: str, effect: "Effect") -> list[str]:
    from unlit.ship.rules.effect import SAYS

    share = round(effect.confidence * 100)
    counts = ", ".join(f"{count} {name}" for name, count in effect.counts.items())
    lines = [
        f"{metric}: {effect.verdict}.",
        *_wrapped(f"{SAYS[effect.level]}."),
        f"  change {_interval(effect.change)} at {share} %, from {effect.base:.4g}; {counts}",
    ]
    if effect.anytime is not None:
        lines.append(f"  at every look {_interval(effect.anytime)}")
    if effect.reduction is not None:
        lines.append(f"  CUPED took {effect.reduction:.0%} of the variance away")
    if effect.pre_trend is not None:
        lines.append(f"  trend of the difference before, per day {_interval(effect.pre_trend)}")
    lines += [line for text in effect.warnings for line in _wrapped(f"beware: {text}")]
    return lines + _plot(effect)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 78, initial_indent="  ", subsequent_indent="    ")


def _interval(found: "Interval") -> str:
    return f"{found.estimate:+.4g} [{found.lower:+.4g}, {found.upper:+.4g}]"


def _plot(effect: "Effect") -> list[str]:
    """Means over time as bars, with the change between; one line for each group."""
    bars = "▁▂▃▄▅▆▇█"
    shown = [v for point in effect.trend for v in (point.treated, point.control) if v is not None]
    if len(shown) < 2:
        return []
    low, span = min(shown), (max(shown) - min(shown)) or 1.0
    lines = []
    for name in ("treated", "control"):
        row = ""
        for number, point in enumerate(effect.trend):
            if point.after and number and not effect.trend[number - 1].after:
                row += "│"
            value = point.treated if name == "treated" else point.control
            row += " " if value is None else bars[int((value - low) / span * (len(bars) - 1))]
        if row.strip(" │"):
            label = name if effect.level != "before-after" else "mean"
            lines.append(f"  {label:>8} {row}")
    return [*lines, f"           {low:.4g} to {low + span:.4g}; │ is the change"]
