"""Inputs that might split two readings of a spec: its examples, changed one place at a time.

No randomness: the same spec gives the same inputs. Changes follow what splits readers in practice:
ends of ranges, halves, ties, equal up to case, blanks and accents, empty and missing values, month
ends and week ends, remainders, repeats, more parts than the example has.
"""

import datetime
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, quote, urlencode

from unlit.core.ids import CriterionId
from unlit.intent.model import Spec
from unlit.intent.rules.examples import Call, Input, input_of

_T = TypeVar("_T")
LIMIT: Final = 400
_NUMBER: Final = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?|\d+(?:\.\d+)?")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_TIME: Final = re.compile(r"(?<![\d:])(\d\d:\d\d)(:\d\d)?(Z|[+-]\d\d:?\d\d)?(?![\d:])")
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:?\d\d)?")
_WORD: Final = re.compile(r"[A-Za-zÀ-ÿ]{1,}")
_FLAG: Final = re.compile(r"^--?[A-Za-z][\w-]*$")


@dataclass(frozen=True, slots=True)
class Probe:
    """One generated input and the criterion whose example it came from."""

    input: Input
    criterion: CriterionId
    changes: int


def probes(spec: Spec, *, program: str | None = None, limit: int = LIMIT) -> tuple[Probe, ...]:
    """Return up to `limit` inputs, fewest changes first, each once."""
    seeds: list[Probe] = []
    numbers: set[str] = set()
    for criterion in spec.criteria:
        numbers |= set(re.findall(r"\d+", criterion.text))
        for example in criterion.examples:
            made = input_of(example, program)
            if made is not None:
                seeds.append(Probe(made, criterion.id, 0))
    hints = sorted(numbers, key=lambda text: (len(text), text))[:12]
    found: dict[Input, Probe] = {probe.input: probe for probe in reversed(seeds)}
    ordered = list({probe.input: probe for probe in seeds}.values())
    once = _spread([_changed(probe, hints) for probe in ordered], found)
    ordered += once
    if len(ordered) < limit:
        ordered += _spread([_changed(probe, hints) for probe in once], found, limit - len(ordered))
    return tuple(ordered[:limit])


def _spread(
    streams: Sequence[Iterator[Probe]], found: dict[Input, Probe], limit: int = 100_000
) -> list[Probe]:
    """Take from each stream in turn, so that no example uses up the limit alone."""
    taken: list[Probe] = []
    alive = list(streams)
    while alive and len(taken) < limit:
        still = []
        for stream in alive:
            probe = next(stream, None)
            if probe is None:
                continue
            still.append(stream)
            if probe.input not in found:
                found[probe.input] = probe
                taken.append(probe)
        alive = still
    return taken


def _changed(probe: Probe, hints: Sequence[str]) -> Iterator[Probe]:
    for made in _inputs(probe.input, hints):
        if probe.changes and _blown_up(made, probe.input):
            continue
        yield Probe(made, probe.criterion, probe.changes + 1)


def _blown_up(made: Input, base: Input) -> bool:
    """Say whether a second change made a number of seven digits: a program may count to it."""
    return any(re.search(r"\d{7}", arg) for arg in made.args if arg not in base.args)


def _inputs(base: Input, hints: Sequence[str]) -> Iterator[Input]:
    args = base.args
    if base.calls:
        yield from _requests(base, hints)
        return
    for at, (name, held) in enumerate(base.files):
        for text in (*_texts(held, (), hints), "", f"{held}\n{held}", held.rstrip("\n")):
            files = (*base.files[:at], (name, text), *base.files[at + 1 :])
            yield Input(args, base.stdin, files)
        yield Input(args, base.stdin, (*base.files[:at], *base.files[at + 1 :]))
    if base.stdin:
        for text in _texts(base.stdin, (), hints):
            yield Input(args, text, base.files)
        yield Input(args, "", base.files)
        yield Input(args, base.stdin.rstrip("\n") + "\n" + base.stdin, base.files)
    for made in _related(args):
        yield Input(made, base.stdin, base.files)
    others = {number for arg in args for number in _NUMBER.findall(arg)}
    streams = [
        _one_changed(base, index, [*hints, *sorted(others)])
        for index, arg in enumerate(args)
        if not _FLAG.match(arg)
    ]
    shapes = (Input(made, base.stdin, base.files) for made in _shapes(args))
    yield from _in_turn(*streams, shapes)


def _one_changed(base: Input, index: int, hints: Sequence[str]) -> Iterator[Input]:
    args = base.args
    siblings = [other for other in args if other != args[index]]
    for text in _texts(args[index], siblings, hints):
        yield Input((*args[:index], text, *args[index + 1 :]), base.stdin, base.files)


def _requests(base: Input, hints: Sequence[str]) -> Iterator[Input]:
    """Change HTTP requests: one value, one field, one request more or less, another order."""
    calls = base.calls
    for at, call in enumerate(calls):
        for made in (*_paths(call, hints), *_bodies(call, hints)):
            yield Input((), calls=(*calls[:at], made, *calls[at + 1 :]))
    yield Input((), calls=(*calls, calls[-1]))
    if len(calls) > 1:
        yield Input((), calls=calls[::-1])
        yield Input((), calls=calls[1:])
        yield Input((), calls=calls[:-1])


def _paths(call: Call, hints: Sequence[str]) -> Iterator[Call]:
    path, mark, query = call.path.partition("?")
    parts = path.split("/")
    for at, part in enumerate(parts):
        # words of a path are the program's own; numbers and what looks like a key are values
        if at and re.search(r"\d", part):
            for text in _texts(part, (), hints):
                changed = "/".join([*parts[:at], quote(text, safe=""), *parts[at + 1 :]])
                yield Call(call.method, changed + mark + query, call.body)
    if not mark:
        return
    pairs = parse_qsl(query, keep_blank_values=True)
    for at, (name, value) in enumerate(pairs):
        for text in _texts(value, (), hints):
            asked = urlencode([*pairs[:at], (name, text), *pairs[at + 1 :]])
            yield Call(call.method, f"{path}?{asked}", call.body)
        rest = urlencode([*pairs[:at], *pairs[at + 1 :]])
        yield Call(call.method, f"{path}?{rest}" if rest else path, call.body)


def _bodies(call: Call, hints: Sequence[str]) -> Iterator[Call]:
    if not call.body:
        return
    try:
        value = json.loads(call.body)
    except ValueError:
        yield from (Call(call.method, call.path, text) for text in _texts(call.body, (), hints))
        return
    for made in _values(value, hints):
        yield Call(call.method, call.path, json.dumps(made, ensure_ascii=False))


def _values(value: Any, hints: Sequence[str]) -> Iterator[Any]:
    """Change a JSON value in one place."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from ({**value, name: made} for made in _values(part, hints))
            yield {key: other for key, other in value.items() if key != name}
    elif isinstance(value, list):
        for at, part in enumerate(value):
            yield from ([*value[:at], made, *value[at + 1 :]] for made in _values(part, hints))
        yield []
        yield [*value, *value]
        yield value[::-1]
    elif isinstance(value, bool) or value is None:
        yield not value
    elif isinstance(value, int | float):
        for text in _numbers(str(value), hints):
            try:
                yield float(text) if "." in text else int(text)
            except ValueError:
                continue
        yield str(value)
    else:
        yield from _texts(str(value), (), hints)
        yield None


def _related(args: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Change two arguments together where one lies in the other: overlaps split readers."""
    for at, short in enumerate(args):
        for place, whole in enumerate(args):
            if at == place or not 0 < len(short) < len(whole) or short not in whole:
                continue
            for part in _overlapping(whole):
                yield (*args[:at], part, *args[at + 1 :])
            both = list(args)
            both[at], both[place] = short[:1] * 2, short[:1] * 5
            yield tuple(both)
            yield (*args[:at], short.swapcase(), *args[at + 1 :])


def _overlapping(text: str) -> list[str]:
    """Return parts of a text that occur twice and share characters, such as `ana` in `banana`."""
    found = []
    for size in (2, 3, 4):
        for start in range(len(text) - size):
            part = text[start : start + size]
            if part not in found and 0 <= text.find(part, start + 1) < start + size:
                found.append(part)
    return found[:2]


def _shapes(args: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Change how many arguments there are, and their order."""
    if not args:
        return
    if len(args) > 1 and all(_NUMBER.fullmatch(arg) for arg in args):
        yield ("100000",) * len(args)
    yield args[::-1]
    last = args[-1]
    yield (*args, last)
    yield (*args, last.swapcase())
    yield (*args, args[0])
    yield (*args, args[0].upper())
    yield args[:-1]
    yield args[:1]
    yield ()
    if _NUMBER.fullmatch(last):
        yield (*args, str(int(float(last)) + 3))
        yield (*args, str(int(float(last)) + 3), "7")
    else:
        yield (*args, "zebra", "Zebra", "apple")


def _texts(text: str, siblings: Iterable[str], hints: Sequence[str]) -> Iterator[str]:
    """Change one text: its dates, times, numbers and words, then the whole, in turn."""
    dates = list(_DATE.finditer(text))
    times = list(_TIME.finditer(text))
    numbers = [] if dates or times else list(_NUMBER.finditer(text))
    inside = [
        *(_at(text, match, _dates(match[0], siblings)) for match in dates),
        *(_at(text, match, _times(match)) for match in times),
        *(_at(text, match, _numbers(match[0], hints)) for match in numbers),
        *(_at(text, match, _words(match[0])) for match in _WORD.finditer(text)),
    ]
    # a number, a date or a time with other characters is not one, and no reading of the spec
    is_value = any(p.fullmatch(text) for p in (_DATE, _TIME, _NUMBER, _MOMENT))
    whole = iter(("",)) if is_value else _in_turn(_whole(text), _fillers(hints))
    yield from _in_turn(_siblings(siblings), *inside, whole)


def _siblings(siblings: Iterable[str]) -> Iterator[str]:
    for other in siblings:
        yield other
        yield other * 2


def _at(text: str, match: re.Match[str], made: Iterator[str]) -> Iterator[str]:
    yield from (text[: match.start()] + new + text[match.end() :] for new in made)


def _whole(text: str) -> Iterator[str]:
    """Change a text as a whole: blanks, quotes, separators, letters beyond the first plane."""
    yield ""
    yield f" {text} "
    yield f"{text} {text}"
    yield f"{text},{text}"
    yield f'"{text},{text}"'
    yield from _quoted(text)
    yield f"{text}  {text}"
    yield f"{text}.{text}.x"
    yield f".{text}"
    yield f"{text}-{text}"
    yield f"{text}\t{text}"
    yield f"{text}\u00a0"
    yield f"{text}\U0001f600"
    yield f"{text}\n{text}"
    yield f"/{text}/"
    yield f"{text};{text}"
    yield "\u00df"


def _quoted(text: str) -> Iterator[str]:
    """Quote each field of a line of fields, with a separator inside."""
    for mark in (",", ";", "\t", ":"):
        parts = text.split(mark)
        for at in range(len(parts) if len(parts) > 1 else 0):
            yield mark.join([*parts[:at], f'"{parts[at]}{mark}x"', *parts[at + 1 :]])
            yield mark.join([*parts[:at], "", *parts[at + 1 :]])


def _fillers(hints: Sequence[str]) -> Iterator[str]:
    for hint in hints:
        size = int(hint) if hint.isdigit() and int(hint) <= 2000 else 0
        filler = "abcdefghij" * (size // 10 + 1)
        if size > 1:
            yield filler[:size]
            yield filler[: size + 1]


def _in_turn(*streams: Iterator[_T]) -> Iterator[_T]:
    """Take one of each stream in turn, so that each kind of change comes early."""
    alive = list(streams)
    while alive:
        still = []
        for stream in alive:
            for first in stream:
                yield first
                still.append(stream)
                break
        alive = still


def _numbers(text: str, hints: Sequence[str]) -> Iterator[str]:
    """Change a number: its neighbours and the numbers of the sentence first, in turn."""
    yield from _in_turn(_near(text), _hinted(hints))
    value = float(text)
    yield from (f"0{text.lstrip('-')}", f"{-value - 0.5:g}", f"+{text}", f"{value:g}.0")
    yield "0.1"


def _hinted(hints: Sequence[str]) -> Iterator[str]:
    for hint in hints:
        yield hint
    for hint in hints:
        if hint.isdigit():
            yield from (str(int(hint) + 1), str(int(hint) - 1))


def _near(text: str) -> Iterator[str]:
    value = float(text)
    whole = "." not in text
    near = [value - 1, value + 1, 0, -value, value + 0.5, value * 2, value * 10, value * 3 + 1]
    for number in near:
        if whole and number == int(number):
            yield str(int(number))
        else:
            yield f"{number:g}"
        if number == -value:
            yield from _wide(value)
    if not whole:
        base = int(value)
        yield from (f"{base}.5", f"{base + 1}.5", f"{base}.49", f"{base}.005", str(base))
        yield text.replace(".", ",")
    if whole and 1000 <= value <= 2999:
        yield from ("1900", "2000", "2100", "1999", "2024")


def _wide(value: float) -> Iterator[str]:
    """Yield numbers that do not fit where people put numbers.

    A small number may be a count, and a program that counts to two thousand million is slow on
    every reading: there, only what leaves 16 bits is tried.
    """
    if abs(value) >= 1000:
        yield from ("2147483648", "9007199254740993", "1234567.891")
    yield from ("65536", "100000")
    yield "-1" if value != 1 else "-2"


def _dates(text: str, siblings: Iterable[str] = ()) -> Iterator[str]:
    try:
        day = datetime.date.fromisoformat(text)
    except ValueError:
        return
    # the same day of the year as another date, and the day before it: anniversaries split readers
    for other in siblings:
        for found in _DATE.findall(other)[:1]:
            same = _moved(day, f"{day.year}{found[4:]}")
            yield from (same, _moved(day, same, -1))
    for delta in (1, -1, 5, 6, 7, 3, 4):
        yield _moved(day, text, delta)
    for month, number in ((1, 31), (2, 28), (12, 31), (1, 30), (3, 1), (3, 31)):
        yield day.replace(month=month, day=number).isoformat()
    leap = day.year - day.year % 4
    yield f"{leap}-02-29"
    yield f"{day.year + 1}-{day.month:02}-{min(day.day, 28):02}"
    # clocks change on these days, and a year of ISO weeks is not that of the date
    yield from ("2026-03-29", "2026-10-25", "2027-01-01", "2024-12-30", "1900-02-28")


def _moved(day: datetime.date, text: str, days: int = 0) -> str:
    try:
        return (datetime.date.fromisoformat(text) + datetime.timedelta(days=days)).isoformat()
    except (ValueError, OverflowError):
        return day.isoformat()


def _times(match: re.Match[str]) -> Iterator[str]:
    """Change a time of day, and the offset that follows it."""
    seconds, offset = match[2] or "", match[3] or ""
    for clock in ("00:00", "12:00", "23:59", "00:30", "12:30", "23:30", "11:59", "02:30"):
        yield f"{clock}{seconds}{offset}"
    for zone in ("Z", "+14:00", "-11:00", "+05:30"):
        if offset and zone != offset:
            yield f"{match[1]}{seconds}{zone}"
            yield f"23:30{seconds}{zone}"
            yield f"00:30{seconds}{zone}"


def _words(text: str) -> Iterator[str]:
    yield from (text.upper(), text.capitalize(), text.swapcase())
    yield f"é{text[1:]}"
    yield f"{text[:1]}'{text[1:]}"
    yield f"{text}-{text}"
    yield f"{text} of {text}s"
    yield from (text[0] * 2, text[0] * 4, text + text[1:])
    yield text[:-1]
    yield f"e\u0301{text[1:]}"
