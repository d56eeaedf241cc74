"""SCIM filter expressions of `filter` and `search`: parsed once, evaluated on rows.

Source: developer.okta.com, "Filter and search" (2026-10): eq ne gt ge lt le sw ew co pr; and, or,
not, parentheses; strings in double quotes, dates, numbers, booleans, null; arrays by
``name[attribute operator value]``.
"""

import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

Test = Callable[[Any], bool]
OPERATORS: Final = ("eq", "ne", "gt", "ge", "lt", "le", "sw", "ew", "co", "pr")
_TOKEN: Final = re.compile(
    r'\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<mark>[()\[\]])|(?P<word>[^\s()\[\]"]+))'
)


class FilterError(ValueError):
    """The expression cannot be read."""


@lru_cache(maxsize=512)
def parse(text: str) -> Test:
    """Compile an expression to a test of rows.

    Raises:
        FilterError: It is not one.
    """
    tokens = _tokens(text)
    reader = _Reader(tokens)
    test = reader.alternatives()
    if reader.at != len(tokens):
        raise FilterError(f"unexpected {tokens[reader.at]!r}")
    return test


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    text = text.strip()
    if not text:
        raise FilterError("empty expression")
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise FilterError(f"cannot read {text[at:]!r}")
        found.append(match.group().strip())
        at = match.end()
    return found


class _Reader:
    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        if not token:
            raise FilterError("the expression ends too early")
        self.at += 1
        return token

    def alternatives(self) -> Test:
        tests = [self.conjunction()]
        while self.peek().lower() == "or":
            self.at += 1
            tests.append(self.conjunction())
        return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)

    def conjunction(self) -> Test:
        tests = [self.term()]
        while self.peek().lower() == "and":
            self.at += 1
            tests.append(self.term())
        return tests[0] if len(tests) == 1 else lambda row: all(test(row) for test in tests)

    def term(self) -> Test:
        word = self.take()
        if word == "(":
            test = self.alternatives()
            self.expect(")")
            return test
        if word.lower() == "not":
            inner = self.term()
            return lambda row: not inner(row)
        if self.peek() == "[":
            self.at += 1
            inside = self.alternatives()
            self.expect("]")
            return lambda row: any(inside(item) for item in _values(row, word))
        return self.comparison(word)

    def expect(self, mark: str) -> None:
        if self.take() != mark:
            raise FilterError(f"{mark} is missing")

    def comparison(self, attribute: str) -> Test:
        operator = self.take().lower()
        if operator not in OPERATORS:
            raise FilterError(f"unknown operator {operator!r}")
        if attribute.startswith('"'):
            raise FilterError(f"{attribute} is not an attribute")
        if operator == "pr":
            return lambda row: any(v not in (None, "", []) for v in _values(row, attribute))
        wanted = _literal(self.take())
        compare = _COMPARE[operator]
        if operator == "ne":
            return lambda row: all(compare(v, wanted) for v in _values(row, attribute) or [None])
        if wanted is None and operator == "eq":
            return lambda row: all(v is None for v in _values(row, attribute))
        return lambda row: any(compare(v, wanted) for v in _values(row, attribute))


def _literal(token: str) -> Any:
    if token.startswith('"'):
        return re.sub(r"\\(.)", r"\1", token[1:-1])
    lowered = token.lower()
    if lowered in ("true", "false", "null"):
        return {"true": True, "false": False, "null": None}[lowered]
    try:
        return float(token)
    except ValueError as error:
        raise FilterError(f"the value {token} needs double quotes") from error


def _values(row: Any, attribute: str) -> list[Any]:
    found = [row]
    for part in attribute.split("."):
        found = [item[part] for item in found if isinstance(item, dict) and part in item]
        found = [leaf for item in found for leaf in (item if isinstance(item, list) else [item])]
    return found


def _order(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return float(value)
    text = str(value)
    if len(text) >= 10 and text[:4].isdigit() and text[4] == "-":
        try:
            return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
        except ValueError:
            pass
    return text.casefold()


def _ordered(operator: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(value: Any, wanted: Any) -> bool:
        left, right = _order(value), _order(wanted)
        return type(left) is type(right) and left is not None and operator(left, right)

    return compare


def _text(operator: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    def compare(value: Any, wanted: Any) -> bool:
        return isinstance(value, str) and operator(value.casefold(), str(wanted).casefold())

    return compare


_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "eq": lambda value, wanted: _order(value) == _order(wanted),
    "ne": lambda value, wanted: _order(value) != _order(wanted),
    "gt": _ordered(lambda a, b: bool(a > b)),
    "ge": _ordered(lambda a, b: bool(a >= b)),
    "lt": _ordered(lambda a, b: bool(a < b)),
    "le": _ordered(lambda a, b: bool(a <= b)),
    "sw": _text(str.startswith),
    "ew": _text(str.endswith),
    "co": _text(lambda a, b: b in a),
}
