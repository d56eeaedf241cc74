"""Drafts of scenarios from a spec: what a drafting agent is told, and what is kept of its work."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from unlit.evaluation.interchange.scenario_yaml import scenario_yaml
from unlit.evaluation.scenarios.document import read_document
from unlit.evaluation.scenarios.lint import lint_scenario, lint_set
from unlit.evaluation.scenarios.model import Finding, Scenario
from unlit.evaluation.scenarios.parse import parse_scenario

FOLDER: Final = "scenarios"
_FIRST: Final = ("id", "story", "criterion")
TASK: Final = """\
You draft scenarios for an independent evaluation. You are not the one who writes the product, and
you never see its code: work from the spec above alone.

Write one YAML file for each scenario into the folder `scenarios/`. The format is the JSON Schema in
`scenario.schema.json`. For every criterion write at least two scenarios whose values vary (`vary`),
and one for each row of the boundary table that concerns it. Expect only what the spec says; check
it by `exit`, `stdout`, `status`, `body`, `file` or `twin`, never by a judge where a program can.
Give each an `id`, a `story` that a person understands, the `criterion` it speaks for, and
`partition: validation`. Change nothing else.
"""


@dataclass(frozen=True, slots=True)
class Draft:
    """One drafted scenario, or why it is none."""

    name: str
    text: str
    findings: tuple[Finding, ...] = ()


def read_drafts(
    folder: Path,
    *,
    owner: str,
    family: str,
    criteria: Collection[str],
    services: Collection[str],
    spec: str | None = None,
) -> list[Draft]:
    """Return what an agent left in `scenarios/`, marked with its author; nothing is trusted.

    Args:
        folder: The tree that the agent left.
        owner: Who answers for the scenarios from now on.
        family: The drafting agent.
        criteria: The spec's criteria.
        services: Twins that exist.
        spec: The spec's id, written into each.
    """
    drafts: list[Draft] = []
    good: list[Scenario] = []
    for path in sorted((folder / FOLDER).rglob("*.yaml")):
        if path.is_symlink() or not path.is_file():
            continue
        name = path.relative_to(folder / FOLDER).as_posix()
        text = _marked(
            path.read_text(encoding="utf-8", errors="replace"), name, owner, family, spec
        )
        parsed = parse_scenario(text, name)
        if isinstance(parsed, list):
            drafts.append(Draft(name, text, tuple(parsed)))
            continue
        wrong = [f for f in lint_scenario(parsed, services=services) if f.severity == "error"]
        wrong += lint_set([*good, parsed], criteria)
        if not wrong:
            good.append(parsed)
        drafts.append(Draft(name, text, tuple(wrong)))
    return drafts


def _marked(text: str, name: str, owner: str, family: str, spec: str | None) -> str:
    """Say who drafted it and for which spec, whatever the draft itself says."""
    document = read_document(text, name)
    if isinstance(document, Finding) or not isinstance(document.value, dict):
        return text
    table: dict[str, Any] = {
        **{key: document.value[key] for key in _FIRST if key in document.value},
        **({} if spec is None else {"spec": spec}),
        **{key: value for key, value in document.value.items() if key != "spec"},
        "partition": "validation",
        "oracle": document.value.get("oracle", "model"),
        "author": {"by": "model", "family": family},
        "owner": owner,
        "because": "drafted from the spec by another agent; to be read by a person",
    }
    return scenario_yaml(table)
