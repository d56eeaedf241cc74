"""The report as Markdown: reads as well inside a ticket or a pull request as the page does."""

from collections.abc import Sequence

from unlit.review.access import standing_words
from unlit.review.model import CriterionLine, Report
from unlit.review.rules.merging import evidence_words
from unlit.review.rules.sayings import SOURCES, forecast_words, rule_words
from unlit.review.rules.words import (
    CRITERION_SIGNS,
    CRITERION_WORDS,
    VERDICT_WORDS,
    cost,
    count,
    duration,
    inert,
    interval,
    percent,
)


def render_markdown(report: Report) -> str:
    """Render the report; text from elsewhere is escaped, so that it cannot format or link."""
    parts = [
        f"## {plain(report.headline.main)}",
        plain(report.headline.worst),
        _facts(report),
        _access(report),
        _questions(report),
        _candidates(report),
        _vetoes(report),
        _criteria(report.criteria, {line.criterion for line in report.open_questions}),
        _not_verified(report),
        _strength(report),
        _from(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def plain(text: str) -> str:
    """Escape what Markdown would obey: no link, image, HTML, mention or table break is left."""
    shown = " ".join(inert(text).split())
    for char in "\\`*_[]<>|#!":
        shown = shown.replace(
            char, f"\\{char}" if char not in "<>" else f"&{'lt' if char == '<' else 'gt'};"
        )
    return shown.replace("@", "@\u200b").replace("://", ":\u200b//")


def _facts(report: Report) -> str:
    graded, sealed = report.graded, report.sealed
    rows = ["| | |", "| --- | --- |"]
    if graded is not None:
        between = interval(graded.lower, graded.upper)
        rows.append(
            f"| Satisfaction | **{percent(graded.estimate)}** {between}, "
            f"{graded.satisfied} of {graded.trajectories} trajectories |"
        )
    else:
        rows.append("| Satisfaction | not known: nothing was graded |")
    if sealed is not None:
        rows.append(
            f"| Sealed scenarios | {sealed.satisfied} of {sealed.trajectories}, "
            f"look {report.looks.index or report.looks.used} |"
        )
    else:
        rows.append("| Sealed scenarios | not looked at |")
    spent = f"{cost(report.cost.usd, report.cost.calls)}, {duration(report.elapsed_s)}; "
    rows.append(f"| Cost and time | {spent}{forecast_words(report.forecasts)} |")
    if report.twins:
        twins = "<br>".join(plain(line.sentence) for line in report.twins)
        rows.append(f"| Twin fidelity it rests on | {twins} |")
    rows.append(f"| Level | {plain(report.level.sentence)} |")
    return "\n".join(rows)


def _questions(report: Report) -> str:
    if report.decision is not None:
        line = report.decision
        return f"**{line.decision.capitalize()}** by {plain(line.person)}: {plain(line.reason)}"
    asked = report.open_questions
    if not asked:
        return ""
    lines = ["### Only you can say", ""]
    lines += [f"{line.number}. {plain(line.text)} {plain(line.why)}" for line in asked]
    lines += ["", f"Answer with `unlit approve {report.run.id} --reason …` or `unlit reject …`."]
    return "\n".join(lines)


def _access(report: Report) -> str:
    if not report.access:
        return ""
    lines = ["### Asked for more access", ""]
    for line in report.access:
        said = f"{plain(line.request)}: {plain(line.reason or 'no reason')}"
        lines.append(f"{line.number}. {said}. {plain(standing_words(line))}")
    return "\n".join(lines)


def _candidates(report: Report) -> str:
    if not report.candidates:
        return ""
    rows = ["| Candidate | Satisfaction | Satisfied | Rule |", "| --- | --- | --- | --- |"]
    for line in report.candidates:
        graded = line.graded
        if graded is None:
            rows.append(f"| {line.number} | not graded | | {plain(line.why_not)} |")
            continue
        rows.append(
            f"| {line.number} | {percent(graded.estimate)} {interval(graded.lower, graded.upper)} "
            f"| {graded.satisfied} of {graded.trajectories} "
            f"| {VERDICT_WORDS[graded.verdict.value]} |"
        )
    return "\n".join([*rows, "", rule_words(report)])


def _vetoes(report: Report) -> str:
    found = report.graded.vetoes if report.graded is not None else ()
    if not found:
        return ""
    return "\n".join(["### Vetoed for safety", "", *(f"- {plain(line)}" for line in found)])


def _criteria(criteria: Sequence[CriterionLine], asked: set[object]) -> str:
    if not criteria:
        return ""
    rows = [
        "### Criteria",
        "",
        "| | Criterion | Evidence | Stands on | Green can mean at most |",
        "| --- | --- | --- | --- | --- |",
    ]
    for line in criteria:
        state = "asks" if line.id in asked and line.state.value != "not_met" else line.standing
        evidence = evidence_words(line, interval(line.lower, line.upper))
        rows.append(
            f"| {CRITERION_SIGNS[state]} {CRITERION_WORDS[state]} "
            f"| {plain(line.id)} {plain(line.text)} | {evidence} "
            f"| {SOURCES.get(line.source or '', plain(line.source or ''))} "
            f"| {plain(line.ceiling)} |"
        )
    return "\n".join(rows)


def _not_verified(report: Report) -> str:
    if not report.not_verified:
        return ""
    lines = ["### Not verified", ""]
    return "\n".join([*lines, *(f"- {plain(gap.text)}" for gap in report.not_verified)])


def _strength(report: Report) -> str:
    lines = ["### Could the evaluator miss it?", ""]
    strength = report.strength
    if strength is not None and strength.mutants:
        lines.append(f"- Strength: {strength.killed} of {strength.mutants} planted bugs caught.")
    else:
        lines.append("- Strength: not exercised; no planted bug was tried.")
    if report.seen:
        lines.append(f"- It read {plain(report.seen)}: `unlit context snapshot {report.run.id}`.")
    weak = dict.fromkeys(weak for line in report.fences for weak in line.weak or ())
    lines += [f"- Weak in the fence: {plain(one)}" for one in weak]
    leaks = report.leaks.state.replace("_", " ") if report.leaks is not None else "not exercised"
    lines.append(f"- Leak proof: {leaks}.")
    looks = report.looks.sentence or "no sealed scenario was looked at"
    lines.append(f"- Looks: {count(report.looks.used, 'look')} charged; {plain(looks)}")
    return "\n".join(lines)


def _from(report: Report) -> str:
    run = report.run
    lines = [
        f"<sub>Run `{run.id}` of `{plain(run.spec_path)}`, base `{run.base[:10]}`",
    ]
    if run.commit:
        lines.append(f", candidate `{run.commit[:10]}`")
    lines.append(f". Recompute: `unlit review {run.id} --number satisfaction`.</sub>")
    return "".join(lines)
