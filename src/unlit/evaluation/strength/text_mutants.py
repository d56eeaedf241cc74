"""Small defects by pattern, for languages that we do not parse. Pure.

The same idea as universalmutator's rules; what does not compile counts as not planted when the
product cannot start with it.
"""

import re
from collections.abc import Iterator
from typing import Final

from unlit.evaluation.strength.python_mutants import Planted

SUFFIXES: Final = (
    ".js", ".mjs", ".cjs", ".ts", ".tsx", ".jsx", ".go", ".rs", ".java", ".kt", ".c", ".cc",
    ".cpp", ".h", ".rb", ".php", ".cs", ".swift", ".sh", ".pl", ".lua",
)  # fmt: skip
_CHECKS: Final = {
    ".cjs": ("node", "--check", "-"), ".js": ("node", "--check", "-"), ".rb": ("ruby", "-c"),
    ".php": ("php", "-l"),
}  # fmt: skip
_COMMENT: Final = re.compile(r"\s*(//|#|--|\*|/\*|import |from |package |use |require)")
_RULES: Final[tuple[tuple[str, "re.Pattern[str]", str], ...]] = tuple(
    (what, re.compile(pattern), replacement)
    for what, pattern, replacement in (
        ("== becomes !=", r"(?<![=!<>])={2,3}(?!=)", "!="),
        ("!= becomes ==", r"!={1,2}", "=="),
        ("<= becomes <", r"<=(?!=)", "<"),
        (">= becomes >", r">=(?!=)", ">"),
        ("< becomes <=", r"(?<![<\-\w=>])\s<\s", " <= "),
        ("> becomes >=", r"(?<![>\-=])\s>\s", " >= "),
        ("&& becomes ||", r"&&", "||"),
        ("|| becomes &&", r"\|\|", "&&"),
        ("+ becomes -", r"\s\+\s", " - "),
        ("- becomes +", r"(?<!-)\s-\s", " + "),
        ("* becomes +", r"\s\*\s", " + "),
        ("-eq becomes -ne", r"\s-eq\s", " -ne "),
        ("-lt becomes -le", r"\s-lt\s", " -le "),
        ("true becomes false", r"\btrue\b", "false"),
        ("false becomes true", r"\bfalse\b", "true"),
        ("! is left out", r"!(?=[A-Za-z(])", ""),
        ("0 becomes 1", r"(?<![\w.])0(?![\w.])", "1"),
        ("1 becomes 2", r"(?<![\w.])1(?![\w.])", "2"),
        ("text is changed", r"\"(?=[A-Za-z])", '"XX'),
        ("text is changed", r"'(?=[A-Za-z])", "'XX"),
    )
)


def plant_by_text(text: str, file: str) -> Iterator[Planted]:
    """Yield every mutant of one file: one rule at one place of one line."""
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if not line.strip() or _COMMENT.match(line):
            continue
        for what, pattern, replacement in _RULES:
            for found in pattern.finditer(line):
                changed = line[: found.start()] + replacement + line[found.end() :]
                made = "".join((*lines[:number], changed, *lines[number + 1 :]))
                yield Planted(file, number + 1, what, made)


def syntax_check(mutant: Planted) -> tuple[str, ...]:
    """Return a command that refuses what does not parse, read from standard input; or none."""
    suffix = mutant.file[mutant.file.rfind(".") :]
    if suffix == ".sh":
        return ("bash" if "bash" in mutant.text.partition("\n")[0] else "sh", "-n")
    return _CHECKS.get(suffix, ())
