"""Numbers need units, times need zones, sizes need a base."""

import re
from typing import Final

from unlit.intent.model import Criterion, Finding, Spec
from unlit.intent.rules.lint.hint import hint, masked

_NUMBER: Final = r"(\d++(?:[.,_]\d++)*+)"
_UNIT: Final = (
    r"(?:ms|milliseconds?|s|sec|seconds?|min|minutes?|h|hours?|days?|weeks?|months?|years?|"
    r"quarters?|"
    r"%|percent|bytes?|[kKMGT]i?B|[kKMGT]bit|bits?|characters?|code points?|letters?|digits?|"
    r"words?|"
    r"lines?|rows?|columns?|pages?|entries|items?|files?|records?|requests?|attempts?|retries|"
    r"times|"
    r"people|users?|members?|messages?|issues?|points?|cents?|euros?|dollars?|USD|EUR|GBP|px|"
    r"pixels?|"
    r"mm|cm|m|km|kg|g|°C|degrees?|Hz|decimals?|levels?|[a-z]{3,}s)\b"
)
#: a word after the number that may be its unit; a word that goes on with the sentence is not
_OTHER: Final = r"(?!(?:before|after|and|or|then|until|when|if|while|the|on|in|at|by)\b)[a-z]+"
_DURATION: Final = re.compile(
    rf"\b(within|in less than|after|every|for|older than|longer than|at least every|timeout of|"
    rf"expires? (?:in|after)|retr(?:y|ies) after|waits?(?: for)?|"
    rf"for (?:more|less|longer|at (?:least|most))(?: than)?)\s+{_NUMBER}(?!\s*[-–]?\s*{_UNIT})"
    rf"(?![\w%:-])(?!\s*{_OTHER})",
    re.I,
)
_ENDS: Final = re.compile(
    rf"\b(respond|answer|complete|finish|end|return|load|start|stop|reply)s?\b[^.;,]*?"
    rf"\b(?:in|within|under|below|in under|in less than|in at most)\s+{_NUMBER}(?=[.,;]|$)",
    re.I,
)
_LIMIT: Final = re.compile(
    rf"\b(limit|maximum|minimum|max|min|length|size|width|height|quota|threshold|capacity)\s+"
    rf"(?:of|is|shall be|be|at|to)\s+{_NUMBER}(?!\s*[-–]?\s*{_UNIT})(?![\w%:.-]*\s*(?:{_UNIT}|"
    rf"[a-z]+))",
    re.I,
)
_AMOUNT: Final = re.compile(
    rf"\b(price|amount|cost|fee|total|balance|salary|discount|fine)s?\b[^.;]*?\b(?:of|above|over|"
    rf"below|under|exceeds?|at least|at most|than|is)\s+{_NUMBER}(?!\s*{_UNIT})(?![\w%:-])",
    re.I,
)
#: something is measured, and the number ends the clause: `falls below 8, the controller shall`
_MEASURED: Final = re.compile(
    r"\b(temperature|speed|pressure|weight|mass|humidity|moisture|voltage|current|power|distance|"
    r"duration|interval|delay|timeout|rate|brightness|volume|depth|frequency|load|altitude|"
    r"latency|bandwidth|dose|dosage|consumption|acceleration|angle|heat|"
    r"throughput|memory|disk|storage|battery|age|period|lifetime|time)\b(?:(?!\b(?:hours?|days?|"
    r"minutes?|seconds?|points?|times)\b)[^.;,]){0,60}?\b"
    r"(?:below|above|under|over|beyond|past|exceeds?|reaches|than|least|most|to|of|is|be|at|"
    rf"rate|by)\s+[-–−]?{_NUMBER}(?=\s*(?:[,;]|\.(?:\s|$)|$|and\b|or\b|then\b|for\b|while\b|"
    r"when\b|until\b|at (?:least|most)\b))",
    re.I,
)
#: `rises above 10`, whatever it is that rises
_MOVES: Final = re.compile(
    r"\b((?:falls?|drops?|rises?|climbs?|sinks?|dips?|goes)\s+(?:above|below|under|over|to|past|"
    r"beneath|beyond)|(?:hotter|colder|warmer|cooler|faster|slower|heavier|lighter|deeper|farther|"
    r"further|nearer|closer|louder|brighter|darker|taller|thicker|thinner|wider) than)\s+"
    rf"[-–−]?{_NUMBER}(?=\s*(?:[,;]|\.(?:\s|$)|$|and\b|or\b|then\b|for\b))",
    re.I,
)
#: `a bubble of more than 50`, `larger than 3`: the number ends the clause, nothing is counted
_COMPARED: Final = re.compile(
    r"\b((?:of|worth|costs?|weighs?|lasts?) (?:more|less|over|under|at (?:least|"
    r"most)|up to)(?: than)?|"
    r"(?:larger|smaller|bigger|longer|shorter|older|younger|higher|lower) than)"
    rf"\s+[-–−]?{_NUMBER}(?=\s*(?:[,;]|\.(?:\s|$)|$))|"
    rf"\b(?:keep|hold|stay|maintain|remain)s?\b[^.;,]*?\b(between) [-–−]?\d[\d.,]* and"
    rf"\s+[-–−]?{_NUMBER}(?=\s*(?:[,;]|\.(?:\s|$)|$))",
    re.I,
)
#: `store it at -18`, `in under two`: kept at or done in so much, of what is not said
_KEPT: Final = re.compile(
    r"\b(?:store|keep|kept|hold|held|cool|heat|chill|freeze|warm|bake|dry|run|maintain)(?:s|d|ed)?\b"
    rf"[^.;,]*?\b(at)\s+(?:[-–−]?\d[\d.,]* (?:to|-|–) )?[-–−]?{_NUMBER}"
    r"(?=\s*(?:[,;]|\.(?:\s|$)|$))|"
    r"\b((?:in|within)(?: under| less than| at most| no more than)?)\s+"
    r"(\d+|two|three|four|five|six|eight|ten|twelve|fifteen|twenty|thirty|sixty|ninety)"
    r"(?=\s*(?:[;]|\.(?:\s|$)|$))",
    re.I,
)
_COUNTED: Final = re.compile(
    r"\b(number|count|counter|score|index|version|ratio|factor|ph|points|level)\b", re.I
)
#: `less than 30 left`, `reduce the flow to 6`
_LEFT: Final = re.compile(
    rf"\b(less than)\s+{_NUMBER}(?=\s+(?:left|remaining|remains?)\b)|"
    rf"\b(?:reduce|raise|increase|decrease|throttle|dim|heat|cool)\b[^.;,]*?\b(to|by)\s+{_NUMBER}"
    r"(?=\s*(?:[,;]|\.(?:\s|$)|$))",
    re.I,
)
_UNLESS_COUNTED: Final = (_MOVES, _COMPARED)
_MONEY: Final = re.compile(r"[$€£]|\b(?:USD|EUR|GBP|CHF|cents?|euros?|dollars?|currency)\b", re.I)
#: what settles the currency for the whole spec; cents do not say of which one
_CURRENCY: Final = re.compile(r"[$€£]|\b(?:USD|EUR|GBP|CHF|euros?|dollars?|currency)\b", re.I)
_CLOCK: Final = re.compile(
    r"(?<![\w:])(\d{1,2}:\d{2}|midnight|noon|\d{1,2}\s?(?:am|pm))\b|"
    r"\b(today|tomorrow|yesterday|end of (?:the )?day|business day|working days?|office hours)\b",
    re.I,
)
_ZONE: Final = re.compile(
    r"\b(UTC|GMT|Z\b|time ?zone|local time|[A-Z][a-z]+/[A-Z][a-z]+|CET|[ECMP][SD]?T|clock of)\b"
)
_BYTES: Final = re.compile(r"\b(\d[\d_.,]*)\s?(KB|MB|GB|TB|kB)\b")
_BASE: Final = re.compile(r"\b(1,?000|1,?024|decimal|binary|powers? of|[kKMG]iB)\b", re.I)


def findings(spec: Spec) -> list[Finding]:
    """Return hints for numbers without unit, money without currency, times without zone."""
    zone = any(_ZONE.search(text) for text in _whole(spec))
    base = any(_BASE.search(text) for text in _whole(spec))
    currency = any(_CURRENCY.search(text) for text in _whole(spec))
    defined = {term.name.lower().rstrip("s") for term in spec.terms}
    found: list[Finding] = []
    for criterion in spec.criteria:
        text = masked(criterion.text)
        amount = None if currency or _MONEY.search(text) else _AMOUNT.search(text)
        for pattern in (_DURATION, _LIMIT, _ENDS, _MEASURED, _MOVES, _LEFT, _COMPARED, _KEPT):
            match = pattern.search(text)
            if match is None or (pattern in _UNLESS_COUNTED and _COUNTED.search(text)):
                continue
            if not _given(found, criterion):
                at = 2 if match[2] else 4
                number, word = match[at], match[at - 1]
                found.append(
                    hint("INT-314", criterion, match.span(at), f"`{number}` has no unit.",
                         f"`{word}` measures something; of what is not said.",
                         f"{number} seconds, {number} characters, …")
                )  # fmt: skip
        if amount is not None and not _given(found, criterion):
            found.append(
                hint("INT-314", criterion, (amount.start(2), amount.end(2)),
                     f"`{amount[2]}` has no currency.", f"`{amount[1]}` is money.",
                     f"{amount[2]} EUR")
            )  # fmt: skip
        clock = _CLOCK.search(text)
        if clock is not None and not zone and (clock[2] or "").lower().rstrip("s") not in defined:
            found.append(
                hint("INT-315", criterion, clock, f"`{clock[1] or clock[2]}` has no time zone.",
                     "It is another moment elsewhere.", f"{clock[0]} UTC")
            )  # fmt: skip
        size = _BYTES.search(text)
        if size is not None and not base:
            found.append(
                hint("INT-316", criterion, size, f"`{size[0]}` may be 1,000 or 1,024 based.",
                     "The limit differs by 2 to 10 percent.",
                     f"{size[1]} {size[2][0].upper()}iB, or give bytes")
            )  # fmt: skip
    return found


def _given(found: list[Finding], criterion: Criterion) -> bool:
    """Say whether this criterion has its hint about a missing unit already."""
    return bool(found) and found[-1].code == "INT-314" and found[-1].criterion == criterion.id


def _whole(spec: Spec) -> list[str]:
    texts = [criterion.text for criterion in spec.criteria]
    texts += [f"{row.case} {row.behaviour}" for row in spec.boundaries]
    texts += [f"{term.name} {term.meaning}" for term in spec.terms]
    return [*texts, spec.intent]
