"""Conditions on edges: the published language, and what dialects add to it. Pure.

Published: clauses of ``key=value``, ``key!=value`` or ``key``, joined by ``&&``. Dialects have
``||``, ``and``, ``or``, ``not``, ``!``, parentheses, ``==``, ``contains``, ``matches``, and compare
numbers by ``<``, ``>``, ``<=`` and ``>=``. `dialect_of` names what a condition uses of these.
"""

import re
from collections.abc import Callable
from typing import Final

Look = Callable[[str], str]

_WORDS: Final = re.compile(
    r"""\s*(?:
    (?P<and>&&|\band\b)|(?P<or>\|\||\bor\b)|(?P<open>\()|(?P<close>\))
  | (?P<not>!(?!=)|\bnot\b)
  | (?P<op>!=|==|<=|>=|=|<|>|\b(?:contains|matches)\b)
  | (?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
  | (?P<word>(?:(?!&&|\|\||!=)[^\s()=<>"'])+)
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_KEY: Final = re.compile(r"[A-Za-z_$][\w.:-]*")
_PUBLISHED: Final = frozenset({"=", "!="})
_ALIASES: Final = {
    "succeeded": "success", "ok": "success", "pass": "success", "passed": "success",
    "done": "success", "failed": "fail", "failure": "fail", "error": "fail",
    "partial": "partial_success",
}  # fmt: skip
_FALSE: Final = frozenset({"", "false", "0", "none", "no"})


class _Wrong(Exception):
    pass


def holds(condition: str, look: Look) -> bool:
    """Evaluate a condition; one that cannot be read does not hold.

    Args:
        condition: The condition; empty always holds.
        look: Gives the value of a key, empty when there is none.
    """
    try:
        return _Reader(condition, look).whole()
    except _Wrong:
        return False


def condition_error(condition: str) -> str | None:
    """Return why a condition cannot be read; `None` when it can."""
    try:
        _Reader(condition, lambda _: "").whole()
    except _Wrong as error:
        return str(error)
    return None


def dialect_of(condition: str) -> tuple[str, ...]:
    """Return what a condition uses that the published language does not have."""
    found = [
        match.group().strip()
        for match in _WORDS.finditer(condition)
        if match.lastgroup in ("or", "not", "open")
        or (match.lastgroup == "and" and match.group().strip() != "&&")
        or (match.lastgroup == "op" and match.group().strip() not in _PUBLISHED)
    ]
    return tuple(dict.fromkeys(found))


class _Reader:
    def __init__(self, text: str, look: Look) -> None:
        self._look = look
        self._words: list[tuple[str, str]] = []
        self._at = 0
        position = 0
        text = text.strip()
        while position < len(text):
            match = _WORDS.match(text, position)
            if match is None or match.end() == position:
                raise _Wrong(f"{text[position:].strip()!r} is not understood")
            self._words.append((str(match.lastgroup), match.group().strip()))
            position = match.end()

    def whole(self) -> bool:
        if not self._words:
            return True
        value = self._any()
        if self._at < len(self._words):
            raise _Wrong(f"{self._words[self._at][1]!r} is not expected here")
        return value

    def _any(self) -> bool:
        value = self._all()
        while self._take("or"):
            value = self._all() or value
        return value

    def _all(self) -> bool:
        value = self._one()
        while self._take("and"):
            while self._take("and"):
                pass  # an empty clause says nothing
            if self._at < len(self._words):
                value = self._one() and value
        return value

    def _one(self) -> bool:
        if self._take("not"):
            return not self._one()
        if self._take("open"):
            value = self._any()
            if not self._take("close"):
                raise _Wrong("a parenthesis is not closed")
            return value
        return self._clause()

    def _clause(self) -> bool:
        key = self._take("word")
        if key is None or not _KEY.fullmatch(key):
            found = self._words[self._at][1] if self._at < len(self._words) else ""
            raise _Wrong(f"{key or found!r} is not key=value, key!=value or key")
        operator = self._take("op")
        if operator is None:
            return self._look(key).lower() not in _FALSE
        wanted = self._wanted()
        if wanted is None:
            raise _Wrong(f"nothing stands after {key}{operator}")
        return _compare(key, self._look(key), operator.lower(), wanted)

    def _wanted(self) -> str | None:
        quoted = self._take("text")
        if quoted is not None:
            return re.sub(r"\\(.)", r"\1", quoted[1:-1])
        words = []
        while (word := self._take("word")) is not None:
            words.append(word)
        return " ".join(words) if words else None

    def _take(self, kind: str) -> str | None:
        if self._at < len(self._words) and self._words[self._at][0] == kind:
            self._at += 1
            return self._words[self._at - 1][1]
        return None


def _compare(key: str, found: str, operator: str, wanted: str) -> bool:
    if key in ("outcome", "status", "context.outcome"):
        found, wanted = found.lower(), wanted.lower()
        wanted = _ALIASES.get(wanted, wanted)
    if operator in ("=", "=="):
        return found == wanted
    if operator == "!=":
        return found != wanted
    if operator == "contains":
        return wanted in found
    if operator == "matches":
        return _matches(wanted, found)
    return _ordered(found, operator, wanted)


def _matches(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return False


def _ordered(found: str, operator: str, wanted: str) -> bool:
    try:
        left, right = float(found), float(wanted)
    except ValueError:
        return False
    return {"<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right}[
        operator
    ]
