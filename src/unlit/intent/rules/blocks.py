"""Lines of Markdown: which stand in code, which are comments, and how each line ends.

Fences after CommonMark 0.31, 4.5: of one mark, closed by at least as many of it and nothing else.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

#: a fence may also follow `- Input:`
_FENCE: Final = re.compile(r"^\s{0,12}(?:[-*+] +)?(?:\**\w+\**:\** *)?(`{3,}|~{3,})(.*)$")
_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+$")


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines without comments, whether each stands in code, and the fence that nothing closes."""

    texts: tuple[str, ...]
    code: tuple[bool, ...]
    unclosed: int | None = None


def with_endings(text: str) -> list[str]:
    """Split a text into lines that keep their endings, whatever they are."""
    return _LINE.findall(text)


def normal(text: str) -> str:
    """Return a text with line feeds only and without a byte order mark."""
    return text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")


def mark(lines: Sequence[str], start: int = 0) -> Lines:
    """Find code and comments from line index `start` on; comments become blanks of their length."""
    texts, code = list(lines[:start]), [False] * min(start, len(lines))
    fence, opened, in_comment = "", 0, False
    closes = _last_close(lines)
    for number, line in enumerate(lines[start:], start):
        match = None if in_comment else _FENCE.match(line)
        if fence:
            code.append(True)
            texts.append(line)
            if match and match[1].startswith(fence) and not match[2].strip():
                fence = ""
            continue
        if match and not (match[1][0] == "`" and "`" in match[2]):
            fence, opened = match[1], number + 1
            code.append(not line[: match.start(1)].strip())
            texts.append(line)
            continue
        shown, in_comment = _uncommented(line, in_comment, may_open=number <= closes)
        texts.append(shown)
        code.append(False)
    return Lines(tuple(texts), tuple(code), opened if fence else None)


def _last_close(lines: Sequence[str]) -> int:
    """Return the last line that can close a comment; one that nothing closes is text."""
    return next((n for n in range(len(lines) - 1, -1, -1) if "-->" in lines[n]), -1)


def _uncommented(line: str, inside: bool, *, may_open: bool) -> tuple[str, bool]:
    at, shown = 0, ""
    while at < len(line):
        if inside:
            end = line.find("-->", at)
            stop = len(line) if end < 0 else end + 3
            shown += " " * (stop - at)
            at, inside = stop, end < 0
            continue
        begin = line.find("<!--", at) if may_open else -1
        if begin >= 0 and line.count("`", 0, begin) % 2:
            # shown as code, so not a comment
            shown += line[at : begin + 4]
            at = begin + 4
            continue
        stop = len(line) if begin < 0 else begin
        shown += line[at:stop]
        at, inside = stop, begin >= 0
    return shown, inside
