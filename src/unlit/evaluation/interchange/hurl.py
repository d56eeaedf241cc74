"""Hurl files (hurl.dev): each entry becomes an `http` step with what it expects."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from unlit.evaluation.interchange.imported import Builder, Imported, Terms, variable

_REQUEST: Final = re.compile(r"(?!HTTP\b)([A-Z]+) +(\S+)\s*$")
_STATUS: Final = re.compile(r"HTTP(?:/[0-9.]+)? +(\d{3}|\*)\s*$")
_SECTION: Final = re.compile(r"\[([A-Za-z]+)\]\s*$")
_HEADER: Final = re.compile(r"([A-Za-z0-9-]+): *(.*)$")
_VARIABLE: Final = re.compile(r"\{\{ *([A-Za-z0-9_-]+) *\}\}")
_QUERY: Final = re.compile(
    r'(status|body|duration|jsonpath "(?P<path>[^"]*)"|header "(?P<header>[^"]*)")'
    r"(?P<count> count)? +(?P<rest>.+)$"
)
_PREDICATE: Final = re.compile(
    r"(==|!=|>=|<=|>|<|contains|startsWith|endsWith|matches|exists|isString|isInteger|isBoolean"
    r"|isCollection|isList|isEmpty)(?: +(.+))?$"
)
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@dataclass(slots=True)
class _Entry:
    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    form: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    status: str | None = None
    expected_headers: dict[str, str] = field(default_factory=dict)
    expected_body: str = ""
    captures: list[str] = field(default_factory=list)
    asserts: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    begins: int = 0
    lines: dict[str, int] = field(default_factory=dict)

    def line_of(self, what: str) -> int:
        """Return the line that something stands in, else the one the entry begins in."""
        found = [line for text, line in self.lines.items() if what.endswith(text)]
        return max(found, default=self.begins)


def from_hurl(text: str, source: str, terms: Terms) -> Imported:
    """Read one Hurl file as one scenario."""
    builder = Builder()
    for entry in _entries(text):
        builder.locate = partial(_place, source, entry)
        _step(entry, builder)
    name = source.rpartition("/")[2].removesuffix(".hurl")
    comment = next((line[1:].strip() for line in text.splitlines() if line.startswith("#")), "")
    return builder.build(name, comment or f"The requests of {name} are answered.", terms, source)


def _place(source: str, entry: _Entry, what: str) -> str:
    return f"{source}:{entry.line_of(what)}"


def _entries(text: str) -> Iterator[_Entry]:
    entry: _Entry | None = None
    section, fenced = "request", False
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("```"):
            fenced = not fenced
            continue
        if fenced and entry is not None:
            _body(entry, line, section)
            continue
        if not stripped or stripped.startswith("#"):
            continue
        request = _REQUEST.match(stripped)
        in_body = entry is not None and entry.body and section == "request"
        if request and not (in_body and not _balanced(entry.body if entry else "")):
            if entry is not None:
                yield entry
            entry, section = _Entry(request[1], request[2], begins=number), "request"
        elif entry is not None:
            entry.lines[stripped] = number
            section = _line(entry, stripped, section)
    if entry is not None:
        yield entry


def _balanced(text: str) -> bool:
    return text.count("{") == text.count("}") and text.count("[") == text.count("]")


def _body(entry: _Entry, line: str, section: str) -> None:
    if section == "request":
        entry.body += line + "\n"
    else:
        entry.expected_body += line + "\n"


def _line(entry: _Entry, line: str, section: str) -> str:
    status, named = _STATUS.match(line), _SECTION.match(line)
    if status:
        entry.status = status[1]
        return "response"
    if named:
        return named[1].lower()
    match section:
        case "request" | "response":
            _head_or_body(entry, line, section)
        case "querystringparams" | "query":
            _pair(entry.query, line)
        case "formparams" | "form":
            _pair(entry.form, line)
        case "captures":
            entry.captures.append(line)
        case "asserts":
            entry.asserts.append(line)
        case "options":
            if not line.startswith("variable:"):
                entry.unknown.append(f"option {line}")
        case _:
            entry.unknown.append(f"[{section}] {line}")
    return section


def _head_or_body(entry: _Entry, line: str, section: str) -> None:
    headers = entry.headers if section == "request" else entry.expected_headers
    started = entry.body if section == "request" else entry.expected_body
    header = None if started else _HEADER.match(line)
    if header and not line.startswith(("{", "[", '"')):
        headers[header[1].lower()] = header[2].strip()
    else:
        _body(entry, line, section)


def _pair(table: dict[str, str], line: str) -> None:
    name, _, value = line.partition(":")
    table[name.strip()] = value.strip()


def _step(entry: _Entry, builder: Builder) -> None:
    if entry.method not in _METHODS:
        builder.refuse(f"method {entry.method}")
        return
    params: dict[str, Any] = {entry.method: _path(entry)}
    if entry.headers:
        params["headers"] = {name: _ours(value) for name, value in entry.headers.items()}
    if entry.form:
        params["form"] = {name: _ours(value) for name, value in entry.form.items()}
    elif entry.body.strip():
        params |= _payload(entry.body)
    captured = dict(filter(None, (_capture(line, builder) for line in entry.captures)))
    if captured:
        params["capture"] = captured
    expect = _expect(entry, builder)
    if expect:
        params["expect"] = expect
    for unknown in entry.unknown:
        builder.refuse(unknown)
    builder.step("http", params)


def _payload(body: str) -> dict[str, Any]:
    text = _ours(body.strip())
    try:
        return {"json": json.loads(text)}
    except ValueError:
        return {"body": text}


def _path(entry: _Entry) -> str:
    url = _ours(entry.url)
    path = re.sub(r"^(https?://[^/]+|\{[a-z0-9_]+\})(?=/|$)", "", url) or "/"
    if entry.query:
        pairs = "&".join(f"{name}={_ours(value)}" for name, value in entry.query.items())
        path += ("&" if "?" in path else "?") + pairs
    return path if path.startswith(("/", "{")) else f"/{path}"


def _ours(text: str) -> str:
    return _VARIABLE.sub(lambda match: "{" + variable(match[1]) + "}", text)


def _capture(line: str, builder: Builder) -> tuple[str, str] | None:
    name, _, query = line.partition(":")
    query = query.strip()
    path = re.fullmatch(r'jsonpath "(.*)"', query)
    header = re.fullmatch(r'header "(.*)"', query)
    pattern = re.fullmatch(r'regex "(.*)"', query)
    rules = {"status": "status", "body": "body"}
    if path and (dotted := _dotted(path[1])) is not None:
        return variable(name.strip()), dotted
    if header:
        return variable(name.strip()), f"header:{header[1]}"
    if pattern:
        return variable(name.strip()), f"text:{pattern[1]}"
    if query in rules:
        return variable(name.strip()), rules[query]
    builder.refuse(f"capture {line}")
    return None


def _dotted(path: str) -> str | None:
    """Return `$.a[0].b` as `a.0.b`; None for filters and wildcards."""
    plain = re.sub(r"\[(\d+)\]", r".\1", path)
    plain = re.sub(r"\['([^']+)'\]", r".\1", plain)
    if not re.fullmatch(r"\$(\.[A-Za-z0-9_-]+)*", plain):
        return None
    return plain[2:]


def _expect(entry: _Entry, builder: Builder) -> dict[str, Any]:
    expect: dict[str, Any] = {}
    if entry.status and entry.status != "*":
        expect["status"] = int(entry.status)
    if entry.expected_headers:
        expect["header"] = {name: _ours(v) for name, v in entry.expected_headers.items()}
    body: dict[str, Any] = {}
    if entry.expected_body.strip():
        payload = _payload(entry.expected_body)
        body |= {"json": payload["json"]} if "json" in payload else {"equals": payload["body"]}
    for line in entry.asserts:
        if not _assert(line, expect, body):
            builder.refuse(f"assert {line}")
    if body:
        expect["body"] = body
    return expect


def _assert(line: str, expect: dict[str, Any], body: dict[str, Any]) -> bool:
    query = _QUERY.match(line)
    predicate = _PREDICATE.match(query["rest"]) if query else None
    if query is None or predicate is None:
        return False
    condition = _condition(predicate[1], _value(predicate[2]))
    if condition is None:
        return False
    if query["count"]:
        if predicate[1] != "==":
            return False
        condition = {"count": _value(predicate[2])}
    if query["path"] is not None:
        dotted = _dotted(query["path"])
        if dotted is None:
            return False
        body.setdefault("at", {})[dotted] = condition
        return True
    if query[1] == "status" and predicate[1] == "==":
        expect["status"] = int(_value(predicate[2]))
        return True
    return _text_assert(query, predicate[1], _value(predicate[2]), expect, body)


def _text_assert(
    query: "re.Match[str]", operator: str, value: Any, expect: dict[str, Any], body: dict[str, Any]
) -> bool:
    words = {"contains": "contains", "==": "equals", "matches": "matches"}
    if operator not in words:
        return False
    if query["header"] is not None:
        expect.setdefault("header", {})[query["header"]] = {words[operator]: str(value)}
        return True
    if query[1] == "body":
        body[words[operator]] = str(value)
        return True
    return False


def _condition(operator: str, value: Any) -> Any:
    simple: Mapping[str, Any] = {
        "==": value, "!=": {"not": value}, ">=": {"min": value}, "<=": {"max": value},
        "contains": {"contains": value}, "exists": {"any": True},
        "isString": {"type": "string"}, "isInteger": {"type": "integer"},
        "isBoolean": {"type": "boolean"}, "isCollection": {"type": "array"},
        "isList": {"type": "array"}, "isEmpty": {"count": 0}, "matches": {"matches": value},
    }  # fmt: skip
    if operator == "startsWith":
        return {"matches": f"^{re.escape(str(value))}"}
    if operator == "endsWith":
        return {"matches": f"{re.escape(str(value))}$"}
    return simple.get(operator)


def _value(text: str | None) -> Any:
    if text is None:
        return None
    text = _ours(text.strip())
    if text.startswith("/") and text.endswith("/") and len(text) > 1:
        return text[1:-1]
    try:
        return json.loads(text)
    except ValueError:
        return text.strip('"')
