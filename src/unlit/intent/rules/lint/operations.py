"""Operations that need a rule: sort by what, round how, equal in which sense, which week.

Each of these has split implementations of the same sentence: the operation is named and the
convention that decides its result is not.
"""

import re
from dataclasses import dataclass
from typing import Final

from unlit.intent.model import Criterion, Finding, Spec
from unlit.intent.rules.lint.hint import hint, masked


@dataclass(frozen=True, slots=True)
class Operation:
    """`pattern` names an operation; `settled` is what, in the criterion, decides its result.

    What matches `anywhere` settles it for the whole spec.
    """

    name: str
    pattern: re.Pattern[str]
    settled: re.Pattern[str]
    question: str
    instead: str
    anywhere: re.Pattern[str] | None = None


_CASE: Final = re.compile(
    r"\b(capitals?|capital letters?|upper ?case|lower ?case|case[- ](?:in)?sensitive|"
    r"ignoring case|case-fold\w*)\b",
    re.I,
)


def _made(name: str, pattern: str, settled: str, question: str, instead: str) -> Operation:
    anywhere = _CASE if name == "search" else None
    return Operation(
        name, re.compile(pattern, re.I), re.compile(settled, re.I), question, instead, anywhere
    )


OPERATIONS: Final = (
    _made("sort", r"\b(sort(?:s|ed)?|order(?:s|ed)?(?= (?:list|output|by|them|the|all))|"
          r"in order(?! of\b)|alphabetical(?:ly)?|chronological(?:ly)?)\b",
          r"\b(ascending|descending|(?:first|smallest|largest|newest|oldest|lowest|highest) first|"
          r"code ?point|byte order|case[- ](?:in)?sensitive|ignoring case|in the order (?:of|"
          r"given|in)|"
          r"a to z|as numbers|numerical(?:ly)?|from (?:oldest|newest|smallest|largest|lowest|"
          r"highest)|reverse)\b",
          "by what, in which direction, how ties and upper case are ordered",
          "sorted by NAME, ascending, by code point; ties in the order given"),
    _made("round", r"\b(round(?:ed|ing)|(?<=shall )round|rounds? (?=it|them|the|up|down|to|each|"
          r"all|every|"
          r"half|amounts?|prices?|totals?)|nearest)\b",
          r"\b(half (?:up|down|even|away)|half to even|rounding half|up|down|"
          r"towards? zero|bankers?|ceiling|floor|truncat\w+)\b",
          "where exactly half goes", "rounded half up to 2 decimals"),
    _made("truncate", r"\b(truncat\w+|shorten(?:s|ed)?|cut(?:s)? (?:off|to)|abbreviat\w+)\b",
          r"\b(characters|bytes|code points|words|lines|decimals|\d+ \w+)\b",
          "to how many of what, and whether a mark counts", "shortened to 20 characters, `…` "
          "included"),
    _made("top", r"\b((?:\d+|two|three|five|ten) (?:best|largest|smallest|highest|lowest|newest|"
    "oldest)|"
          r"(?:top|first|last|largest|smallest|highest|lowest|best|newest|oldest) (?:\d+|"
          r"two|three|five|ten|N|`[^`]*`))\b(?! (?:characters|code points|bytes|lines|words|"
          r"letters|digits|"
          r"columns|rows|days|seconds|minutes|hours))",
          r"\b(ties?|equal|same (?:count|score|value|amount|number))\b",
          "what happens at a tie", "the 3 largest by size; at a tie the earlier one"),
    _made("rank", r"\b(winner|winners|leader|runner-up|rank(?:s|ed|ing)|highest[- ]scoring|"
          r"high score)\b",
          r"\b(ties?|tied|equal|same (?:count|score|value|amount|number|points|votes))\b",
          "what happens at a tie", "at a tie both win, in the order of their names"),
    _made("average", r"\b(average|mean(?! to)|typical value)\b",
          r"\b(arithmetic|median|geometric|rounded|decimals?|empty|no values)\b",
          "which mean, and of nothing", "the arithmetic mean; `0` when there is none"),
    _made("median", r"\bmedian\b", r"\b(even|two middle|lower|upper|mean of)\b",
          "what it is for an even count", "the mean of the two middle values for an even count"),
    _made("equal", r"(?<!without )\b(duplicate(?:s|d)?|unique|distinct|deduplicat\w+|same "
    "(?:name|word|title|"
          r"value|text|address|e-?mail))\b",
          r"\b(case[- ](?:in)?sensitive|ignoring case|exactly|byte for byte|by (?:id|name|key|code|"
          r"login|number)|same (?:id|key|number)|identical|after trimming|numerically)\b",
          "when two count as the same: case, blanks, which fields",
          "the same when their names are equal ignoring case"),
    _made("keep", r"\b(remove|drop|discard|delete|merge|keep)s?\b[^.]*\b(duplicates?|repeated)\b",
          r"\b((?:keep|keeping|keeps)\s+(?:the )?(?:first|last|newest|oldest)|first (?:one|of)|"
          r"last (?:one|of)|"
          r"order of (?:first|last))\b",
          "which one stays, and in which order", "keep the first, in the order of the input"),
    _made("search", r"\b((?<!shall )(?<!must )(?<!should )contain(?:s|ing)?(?! (?:at |more|fewer|"
          r"less|exactly|only|no |\d))|match(?:es|ing)?(?! *[,.;])|"
          r"search(?:es)?(?! *[,.;])|find(?:s)?|filter(?:s)?|"
          r"look(?:s)? up|starts? with|ends? with)\b(?! (?:the|a|an) (?:file|database|error))",
          r"\b(case[- ](?:in)?sensitive|ignoring case|exact(?:ly)?|whole word|substring|regular "
          r"expression|glob|code|id|number|character for character)\b|`|\"",
          "whether case and part of a word count", "contains TEXT as a substring, ignoring case"),
    _made("split", r"\b(split(?:s|ting)?|separat(?:e|es|ed)|words?(?= (?:in|of|per (?!minute)|"
          r"count))|"
          r"count(?:s)? (?:the )?words)\b",
          r"\b(by|at|on|white ?space|blanks?|commas?|separated by|delimit\w+|letters|tab|space|"
          r"sequence of)\b|`",
          "at what, and what empty parts mean", "separated by one comma; empty parts are dropped"),
    _made("week", r"\b(week(?:s|ly)?(?! ago)|week ?end|week ?day)\b",
          r"\b(ISO|monday|sunday|saturday|\d+ weeks?|7 days)\b",
          "on which day it starts", "ISO 8601 weeks, which start on Monday"),
    _made("month", r"\b(?:((?:one|a|per|each|every|\d+) months?|monthly|"
          r"(?:one|a|(?<!than )\d+) years?)\b"
          r"(?! (?:ends?|begins?|starts?|closes?|is over|turns?)))",
          r"\b(calendar|30 days|365 days|last day|end of (?:the )?month|28|29 february|leap)\b",
          "calendar months or 30 days, and what 31 January plus one is",
          "one calendar month; the last day when the day does not exist"),
    _made("divide", r"\b(divid\w+|split(?:s)? (?:the|an?) (?:amount|bill|total|cost)|share(?:s|d)? "
          r"(?:the|an?) (?:amount|bill|total|cost)|(?<!\d )percent(?:age)?|%|ratio|modulo)\b",
          r"\b(shall (?:show|print|display|report|list)\b[^.]*\bin\b(?= {2})|remainder|round\w*|"
          r"decimals?|towards|floor|by zero|first .* gets?)\b",
          "where the remainder goes, and division by zero",
          "in cents; the remainder goes to the first, one cent each"),
    _made("share", r"\b(proportional(?:ly)?|evenly|equally|pro rata|in equal parts)\b",
          r"\b(remainder|round\w*|decimals?|cents?|left over|first .* gets?)\b",
          "where the remainder goes", "in cents; the remainder goes to the first, one cent each"),
    _made("range", r"\bbetween\b[^,.;]*?\band\b",
          r"\b(inclusive|exclusive|included|excluded|including|excluding|both)\b",
          "whether the ends belong to it", "between 1 and 10, both included"),
    _made("until", r"\b(until|till|up to|(?<!sorted )(?<!ordered )(?<!sort )(?<!order "
          r")(?<!grouped )by) (?:the )?(?:\d{4}-\d\d-\d\d|end|date|day|deadline|"
          r"due date|midnight|monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b",
          r"\b(inclusive|exclusive|included|excluded|including|excluding|end of (?:that|the) "
          r"day)\b",
          "whether that day belongs to it", "until 2026-03-31, that day included"),
    _made("case", r"\b(capitali[sz]\w+|title case|upper ?case|lower ?case|normali[sz]\w+)\b",
          r"\b(first letter|each word|every word|all letters|unicode|NFC|NFKC|ASCII|only)\b|`",
          "of which letters, and for letters beyond ASCII",
          "the first letter of each word, others unchanged"),
    _made("default", r"\b(default(?:s)?(?: value)?|optionally)\b",
          r"\b(default(?:s)? (?:to|is|of|value is)|by default|is \d|when (?:absent|missing|omitted|"
          r"not given))\b|`",
          "which value holds when none is given", "when it is absent, 10"),
    _made("mixed",
        r"\b(?:if|when)\b[^,]*?\b(?:and\b[^,]*?\bor\b(?! (?:more|less|fewer|both|later|older|"
        r"equal))"
        r"|or\b(?! (?:more|less|fewer|both|later|older|equal))[^,]*?\band)\b[^,]*,",
        r"\b(both|either|all of|any of|one of)\b",
          "whether `and` or `or` binds first", "if A, and B or C or both, …"),
)  # fmt: skip


def findings(spec: Spec) -> list[Finding]:
    """Return a hint for each operation whose convention neither criterion nor glossary gives."""
    settled_by_terms = " ".join(f"{term.name} {term.meaning}" for term in spec.terms)
    whole = " ".join(
        [criterion.text for criterion in spec.criteria]
        + [f"{row.case} {row.behaviour}" for row in spec.boundaries]
    )
    open_ones = [
        operation
        for operation in OPERATIONS
        if operation.anywhere is None or not operation.anywhere.search(whole)
    ]
    found = []
    for criterion in spec.criteria:
        text = masked(criterion.text)
        context = f"{criterion.text} {settled_by_terms}"
        found += [
            finding
            for operation in open_ones
            if (finding := _one(operation, criterion, text, context)) is not None
        ]
    return found


def _one(operation: Operation, criterion: Criterion, text: str, context: str) -> Finding | None:
    match = operation.pattern.search(text)
    if match is None or operation.settled.search(_without(context, match[0])):
        return None
    return hint(
        "INT-320", criterion, match, f"`{match[0]}` leaves open {operation.question}.",
        "Two careful readers implement it differently.", f"Say for instance: {operation.instead}.",
    )  # fmt: skip


def _without(context: str, named: str) -> str:
    """Take the operation's own words away, so that they do not settle themselves."""
    return context.replace(named, " ", 1)
