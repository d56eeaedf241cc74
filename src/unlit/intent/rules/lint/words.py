"""Words that readers fill with different meanings.

Vocabulary after ISO/IEC/IEEE 29148:2018, 5.2.7 and INCOSE "Guide to Writing Requirements" v4,
rules R7 to R10 and R26, shortened to words that changed an outcome in our corpus. These are style
hints: word lists predict real ambiguity badly, so they never gate.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from unlit.intent.model import Finding, Spec
from unlit.intent.rules.lint.hint import hint, masked


@dataclass(frozen=True, slots=True)
class Word:
    """Why a word is open, and what to write instead."""

    code: str
    reason: str
    instead: str


_SPEED: Final = Word("INT-310", "How fast is not said.", "State a bound: `within 2 seconds`.")
_QUALITY: Final = Word("INT-310", "Nobody can observe it.", "Say what a person sees when it holds.")
_VALID: Final = Word(
    "INT-310", "What makes it so is not said.", "Say the form: `one to 9 ASCII digits`."
)
_AMOUNT: Final = Word("INT-310", "How many is not said.", "State a number or a range.")
_TIME: Final = Word("INT-310", "When is not said.", "State a time or an interval.")
_ESCAPE: Final = Word("INT-311", "It lets every behaviour pass.", "Delete it, or say when exactly.")
_OPEN: Final = Word(
    "INT-311", "The list has no end.", "List all, or say which rule makes the list."
)
_BEST: Final = Word("INT-312", "It names no target, so nothing can miss it.", "State a bound.")
_CHOICE: Final = Word("INT-313", "It means `and` to some and `or` to others.",
                      "Write `A, B, or both`, or choose one.")  # fmt: skip

_GROUPS: Final[Mapping[Word, str]] = {
    _SPEED: "fast|quick|quickly|rapid|rapidly|promptly|timely|responsive|slow|in real time|"
    "in a timely manner|performant|swiftly",
    _QUALITY: "user-friendly|friendly|easy|easily|intuitive|simple|simply|robust|robustly|seamless|"
    "seamlessly|nice|nicely|clean|cleanly|gracefully|graceful|properly|correctly|appropriate|"
    "appropriately|suitable|suitably|adequate|adequately|reasonable|reasonably|sensible|sensibly|"
    "secure|securely|weak|strong|safely|efficient|efficiently|effective|effectively|helpful|"
    "meaningful|"
    "useful|acceptable|good|bad|well|modern|readable|clear|clearly|consistent|consistently|"
    "normal|normally|standard|valid-looking|relevant|human-readable|sane|accurate|accurately|"
    "reliable|reliably|flexible|flexibly|scalable|maintainable|elegant|smooth|smoothly|common|"
    "typical|popular|major|important|proper|sound|sufficiently good|pleasant|pleasantly|fair|"
    "fairly|attractive|beautiful|tidy|handy|convenient|conveniently|comfortable|polite|politely|"
    "alike|similar|similarly|comparable|natural|naturally|smart|careful|carefully|lightweight|"
    "professional|pretty|neat|neatly",
    _VALID: "valid|invalid|legal|illegal|allowed characters|special characters",
    _AMOUNT: "some|several|many|few|a few|various|numerous|most|a lot|lots of|enough|sufficient|"
    "sufficiently|large|small|big|huge|long|short|high|low|multiple|a couple of|nearby|near|"
    "close to|"
    "approximately|about|around|roughly|nearly|almost|too many|too long|too large|excessive|"
    "piles? up|builds? up|mounts? up",
    _TIME: "soon|recent|recently|periodically|regularly|often|sometimes|occasionally|frequently|"
    "eventually|from time to time|immediately|instantly|at once|usually|generally|typically|"
    "in due time|in time|on time|a while|for some time|shortly|before long|in good time|"
    "sooner or later|a moment|briefly|outdated|stale|old|up to date|up-to-date",
    _ESCAPE: "if at all possible|as far as practicable|"
    "as far as possible|where practicable|if practicable|"
    "whenever possible|whenever needed|whenever necessary|if possible|where possible|"
    "when possible|as needed|if needed|if necessary|"
    "as necessary|where appropriate|as appropriate|when appropriate|if applicable|"
    "where applicable|as applicable|to the extent possible|as far as possible|"
    "where practical|at a minimum|as required|if required|when required|where required|as desired|"
    "if desired|if feasible|where feasible|when needed|where needed|where necessary|when necessary",
    _OPEN: r"etc\.?|and so on|and so forth|and similar|or similar|and the like|such as|including "
    "but not limited to|for example|e\\.g\\.",
    _BEST: "minimised|minimized|maximised|maximized|"
    "better|best|faster|smaller|larger|improved|improve|optimise|optimize|optimised|"
    "optimized|optimal|minimise|minimize|minimal|maximise|maximize|maximal|as many as possible|"
    "as little as possible|as soon as possible|as fast as possible|state of the art",
    _CHOICE: "and/or|either or both",
}


def _forms(phrase: str) -> tuple[str, ...]:
    """Return the texts that a phrase of the list matches: with and without its one `s?`."""
    plain = phrase.replace("\\", "")
    if "s? " in plain:
        return plain.replace("s? ", " "), plain.replace("s? ", "s ")
    return (plain.rstrip("?"),)


_WORDS: Final = {
    form: word
    for word, phrases in _GROUPS.items()
    for phrase in phrases.split("|")
    for form in _forms(phrase)
}
_ALL: Final = re.compile(
    r"(?<![\w-])("
    + "|".join(sorted((p for g in _GROUPS.values() for p in g.split("|")), key=len, reverse=True))
    + r")(?![\w-])",
    re.I,
)
#: what is open by its place: `too loud`, `a reduced fee`, `the top teams`, `send it later`
_SHAPES: Final = (
    (re.compile(r"\btoo (?!many\b|long\b|large\b)[a-z]+\b", re.I), _AMOUNT),
    (
        re.compile(
            r"\b(?:a|an|at) (?:reduced|increased|higher|lower|discounted|raised|special|extra) "
            r"(?:fine|fee|price|rate|speed|tariff|cost|charge|discount|priority|limit|level|"
            r"frequency|pace|power|volume)\b(?! (?:of|than|is)\b)",
            re.I,
        ),
        _AMOUNT,
    ),
    (
        re.compile(
            r"\b(?:the|its|their) top (?=[a-z])(?!of|left|right|level|row|line|edge)\w+\b", re.I
        ),
        _AMOUNT,
    ),
    (
        re.compile(
            r"\ban? (?:longer|shorter|faster|slower|bigger|smaller|larger|wider|narrower|lighter|"
            r"darker|louder|quieter|warmer|cooler|stronger|weaker)\b(?![^.;]*\bthan\b)",
            re.I,
        ),
        _AMOUNT,
    ),
    (
        re.compile(r"(?<!\bor )\blater(?= on\b|[.;,]|$)|\bat a later (?:time|point|date)\b", re.I),
        _TIME,
    ),
    (re.compile(r"(?<!\bor )\b(?:late|early)(?=[.;,]|$)", re.I), _TIME),
    (
        re.compile(
            r"(?<!hour )(?<!hours )(?<!day )(?<!days )(?<!minutes )(?<!week )(?<!weeks )"
            r"\b(?:in advance|beforehand|ahead of time)\b",
            re.I,
        ),
        _TIME,
    ),
    (
        re.compile(
            r"\b(?:when|where|if|as) (?:they|it|he|she|you) (?:needs?|wants?|likes?)\b", re.I
        ),
        _ESCAPE,
    ),
    (
        re.compile(
            r"\bfor (?:years|months|weeks|days|hours|minutes|seconds|a (?:long|short) (?:time|"
            r"while)|some (?:time|while|minutes|hours|days)|ages|ever)\b(?! (?:on|in|of|after|"
            r"before)\b)",
            re.I,
        ),
        _TIME,
    ),
    (
        re.compile(
            r"\b(?:significant|considerabl|substantial|noticeabl|marked|drastic|dramatic|"
            r"slight|unusual|abnormal|excessive)(?:ly|ally|y)\b(?=[.,;]|$| (?:and|or|to|by|from|"
            r"in|on|over|after|before|when|while|the|an?)\b)",
            re.I,
        ),
        _AMOUNT,
    ),
    (
        re.compile(
            r"(?<=shall )[^.;]*?\b(?:one or (?:more|several)|a number of|a couple of|a handful of|"
            r"plenty of|lots of)\b",
            re.I,
        ),
        _AMOUNT,
    ),
)
#: A vague word with a number beside it is bounded: `at most 3 short lines`, `about 5` is not.
_BOUND_BEFORE: Final = re.compile(r"\d[\w.,%]*\s*$|\b(?:at (?:most|least)|exactly)\s+$", re.I)
_HARMLESS: Final = re.compile(
    r"\b(?:at most|the most|how often|as often as|well[- ]formed|(?:larger|smaller|faster|"
    r"better) than|"
    r"\d+ best|cents? (?:larger|smaller)|most recent\b.*\bby|as long as|no longer|so long as|"
    r"too long, then|the old\b(?! enough)|"
    r"standard (?:output|error|input)|low(?:er)? case|high(?:er)? than|how (?:many|long|few)|"
    r"few(?:er)? than|clean exit|about (?:page|it)|as well|as well as|dry run|long option|"
    r"short option|(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?) (?:later|early|late)|"
    r"(?:\d+|one|two|three|four|five|six|ten)(?: \w+){0,2} at once|"
    r"is old(?:er)? than|seconds? old|minutes? old|hours? old|days? old|years? old)\b",
    re.I,
)

#: what is a quality as an adjective and an act as a verb: `shall sound the buzzer`
_VERBS: Final = frozenset({"sound", "clean", "clear", "slow", "smooth", "fine", "short", "long"})
_VERB_PLACE: Final = re.compile(r"\b(?:shall|to|and|or|then)\s+$", re.I)


def findings(spec: Spec) -> list[Finding]:
    """Return a hint for each open word in a criterion's sentence."""
    defined = {term.name.lower() for term in spec.terms}
    found = []
    for criterion in spec.criteria:
        text = masked(criterion.text)
        harmless = [match.span() for match in _HARMLESS.finditer(text)]
        for pattern, shape in _SHAPES:
            found += [
                hint(shape.code, criterion, match, f"`{match[0]}` is open.", shape.reason,
                     shape.instead)
                for match in pattern.finditer(text)
                if not any(start <= match.start() < end for start, end in harmless)
            ]  # fmt: skip
        for match in _ALL.finditer(text):
            word = _WORDS.get(match[1].lower().rstrip("."), _WORDS.get(match[1].lower()))
            if word is None or match[1].lower() in defined:
                continue
            if any(start <= match.start() < end for start, end in harmless):
                continue
            if match[1].lower() in _VERBS and _VERB_PLACE.search(text[: match.start()]):
                continue
            if word is _AMOUNT and _BOUND_BEFORE.search(text[: match.start()]):
                continue
            found.append(
                hint(word.code, criterion, match, f"`{match[1]}` is open.", word.reason,
                     word.instead)
            )  # fmt: skip
    return found
