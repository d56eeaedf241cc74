"""Atlassian Document Format to Markdown and back, for the nodes people write.

Source: developer.atlassian.com/cloud/jira/platform/apis/document/structure (read 2026-03).
"""

import re
from collections.abc import Iterator
from typing import Any, Final

_MARKS: Final = {"strong": "**", "em": "*", "code": "`", "strike": "~~"}
_INLINE: Final = re.compile(
    r"\*\*(?P<strong>[^*]+)\*\*|\*(?P<em>[^*]+)\*|`(?P<code>[^`]+)`"
    r"|\[(?P<label>[^\]]+)\]\((?P<href>[^)\s]+)\)"
)


def to_markdown(node: Any) -> str:
    """Render a document; an unknown node keeps its text."""
    if isinstance(node, str):
        return node
    if not isinstance(node, dict):
        return ""
    return "\n\n".join(block for block in _blocks(node.get("content") or [], "") if block).strip()


def _blocks(nodes: list[Any], indent: str) -> Iterator[str]:
    for node in nodes:
        kind = node.get("type")
        content = node.get("content") or []
        attributes = node.get("attrs") or {}
        if kind == "heading":
            yield f"{'#' * int(attributes.get('level', 1))} {_inline(content)}"
        elif kind == "codeBlock":
            yield f"```{attributes.get('language') or ''}\n{_inline(content)}\n```"
        elif kind in ("bulletList", "orderedList"):
            yield _list(content, ordered=kind == "orderedList", indent=indent)
        elif kind == "blockquote":
            inner = "\n\n".join(_blocks(content, ""))
            yield "\n".join(f"> {line}" for line in inner.splitlines())
        elif kind == "rule":
            yield "---"
        elif kind == "table":
            yield _table(content)
        elif kind == "paragraph":
            yield _inline(content)
        else:
            yield "\n\n".join(_blocks(content, indent)) or _inline([node])


def _list(items: list[Any], *, ordered: bool, indent: str) -> str:
    lines = []
    for number, item in enumerate(items, 1):
        marker = f"{number}. " if ordered else "- "
        inner = "\n".join(_blocks(item.get("content") or [], indent + "  "))
        first, *rest = inner.splitlines() or [""]
        lines.append(marker + first)
        lines += [f"  {line}" for line in rest]
    return "\n".join(lines)


def _table(rows: list[Any]) -> str:
    lines = []
    for number, row in enumerate(rows):
        cells = [
            " ".join("\n".join(_blocks(cell.get("content") or [], "")).split())
            for cell in row.get("content") or []
        ]
        lines.append("| " + " | ".join(cells) + " |")
        if number == 0:
            lines.append("|" + " --- |" * len(cells))
    return "\n".join(lines)


def _inline(nodes: list[Any]) -> str:
    return "".join(_span(node) for node in nodes)


def _span(node: Any) -> str:
    kind, attributes = node.get("type"), node.get("attrs") or {}
    if kind == "hardBreak":
        return "\n"
    if kind in ("mention", "emoji", "status"):
        return str(attributes.get("text") or attributes.get("shortName") or "")
    if kind == "inlineCard":
        return str(attributes.get("url") or "")
    text = str(node.get("text") or "")
    for mark in node.get("marks") or []:
        if mark.get("type") == "link":
            text = f"[{text}]({(mark.get('attrs') or {}).get('href', '')})"
        elif sign := _MARKS.get(str(mark.get("type"))):
            text = f"{sign}{text}{sign}"
    return text


def from_markdown(text: str) -> dict[str, Any]:
    """Make a document of paragraphs, headings, bullet lists and code blocks."""
    content: list[dict[str, Any]] = []
    for block in _split(text):
        first = block[0]
        if first.startswith("```"):
            body = "\n".join(block[1:-1] if block[-1].startswith("```") else block[1:])
            node: dict[str, Any] = {"type": "codeBlock", "content": [_text(body)]}
            if language := first[3:].strip():
                node["attrs"] = {"language": language}
            content.append(node)
        elif match := re.match(r"(#{1,6}) (.*)", first):
            level = len(match[1])
            content.append(
                {"type": "heading", "attrs": {"level": level}, "content": _spans(match[2])}
            )
            if len(block) > 1:
                content.append({"type": "paragraph", "content": _spans("\n".join(block[1:]))})
        elif all(line.startswith(("- ", "* ")) for line in block):
            items = [
                {
                    "type": "listItem",
                    "content": [{"type": "paragraph", "content": _spans(line[2:])}],
                }
                for line in block
            ]
            content.append({"type": "bulletList", "content": items})
        else:
            content.append({"type": "paragraph", "content": _spans("\n".join(block))})
    return {"type": "doc", "version": 1, "content": content}


def _split(text: str) -> Iterator[list[str]]:
    block: list[str] = []
    fenced = False
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
            block.append(line)
        elif line.strip() or fenced:
            block.append(line)
        elif block:
            yield block
            block = []
    if block:
        yield block


def _spans(text: str) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = []
    for number, line in enumerate(text.split("\n")):
        if number:
            nodes.append({"type": "hardBreak"})
        nodes += _line(line)
    return nodes


def _line(line: str) -> list[dict[str, Any]]:
    nodes, end = [], 0
    for match in _INLINE.finditer(line):
        if match.start() > end:
            nodes.append(_text(line[end : match.start()]))
        if match["href"]:
            nodes.append(_text(match["label"], {"type": "link", "attrs": {"href": match["href"]}}))
        else:
            mark = next(name for name in ("strong", "em", "code") if match[name])
            nodes.append(_text(match[mark], {"type": mark}))
        end = match.end()
    if end < len(line):
        nodes.append(_text(line[end:]))
    return nodes


def _text(text: str, *marks: dict[str, Any]) -> dict[str, Any]:
    node: dict[str, Any] = {"type": "text", "text": text}
    if marks:
        node["marks"] = list(marks)
    return node
