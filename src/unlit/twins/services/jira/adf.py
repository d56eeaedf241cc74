"""Rich text: Atlassian Document Format to and from wiki markup and plain text."""

import re
from collections.abc import Iterable
from typing import Any, Final

from unlit.twins.services.jira.model import Rich, Row

_MARKS: Final = {
    "strong": ("*", "*"),
    "em": ("_", "_"),
    "code": ("{{", "}}"),
    "strike": ("-", "-"),
    "underline": ("+", "+"),
}
_INLINE: Final = re.compile(
    r"\[(?P<label>[^\]|\n]+)\|(?P<href>[^\]\s]+)\]"
    r"|\[(?P<bare>https?://[^\]\s]+)\]"
    r"|\[~(?:accountid:)?(?P<mention>[^\]]+)\]"
    r"|\{\{(?P<code>[^}\n]+)\}\}"
    r"|(?<![\w*])\*(?P<strong>[^*\s](?:[^*\n]*[^*\s])?)\*(?![\w*])"
    r"|(?<![\w_])_(?P<em>[^_\s](?:[^_\n]*[^_\s])?)_(?![\w_])"
)
_HEADING: Final = re.compile(r"^h([1-6])\.\s+(.*)$")
_BULLET: Final = re.compile(r"^([*#-]+)\s+(.*)$")
_BLOCK: Final = re.compile(r"^\{(code|noformat|quote)(?::([^}]*))?\}(.*)$")


def doc(*content: Row) -> Row:
    """Return a document of these blocks."""
    return {"type": "doc", "version": 1, "content": list(content)}


def paragraph(text: str) -> Row:
    """Return a paragraph of plain text, line ends as hard breaks."""
    return {"type": "paragraph", "content": _inline(text)} if text else _empty()


def _empty() -> Row:
    return {"type": "paragraph", "content": []}


def is_document(value: Any) -> bool:
    """Say whether `value` is an ADF document as Jira accepts it."""
    return (
        isinstance(value, dict)
        and value.get("type") == "doc"
        and value.get("version") == 1
        and isinstance(value.get("content"), list)
        and all(_valid(item) for item in value["content"])
    )


def _valid(node: Any) -> bool:
    if not isinstance(node, dict) or not isinstance(node.get("type"), str):
        return False
    if node["type"] == "text" and not (isinstance(node.get("text"), str) and node["text"]):
        return False
    content = node.get("content", [])
    return isinstance(content, list) and all(_valid(item) for item in content)


def as_adf(rich: Rich) -> Row:
    """Return the ADF form."""
    return rich.adf if rich.adf is not None else to_adf(rich.wiki or "")


def as_wiki(rich: Rich) -> str:
    """Return the wiki form."""
    return rich.wiki if rich.wiki is not None else to_wiki(rich.adf or doc())


def as_text(rich: Rich) -> str:
    """Return plain text, for searches."""
    return plain(rich.adf) if rich.adf is not None else rich.wiki or ""


def plain(node: Any) -> str:
    """Return the text inside an ADF node, blocks on lines of their own."""
    if not isinstance(node, dict):
        return ""
    kind = node.get("type")
    if kind == "text":
        return str(node.get("text", ""))
    if kind == "hardBreak":
        return "\n"
    if kind in ("mention", "emoji", "status"):
        return str(node.get("attrs", {}).get("text", ""))
    parts = [plain(item) for item in node.get("content", [])]
    if kind in ("paragraph", "heading", "codeBlock"):
        return "".join(parts)
    return "\n".join(part for part in parts if part)


# --- ADF to wiki
def to_wiki(node: Row) -> str:
    """Render an ADF document as wiki markup."""
    return "\n\n".join(_blocks(node.get("content", []))).strip("\n")


def _blocks(nodes: Iterable[Row], depth: str = "") -> list[str]:
    return [text for node in nodes if (text := _block(node, depth)) is not None]


def _block(node: Row, depth: str) -> str | None:
    kind, content = node.get("type"), node.get("content", [])
    attrs = node.get("attrs", {})
    if kind == "paragraph":
        return _spans(content)
    if kind == "heading":
        return f"h{attrs.get('level', 1)}. {_spans(content)}"
    if kind in ("bulletList", "orderedList"):
        return _items(content, depth + ("*" if kind == "bulletList" else "#"))
    if kind == "codeBlock":
        language = f":{attrs['language']}" if attrs.get("language") else ""
        return f"{{code{language}}}\n{plain(node)}\n{{code}}"
    if kind == "blockquote":
        return "{quote}" + "\n\n".join(_blocks(content)) + "{quote}"
    if kind == "panel":
        return "{panel}\n" + "\n\n".join(_blocks(content)) + "\n{panel}"
    if kind == "rule":
        return "----"
    if kind == "table":
        return "\n".join(_table_row(row) for row in content)
    return "\n\n".join(_blocks(content)) if content else None


def _items(items: Iterable[Row], depth: str) -> str:
    lines: list[str] = []
    for item in items:
        first = True
        for node in item.get("content", []):
            if node.get("type") in ("bulletList", "orderedList"):
                lines.append(_block(node, depth) or "")
            elif first:
                lines.append(f"{depth} {_block(node, depth) or ''}")
                first = False
            else:
                lines.append(_block(node, depth) or "")
    return "\n".join(lines)


def _table_row(row: Row) -> str:
    cells = row.get("content", [])
    head = bool(cells) and all(cell.get("type") == "tableHeader" for cell in cells)
    bar = "||" if head else "|"
    texts = ["\n".join(_blocks(cell.get("content", []))) or " " for cell in cells]
    return bar + bar.join(texts) + bar


def _spans(nodes: Iterable[Row]) -> str:
    return "".join(_span(node) for node in nodes)


def _span(node: Row) -> str:
    kind, attrs = node.get("type"), node.get("attrs", {})
    if kind == "hardBreak":
        return "\n"
    if kind == "mention":
        return f"[~accountid:{attrs.get('id', '')}]"
    if kind == "inlineCard":
        return f"[{attrs.get('url', '')}]"
    text = plain(node)
    for mark in node.get("marks", []):
        name = mark.get("type")
        if name == "link":
            href = mark.get("attrs", {}).get("href", "")
            text = f"[{text}|{href}]"
        elif name in _MARKS:
            before, after = _MARKS[name]
            text = f"{before}{text}{after}"
    return text


# --- wiki to ADF
def to_adf(wiki: str) -> Row:
    """Read wiki markup into an ADF document."""
    lines = wiki.replace("\r\n", "\n").split("\n")
    out: list[Row] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        if not line.strip():
            at += 1
            continue
        block, heading = _BLOCK.match(line), _HEADING.match(line)
        if block:
            at, node = _fenced(lines, at, block)
            out.append(node)
        elif heading:
            out.append(
                {
                    "type": "heading",
                    "attrs": {"level": int(heading[1])},
                    "content": _inline(heading[2]),
                }
            )
            at += 1
        elif re.match(r"^-{4,}\s*$", line):
            out.append({"type": "rule"})
            at += 1
        elif _BULLET.match(line):
            at, node = _list(lines, at, 1)
            out.append(node)
        else:
            at, node = _paragraph(lines, at)
            out.append(node)
    return doc(*out)


def _fenced(lines: list[str], at: int, found: re.Match[str]) -> tuple[int, Row]:
    kind, language, rest = found[1], found[2], found[3]
    end = "{" + kind + "}"
    body: list[str] = []
    if rest.rstrip().endswith(end):
        body, at = [rest.rstrip()[: -len(end)]], at + 1
    else:
        body, at = ([rest] if rest else []), at + 1
        while at < len(lines) and end not in lines[at]:
            body.append(lines[at])
            at += 1
        if at < len(lines) and lines[at].split(end)[0]:
            body.append(lines[at].split(end)[0])
        at += 1
    text = "\n".join(body)
    if kind == "quote":
        return at, {"type": "blockquote", "content": to_adf(text)["content"] or [_empty()]}
    node: Row = {"type": "codeBlock", "attrs": {}, "content": []}
    if kind == "code" and language and "=" not in language:
        node["attrs"] = {"language": language}
    if text:
        node["content"] = [{"type": "text", "text": text}]
    return at, node


def _list(lines: list[str], at: int, depth: int) -> tuple[int, Row]:
    first = _BULLET.match(lines[at])
    assert first is not None  # noqa: S101 # the caller looked
    kind = "orderedList" if first[1][depth - 1 : depth] == "#" else "bulletList"
    items: list[Row] = []
    while at < len(lines):
        found = _BULLET.match(lines[at])
        if found is None or len(found[1]) < depth:
            break
        if len(found[1]) > depth and items:
            at, inner = _list(lines, at, depth + 1)
            items[-1]["content"].append(inner)
            continue
        items.append({"type": "listItem", "content": [paragraph(found[2])]})
        at += 1
    return at, {"type": kind, "content": items}


def _paragraph(lines: list[str], at: int) -> tuple[int, Row]:
    texts: list[str] = []
    while at < len(lines) and lines[at].strip():
        line = lines[at]
        if texts and (_HEADING.match(line) or _BLOCK.match(line) or _BULLET.match(line)):
            break
        texts.append(line)
        at += 1
    return at, paragraph("\n".join(texts))


def _inline(text: str) -> list[Row]:
    out: list[Row] = []
    at = 0
    for found in _INLINE.finditer(text):
        _plain_into(out, text[at : found.start()])
        out.append(_marked(found))
        at = found.end()
    _plain_into(out, text[at:])
    return out


def _marked(found: re.Match[str]) -> Row:
    if found["mention"]:
        return {"type": "mention", "attrs": {"id": found["mention"], "text": ""}}
    if found["href"] or found["bare"]:
        href = found["href"] or found["bare"]
        text = found["label"] or href
        return {
            "type": "text",
            "text": text,
            "marks": [{"type": "link", "attrs": {"href": href}}],
        }
    for name in ("code", "strong", "em"):
        if found[name]:
            return {"type": "text", "text": found[name], "marks": [{"type": name}]}
    return {"type": "text", "text": found[0]}


def _plain_into(out: list[Row], text: str) -> None:
    for number, line in enumerate(text.split("\n")):
        if number:
            out.append({"type": "hardBreak"})
        if line:
            out.append({"type": "text", "text": line})
