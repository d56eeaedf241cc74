"""Findings as text with carets, and as SARIF for editors and code review."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from unlit.intent.model import Finding, Readiness, Spec

_LEVELS: Final = {"error": "error", "gate": "error", "hint": "note"}
_WIDTH: Final = 100


def as_text(path: str, text: str, findings: Iterable[Finding]) -> str:
    """Return findings with the line they stand in and a caret below the place."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "".join(_one(path, lines, finding) for finding in findings)


def _one(path: str, lines: Sequence[str], finding: Finding) -> str:
    span = finding.span
    shown = [f"{path}:{span.line}:{span.column} {finding.code} {finding.level}: {finding.message}"]
    if 1 <= span.line <= len(lines) and lines[span.line - 1].strip():
        shown += _caret(lines[span.line - 1], finding)
    shown.append(f"    Why: {finding.reason}")
    if finding.suggestion:
        head, *rest = finding.suggestion.split("\n")
        shown.append(f"    Try: {head}")
        shown += [f"         {line}" for line in rest]
    return "\n".join(shown) + "\n"


def _caret(line: str, finding: Finding) -> list[str]:
    span = finding.span
    start = span.column - 1
    same = span.end_line in (0, span.line) and span.end_column > span.column
    width = span.end_column - span.column if same else max(1, len(line) - start)
    # a long line is cut around the place, so that the caret is on the screen
    left = max(0, start + min(width, _WIDTH) - _WIDTH + 10) if len(line) > _WIDTH else 0
    shown = _inert(line[left : left + _WIDTH])
    mark = " " * (start - left) + "^" * max(1, min(width, len(shown) - (start - left)))
    return [f"    {shown}", f"    {mark}"]


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
                "results": results,
            }
        ],
    }


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
                    "artifactLocation": {"uri": row["file"]},
                    "region": region,
                }
            }
        ],
    }


def as_comment(spec: Spec, readiness: Readiness) -> str:
    """Return the readiness of a spec as a comment for its ticket, in Markdown."""
    name = f"Spec `{spec.id}` ({spec.digest[7:19]})"
    if readiness.ready:
        return f"{name} is ready: {len(spec.criteria)} criteria, each with an example."
    lines = [f"{name} is not ready. Missing:", ""]
    lines += [
        f"- {finding.message} {finding.reason} (line {finding.span.line}, {finding.code})"
        for finding in readiness.missing
    ]
    return "\n".join(lines)
