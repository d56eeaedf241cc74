"""Texts: cut, join, search, replace, format."""

import re
from collections.abc import Iterable

from unlit.twins.services.google.sheets import entry, show
from unlit.twins.services.google.sheets.formula import values
from unlit.twins.services.google.sheets.formula.criteria import wildcard
from unlit.twins.services.google.sheets.formula.functions.registry import scalar, whole
from unlit.twins.services.google.sheets.formula.model import Matrix, Value, fail
from unlit.twins.services.google.sheets.formula.values import integer, number, text, truth


@whole("CONCATENATE")
def _concatenate(*args: Value) -> Value:
    return "".join(text(item) for item, _ in values.flat(args))


@scalar("CONCAT", 2)
def _concat(a: Value, b: Value) -> Value:
    return text(a) + text(b)


@whole("JOIN", 2)
def _join(separator: Value, *args: Value) -> Value:
    return text(separator).join(text(item) for item, _ in values.flat(args))


@whole("TEXTJOIN", 3)
def _textjoin(separator: Value, skip: Value, *args: Value) -> Value:
    parts = [text(item) for item, _ in values.flat(args)]
    return text(separator).join(p for p in parts if p or not truth(skip))


@scalar("LEN")
def _len(value: Value) -> Value:
    return float(len(text(value)))


@scalar("UPPER")
def _upper(value: Value) -> Value:
    return text(value).upper()


@scalar("LOWER")
def _lower(value: Value) -> Value:
    return text(value).lower()


@scalar("PROPER")
def _proper(value: Value) -> Value:
    return re.sub(r"[A-Za-z]+", lambda m: m[0].capitalize(), text(value))


@scalar("TRIM")
def _trim(value: Value) -> Value:
    return re.sub(r" +", " ", text(value)).strip(" ")


@scalar("CLEAN")
def _clean(value: Value) -> Value:
    return "".join(c for c in text(value) if ord(c) >= 32)


@scalar("LEFT", 1, 2)
def _left(value: Value, count: Value = 1.0) -> Value:
    return text(value)[: _size(count)]


@scalar("RIGHT", 1, 2)
def _right(value: Value, count: Value = 1.0) -> Value:
    size = _size(count)
    return text(value)[-size:] if size else ""


def _size(count: Value) -> int:
    size = integer(count)
    if size < 0:
        raise fail("VALUE", "Parameter 2 should be greater than or equal to 0.")
    return size


@scalar("MID", 3)
def _mid(value: Value, start: Value, count: Value) -> Value:
    first = integer(start) - 1
    if first < 0:
        raise fail("NUM", "Function MID parameter 2 should be greater than or equal to 1.")
    return text(value)[first : first + _size(count)]


@scalar("FIND", 2, 3)
def _find(wanted: Value, within: Value, start: Value = 1.0) -> Value:
    at = text(within).find(text(wanted), integer(start) - 1)
    return _place(at, text(wanted), text(within))


@scalar("SEARCH", 2, 3)
def _search(wanted: Value, within: Value, start: Value = 1.0) -> Value:
    found = wildcard(text(wanted)).search(text(within), integer(start) - 1)
    return _place(found.start() if found else -1, text(wanted), text(within))


def _place(at: int, wanted: str, within: str) -> float:
    if at < 0:
        raise fail("VALUE", f"In FIND evaluation, cannot find '{wanted}' within '{within}'.")
    return at + 1.0


@scalar("SUBSTITUTE", 3, 4)
def _substitute(value: Value, old: Value, new: Value, which: Value = None) -> Value:
    if which is None or not text(old):
        return text(value).replace(text(old), text(new)) if text(old) else text(value)
    parts = text(value).split(text(old))
    n = integer(which)
    if n > len(parts) - 1:
        return text(value)
    return text(old).join(parts[:n]) + text(new) + text(old).join(parts[n:])


@scalar("REPLACE", 4)
def _replace(value: Value, start: Value, count: Value, new: Value) -> Value:
    at = integer(start) - 1
    return text(value)[:at] + text(new) + text(value)[at + _size(count) :]


@scalar("REPT", 2)
def _rept(value: Value, count: Value) -> Value:
    return text(value) * _size(count)


@scalar("EXACT", 2)
def _exact(a: Value, b: Value) -> Value:
    return text(a) == text(b)


@scalar("VALUE")
def _value(value: Value) -> Value:
    return number(value)


@scalar("TEXT", 2)
def _text(value: Value, pattern: Value) -> Value:
    single = values.scalar(value)
    if isinstance(single, str):
        understood = entry.typed(single).value
        if not isinstance(understood, float):
            return single
        single = understood
    if isinstance(single, bool):
        return text(single)
    return show.shown(number(single), {"numberFormat": {"pattern": text(pattern)}})


@scalar("T")
def _t(value: Value) -> Value:
    single = values.scalar(value)
    return single if isinstance(single, str) else ""


@scalar("CHAR UNICHAR")
def _char(value: Value) -> Value:
    return chr(integer(value))


@scalar("CODE UNICODE")
def _code(value: Value) -> Value:
    return float(ord(text(value)[0]))


@scalar("DOLLAR", 1, 2)
def _dollar(value: Value, places: Value = 2.0) -> Value:
    decimals = "." + "0" * integer(places) if integer(places) > 0 else ""
    return show.formatted(number(value), f'"$"#,##0{decimals}')


@scalar("FIXED", 1, 3)
def _fixed(value: Value, places: Value = 2.0, plain: Value = False) -> Value:
    decimals = "." + "0" * integer(places) if integer(places) > 0 else ""
    return show.formatted(number(value), ("0" if truth(plain) else "#,##0") + decimals)


def _pattern(pattern: Value) -> re.Pattern[str]:
    try:
        return re.compile(text(pattern))
    except re.error as error:
        raise fail(
            "REF",
            f'Function REGEXMATCH parameter 2 value "{text(pattern)}" is not a valid regular '
            f"expression.",
        ) from error


@scalar("REGEXMATCH", 2)
def _regexmatch(value: Value, pattern: Value) -> Value:
    return _pattern(pattern).search(text(value)) is not None


@whole("REGEXEXTRACT", 2, 2)
def _regexextract(value: Value, pattern: Value) -> Value:
    found = _pattern(pattern).search(text(value))
    if found is None:
        raise fail(
            "N_A", "Function REGEXEXTRACT parameter 2 value does not match text of parameter 1."
        )
    groups = found.groups()
    if not groups:
        return found[0]
    return Matrix((tuple(groups),)) if len(groups) > 1 else groups[0]


@scalar("REGEXREPLACE", 3)
def _regexreplace(value: Value, pattern: Value, new: Value) -> Value:
    return _pattern(pattern).sub(re.sub(r"\$(\d)", r"\\\1", text(new)), text(value))


@whole("SPLIT", 2, 4)
def _split(value: Value, separator: Value, each: Value = True, skip: Value = True) -> Value:
    marks = text(separator)
    if truth(each):
        parts: Iterable[str] = re.split("[" + re.escape(marks) + "]", text(value))
    else:
        parts = text(value).split(marks)
    kept = [p for p in parts if p or not truth(skip)]
    return Matrix((tuple(entry.typed(p).value for p in kept),))


@scalar("HYPERLINK", 1, 2)
def _hyperlink(url: Value, label: Value = None) -> Value:
    return text(url) if label is None else values.scalar(label)
