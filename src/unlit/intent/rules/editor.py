"""What an editor is told about specs: the Language Server Protocol, as messages in and out.

Full-text synchronisation, diagnostics on every change, and a quick fix for each rewrite that is
known. Pure: whoever calls reads and writes the stream.

Source: Language Server Protocol 3.17 (microsoft.github.io/language-server-protocol, 2024).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from unlit.intent.model import Finding, Span
from unlit.intent.rules.edit import apply_suggestion
from unlit.intent.rules.lint import lint_spec
from unlit.intent.rules.parse import MAX_BYTES, read_spec
from unlit.intent.rules.readiness import readiness

Message = dict[str, Any]

_SEVERITY: Final = {"error": 1, "gate": 2, "hint": 3}
_NOT_FOUND: Final = -32601


@dataclass(frozen=True, slots=True)
class Session:
    """The documents that are open, by URI, and whether the editor has said good-bye."""

    documents: Mapping[str, str] = field(default_factory=dict)
    is_shut: bool = False
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """What one message changes and what is sent back."""

    session: Session
    replies: tuple[Message, ...] = ()


def take(session: Session, message: Mapping[str, Any]) -> Turn:
    """Answer one message; what is not known is refused if it wants an answer, else ignored."""
    method = message.get("method")
    params = message.get("params")
    params = params if isinstance(params, Mapping) else {}
    if method == "initialize":
        return Turn(session, (_result(message, _CAPABILITIES),))
    if method in ("textDocument/didOpen", "textDocument/didChange"):
        return _changed(session, params)
    if method == "textDocument/didClose":
        uri = _uri(params)
        left = {key: text for key, text in session.documents.items() if key != uri}
        return Turn(Session(left, session.is_shut), (_diagnostics(uri, []),))
    if method == "textDocument/codeAction":
        return Turn(session, (_result(message, _actions(session, params)),))
    if method == "shutdown":
        return Turn(Session(session.documents, True), (_result(message, None),))
    if method == "exit":
        return Turn(Session(session.documents, session.is_shut, True))
    if "id" in message and method is not None:
        error = {"code": _NOT_FOUND, "message": f"{method} is not known"}
        return Turn(session, ({"jsonrpc": "2.0", "id": message["id"], "error": error},))
    return Turn(session)


_CAPABILITIES: Final = {
    "capabilities": {"textDocumentSync": 1, "codeActionProvider": True},
    "serverInfo": {"name": "unlit intent"},
}


def _result(message: Mapping[str, Any], result: Any) -> Message:
    return {"jsonrpc": "2.0", "id": message.get("id"), "result": result}


def _uri(params: Mapping[str, Any]) -> str:
    document = params.get("textDocument")
    return str(document.get("uri", "")) if isinstance(document, Mapping) else ""


def _changed(session: Session, params: Mapping[str, Any]) -> Turn:
    uri = _uri(params)
    document = params.get("textDocument")
    text = document.get("text") if isinstance(document, Mapping) else None
    changes = params.get("contentChanges")
    if text is None and isinstance(changes, list) and changes:
        last = changes[-1]
        text = last.get("text") if isinstance(last, Mapping) else None
    if not isinstance(text, str) or len(text) > MAX_BYTES:
        return Turn(session)
    documents = {**session.documents, uri: text}
    return Turn(Session(documents, session.is_shut), (_diagnostics(uri, _findings(text), text),))


def _findings(text: str) -> list[Finding]:
    reading = read_spec(text)
    if reading.problems:
        return list(reading.problems)
    return [*readiness(reading.spec).missing, *lint_spec(reading.spec)]


def _diagnostics(uri: str, findings: list[Finding], text: str = "") -> Message:
    lines = text.split("\n")
    return {
        "jsonrpc": "2.0",
        "method": "textDocument/publishDiagnostics",
        "params": {"uri": uri, "diagnostics": [_diagnostic(f, lines) for f in findings]},
    }


def _diagnostic(finding: Finding, lines: list[str]) -> Message:
    said = f"{finding.message} {finding.reason}"
    if finding.suggestion:
        said += f"\n{finding.suggestion}"
    return {
        "range": _range(finding.span, lines),
        "severity": _SEVERITY[finding.level],
        "code": finding.code,
        "source": "unlit",
        "message": said,
    }


def _range(span: Span, lines: list[str]) -> Message:
    """Return the place in the protocol's terms: from 0, in UTF-16 code units."""

    def at(line: int, column: int) -> Message:
        number = min(max(1, line), len(lines))
        before = lines[number - 1][: max(0, column - 1)]
        return {"line": number - 1, "character": len(before.encode("utf-16-le")) // 2}

    has_end = span.end_column > 0
    end_line = span.end_line or span.line
    width = len(lines[min(max(1, span.line), len(lines)) - 1]) + 1
    end = at(end_line, span.end_column) if has_end else at(span.line, width)
    return {"start": at(span.line, span.column), "end": end}


def _actions(session: Session, params: Mapping[str, Any]) -> list[Message]:
    uri = _uri(params)
    text = session.documents.get(uri)
    place = params.get("range")
    if text is None or not isinstance(place, Mapping):
        return []
    first = int(place.get("start", {}).get("line", 0)) + 1
    last = int(place.get("end", {}).get("line", first - 1)) + 1
    lines = text.split("\n")
    whole = {
        "start": {"line": 0, "character": 0},
        "end": {"line": len(lines), "character": 0},
    }
    found = []
    for finding in _findings(text):
        changed = apply_suggestion(text, finding)
        if changed is None or not first <= finding.span.line <= last:
            continue
        found.append(
            {
                "title": f"{finding.code}: {finding.suggestion}",
                "kind": "quickfix",
                "diagnostics": [_diagnostic(finding, lines)],
                "edit": {"changes": {uri: [{"range": whole, "newText": changed}]}},
            }
        )
    return found
