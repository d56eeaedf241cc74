"""The shape of a criterion's sentence: EARS, one `shall`, an actor that acts.

Source: Mavin et al. (2009), "Easy Approach to Requirements Syntax (EARS)", IEEE RE'09; INCOSE
"Guide to Writing Requirements" v4 for the rule of one `shall`. What differs: a fronted `After`,
`Once` or `Before` is accepted as a trigger when a comma closes it.
"""

import re
from typing import Final

from unlit.intent.model import Criterion, Finding, Spec
from unlit.intent.rules.lint.hint import hint, masked

_SHALL: Final = re.compile(r"\bshall\b", re.I)
_WEAK: Final = re.compile(
    r"\b(should|must|will|may|might|could|ought to|needs? to|has to|have to|is able to|can)\b", re.I
)
_TRAILING: Final = re.compile(
    r"\bshall\b.*?,?\s+\b(when|if|while|whenever|unless|after(?= \d+ \w))\b\s+(?!(?:possible|"
    r"needed|necessary|required|appropriate|applicable|feasible)\b)(.+?)\.?$",
    re.I,
)
_CONDITION: Final = re.compile(r"^(when|while|if|where)\b", re.I)
_UNCLOSED: Final = re.compile(
    r"^(when|while|if|where|whenever|after|before|once|unless|until|as soon as|upon|in case|during|"
    r"the (?:day|week|month|hour|minute|moment|evening|morning|night) (?:before|after|of|when)|"
    r"(?:one|two|three|\d+) (?:days?|weeks?|months?|hours?|minutes?|seconds?) (?:before|after))"
    r"\b((?:(?!\bthen\b)(?!\b(?-i:THE)\b)[^,])*?)\bshall\b",
    re.I,
)
_PASSIVE: Final = re.compile(
    r"\bshall\s+(?:not\s+|never\s+|always\s+)*be\s+(\w+(?:ed|en|wn|ept|ent|eld|ade|old))\b", re.I
)
_PRONOUN: Final = re.compile(r"(?:^|,\s*|\bthen\s+)(it|they|this|that|these|those)\s+shall\b", re.I)
_BESIDE: Final = re.compile(r"\bshall\b.*?\b(should|might|could|ought to)\b", re.I)
_GAP: Final = re.compile(
    r"\b(TBD|TBC|TODO|FIXME|XXX|to be (?:decided|defined|confirmed|determined))\b|\?\?+|"
    r"\[(?:NEEDS CLARIFICATION|[A-Z _]{3,})[^\]]*\]"
)
_NEGATION: Final = re.compile(
    r"\b(?:not|never|nobody|no)\b(?:(?!\b(?:and|or)\b|[,;.]).){0,60}?"
    r"\b(?:not|never|nobody|no|un\w+ed|unable|impossible|fail to|neglect|omit|avoid|refrain)\b",
    re.I,
)


def findings(spec: Spec) -> list[Finding]:
    """Return the shape hints of all criteria."""
    return [finding for criterion in spec.criteria for finding in _criterion(criterion)]


def _criterion(criterion: Criterion) -> list[Finding]:
    text = masked(criterion.text)
    if not text:
        return []
    shalls = list(_SHALL.finditer(text))
    found = _demands(criterion, text, shalls)
    if shalls:
        found += _condition(criterion, text)
        found += _actor(criterion, text)
    found += _unfinished(criterion, text)
    double = _NEGATION.search(text, shalls[0].start()) if shalls else None
    if double is not None:
        found.append(
            hint("INT-306", criterion, double, "Two negations in one demand.",
                 "Readers resolve them differently.", "Say what shall happen.")
        )  # fmt: skip
    return found


def _demands(criterion: Criterion, text: str, shalls: list[re.Match[str]]) -> list[Finding]:
    if not shalls:
        weak = _WEAK.search(text)
        raw = criterion.text
        suggestion = f"{raw[: weak.start()]}shall{raw[weak.end() :]}" if weak else None
        return [
            hint("INT-301", criterion, weak, "The sentence has no `shall`.",
                 "Only `shall` says what must hold; other words leave it open.", suggestion)
        ]  # fmt: skip
    if len(shalls) > 1:
        return [
            hint("INT-302", criterion, shalls[1], f"The sentence has {len(shalls)} `shall`.",
                 "Two demands in one criterion cannot be met or missed alone.",
                 "Move each further `shall` to a criterion of its own.")
        ]  # fmt: skip
    return []


def _unfinished(criterion: Criterion, text: str) -> list[Finding]:
    found = []
    gap = _GAP.search(text)
    if gap is not None:
        found.append(
            hint(
                "INT-309",
                criterion,
                gap,
                f"`{gap[0]}` is a gap.",
                "Whoever writes the code fills it.",
                "Decide it, or take the criterion out.",
            )
        )
    beside = _BESIDE.search(text)
    if beside is not None:
        found.append(
            hint(
                "INT-308",
                criterion,
                (beside.start(1), beside.end(1)),
                f"`{beside[1]}` stands beside `shall`.",
                "It is not clear whether it is demanded.",
                "Write `shall`, or leave it out.",
            )
        )
    return found


def _condition(criterion: Criterion, text: str) -> list[Finding]:
    trailing = _TRAILING.search(text)
    if trailing is not None and not _CONDITION.match(text):
        start = trailing.start(1)
        head = criterion.text[:start].rstrip(" ,.")
        rest = criterion.text[trailing.start(2) : trailing.end(2)]
        word = "If" if trailing[1].lower() in ("if", "unless") else "When"
        negated = f"{word} not ({rest})" if trailing[1].lower() == "unless" else f"{word} {rest}"
        return [
            hint("INT-303", criterion, (start, start + len(trailing[1])),
                 f"The condition `{trailing[1]}` follows the demand.",
                 "EARS puts it first, so that nobody misses it or ties it to the wrong part.",
                 f"{negated}, {head[:1].lower()}{head[1:]}.")
        ]  # fmt: skip
    unclosed = _UNCLOSED.match(text)
    if unclosed is not None:
        return [
            hint("INT-304", criterion, (0, len(unclosed[1])),
                 f"No comma closes the condition after `{unclosed[1]}`.",
                 "Where the condition ends decides what is demanded.",
                 "Write `When CONDITION, the ACTOR shall …`.")
        ]  # fmt: skip
    return []


def _actor(criterion: Criterion, text: str) -> list[Finding]:
    passive = _PASSIVE.search(text)
    if passive is not None and not re.search(r"\bby\b", text[passive.end() :], re.I):
        return [
            hint("INT-305", criterion, passive, f"Nobody acts: `{passive[0]}`.",
                 "Without an actor it is not clear which part of the system must do it.",
                 f"Write `the ACTOR shall …` instead of `be {passive[1]}`.")
        ]  # fmt: skip
    pronoun = _PRONOUN.search(text)
    if pronoun is not None:
        return [
            hint("INT-305", criterion, (pronoun.start(1), pronoun.end(1)),
                 f"`{pronoun[1]}` stands for the actor.",
                 "A criterion is read alone; name who acts.", "Write `the ACTOR shall …`.")
        ]  # fmt: skip
    return []
