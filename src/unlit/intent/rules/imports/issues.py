"""An issue as trackers export it, whatever they call its fields.

Shapes written by hand as these trackers' APIs are known, not held against exports: GitHub (REST
and `gh issue view`), GitLab, Jira (text, or Atlassian Document Format), Linear, Azure DevOps,
Shortcut, ClickUp.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from typing import Any, Final

_DEEPEST: Final = 50


@dataclass(frozen=True, slots=True)
class Issue:
    """What an importer needs of an issue; the body is Markdown."""

    key: str = ""
    title: str = ""
    body: str = ""
    url: str = ""
    owner: str = ""


def read_issue(raw: Mapping[str, Any]) -> Issue:
    """Read an issue; what it does not have stays empty."""
    for wrapper in ("issue", "data", "story", "task"):
        inner = raw.get(wrapper)
        if isinstance(inner, Mapping) and not _first(raw, "title", "fields", "name"):
            return read_issue(inner)
    fields = raw.get("fields")
    parts: list[Mapping[str, Any]] = [raw, fields] if isinstance(fields, Mapping) else [raw]

    def get(*names: str) -> str:
        return next((text for part in parts if (text := _first(part, *names))), "")

    return Issue(
        get("key", "identifier", "number", "iid", "id"),
        get("title", "summary", "name", "System.Title"),
        get("body", "markdown_description", "description", "System.Description"),
        get("url", "html_url", "web_url", "app_url", "self"),
        get("owner", "assignee", "System.AssignedTo", "author", "user", "reporter", "creator"),
    )


def _first(part: Mapping[str, Any], *names: str) -> str:
    return next((text for name in names if (text := _text(part.get(name)))), "")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return _from_html(value) if re.match(r"\s*<(?:p|div|h\d|ul|ol)\b", value, re.I) else value
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Mapping) and value.get("type") == "doc":
        return "\n".join(_document(value, 0)).strip()
    if isinstance(value, Mapping):
        return _first(value, "emailAddress", "uniqueName", "email", "login", "username",
                      "displayName", "name")  # fmt: skip
    return ""


def _document(node: Mapping[str, Any], depth: int) -> Iterator[str]:
    """Yield a document of Atlassian's format as lines of Markdown."""
    content = [part for part in node.get("content") or () if isinstance(part, Mapping)]
    kind = node.get("type")
    if depth > _DEEPEST:
        return
    if kind == "heading":
        attributes = node.get("attrs")
        level = attributes.get("level", 2) if isinstance(attributes, Mapping) else 2
        yield from ("", f"{'#' * min(6, max(1, int(level)))} {_inline(content, depth)}", "")
    elif kind == "paragraph":
        yield from (_inline(content, depth), "")
    elif kind == "codeBlock":
        yield from ("```", _inline(content, depth), "```", "")
    elif kind in ("bulletList", "orderedList"):
        for number, item in enumerate(content, 1):
            mark = f"{number}. " if kind == "orderedList" else "- "
            lines = [line for line in _document(item, depth + 1) if line]
            yield mark + (lines[0] if lines else "")
            yield from (f"  {line}" for line in lines[1:])
        yield ""
    else:
        for part in content:
            yield from _document(part, depth + 1)


def _inline(content: list[Mapping[str, Any]], depth: int) -> str:
    found = []
    for part in content:
        if part.get("type") == "hardBreak":
            found.append("\n")
        elif isinstance(part.get("text"), str):
            marks = [mark.get("type") for mark in part.get("marks") or () if isinstance(mark, dict)]
            found.append(f"`{part['text']}`" if "code" in marks else part["text"])
        elif depth <= _DEEPEST:
            inner = [entry for entry in part.get("content") or () if isinstance(entry, Mapping)]
            found.append(_inline(inner, depth + 1))
    return "".join(found)


def _from_html(text: str) -> str:
    """Return the text of simple HTML, headings and lists as Markdown."""
    text = re.sub(r"<h([1-6])\b[^>]*>", lambda m: "\n\n" + "#" * int(m[1]) + " ", text, flags=re.I)
    text = re.sub(r"<li\b[^>]*>", "\n- ", text, flags=re.I)
    text = re.sub(r"</?(?:code|tt)\b[^>]*>", "`", text, flags=re.I)
    text = re.sub(r"</(?:p|div|h[1-6]|ul|ol|tr)>|<br\s*/?>", "\n", text, flags=re.I)
    text = unescape(re.sub(r"<[^>]*>", "", text))
    return re.sub(r"\n{3,}", "\n\n", text).strip()
