"""One scenario file to one `Scenario`, strictly: each mistake is a finding with file and line."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from unlit.core.canonical import digest_json
from unlit.core.ids import CriterionId, ScenarioId
from unlit.core.states import Partition
from unlit.evaluation.scenarios.document import Document, Path, read_document
from unlit.evaluation.scenarios.model import (
    Author,
    Check,
    Finding,
    Given,
    Scenario,
    Step,
    Variable,
)

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@cache
def scenario_schema() -> dict[str, Any]:
    """Return the published JSON Schema of the scenario format."""
    file = resources.files("unlit.evaluation.scenarios").joinpath("scenario.schema.json")
    schema: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return schema


@cache
def _validator() -> "Draft202012Validator":
    from jsonschema import Draft202012Validator  # some of its formats take a second to import

    return Draft202012Validator(scenario_schema())


def parse_scenario(text: str, file: str) -> Scenario | list[Finding]:
    """Parse one scenario.

    Args:
        text: Content of the file.
        file: Name shown in findings.

    Returns:
        The scenario, or everything that is wrong with it (at least one finding).
    """
    document = read_document(text, file)
    if isinstance(document, Finding):
        return [document]
    findings = _without_echo(sorted(set(_structure(document, file)), key=_order))
    if findings:
        return findings
    scenario = _build(document, file)
    findings = [*_meaning(scenario, document, file)]
    return findings or scenario


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What can be read of a broken scenario, so that its other mistakes are named too.

    Attributes:
        scenario: The scenario with stand-ins for what does not fit; it is never run.
        replaced: The top-level keys that are not as written: nothing is to be said about them.
        meaning: What the structure does not show.
    """

    scenario: Scenario
    replaced: frozenset[str]
    meaning: tuple[Finding, ...]


_STAND_INS: Final[Mapping[str, Any]] = {
    "id": "unnamed", "story": "-", "criterion": ["AC-1"], "partition": "visible",
    "oracle": "human", "author": {"by": "person"}, "owner": "-", "because": "-",
    "when": [{"cli": {"run": []}}], "then": [{"exit": 0}],
}  # fmt: skip


def salvage_scenario(text: str, file: str) -> Salvaged | None:
    """Read what can be read of a scenario that `parse_scenario` refused; None if nothing can."""
    document = read_document(text, file)
    if isinstance(document, Finding) or not isinstance(document.value, dict):
        return None
    table, replaced = dict(document.value), set[str]()
    for error in _validator().iter_errors(document.value):
        keys = {str(part) for part in list(error.absolute_path)[:1]}
        if not keys:
            keys = {key for key in _STAND_INS if key not in table}
            keys |= set(table) - set(scenario_schema()["properties"])
        replaced |= keys
    for key in replaced:
        table.pop(key, None)
        if key in _STAND_INS:
            table[key] = _STAND_INS[key]
    if not _validator().is_valid(table):
        return None
    rest = replace(document, value=table)
    scenario = _build(rest, file)
    meaning = () if replaced & {"when", "then"} else tuple(_meaning(scenario, rest, file))
    return Salvaged(scenario, frozenset(replaced), meaning)


def _order(finding: Finding) -> tuple[int, str, str]:
    return finding.line, finding.code, finding.message


def _without_echo(findings: list[Finding]) -> list[Finding]:
    """Drop `has no story` where `did you mean story` already says it."""
    suggested = [f.remedy for f in findings if f.remedy.startswith("did you mean")]
    return [
        finding
        for finding in findings
        if not any(
            finding.code in ("EVA-103", "EVA-111") and text.split("`")[1] in finding.message
            for text in suggested
        )
    ]


def _structure(document: Document, file: str) -> Iterator[Finding]:
    if not isinstance(document.value, dict):
        yield Finding(
            "EVA-104", "error", file, 1, "A scenario is a table of keys.", "begin with `id:`"
        )
        return
    for error in _validator().iter_errors(document.value):
        yield from _explain(error, document, file)


def _explain(error: Any, document: Document, file: str) -> Iterator[Finding]:
    path: Path = tuple(error.absolute_path)
    if error.validator == "anyOf" and not isinstance(error.instance, str | int | float):
        deeper = [inner for inner in error.context if len(inner.absolute_path) > len(path)]
        deeper += [inner for inner in error.context if inner.validator == "additionalProperties"]
        if deeper:
            yield from _explain(deeper[0], document, file)
            return
    if error.validator == "additionalProperties":
        yield from _unknown_keys(error, path, document, file)
        return
    if error.validator == "required":
        yield _missing(error, path, document, file)
        return
    if error.validator == "maxProperties" and path[:1] == ("when",):
        keys = ", ".join(f"`{key}`" for key in error.instance)
        yield Finding(
            "EVA-105", "error", file, document.line(path),
            f"A step holds {keys}; a step is one thing.", "make them separate steps",
        )  # fmt: skip
        return
    yield Finding(
        "EVA-104", "error", file, document.key_line(path),
        f"{_where(path)} has a value that does not fit: {_shown(error.instance)}.",
        _remedy(error),
    )  # fmt: skip


def _unknown_keys(error: Any, path: Path, document: Document, file: str) -> Iterator[Finding]:
    known = sorted(error.schema.get("properties", {}))
    for key in sorted(set(error.instance) - set(known)):
        close = get_close_matches(key, known, n=1)
        remedy = f"did you mean `{close[0]}`?" if close else f"known here: {', '.join(known)}"
        is_step = len(path) == 2 and path[0] in ("when", "then")
        what = {"when": "step", "then": "check"}.get(str(path[0]), "") if is_step else ""
        message = (
            f"No driver knows the {what} `{key}`." if what else f"Unknown key `{key}` in "
            f"{_where(path)}."
        )  # fmt: skip
        yield Finding(
            "EVA-105" if what else "EVA-102", "error", file,
            document.key_line((*path, key)), message, remedy,
        )  # fmt: skip


def _missing(error: Any, path: Path, document: Document, file: str) -> Finding:
    missing = str(error.message).split("'")[1]
    line = document.line(path)
    if missing in ("owner", "because"):
        return Finding(
            "EVA-111", "error", file, line, f"The scenario has no `{missing}`.",
            "say who answers for it" if missing == "owner" else "say why it exists",
        )  # fmt: skip
    return Finding(
        "EVA-103", "error", file, line, f"{_where(path)} has no `{missing}`.", f"add `{missing}:`"
    )


def _where(path: Path) -> str:
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return f"`{text}`" if text else "the scenario"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "…"


def _remedy(error: Any) -> str:
    value = error.validator_value
    if error.validator == "enum":
        return f"one of: {', '.join(map(str, value))}"
    if error.validator == "type" and value == "object" and error.schema.get("properties"):
        return f"write a table of {', '.join(error.schema['properties'])}"
    if error.validator == "type":
        return f"write {' or '.join(value) if isinstance(value, list) else value}"
    if error.validator == "pattern":
        return f"it must match {value}"
    if error.validator in ("minItems", "minLength", "minProperties"):
        return "it must not be empty" if value == 1 else f"give at least {value}"
    return "see the published schema (docs/reference/scenarios.md)"


def _build(document: Document, file: str) -> Scenario:
    table: Mapping[str, Any] = document.value
    given = table.get("given") or {}
    return Scenario(
        id=ScenarioId(table["id"]),
        story=table["story"],
        criteria=tuple(CriterionId(item) for item in table["criterion"]),
        partition=Partition(table["partition"]),
        weight=table.get("weight", 1),
        oracle=table["oracle"],
        author=Author(**table["author"]),
        owner=table["owner"],
        because=table["because"],
        vary=tuple(_variables(table.get("vary") or {}, document)),
        given=Given(**{key: given[key] for key in given}),
        when=tuple(
            Step(kind, params or {}, document.line(("when", n)))
            for n, step in enumerate(table["when"])
            for kind, params in step.items()
        ),
        then=tuple(_checks(table["then"], document)),
        never=tuple(table.get("never") or ()),
        fails_on_base=tuple(_checks(_many(table.get("fails_on_base")), document, "fails_on_base")),
        regression=bool(table.get("regression")) or given.get("product") == "base",
        health=bool(table.get("health")),
        specs=tuple(_words(table.get("spec"))),
        canary=table.get("canary"),
        file=file,
        line=document.key_line(("id",)),
        digest=digest_json(table),
        lines={key: document.key_line((key,)) for key in table}
        | {f"given.{key}": document.key_line(("given", key)) for key in given},
    )


def _words(value: Any) -> list[str]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _many(value: Any) -> list[Mapping[str, Any]]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _variables(vary: Mapping[str, Any], document: Document) -> Iterator[Variable]:
    for name, spec in vary.items():
        kind = next((key for key in spec if key != "seed"), "seed")
        yield Variable(name, kind, spec[kind], document.key_line(("vary", name)))


def _checks(
    entries: list[Mapping[str, Any]], document: Document, key: str = "then"
) -> Iterator[Check]:
    for n, entry in enumerate(entries):
        criteria = tuple(CriterionId(item) for item in entry.get("criterion", ()))
        for kind, value in entry.items():
            if kind != "criterion":
                yield Check(kind, value, document.line((key, n)), criteria)


def _meaning(scenario: Scenario, document: Document, file: str) -> Iterator[Finding]:
    for n, step in enumerate(scenario.when):
        if step.kind == "cli" and len({"run", "shell"} & set(step.params)) != 1:
            yield Finding(
                "EVA-105", "error", file, document.line(("when", n)),
                "A cli step says nothing to run, or two things.", "give either `run:` or `shell:`",
            )  # fmt: skip
        if step.kind == "http":
            methods = [key for key in step.params if key in _METHODS]
            if len(methods) != 1:
                yield Finding(
                    "EVA-105", "error", file, document.line(("when", n)),
                    f"An http step has {len(methods)} requests.", "give one, such as `GET: /path`",
                )  # fmt: skip
    for n, entry in enumerate(document.value["then"]):
        if set(entry) == {"criterion"}:
            yield Finding(
                "EVA-105", "error", file, document.line(("then", n)),
                "A check names a criterion and checks nothing.", "add what must be true",
            )  # fmt: skip
