"""The languages in which defects are planted by pattern: how they look, and how they are checked.

Pure. A file's language follows from its suffix or, without one, from its first line.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

Rule = tuple[str, "re.Pattern[str]", str]


def _rules(*rows: tuple[str, str, str]) -> tuple[Rule, ...]:
    return tuple((what, re.compile(pattern), replacement) for what, pattern, replacement in rows)


_COMPARE: Final = _rules(
    ("== becomes !=", r"(?<![=!<>])==(?!=)", "!="),
    ("!= becomes ==", r"!=(?!=)", "=="),
    ("<= becomes <", r"(?<![<=])<=(?![=>])", "<"),
    (">= becomes >", r"(?<![>=])>=(?!=)", ">"),
    ("< becomes <=", r"\s<\s", " <= "),
    ("< becomes >=", r"\s<\s", " >= "),
    ("> becomes >=", r"\s>\s", " >= "),
    ("> becomes <=", r"\s>\s", " <= "),
)
_LOGIC: Final = _rules(("&& becomes ||", r"&&", "||"), ("|| becomes &&", r"\|\|", "&&"))
_WORDS_LOGIC: Final = _rules(
    ("and becomes or", r"\band\b", "or"), ("or becomes and", r"\bor\b", "and"),
    ("not is left out", r"\bnot\s+", ""),
)  # fmt: skip
_SUMS: Final = _rules(
    ("+ becomes -", r"\s\+\s", " - "),
    ("- becomes +", r"(?<=[\w)\]])\s-\s", " + "),
    ("* becomes +", r"\s\*\s", " + "),
    ("/ becomes *", r"\s/\s", " * "),
    ("% becomes *", r"\s%\s", " * "),
    ("+= becomes -=", r"\+=", "-="),
    ("-= becomes +=", r"-=", "+="),
    ("++ becomes --", r"\+\+", "--"),
    ("-- becomes ++", r"(?<=\w)--(?!\w)", "++"),
)
_VALUES: Final = _rules(
    ("true becomes false", r"\btrue\b", "false"),
    ("false becomes true", r"\bfalse\b", "true"),
)
_BRACES: Final = _rules(
    ("! is left out", r"!(?=[A-Za-z_(])", ""),
    ("condition is negated", r"\b(if|while)\s*\((?=.*\)\s*(\{|$))", r"\1 (!!!("),
    ("break becomes continue", r"\bbreak\s*;", "continue;"),
    ("continue becomes break", r"\bcontinue\s*;", "break;"),
)
_STRICT: Final = _rules(("=== becomes !==", r"===", "!=="), ("!== becomes ===", r"!==", "==="))
_GO: Final = _rules(
    ("! is left out", r"!(?=[A-Za-z_(])", ""),
    ("break becomes continue", r"\bbreak\b(?!\s*\w)", "continue"),
    ("continue becomes break", r"\bcontinue\b(?!\s*\w)", "break"),
)
_SHELL: Final = _rules(
    ("-eq becomes -ne", r"\s-eq\s", " -ne "), ("-ne becomes -eq", r"\s-ne\s", " -eq "),
    ("-lt becomes -le", r"\s-lt\s", " -le "), ("-le becomes -lt", r"\s-le\s", " -lt "),
    ("-gt becomes -ge", r"\s-gt\s", " -ge "), ("-ge becomes -gt", r"\s-ge\s", " -gt "),
    ("-z becomes -n", r"\s-z\s", " -n "), ("-n becomes -z", r"(?<=\[)\s-n\s", " -z "),
    ("-f becomes -d", r"(?<=\[)\s-f\s", " -d "),
    ("= becomes !=", r"\s={1,2}\s", " != "), ("!= becomes =", r"\s!=\s", " = "),
    ("condition is negated", r"^(\s*)(el)?if\s+(?!!)", r"\1\2if ! "),
    ("while is negated", r"^(\s*)while\s+(?!read|!)", r"\1while ! "),
    ("exit becomes exit 0", r"\bexit\s+[1-9]\d*", "exit 0"),
    ("return becomes return 0", r"\breturn\s+[1-9]\d*", "return 0"),
    *(("+ becomes -", r"(?<=[\w)}])\s*\+\s*(?=[\w$(])", " - "),
      ("- becomes +", r"(?<=[\w)}])\s-\s(?=[\w$(])", " + ")),
)  # fmt: skip
_RUBY: Final = _rules(
    ("unless becomes if", r"\bunless\b", "if"), ("if becomes unless", r"(?<!els)\bif\b", "unless"),
    ("! is left out", r"!(?=[A-Za-z_(])", ""), ("returns nothing", r"\breturn\s+\S.*$", "return"),
    ("next becomes break", r"\bnext\b", "break"),
)  # fmt: skip
_PERL: Final = _rules(
    ("eq becomes ne", r"\beq\b", "ne"), ("ne becomes eq", r"\bne\b", "eq"),
    ("lt becomes le", r"\blt\b", "le"), ("gt becomes ge", r"\bgt\b", "ge"),
    ("last becomes next", r"\blast\b", "next"),
)  # fmt: skip
_LUA: Final = _rules(("== becomes ~=", r"==", "~="), ("~= becomes ==", r"~=", "=="))


@dataclass(frozen=True, slots=True)
class Language:
    """How one language looks.

    Attributes:
        line: Marks that begin a comment to the end of the line.
        block: Whether ``/* … */`` is a comment.
        quotes: Characters that begin and end a text; those in `long` span lines.
        rules: What is changed, in code and nowhere else.
        drops: Pattern of a whole line that may be left out, and what then stands there.
        check: Command line of a shell, in the product's folder, that refuses what is no program of
            this language; ``$0`` is the changed file. Empty: none is known.
        reach: What measures executed lines: ``python``, ``node``, ``bash`` or nothing.
    """

    name: str
    line: tuple[str, ...]
    block: bool
    quotes: str
    rules: tuple[Rule, ...]
    long: str = ""
    drops: tuple[str, str] | None = None
    check: str = ""
    reach: str = ""


_CALL: Final = r"^(\s*)[A-Za-z_][\w.$]*\([^;{}]*\);\s*$"
_C_FAMILY: Final = (*_COMPARE, *_LOGIC, *_SUMS, *_VALUES, *_BRACES)
_JS: Final = Language(
    "JavaScript", ("//",), True, "'\"`", (*_STRICT, *_C_FAMILY), "`", (_CALL, r"\1;"),
    'node --check "$0"', "node",
)  # fmt: skip
_TS: Final = Language(
    "TypeScript", ("//",), True, "'\"`", (*_STRICT, *_C_FAMILY), "`", (_CALL, r"\1;"),
)  # fmt: skip
_JAVA: Final = Language(
    "Java", ("//",), True, "'\"", _C_FAMILY, "", (_CALL, r"\1;"),
    'javac -nowarn -proc:none -d "$(mktemp -d)" $(find . -name "*.java")',
)  # fmt: skip
_C: Final = Language(
    "C", ("//", "#"), True, "'\"", _C_FAMILY, "", (_CALL, r"\1;"), 'cc -fsyntax-only -w "$0"'
)
_GOLANG: Final = Language(
    "Go", ("//",), True, "'\"`", (*_COMPARE, *_LOGIC, *_SUMS, *_VALUES, *_GO), "`",
    (r"^(\s*)[A-Za-z_][\w.]*\([^{}]*\)\s*$", r"\1"), "gofmt -e \"$0\" && go vet ./...",
)  # fmt: skip
_SH: Final = Language(
    "shell", ("#",), False, "'\"", (*_SHELL, *_LOGIC, *_VALUES), "'\"",
    (r"^(\s*)(?!(?:if|then|else|elif|fi|for|while|until|do|done|case|esac|function|return|local)\b)"
     r"[a-z][\w-]*(?:\s+[^;(){}|&]+)?$", r"\1:"),
    'case "$(head -n 1 "$0")" in *bash*) bash -n "$0" ;; *) sh -n "$0" ;; esac', "bash",
)  # fmt: skip
_RB: Final = Language(
    "Ruby", ("#",), False, "'\"", (*_COMPARE, *_LOGIC, *_SUMS, *_VALUES, *_RUBY), "'\"",
    (r"^(\s*)[a-z_][\w.]*(?:\(.*\)| [^=|{]+)$", r"\1nil"), 'ruby -c "$0"',
)  # fmt: skip
_PHP: Final = Language(
    "PHP", ("//", "#"), True, "'\"", (*_STRICT, *_C_FAMILY), "'\"", (_CALL, r"\1;"), 'php -l "$0"'
)
_PL: Final = Language(
    "Perl", ("#",), False, "'\"", (*_PERL, *_COMPARE, *_LOGIC, *_SUMS), "'\"", (_CALL, r"\1;"),
    'perl -c "$0"',
)  # fmt: skip
_LU: Final = Language(
    "Lua", ("--",), False, "'\"", (*_LUA, *_COMPARE[2:], *_WORDS_LOGIC, *_SUMS[:5], *_VALUES), "",
    None, 'luac -p "$0"',
)  # fmt: skip
PYTHON: Final = Language("Python", ("#",), False, "'\"", (), reach="python")

_SUFFIXES: Final = {
    ".py": PYTHON, ".js": _JS, ".mjs": _JS, ".cjs": _JS, ".jsx": _TS, ".ts": _TS, ".tsx": _TS,
    ".go": _GOLANG, ".java": _JAVA, ".kt": _JAVA, ".cs": _JAVA, ".swift": _JAVA, ".rs": _JAVA,
    ".c": _C, ".cc": _C, ".cpp": _C, ".rb": _RB, ".php": _PHP, ".sh": _SH, ".bash": _SH,
    ".pl": _PL, ".lua": _LU,
}  # fmt: skip
_NOT_CHECKED: Final = (".kt", ".cs", ".swift", ".rs", ".cc", ".cpp")
_PROGRAMS: Final = (
    (re.compile(r"\b(?:ba|da|k)?sh\b"), _SH), (re.compile(r"\bpython[\d.]*\b"), PYTHON),
    (re.compile(r"\b(?:node|bun|deno)\b"), _JS), (re.compile(r"\bruby\b"), _RB),
    (re.compile(r"\bperl\b"), _PL), (re.compile(r"\bphp\b"), _PHP), (re.compile(r"\blua\b"), _LU),
)  # fmt: skip


def language_of(file: str, text: str) -> Language | None:
    """Return a file's language; None where we plant nothing."""
    name = file.rsplit("/", 1)[-1]
    suffix = name[name.rfind(".") :] if "." in name[1:] else ""
    if suffix:
        return _SUFFIXES.get(suffix)
    first = text.partition("\n")[0]
    if not first.startswith("#!"):
        return None
    return next((language for program, language in _PROGRAMS if program.search(first)), None)


def check_of(file: str, text: str) -> str:
    """Return the shell command line that refuses a file that is no program; empty if unknown."""
    language = language_of(file, text)
    return "" if language is None or file.endswith(_NOT_CHECKED) else language.check


@dataclass(frozen=True, slots=True)
class Masked:
    """A text in which all that is no code is blanked, and where its texts begin."""

    code: str
    texts: tuple[int, ...]


def mask(text: str, language: Language) -> Masked:
    """Blank comments and texts with NUL; every other character stays where it is."""
    code, texts, at = list(text), [], 0
    while at < len(text):
        end, is_text = _skipped(text, at, language)
        if end == at:
            at += 1
            continue
        if is_text:
            texts.append(at)
        for n in range(at, min(end, len(text))):
            if text[n] != "\n":
                code[n] = "\0"
        at = end
    return Masked("".join(code), tuple(texts))


def _skipped(text: str, at: int, language: Language) -> tuple[int, bool]:
    """Return where a comment or text that begins here ends, and whether it is a text."""
    for mark in language.line:
        begins = at == 0 or text[at - 1] in " \t\n;" or mark != "#"
        if text.startswith(mark, at) and begins:
            end = text.find("\n", at)
            return (len(text) if end < 0 else end), False
    if language.block and text.startswith("/*", at):
        end = text.find("*/", at + 2)
        return (len(text) if end < 0 else end + 2), False
    quote = text[at]
    if quote not in language.quotes:
        return at, False
    end = at + 1
    while end < len(text) and text[end] != quote:
        if text[end] == "\n" and quote not in language.long:
            return at, False  # a stray quote, as in a comment of a language that we know less well
        end += 2 if text[end] == "\\" and not (language.name == "shell" and quote == "'") else 1
    return end + 1, True


def line_starts(text: str) -> Iterator[int]:
    """Yield the offset at which each line begins."""
    at = 0
    while True:
        yield at
        at = text.find("\n", at) + 1
        if at == 0:
            return
