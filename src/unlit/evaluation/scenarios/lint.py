"""What the schema cannot see: variables, placeholders, patterns, services, and the whole set."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from unlit.core.ids import CriterionId
from unlit.core.states import Partition
from unlit.evaluation.scenarios.model import Check, Finding, Scenario, Variable
from unlit.evaluation.scenarios.parse import Salvaged
from unlit.evaluation.scenarios.sample import LISTS
from unlit.evaluation.scenarios.template import placeholders

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(s|m|h|d|w)\Z")
_UNIT_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def duration_s(value: Any) -> float:
    """Return the seconds of ``90``, ``"90s"``, ``"2h"`` or ``"1d"``.

    Raises:
        ValueError: `value` is not a duration.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return float(value)
    match = _DURATION.match(str(value))
    if match is None:
        raise ValueError(f"not a duration: {value!r}")
    return float(match[1]) * _UNIT_S[match[2]]


def lint_scenario(
    scenario: Scenario,
    *,
    services: Collection[str] | None = None,
    invariants: Collection[str] | None = None,
    lists: Mapping[str, Sequence[str]] | None = None,
) -> list[Finding]:
    """Return what is wrong with one well-formed scenario.

    Args:
        scenario: What to look at.
        services: Twins that exist, or None when that is not known.
        invariants: Names that `never` may use, or None when that is not known.
        lists: The vault's own word lists.
    """
    findings = [*_vary(scenario, lists or {}), *_placeholders(scenario), *_patterns(scenario)]
    findings += _clock(scenario)
    if services is not None:
        findings += _services(scenario, services)
    for name in scenario.never if invariants is not None else ():
        if invariants is not None and name not in invariants:
            findings.append(
                _error(scenario, "EVA-110", scenario.line_of("never"),
                       f"No invariant is named `{name}`.",
                       f"known: {', '.join(sorted(invariants))}")
            )  # fmt: skip
    findings += [*_reach(scenario), *_users(scenario), *_health(scenario)]
    return findings


def _error(scenario: Scenario, code: str, line: int, message: str, remedy: str) -> Finding:
    return Finding(code, "error", scenario.file, line or scenario.line, message, remedy)


def _vary(scenario: Scenario, lists: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    for variable in scenario.vary:
        problem = _impossible(variable, lists)
        if problem:
            yield _error(
                scenario, "EVA-108", variable.line,
                f"`vary.{variable.name}` is impossible: {problem}.", "give it values to draw from",
            )  # fmt: skip


def _impossible(variable: Variable, lists: Mapping[str, Sequence[str]]) -> str | None:
    options = variable.options
    match variable.kind:
        case "int" | "float" if options[0] > options[1]:
            return f"{options[0]} is more than {options[1]}"
        case "from" if options not in LISTS and options not in lists:
            return f"there is no list `{options}` (known: {', '.join([*LISTS, *sorted(lists)])})"
        case "from" if options in lists and not lists[options]:
            return f"the list `{options}` is empty"
        case "text":
            low, high = options.get("length", [1, 20])
            return f"length {low} is more than {high}" if low > high else None
        case "date":
            return _impossible_dates(options)
        case "seed":
            return "it says no kind of value"
    return None


def _impossible_dates(options: Sequence[str]) -> str | None:
    try:
        first, last = date.fromisoformat(options[0]), date.fromisoformat(options[1])
    except ValueError:
        return "a date is YYYY-MM-DD"
    return f"{first} is after {last}" if first > last else None


def _placeholders(scenario: Scenario) -> Iterator[Finding]:
    known = {variable.name for variable in scenario.vary}
    used: set[str] = set()
    for step in scenario.when:
        used |= set(placeholders(step.params))
        own = {"say"} if step.kind == "user" else set()
        for name in set(placeholders(step.params)) - known - own:
            yield _error(
                scenario, "EVA-109", step.line, f"Nothing defines `{{{name}}}` here.",
                "add it to `vary`, or capture it in an earlier step",
            )  # fmt: skip
        known |= set((step.params or {}).get("capture", {}))
    for check in scenario.then:
        used |= set(placeholders(check.value))
        for name in sorted(set(placeholders(check.value)) - known):
            yield _error(
                scenario, "EVA-109", check.line, f"Nothing defines `{{{name}}}` here.",
                "add it to `vary`, or capture it in a step",
            )  # fmt: skip
    given = {*placeholders(scenario.given.twins), *placeholders(scenario.given.files)}
    used |= given | set(placeholders(scenario.given.env))
    for variable in scenario.vary:
        if variable.name not in used:
            yield Finding(
                "EVA-113", "warning", scenario.file, variable.line,
                f"`vary.{variable.name}` is used nowhere.", "use it, or remove it",
            )  # fmt: skip


def _patterns(scenario: Scenario) -> Iterator[Finding]:
    for part in _parts(scenario):
        for pattern in _matches(part.value):
            try:
                re.compile(pattern)
            except re.error as error:
                yield _error(
                    scenario, "EVA-104", part.line,
                    f"`matches: {pattern}` is not a pattern: {error}.", "correct the expression",
                )  # fmt: skip


def _parts(scenario: Scenario) -> list[Check]:
    steps = [Check(step.kind, step.params, step.line) for step in scenario.when]
    return [*steps, *scenario.then, *scenario.fails_on_base]


def _matches(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == "matches" and isinstance(item, str):
                yield item
            else:
                yield from _matches(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _matches(item)


def _clock(scenario: Scenario) -> Iterator[Finding]:
    clock = scenario.given.clock
    if clock is not None and not set(placeholders(clock)):
        try:
            datetime.fromisoformat(clock)
        except ValueError:
            yield _error(
                scenario, "EVA-104", scenario.line_of("given.clock"),
                f"`given.clock` is no time: {clock}.", "write it as 2026-03-01T09:00Z",
            )  # fmt: skip
    for step in scenario.when:
        if step.kind == "clock" and not set(placeholders(step.params)):
            try:
                duration_s(step.params["advance"])
            except ValueError:
                yield _error(
                    scenario, "EVA-104", step.line,
                    f"`clock.advance` is no duration: {step.params['advance']}.",
                    "write seconds, or 90s, 15m, 2h, 1d",
                )  # fmt: skip


def _services(scenario: Scenario, services: Collection[str]) -> Iterator[Finding]:
    known = ", ".join(sorted(services))
    for name in scenario.given.twins:
        if name not in services:
            yield _error(
                scenario, "EVA-110", scenario.line_of("given.twins"),
                f"There is no twin `{name}`.", f"known: {known}",
            )  # fmt: skip
    for part in _parts(scenario):
        if part.kind == "twin":
            for name in part.value:
                if name.split(".")[0] not in services:
                    yield _error(
                        scenario, "EVA-110", part.line,
                        f"There is no twin `{name.split('.')[0]}`.", f"known: {known}",
                    )  # fmt: skip


def _kinds(scenario: Scenario) -> set[str]:
    """Return the kinds of steps; a user over streams counts as `cli`, over a server as `http`."""
    kinds = {step.kind for step in scenario.when}
    for step in scenario.when:
        if step.kind == "user":
            kinds |= {"cli" if way in ("cli", "terminal") else way for way in step.params["over"]}
    return kinds


def _users(scenario: Scenario) -> Iterator[Finding]:
    """Find conversations that cannot go as meant."""
    for step in scenario.when:
        if step.kind == "user":
            for problem, remedy in _user_problems(step.params):
                yield _error(scenario, "EVA-116", step.line, problem, remedy)


def _user_problems(params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    scripted = "answers" in params or "states" in params
    if scripted == ("model" in params):
        yield (
            "A user is played by rules or by a model, by one of the two.",
            "give `answers`, `states`, or `model`",
        )
        return
    states = params.get("states", {})
    rules = [*params.get("answers", ()), *(rule for state in states.values() for rule in state)]
    for rule in rules:
        for place in [rule["go"]] if isinstance(rule.get("go"), str) else rule.get("go", ()):
            if place not in states:
                yield (
                    f"A rule goes to `{place}`, which is no state.",
                    (f"states: {', '.join(states) or 'none'}"),
                )
    wanted = params.get("must_end", "satisfied")
    made = {"lost", "gave_up", "product_ended", "too_long", "silence"}
    if scripted and wanted not in {*made, *(rule.get("end") for rule in rules)}:
        yield (
            f"No rule ends `{wanted}`, so the user never does.",
            (f"give a rule `end: {wanted}`, or another `must_end`"),
        )


_ON_DEPLOYED: Final = frozenset(
    {"exit", "stdout", "stderr", "status", "body", "header", "within", "eventually"}
)


def _health(scenario: Scenario) -> Iterator[Finding]:
    """Find what cannot be so of a product that is deployed: no world is given to it."""
    if not scenario.health:
        return
    given = scenario.given
    problem = None
    if scenario.partition is Partition.SEALED:
        problem = "it is sealed, and users' own service would see it at every deploy"
    elif given.twins or given.files or given.clock:
        problem = "it gives a world, and users' own service has its own"
    if problem is not None:
        yield _not_healthy(scenario, scenario.line_of("health"), problem)
    for step in scenario.when:
        shell = step.kind == "cli" and "shell" in step.params
        if step.kind not in ("http", "wait") and not shell:
            yield _not_healthy(scenario, step.line, f"`{step.kind}` is no step over the network")
    for check in scenario.then:
        if check.kind not in _ON_DEPLOYED:
            yield _not_healthy(scenario, check.line, f"`{check.kind}` looks into the fence")


def _not_healthy(scenario: Scenario, line: int, problem: str) -> Finding:
    return _error(
        scenario, "EVA-118", line,
        f"`{scenario.id}` cannot be made against what is deployed: {problem}.",
        "use http steps, `cli: {shell: …}`, wait, and checks of what they answer; "
        "or leave out `health: true`",
    )  # fmt: skip


def _reach(scenario: Scenario) -> Iterator[Finding]:
    kinds = _kinds(scenario)
    for check in scenario.then:
        missing = None
        if check.kind in ("exit", "stdout", "stderr") and "cli" not in kinds:
            missing = "cli"
        if check.kind in ("status", "body", "header") and "http" not in kinds:
            missing = "http"
        if check.kind == "user" and "user" not in kinds:
            missing = "user"
        if missing:
            yield _error(
                scenario, "EVA-112", check.line,
                f"`{check.kind}` looks at a {missing} step and there is none.",
                f"add a {missing} step, or check something else",
            )  # fmt: skip


def lint_place(scenario: Scenario, text: str) -> list[Finding]:
    """Return what is wrong with the folder that the scenario lies in.

    Args:
        scenario: What lies in `scenario.file`, relative to the vault.
        text: The file's content, for the line.
    """
    folders = [part for part in scenario.file.split("/")[:-1] if part in set(Partition)]
    if not folders or folders[-1] == scenario.partition:
        return []
    lines = enumerate(text.splitlines(), 1)
    line = next((n for n, row in lines if row.startswith("partition:")), scenario.line)
    return [
        _error(scenario, "EVA-115", line,
               f"The scenario lies in `{folders[-1]}/` and says `partition: {scenario.partition}`.",
               "move the file, or correct the partition; the partition decides who sees it")
    ]  # fmt: skip


_CROSS: Final = ("EVA-109", "EVA-112", "EVA-113")
_PARTS: Final = frozenset({"vary", "given", "when", "then"})


def lint_rest(rest: Salvaged, found: Iterable[Finding]) -> list[Finding]:
    """Return those findings about a broken scenario that do not come from what was replaced."""
    if rest.replaced & _PARTS:
        found = [finding for finding in found if finding.code not in _CROSS]
    return list(found)


def lint_set(
    scenarios: Iterable[Scenario],
    criteria: Collection[str] | None,
    broken: Sequence[Salvaged] = (),
    *,
    spec: str | None = None,
) -> list[Finding]:
    """Return what is wrong between scenarios, and between them and the spec.

    Args:
        scenarios: All that belong together.
        criteria: The spec's criterion ids, or None when no spec is at hand.
        broken: Those that have other mistakes too.
        spec: Id of the spec that has the criteria.
    """
    findings: list[Finding] = []
    seen: dict[str, Scenario] = {}
    replaced = {rest.scenario.file: rest.replaced for rest in broken}
    for scenario in [*scenarios, *(rest.scenario for rest in broken)]:
        unknown = replaced.get(scenario.file, frozenset())
        if "id" not in unknown and scenario.id in seen:
            first = seen[scenario.id]
            findings.append(
                _error(scenario, "EVA-107", scenario.line,
                       f"The id `{scenario.id}` is also used in {first.file}:{first.line}.",
                       "give one of them a new id; ids are never reused")
            )  # fmt: skip
        if "id" not in unknown:
            seen.setdefault(scenario.id, scenario)
        named = {c for check in scenario.then for c in check.criterion}
        if "criterion" not in unknown:
            named |= set(scenario.criteria)
        about = criteria is not None and scenario.speaks_for(spec)
        known = set(criteria or ()) if about else named
        findings += [
            _error(scenario, "EVA-106", _says(scenario, name),
                   f"The spec has no criterion {name}.", f"it has: {', '.join(sorted(known))}")
            for name in sorted(named - known)
        ]  # fmt: skip
    return findings


def _says(scenario: Scenario, criterion: CriterionId) -> int:
    """Return the line that names a criterion."""
    if criterion in scenario.criteria:
        return scenario.line_of("criterion")
    return next((c.line for c in scenario.then if criterion in c.criterion), scenario.line)
