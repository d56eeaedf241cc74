"""The gate of intent: every criterion has an example, every boundary is answered."""

from unlit.intent.model import CASES, Criterion, Finding, Readiness, Span, Spec


def readiness(spec: Spec) -> Readiness:
    """Return whether `spec` may be worked on, and exactly what is missing.

    Style hints never gate.
    """
    missing = [*_basics(spec), *_examples(spec), *_boundary_rows(spec)]
    return Readiness(not missing, tuple(missing))


def _basics(spec: Spec) -> list[Finding]:
    found = []
    for name, value in (("id", spec.id), ("title", spec.title), ("owner", spec.owner)):
        if not value:
            found.append(
                Finding(
                    "INT-201",
                    "gate",
                    Span(1),
                    f"The spec has no {name}.",
                    "Somebody must answer for what is built.",
                )
            )
    if not spec.intent.strip():
        found.append(
            Finding(
                "INT-202",
                "gate",
                Span(spec.places.get("intent", 1)),
                "The spec has no intent.",
                "Say why and for whom; it decides what the criteria leave open.",
            )
        )
    if not spec.criteria:
        found.append(
            Finding(
                "INT-203",
                "gate",
                Span(spec.places.get("criteria", 1)),
                "The spec has no criterion.",
                "Without one nothing can be satisfied.",
            )
        )
    if spec.origin == "observed":
        found.append(
            Finding(
                "INT-208",
                "gate",
                Span(spec.places.get("front.origin", 1)),
                "The spec is observed, not intended.",
                "It says what a program does; a person must say what it should do, "
                "then remove `origin: observed`.",
            )
        )
    return found


def _examples(spec: Spec) -> list[Finding]:
    return [finding for criterion in spec.criteria for finding in _criterion(criterion)]


def _criterion(criterion: Criterion) -> list[Finding]:
    found = []
    if not criterion.text:
        found.append(
            Finding(
                "INT-204",
                "gate",
                Span(criterion.line),
                f"{criterion.id} has no sentence.",
                "A criterion is one sentence with `shall`.",
                criterion=criterion.id,
            )
        )
    if not criterion.examples:
        found.append(
            Finding(
                "INT-205",
                "gate",
                Span(criterion.line),
                f"{criterion.id} has no example.",
                "An example with input and outcome is the cheapest cure of ambiguity.",
                "Example: …\n- Input: …\n- Outcome: …",
                criterion.id,
            )
        )
    for example in criterion.examples:
        absent = [
            name
            for name, value in (("input", example.input), ("outcome", example.outcome))
            if not value.strip()
        ]
        if absent:
            found.append(
                Finding(
                    "INT-206",
                    "gate",
                    Span(example.line),
                    f"An example of {criterion.id} has no {' and no '.join(absent)}.",
                    "It needs lines `- Input: …` and `- Outcome: …`.",
                    criterion=criterion.id,
                )
            )
    return found


def _boundary_rows(spec: Spec) -> list[Finding]:
    rows = {row.case.lower(): row for row in spec.boundaries}
    found = []
    for case in CASES:
        row = rows.get(case)
        if row is None:
            found.append(
                Finding(
                    "INT-207",
                    "gate",
                    Span(spec.places.get("boundaries", 1)),
                    f"The boundary `{case}` is not answered.",
                    "Say what happens, or `not relevant: why`.",
                    f"| {case} |  |",
                )
            )
        elif not row.is_answered:
            found.append(
                Finding(
                    "INT-207",
                    "gate",
                    Span(row.line),
                    f"The boundary `{case}` is left open: {row.behaviour!r}.",
                    "Say what happens, or `not relevant: why`.",
                )
            )
    return found
