"""The part of a spec that an agent is told."""

from unlit.intent.model import Spec
from unlit.intent.rules.render import render_criterion


def brief(spec: Spec) -> str:
    """Return the spec as a task: intent, criteria with examples, boundaries, what is out.

    Owner, risk, budget and metric are for people and stay out of it.
    """
    parts = [f"# {spec.title}", "", "## Intent", "", spec.intent, "", "## Criteria", ""]
    for criterion in spec.criteria:
        parts += [render_criterion(criterion), ""]
    answered = [row for row in spec.boundaries if row.is_answered and not row.is_irrelevant]
    if answered:
        parts += ["## Boundaries", ""]
        parts += [f"- {row.case}: {row.behaviour}" for row in answered]
        parts.append("")
    if spec.terms:
        parts += ["## Words", ""]
        parts += [f"- {term.name}: {term.meaning}" for term in spec.terms]
        parts.append("")
    if spec.out_of_scope:
        parts += ["## Out of scope", "", spec.out_of_scope, ""]
    if spec.uses:
        parts += [f"The product talks to: {', '.join(spec.uses)}.", ""]
    return "\n".join(parts).rstrip() + "\n"
