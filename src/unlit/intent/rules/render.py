"""Write a spec as Markdown, so that reading it again gives the same spec."""

from collections.abc import Mapping
from typing import Any

import yaml

from unlit.intent.model import Criterion, Example, Spec


def render_spec(spec: Spec) -> str:
    """Return the canonical Markdown form of `spec`."""
    parts = ["---", _front(spec), "---", "", f"# {spec.title}", ""]
    parts += ["## Intent", "", spec.intent, ""]
    parts += ["## Criteria", ""]
    for criterion in spec.criteria:
        parts += [render_criterion(criterion), ""]
    parts += ["## Boundaries", "", "| Case | Behaviour |", "| --- | --- |"]
    parts += [f"| {_cell(row.case)} | {_cell(row.behaviour)} |" for row in spec.boundaries]
    if spec.terms:
        parts += ["", "## Glossary", ""]
        parts += [f"- {term.name}: {term.meaning}" for term in spec.terms]
    parts += ["", "## Out of scope", "", spec.out_of_scope]
    parts += ["", "## Metric", "", spec.metric]
    for note in spec.notes:
        parts += ["", f"## {note.title}", "", note.body]
    return "\n".join(parts).rstrip() + "\n"


def render_criterion(criterion: Criterion) -> str:
    """Return one criterion with its examples."""
    parts = [f"### {criterion.id} {criterion.title}".rstrip(), "", criterion.text]
    for example in criterion.examples:
        parts += ["", render_example(example)]
    return "\n".join(parts)


def render_example(example: Example) -> str:
    """Return one example."""
    lines = [
        f"Example: {example.title}".rstrip(),
        f"- Input: {_indented(example.input)}".rstrip(),
        f"- Outcome: {_indented(example.outcome)}".rstrip(),
    ]
    if example.source:
        lines.append(f"- Source: {example.source}")
    return "\n".join(lines)


def _indented(text: str) -> str:
    head, *rest = text.split("\n")
    return "\n".join([head, *(f"  {line}" if line.strip() else "" for line in rest)])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _front(spec: Spec) -> str:
    values: dict[str, Any] = {"id": spec.id, "title": spec.title, "owner": spec.owner}
    if spec.uses:
        values["uses"] = list(spec.uses)
    if spec.risk is not None:
        values["risk"] = spec.risk
    for key, table in (("product", spec.product), ("budget", spec.budget)):
        if table:
            values[key] = _plain(table)
    if spec.origin != "intended":
        values["origin"] = spec.origin
    return "\n".join(f"{key}: {_flow(value)}" for key, value in values.items())


def _flow(value: Any) -> str:
    dumped = yaml.safe_dump(
        value, sort_keys=False, allow_unicode=True, width=10_000_000, default_flow_style=True
    )
    return dumped.removesuffix("\n").removesuffix("\n...")


def _plain(table: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: dict(value) if isinstance(value, Mapping) else value for key, value in table.items()
    }
