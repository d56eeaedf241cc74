"""Conditions of SUMIF, COUNTIF and the like: ``">=5"``, ``"a*"``, ``"<>x"``."""

import re
from collections.abc import Callable
from typing import Final

from unlit.twins.services.google.sheets import entry
from unlit.twins.services.google.sheets.formula import values
from unlit.twins.services.google.sheets.formula.model import Scalar, Value
from unlit.twins.services.google.sheets.model import Failure

_OPERATOR: Final = re.compile(r"^(<=|>=|<>|=|<|>)(.*)$", re.DOTALL)


def compile_criterion(value: Value) -> Callable[[Scalar], bool]:
    """Return a test for a criterion."""
    wanted = values.scalar(value)
    operator = "="
    if isinstance(wanted, str):
        found = _OPERATOR.match(wanted)
        if found:
            operator, wanted = found[1], found[2]
        understood = entry.typed(wanted).value if wanted else ""
        if isinstance(understood, float | bool):
            wanted = understood
    if isinstance(wanted, str) and operator in ("=", "<>"):
        return _texts(wanted, equal=operator == "=", explicit=value != wanted)
    return lambda item: _compared(item, operator, wanted)


def _texts(wanted: str, *, equal: bool, explicit: bool) -> Callable[[Scalar], bool]:
    pattern = wildcard(wanted)

    def test(item: Scalar) -> bool:
        if item is None:
            hit = wanted == "" and explicit
        else:
            hit = isinstance(item, str) and pattern.fullmatch(item) is not None
        return hit is equal

    return test


def wildcard(text: str) -> re.Pattern[str]:
    """Compile ``*``, ``?`` and ``~`` escapes; any case."""
    out: list[str] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char == "~" and text[at + 1 : at + 2] in ("*", "?", "~"):
            at += 1
            out.append(re.escape(text[at]))
        else:
            out.append(".*" if char == "*" else "." if char == "?" else re.escape(char))
        at += 1
    return re.compile("".join(out), re.IGNORECASE | re.DOTALL)


def _compared(item: Scalar, operator: str, wanted: Scalar) -> bool:
    if isinstance(item, Failure) or (item is None and operator != "<>"):
        return False
    if isinstance(item, bool) is not isinstance(wanted, bool) or isinstance(item, str) is not (
        isinstance(wanted, str)
    ):
        return operator == "<>"
    sign = values.order(item, wanted)
    return {
        "=": sign == 0,
        "<>": sign != 0,
        "<": sign < 0,
        "<=": sign <= 0,
        ">": sign > 0,
        ">=": sign >= 0,
    }[operator]
