"""Findings as text with carets, and as SARIF for editors and code review."""

from collections.abc import Iterable, Mapping, Sequence
from textwrap import wrap
from typing import Any, Final
from unicodedata import combining, east_asian_width
from urllib.parse import quote

from unlit.intent.model import Finding, Readiness, Spec
from unlit.intent.rules.blocks import normal

_LEVELS: Final = {"error": "error", "gate": "error", "hint": "note"}
_WIDTH: Final = 104
_LEAST: Final = 40


def as_text(path: str, text: str, findings: Iterable[Finding], width: int = _WIDTH) -> str:
    """Return findings with the line they stand in and a caret below the place.

    The first line of each is not broken, so that editors and `grep` find the place in it.
    """
    lines = normal(text).split("\n")
    shown, before = "", None
    for finding in findings:
        # of the same trouble at the same place, the place and the reason are shown once
        again = before is not None and (before.span, before.reason) == (
            finding.span,
            finding.reason,
        )
        shown += _one(path, [] if again else lines, finding, max(width, _LEAST))
        before = finding
    return shown


def _one(path: str, lines: Sequence[str], finding: Finding, width: int) -> str:
    span = finding.span
    shown = [f"{path}:{span.line}:{span.column} {finding.code} {finding.level}: {finding.message}"]
    if 1 <= span.line <= len(lines) and lines[span.line - 1].strip():
        shown += _caret(lines[span.line - 1], finding, width - 4)
    if lines:
        shown += _said("Why", finding.reason, width)
    if finding.suggestion:
        head, *rest = finding.suggestion.split("\n")
        shown += _said("Try", head, width)
        shown += [f"         {line}" for line in rest]
    return "\n".join(shown) + "\n"


def _said(word: str, text: str, width: int) -> list[str]:
    return wrap(f"{word}: {text}", width, initial_indent="    ", subsequent_indent=" " * 9,
                break_long_words=False, break_on_hyphens=False)  # fmt: skip


def _caret(line: str, finding: Finding, room: int) -> list[str]:
    span = finding.span
    # a line feed cannot stand here, but a tab is one column of the file and eight of a screen
    line = line.replace("\t", " ")
    start = min(span.column - 1, len(line))
    same = span.end_line in (0, span.line) and span.end_column > span.column
    width = span.end_column - span.column if same else max(1, len(line) - start)
    # a long line is cut around the place, so that the caret is on the screen
    left = max(0, start + min(width, room // 2) - room + room // 10) if len(line) > room else 0
    shown = _inert(line[left : left + room])
    before, marked = shown[: start - left], shown[start - left : start - left + width]
    return [f"    {shown}", f"    {' ' * _cells(before)}{'^' * max(1, _cells(marked))}"]


def _cells(text: str) -> int:
    """Return how many columns of a terminal a text takes: wide letters two, marks none."""
    return sum(
        0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text
    )


def _inert(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)


def as_sarif(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return findings (with their ``file``) as one SARIF 2.1.0 log."""
    results = [_result(row) for row in rows]
    rules = sorted({result["ruleId"] for result in results})
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "unlit intent lint",
                        "rules": [{"id": rule} for rule in rules],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": results,
            }
        ],
    }


def _uri(file: str) -> str:
    """Return a path as a reference: what is not a letter of one is escaped."""
    return quote(file.replace("\\", "/"), safe="/.-_~")


def _result(row: Mapping[str, Any]) -> dict[str, Any]:
    span = row["span"]
    region = {"startLine": span["line"], "startColumn": span["column"]}
    if (span["end_line"], span["end_column"]) > (span["line"], span["column"]):
        region |= {"endLine": span["end_line"], "endColumn": span["end_column"]}
    text = f"{row['message']} {row['reason']}"
    if row["suggestion"]:
        text += f" Try: {row['suggestion']}"
    return {
        "ruleId": row["code"],
        "level": _LEVELS[row["level"]],
        "message": {"text": text},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(row["file"])},
                    "region": region,
                }
            }
        ],
    }


def as_comment(spec: Spec, readiness: Readiness) -> str:
    """Return the readiness of a spec as a comment for its ticket, in Markdown."""
    name = f"Spec `{spec.id}` ({spec.digest[7:19]})"
    if readiness.ready:
        count = len(spec.criteria)
        said = "1 criterion, with" if count == 1 else f"{count} criteria, each with"
        return f"{name} is ready: {said} an example."
    lines = [f"{name} is not ready. Missing:", ""]
    lines += [
        f"- {finding.message} {finding.reason} (line {finding.span.line}, {finding.code})"
        for finding in readiness.missing
    ]
    return "\n".join(lines)
