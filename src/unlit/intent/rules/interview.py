"""From one sentence to a complete spec: which question comes next, and what an answer changes.

The state is the spec's own text plus the keys of questions already asked, so an interview can stop
and go on anywhere. Questions come in the order in which their answers bind: who and why, what,
examples, edges, then places that two careful readers would read differently. Stopping rule: the
spec is ready and every open place was asked about once; or the person says that it is enough.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from unlit.core.ids import CriterionId
from unlit.intent.model import CASES, Criterion, Example, Finding, Spec
from unlit.intent.rules.edit import add_example, answer_boundary
from unlit.intent.rules.lint import lint_spec
from unlit.intent.rules.parse import read_spec
from unlit.intent.rules.readiness import readiness
from unlit.intent.rules.render import render_spec

Kind = Literal["owner", "intent", "criterion", "example", "boundary", "hint", "scope", "metric"]

#: Hints worth a question: their answer changes what a program does.
ASKED_HINTS: Final = frozenset(
    {
        "INT-302",
        "INT-310",
        "INT-311",
        "INT-312",
        "INT-313",
        "INT-314",
        "INT-315",
        "INT-316",
        "INT-320",
        "INT-330",
        "INT-340",
        "INT-343",
    }
)
_CASE_HELP: Final = {
    "empty": "there is no input, or an empty one",
    "zero": "a number is 0, or nothing is found",
    "limit": "a value is exactly at its limit",
    "limit+1": "a value is just beyond its limit",
    "duplicate": "the same thing comes twice",
    "concurrent": "two do it at the same moment",
    "unauthorised": "somebody does it who may not",
    "clock": "a day, a month or a time zone changes",
    "service down": "something it needs does not answer",
}


@dataclass(frozen=True, slots=True)
class Ask:
    """The next question.

    Attributes:
        key: Names the place it is about; a key is asked once.
        optional: Whether an empty answer leaves the place as it is.
    """

    key: str
    kind: Kind
    text: str
    optional: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"key": self.key, "kind": self.kind, "text": self.text, "optional": self.optional}


@dataclass(frozen=True, slots=True)
class Interview:
    """The spec so far and what was asked."""

    text: str
    asked: frozenset[str] = frozenset()

    @property
    def spec(self) -> Spec:
        """The spec as far as it goes."""
        return read_spec(self.text).spec

    @property
    def is_ready(self) -> bool:
        """Whether the gate of intent would let it through."""
        return readiness(self.spec).ready


def begin(sentence: str, *, owner: str = "") -> Interview:
    """Start from one sentence; a sentence with `shall` becomes the first criterion."""
    words = " ".join(sentence.split())
    title = _title(words)
    criteria: tuple[Criterion, ...] = ()
    if re.search(r"\bshall\b", words):
        text = words if words.endswith(".") else f"{words}."
        criteria = (Criterion(CriterionId("AC-1"), title, text, ()),)
    spec = Spec(
        id=re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60] or "new",
        title=title,
        owner=owner,
        uses=(),
        risk=None,
        product={},
        budget={},
        intent="" if criteria else words,
        criteria=criteria,
        boundaries=(),
        out_of_scope="",
        metric="",
    )
    return Interview(render_spec(spec))


def _title(words: str) -> str:
    text = re.sub(r"^(?:(?:i|we) (?:want|need)|make|build|write|create)\s+", "", words, flags=re.I)
    text = re.sub(r"^(?:an?|the)\s+", "", text, flags=re.I)
    short = " ".join(text.rstrip(".").split()[:8])
    return short[:1].upper() + short[1:] or "New"


def next_question(interview: Interview) -> Ask | None:
    """Return the next question; None when the stopping rule holds."""
    return next((ask for ask in _questions(interview.spec) if ask.key not in interview.asked), None)


def open_questions(spec: Spec) -> tuple[Ask, ...]:
    """Return what a spec leaves open, in the order an interview would ask; optional ones too."""
    return tuple(_questions(spec))


def _questions(spec: Spec) -> Iterator[Ask]:
    if not spec.owner:
        yield Ask("owner", "owner", "Who answers for what is built? A name or an address.")
    yield Ask(
        "intent",
        "intent",
        "For whom is this, and what is better for them afterwards?",
        optional=bool(spec.intent),
    )
    yield from _criteria(spec)
    for criterion in spec.criteria:
        if not any(e.input and e.outcome for e in criterion.examples):
            yield Ask(
                f"example:{criterion.id}", "example",
                f"{criterion.id} \"{criterion.text}\" Give one case: INPUT => OUTCOME. What does a "
                "person type or send, and what do they see?",
            )  # fmt: skip
    answered = {row.case.lower() for row in spec.boundaries if row.is_answered}
    for case in CASES:
        if case not in answered:
            yield Ask(
                f"boundary:{case}", "boundary",
                f"What happens when {_CASE_HELP[case]}? (`no: why` when it cannot happen)",
            )  # fmt: skip
    yield from _hints(spec)
    if not spec.out_of_scope:
        yield Ask("scope", "scope", "What might somebody expect that this will not do?", True)
    if not spec.metric:
        yield Ask("metric", "metric", "Which number should move once it is in use?", True)


def _criteria(spec: Spec) -> Iterator[Ask]:
    shape = "`When EVENT, the TOOL shall RESPONSE.` or `If TROUBLE, then the TOOL shall RESPONSE.`"
    if not spec.criteria:
        yield Ask("criterion:1", "criterion", f"What shall it do? One sentence: {shape}")
    else:
        number = len(spec.criteria) + 1
        yield Ask(
            f"criterion:{number}", "criterion",
            f"What else shall it do? One sentence, or nothing: {shape}", optional=True,
        )  # fmt: skip


def _hints(spec: Spec) -> Iterator[Ask]:
    for finding in lint_spec(spec):
        if finding.code in ASKED_HINTS and finding.criterion is not None:
            yield Ask(
                hint_key(spec, finding), "hint",
                f"{finding.criterion}: {finding.message} {finding.reason}"
                + (f" {finding.suggestion}" if finding.suggestion else "")
                + " Write the sentence anew, or nothing to leave it.",
                optional=True,
            )  # fmt: skip


def hint_key(spec: Spec, finding: Finding) -> str:
    """Name a hint by criterion, code and place, so that it is asked about once."""
    criterion = spec.criterion(finding.criterion) if finding.criterion else None
    column = finding.span.column if criterion is not None else 0
    return f"hint:{finding.criterion}:{finding.code}:{column}"


def reply(interview: Interview, ask: Ask, answer: str) -> Interview:
    """Put an answer into the spec; an empty answer to an optional question changes nothing.

    An answer that does not fit its question (no `=>` in an example, no `shall` in a criterion)
    leaves the question open.
    """
    said = answer.strip()
    asked = interview.asked | {ask.key}
    if not said:
        return replace(interview, asked=asked if ask.optional else interview.asked)
    text = _text(interview, ask, said)
    if text is None:
        return interview
    return Interview(text, asked)


def _text(interview: Interview, ask: Ask, said: str) -> str | None:
    spec = interview.spec
    words = " ".join(said.split())
    if ask.kind == "owner":
        return render_spec(replace(spec, owner=words))
    if ask.kind == "intent":
        intent = f"{spec.intent}\n\n{words}".strip()
        return render_spec(replace(spec, intent=intent))
    if ask.kind == "criterion":
        return _with_criterion(spec, words)
    if ask.kind == "example":
        return _with_example(interview.text, ask, said)
    if ask.kind == "boundary":
        case = ask.key.partition(":")[2]
        match = re.match(r"(?:no|n)\b\s*:?\s*(.*)", words, re.I)
        behaviour = f"not relevant: {match[1] or 'it cannot happen'}" if match else words
        return answer_boundary(interview.text, case, behaviour)
    if ask.kind == "hint":
        return _reworded(spec, CriterionId(ask.key.split(":")[1]), words)
    if ask.kind == "scope":
        return render_spec(replace(spec, out_of_scope=words))
    return render_spec(replace(spec, metric=words))


def _with_criterion(spec: Spec, words: str) -> str | None:
    if not re.search(r"\bshall\b", words, re.I):
        return None
    numbers = [int(criterion.id.rpartition("-")[2]) for criterion in spec.criteria]
    name = CriterionId(f"AC-{max(numbers, default=0) + 1}")
    after = re.split(r"\bshall\b", words, maxsplit=1, flags=re.I)[1]
    title = " ".join(after.split()[:7]).rstrip(".,")
    title = title[:1].upper() + title[1:]
    text = words if words.endswith((".", "`")) else f"{words}."
    return render_spec(replace(spec, criteria=(*spec.criteria, Criterion(name, title, text, ()))))


def _with_example(text: str, ask: Ask, said: str) -> str | None:
    given, arrow, outcome = said.partition("=>")
    if not arrow or not given.strip() or not outcome.strip():
        return None
    criterion = CriterionId(ask.key.partition(":")[2])
    return add_example(text, criterion, Example("", given.strip(), outcome.strip()))


def _reworded(spec: Spec, name: CriterionId, words: str) -> str | None:
    if not re.search(r"\bshall\b", words, re.I):
        return None
    criteria = tuple(
        replace(criterion, text=words) if criterion.id == name else criterion
        for criterion in spec.criteria
    )
    return render_spec(replace(spec, criteria=criteria))
