"""The report in a terminal: the verdict, what only a person can say, and the criteria."""

import textwrap
from contextvars import ContextVar

from unlit.review.access import standing_words
from unlit.review.model import Report
from unlit.review.rules.merging import evidence_words
from unlit.review.rules.sayings import rule_words
from unlit.review.rules.words import (
    CRITERION_SIGNS,
    CRITERION_WORDS,
    cost,
    count,
    duration,
    inert,
    interval,
    percent,
)

_WIDTH: ContextVar[int] = ContextVar("width", default=96)


def render_text(report: Report, width: int = 96) -> str:
    """Render the report for a terminal; nothing in it is obeyed by the terminal.

    Args:
        report: The report.
        width: Columns of the terminal; no line that can be broken is longer.
    """
    token = _WIDTH.set(max(40, min(width, 96)))
    try:
        return _render(report)
    finally:
        _WIDTH.reset(token)


def _render(report: Report) -> str:
    lines = [_wrap(report.headline.main), _wrap(report.headline.worst), ""]
    lines += _numbers(report)
    lines += _vetoes(report)
    lines += _access(report)
    lines += _questions(report)
    lines += _criteria(report)
    if report.not_verified:
        lines += ["", "Not verified"]
        lines += [_wrap(gap.text, "  ◌ ", "    ") for gap in report.not_verified]
    lines += _weak(report)
    if report.twins:
        lines += ["", "Twin fidelity it rests on"]
        lines += [_wrap(line.sentence, "  ", "    ") for line in report.twins]
    lines += ["", f"Level {report.level.sentence}"]
    lines += [f"More: unlit review {report.run.id} --html FILE, or unlit console"]
    return "\n".join(line for line in lines if line is not None) + "\n"


def _wrap(text: str, first: str = "", rest: str = "") -> str:
    shown = " ".join(inert(text).split())
    return textwrap.fill(shown, _WIDTH.get(), initial_indent=first, subsequent_indent=rest)


def _numbers(report: Report) -> list[str]:
    lines = []
    for candidate in report.candidates:
        graded = candidate.graded
        if graded is None:
            lines.append(_wrap(f"Candidate {candidate.number}  not graded: {candidate.why_not}"))
            continue
        lines.append(
            f"Candidate {candidate.number}  {percent(graded.estimate):>7} "
            f"{interval(graded.lower, graded.upper):<13} "
            f"{graded.satisfied} of {graded.trajectories} trajectories"
        )
    if report.sealed is not None:
        sealed = report.sealed
        lines.append(
            f"Sealed       {sealed.satisfied} of {sealed.trajectories}, "
            f"{count(report.looks.used, 'look')} used"
        )
    spent = cost(report.cost.usd, report.cost.calls)
    lines.append(f"Cost         {spent}, {duration(report.elapsed_s)} at work")
    lines.append(_wrap(rule_words(report)))
    return lines


def _vetoes(report: Report) -> list[str]:
    found = report.graded.vetoes if report.graded is not None else ()
    if not found:
        return []
    return ["", "Vetoed for safety", *(_wrap(line, "  ✕ ", "    ") for line in found)]


def _questions(report: Report) -> list[str]:
    asked = report.open_questions
    if report.decision is not None:
        line = report.decision
        said = ["", _wrap(f"{line.decision.capitalize()} by {line.person}: {line.reason}")]
        return [*said, *_how(report)]
    if not asked and report.run.state != "waiting":
        return []
    lines = ["", "Only you can say"] if asked else [""]
    for question in asked:
        lines.append(_wrap(question.text, f"  {question.number}. ", "     "))
        lines.append(_wrap(question.why, "     ", "     "))
    return [*lines, *_how(report)]


def _how(report: Report) -> list[str]:
    """Say how the gate that the run waits at is decided here."""
    gate = report.run.gate
    if not gate:
        return []
    named = "" if gate == "outcome" else f" --gate {gate}"
    return [f"  unlit {act} {report.run.id}{named} --reason TEXT" for act in ("approve", "reject")]


def _weak(report: Report) -> list[str]:
    """Say what did not hold the candidate and its writer, each thing once."""
    found = dict.fromkeys(weak for line in report.fences for weak in line.weak or ())
    seen = ["", _wrap(f"It read {inert(report.seen)}", "", "  ")] if report.seen else []
    if not found:
        return seen
    return [*seen, "", "Weak in the fence", *(_wrap(weak, "  ! ", "    ") for weak in found)]


def _access(report: Report) -> list[str]:
    if not report.access:
        return []
    lines = ["", "Asked for more access"]
    for line in report.access:
        lines.append(_wrap(f"{line.request} ({line.stage}, {line.agent})", f"  {line.number}. ",
                           "     "))  # fmt: skip
        lines.append(_wrap(f"it says: {line.reason or 'nothing'}", "     ", "     "))
        lines.append(_wrap(standing_words(line), "     ", "     "))
    if report.open_access:
        number = report.open_access[0].number
        run = report.run.id
        lines.append(f"  unlit approve {run} --access {number} --for 1h --reason TEXT")
        lines.append(f"  unlit reject {run} --access {number} --reason TEXT")
    return lines


def _criteria(report: Report) -> list[str]:
    if not report.criteria:
        return []
    asked = {line.criterion for line in report.open_questions}
    lines = ["", "Criteria"]
    wide = max(10, *(len(evidence_words(line)) for line in report.criteria))
    room = max(20, min(60, _WIDTH.get() - wide - 27))
    for line in report.criteria:
        state = "asks" if line.id in asked and line.state.value != "not_met" else line.standing
        word = f"{CRITERION_SIGNS[state]} {CRITERION_WORDS[state]}"
        evidence = evidence_words(line)
        lines.append(f"  {word:<16} {line.id:<6} {evidence:<{wide}} {inert(line.text)[:room]}")
        lines.append(_wrap(f"at most: {line.ceiling}", " " * 19, " " * 19))
    return lines
