"""Small defects by pattern, for languages that we do not parse. Pure.

The same idea as universalmutator's rules, in code only: comments and the inside of texts are left
alone, but for one letter put in front of a text. What the language refuses is not planted: each
language has a check that the battery runs where its tool is there.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from unlit.evaluation.strength.languages import Language, language_of, line_starts, mask
from unlit.evaluation.strength.python_mutants import Planted

_NUMBER: Final = re.compile(r"(?<![\w.$\"'{\[&])\d+(?![\w.])")
_INERT: Final = re.compile(r"\s*(import\b|from\b|package\b|use\b|require\b|#|@)")
_LETTER: Final = re.compile(r"[A-Za-z]")


def plant_by_text(text: str, file: str) -> Iterator[Planted]:
    """Yield every mutant of one file: one rule at one place."""
    language = language_of(file, text)
    if language is None:
        return
    masked = mask(text, language)
    starts = list(line_starts(text))
    seen = {text}
    for number, start in enumerate(starts, 1):
        end = starts[number] if number < len(starts) else len(text)
        code = masked.code[start:end]
        if not code.strip("\0 \t\r\n") or _INERT.match(code):
            continue
        texts = masked.texts[bisect_right(masked.texts, start - 1) : bisect_right(
            masked.texts, end - 1
        )]  # fmt: skip
        line = text[start:end]
        for what, changed in _changes(line, code, [t - start for t in texts], language):
            made = text[:start] + changed + text[end:]
            if made not in seen:
                seen.add(made)
                yield Planted(file, number, what, made)


def _changes(
    line: str, code: str, texts: list[int], language: Language
) -> Iterator[tuple[str, str]]:
    for what, pattern, replacement in language.rules:
        for found in pattern.finditer(code):
            new = found.expand(replacement)
            if "!!!(" in new:  # the condition's own bracket is closed where it ended
                closed = _negated(line, code, found.end() - 1, new)
                if closed is not None:
                    yield what, line[: found.start()] + closed
                continue
            yield what, line[: found.start()] + new + line[found.end() :]
    for found in _NUMBER.finditer(code):
        more = str(int(found[0]) + 1)
        yield f"{found[0]} becomes {more}", line[: found.start()] + more + line[found.end() :]
    for at in texts:
        if _LETTER.match(line[at + 1 : at + 2]):
            yield "text is changed", line[: at + 1] + "XX" + line[at + 1 :]
    if language.drops is not None:
        whole, left = language.drops
        found_line = re.match(whole, line.rstrip("\n"))
        if found_line is not None and "\0" not in code[: found_line.end(1) + 1]:
            rest = "\n" if line.endswith("\n") else ""
            yield "statement is left out", found_line.expand(left) + rest


def _negated(line: str, code: str, bracket: int, new: str) -> str | None:
    """Return the rest of a line whose condition, bracketed at `bracket`, is negated."""
    depth = 0
    for at in range(bracket, len(code)):
        depth += {"(": 1, ")": -1}.get(code[at], 0)
        if depth == 0:
            head = new.replace("!!!(", "!(")
            return f"{head}{line[bracket + 1 : at]}){line[at:]}"
    return None
