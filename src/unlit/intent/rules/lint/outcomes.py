"""Outcomes that nobody can observe, examples that show nothing, edges that nobody names."""

import re
from collections.abc import Iterable
from typing import Final

from unlit.core.ids import CriterionId
from unlit.intent.model import Criterion, Finding, Span, Spec
from unlit.intent.rules.lint.hint import hint, masked
from unlit.intent.rules.lint.phrases import words

_INNER: Final = re.compile(
    r"\bshall\s+(?:\w+ly\s+|also\s+)?(support|handle|manage|consider|know|understand|deal with|"
    r"take care of|be able to|be aware of|facilitate|be compatible with|care for|remember|"
    r"take into account|recogni[sz]e|be responsible for|cater for|think of|work|function|behave|"
    r"cope|adapt|assist|help|take\b[^.;]{0,40}?\binto account)\b",
    re.I,
)
_SOFT: Final = re.compile(
    r"\bshall\s+(?:\w+ly\s+|also\s+)?(process|ensure|provide|allow|enable|maintain|respect|use|"
    r"apply|perform|do|make sure|guarantee|note|detect|check|verify|validate|track|monitor|"
    r"determine|identify|keep track of|assess|evaluate|observe|watch|"
    r"compute|calculate|control|supervise|regulate)\b",
    re.I,
)
_SEEN: Final = re.compile(
    r"`|\"|\d|\b(print|exit|output|file|row|message|status|return|respond|answer|show|write|"
    r"display|"
    r"list|count|sent|send|post|create|open|line|name|log|error|mail|button|page|response|"
    r"order)\w*\b",
    re.I,
)
_EMPTY_OUTCOME: Final = re.compile(
    r"^(?:it |this |that |everything |the (?:program|tool|system|command|run) )?(?:just "
    r")?(?:works?|"
    r"succeeds?|is (?:ok|fine|correct|right|done|handled)|ok(?:ay)?|success|passes|fine|good|"
    r"(?:the )?(?:correct|right|expected) (?:result|output|answer|behaviou?r|value)s?)"
    r"(?: (?:correctly|properly|as expected|well|fine|again))?\.?$|"
    r"\b(?:as expected|as it should|correctly|properly|appropriately|as usual)\b",
    re.I,
)
_EMPTY_INPUT: Final = re.compile(
    r"^(?:an? |some |any |the )?(?:\w+ )?(?:valid|invalid|normal|typical|usual|correct|wrong|bad|"
    r"good|"
    r"regular|ordinary)\b[^\d`\"]*$|^(?:some|any|a) (?:user|input|file|request|data|"
    r"value)s?\b[^\d`\"]*$",
    re.I,
)
_WORDS: Final = (
    "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
)  # fmt: skip
_SPELLED: Final = "|".join(_WORDS)
_LIMIT: Final = re.compile(
    r"\b(?:at most|at least|no more than|up to|more than|longer than|fewer than|less than|"
    r"maximum of|"
    r"minimum of|\w+er than|exceeds?|limit of|above|over|below|under|beyond|"
    r"limit(?:s|ed)?\s+(?:\w+\s+){1,4}to)\s+(\d[\d_,]*|" + _SPELLED + r")\b|"
    r"\b(\d[\d_,]*)\s+\w+\s+or\s+(?:more|less|fewer|longer|older)\b",
    re.I,
)
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d(?:T[\d:.]+)?|\d?\d:\d\d(?::\d\d)?")
_CLOCKED: Final = re.compile(
    r"\b(today|now|yesterday|tomorrow|(?:days?|hours?|minutes?|weeks?|months?) ago|overdue|"
    r"expire[sd]?|"
    r"deadline|due date|current (?:date|time)|older than \d+ (?:days?|hours?|minutes?))\b",
    re.I,
)
_KNOWN_SERVICES: Final = {
    "okta": r"\bokta\b", "jira": r"\bjira\b", "slack": r"\bslack\b",
    "google": r"\bgoogle\b", "github": r"\bgithub\b",
}  # fmt: skip


def findings(spec: Spec) -> list[Finding]:
    """Return hints about what can be observed and which edges are missing."""
    found: list[Finding] = []
    shown = _Shown(spec)
    for criterion in spec.criteria:
        found += _sentence(criterion)
        found += _examples(criterion)
        found += _limits(criterion, shown)
    return [*found, *_declared(spec), *_services(spec), *_twice(spec)]


def _sentence(criterion: Criterion) -> list[Finding]:
    text = masked(criterion.text)
    match = _INNER.search(text)
    if match is None:
        match = _SOFT.search(text)
        if match is not None and _is_seen(criterion, criterion.text[match.end() :]):
            match = None
    if match is None:
        return []
    return [
        hint("INT-340", criterion, (match.start(1), match.end(1)),
             f"`{match[1]}` cannot be observed.",
             "A scenario sees output, files, messages and states of services, nothing inside.",
             "Say what is printed, written, sent or refused.")
    ]  # fmt: skip


def _is_seen(criterion: Criterion, rest: str) -> bool:
    """Say whether the demand names an output, or an example shows the thing that it acts on."""
    if _SEEN.search(rest):
        return True
    acted_on = words(rest.split(".")[0])
    return any(acted_on & words(example.outcome) for example in criterion.examples)


def _examples(criterion: Criterion) -> list[Finding]:
    found = []
    for example in criterion.examples:
        if example.outcome and _EMPTY_OUTCOME.search(example.outcome.strip()):
            found.append(
                Finding("INT-341", "hint", Span(example.outcome_line, 1),
                        f"The outcome `{_short(example.outcome)}` shows nothing.",
                        "Whoever wrote the code decides what it means.",
                        "Give the output, the exit code or the state afterwards.", criterion.id)
            )  # fmt: skip
        if example.input and _EMPTY_INPUT.search(example.input.strip()):
            found.append(
                Finding("INT-342", "hint", Span(example.line + 1, 1),
                        f"The input `{_short(example.input)}` is not an input.",
                        "An example has values that can be typed in.",
                        "Give the command, the request or the data.", criterion.id)
            )  # fmt: skip
    return found


def _short(text: str) -> str:
    first = text.strip().split("\n")[0]
    return first if len(first) <= 50 else first[:49] + "…"


class _Shown:
    """Which numbers a spec shows: in its rows, and in the examples of each criterion."""

    def __init__(self, spec: Spec) -> None:
        self._rows = _numbers(f"{row.case} {row.behaviour}" for row in spec.boundaries)
        self._examples = {
            criterion.id: _numbers(f"{e.title} {e.input} {e.outcome}" for e in criterion.examples)
            for criterion in spec.criteria
        }
        self._naming: dict[str, list[CriterionId]] = {}
        for criterion in spec.criteria:
            for number in _numbers([criterion.text]):
                self._naming.setdefault(number, []).append(criterion.id)

    def has(self, value: int, criterion: Criterion) -> bool:
        """Say whether `value` or a neighbour is shown here, or by a criterion that names it."""
        near = {str(value - 1), str(value), str(value + 1)}
        if near & self._rows or near & self._examples[criterion.id]:
            return True
        return any(near & self._examples[other] for other in self._naming.get(str(value), ()))


def _numbers(texts: Iterable[str]) -> frozenset[str]:
    said = _MOMENT.sub(" ", " ".join(texts)).replace(",", "").replace("_", "")
    return frozenset(re.findall(r"\d+", said))


def _limits(criterion: Criterion, shown: _Shown) -> list[Finding]:
    found = []
    for match in _LIMIT.finditer(masked(criterion.text)):
        raw = match[1] or match[2]
        plain = raw.lower()
        value = _WORDS.index(plain) + 2 if plain in _WORDS else int(re.sub(r"[_,]", "", raw))
        if not shown.has(value, criterion):
            found.append(
                hint("INT-343", criterion, match, f"Nothing shows the edge at {raw}.",
                     "Off by one at a limit is the commonest misreading.",
                     f"| limit | exactly {raw}: … |")
            )  # fmt: skip
    return found


def _declared(spec: Spec) -> list[Finding]:
    found = []
    clock = _CLOCKED.search(" ".join(masked(criterion.text) for criterion in spec.criteria))
    reasons = {
        "service down": f"the product talks to {', '.join(spec.uses)}" if spec.uses else None,
        "clock": f"a criterion says `{clock[0]}`" if clock else None,
    }
    for row in spec.boundaries:
        reason = reasons.get(row.case.lower())
        if row.is_irrelevant and reason:
            found.append(
                Finding("INT-344", "hint", Span(row.line),
                        f"`{row.case}` is declared irrelevant, yet {reason}.",
                        "That edge will happen.", "Say what happens then.")
            )  # fmt: skip
    return found


def _services(spec: Spec) -> list[Finding]:
    text = " ".join(criterion.text for criterion in spec.criteria)
    used = {name.lower() for name in spec.uses}
    return [
        Finding("INT-345", "hint", Span(spec.places.get("front.uses", 1)),
                f"A criterion names {name}, and `uses` does not.",
                "Without it no twin of the service is there when the product is graded.",
                f"uses: [{', '.join([*spec.uses, name])}]")
        for name, pattern in _KNOWN_SERVICES.items()
        if name not in used and re.search(pattern, text, re.I)
    ]  # fmt: skip


def _twice(spec: Spec) -> list[Finding]:
    seen: dict[str, Criterion] = {}
    found = []
    for criterion in spec.criteria:
        key = re.sub(r"\W+", " ", criterion.text.lower()).strip()
        if key and key in seen:
            found.append(
                hint("INT-331", criterion, None, f"It says the same as {seen[key].id}.",
                     "Evidence for one is counted for the other.", "Delete one of the two.")
            )  # fmt: skip
        seen.setdefault(key, criterion)
    return found
