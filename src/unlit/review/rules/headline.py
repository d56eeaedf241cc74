"""The verdict in one sentence a tired person understands; its second half is the worst known."""

from collections.abc import Sequence
from dataclasses import dataclass

from unlit.core.states import CriterionState, Verdict
from unlit.record.model import RunState, StageState
from unlit.review.model import (
    CandidateLine,
    CriterionLine,
    DecisionLine,
    Gap,
    Graded,
    Headline,
    LeakLine,
)
from unlit.review.rules.words import at_least, percent, spelled


@dataclass(frozen=True, slots=True)
class Facts:
    """What the sentence is made from.

    Attributes:
        stage: Name and state of the newest stage, such as ``("build", running)``.
        needs: Clean trajectories that would settle it, when undecided.
        gate: The gate it waits at.
    """

    state: RunState
    verdict: Verdict | None
    candidates: tuple[CandidateLine, ...]
    graded: Graded | None
    sealed: Graded | None
    criteria: tuple[CriterionLine, ...]
    gaps: tuple[Gap, ...]
    leaks: LeakLine | None
    questions: int
    decision: DecisionLine | None
    stage: tuple[str, StageState] | None = None
    note: str = ""
    needs: int | None = None
    gate: str = ""


_DOING = {
    "intent": "reading the spec",
    "context": "collecting what it may read",
    "baseline": "building and checking the code as it is",
    "again": "taking up what was said",
    "build": "writing a candidate",
    "checks": "building and checking a candidate",
    "validate": "grading a candidate on validation scenarios",
    "sealed": "looking at the sealed scenarios",
    "report": "writing the report",
    "gate": "at the gate",
    "ci": "running the repository's own checks",
    "ship": "shipping",
    "attest": "writing attestations",
    "deploy": "deploying",
}


def headline(facts: Facts) -> Headline:
    """Return the answer and the worst thing known."""
    simple = _by_state(facts)
    if simple is not None:
        return simple
    verdict = facts.verdict
    if verdict is Verdict.SHIP:
        return _ship(facts)
    if verdict is Verdict.NOT_YET:
        return _not_yet(facts)
    if verdict is Verdict.UNDECIDED:
        return _undecided(facts)
    if verdict is Verdict.HARNESS_FAULT:
        why = facts.note or "The harness failed."
        return Headline("Harness fault", "harness_fault", "Our side broke.",
                        f"{_sentence(why)} Nothing was graded, nothing is claimed.")  # fmt: skip
    return _not_exercised(facts)


def _not_exercised(facts: Facts) -> Headline:
    last = facts.candidates[-1] if facts.candidates else None
    if last is None or last.graded is not None or not last.why_not or facts.note:
        why = facts.note or "No scenario reached the product."
        return Headline("Not exercised", "not_exercised", "Nothing can be said.", _sentence(why))
    main = f"Candidate {last.number} got to no scenario."
    return Headline("Not exercised", "not_exercised", main, _sentence(last.why_not))


def _by_state(facts: Facts) -> Headline | None:
    state = facts.state
    if facts.gate == "intent":
        why = facts.note.partition(": ")[2] or "a person approves it before it is built"
        return Headline("Waits for you", "asks", "The spec waits for your yes. Nothing is built.",
                        _sentence(why))  # fmt: skip
    if state is RunState.REJECTED and not facts.candidates:
        return Headline("Rejected", "rejected", "The spec was rejected. Nothing was built.",
                        _sentence(facts.note) if facts.note else "")  # fmt: skip
    if state in (RunState.QUEUED, RunState.RUNNING):
        doing = _DOING.get(facts.stage[0], facts.stage[0]) if facts.stage else "waiting to start"
        word = "Running" if state is RunState.RUNNING else "Waiting"
        return Headline(word, str(state.value), f"Still {doing}.", _so_far(facts))
    if state is RunState.PAUSED:
        return Headline("Paused", "paused", "Paused. Nothing runs until you resume it.",
                        _so_far(facts))  # fmt: skip
    if state is RunState.CANCELLED:
        return Headline("Cancelled", "cancelled", "Cancelled before it was decided.",
                        _so_far(facts))  # fmt: skip
    if state is RunState.FAILED:
        why = facts.note or "The factory could not go on."
        return Headline("Harness fault", "harness_fault", "Our side broke.",
                        f"{_sentence(why)} Nothing is claimed.")  # fmt: skip
    return None


def _so_far(facts: Facts) -> str:
    graded = facts.graded
    if graded is None or graded.estimate is None:
        return "Nothing is graded yet."
    return (
        f"So far {graded.satisfied} of {graded.trajectories} trajectories satisfied, "
        f"candidate {_number(facts)}."
    )


def _ship(facts: Facts) -> Headline:
    name = f"Candidate {_number(facts)}"
    worst = worst_known(facts)
    if facts.state is RunState.SHIPPED:
        who = f" by {facts.decision.person}" if facts.decision else ""
        return Headline("Shipped", "shipped", f"{name} shipped, approved{who}.", worst)
    if facts.state is RunState.REJECTED or _said(facts, "rejected"):
        reason = facts.decision.reason if facts.decision else ""
        who = facts.decision.person if facts.decision else "a person"
        because = f" {_sentence(reason)}" if reason else ""
        return Headline("Rejected", "rejected", f"{name} was rejected by {who}.",
                        because.strip() or worst)  # fmt: skip
    if facts.gate == "ship":
        who = f" by {facts.decision.person}" if facts.decision else ""
        main = f"{name} is approved{who}; the ship gate asks once more."
        return Headline("Approved, waits for another", "asks", main, worst)
    if _said(facts, "approved"):
        return Headline("Approved", "approved", f"{name} is approved and ships next.", worst)
    if facts.questions:
        asked = f"{spelled(facts.questions)} question{'' if facts.questions == 1 else 's'}"
        return Headline("Ready, waits for you", "asks", f"{name} can ship once you answer {asked}.",
                        worst)  # fmt: skip
    return Headline("Ready, waits for you", "asks", f"{name} can ship.", worst)


def _said(facts: Facts, decision: str) -> bool:
    return facts.decision is not None and facts.decision.decision == decision


def _not_yet(facts: Facts) -> Headline:
    made = len(facts.candidates)
    best = max(
        (
            line.graded
            for line in facts.candidates
            if line.graded and line.graded.estimate is not None
        ),
        key=lambda graded: graded.estimate or 0.0,
        default=None,
    )
    if made > 1:
        main = f"{spelled(made).capitalize()} candidates, none good enough."
    else:
        main = "The candidate is not good enough."
    if facts.leaks is not None and facts.leaks.state == "leaked":
        return Headline("Not good enough", "not_yet", main, worst_known(facts))
    if best is None or best.estimate is None:
        return Headline("Not good enough", "not_yet", main, "None of them could be graded.")
    if best.stopped_by:
        held = "Everything tried held" if best.satisfied == best.trajectories else (
            f"The best did what you asked in {percent(best.estimate)} of tries"
        )  # fmt: skip
        return Headline("Not good enough", "not_yet", main, f"{held}, but it is {best.stopped_by}."
                        if best.vetoes else f"{held}, but {best.stopped_by}.")  # fmt: skip
    failing = _worst_criterion(facts.criteria)
    tail = f"; {failing.id} fails most" if failing is not None else ""
    return Headline(
        "Not good enough", "not_yet", main,
        f"The best did what you asked in {percent(best.estimate)} of tries{tail}.",
    )  # fmt: skip


def _undecided(facts: Facts) -> Headline:
    graded = facts.graded
    if graded is None or not graded.trajectories:
        return Headline("Undecided", "undecided", "Not decided.", "Too little was tried.")
    clean = graded.satisfied == graded.trajectories
    needs = ""
    if facts.needs:
        enough = graded.trajectories + facts.needs
        needs = (
            f"; {facts.needs} more without a failure would be enough: allow {enough} or more with "
            f"`--trajectories`"
        )
    main = "Nothing failed, but too little was tried to ship it." if clean else "Not decided."
    held = f"{graded.satisfied} of {graded.trajectories} tries held, too few to be sure{needs}."
    return Headline("Undecided", "undecided", main, held)


def worst_known(facts: Facts) -> str:
    """Return the worst thing known, worst first: leak, broken criterion, failures, gaps."""
    if facts.leaks is not None and facts.leaks.state == "leaked":
        return "The leak proof found that the writer may have seen the checks."
    failed = [line for line in facts.criteria if line.state is CriterionState.NOT_MET]
    if failed:
        return f"{failed[0].id} is not satisfied."
    for graded in (facts.sealed, facts.graded):
        if graded is not None and graded.trajectories > graded.satisfied:
            return _failures(graded, facts.criteria)
    if facts.leaks is None or facts.leaks.state != "sealed":
        return "Nothing failed, but nothing proves that the writer could not see the checks."
    return _gaps(facts)


def _failures(graded: Graded, criteria: Sequence[CriterionLine]) -> str:
    missed = graded.trajectories - graded.satisfied
    which = _worst_criterion(criteria) if graded.partition.value != "sealed" else None
    named = f"{which.id} fails" if which is not None else "It fails"
    kind = "sealed trajectories" if graded.partition.value == "sealed" else "trajectories"
    return f"{named} in {missed} of {graded.trajectories} {kind}."


def _gaps(facts: Facts) -> str:
    counted = facts.graded.trajectories if facts.graded is not None else 0
    clean = f"Nothing failed in {counted} trajectories"
    missing = [line for line in facts.criteria if line.state is CriterionState.NOT_EXERCISED]
    unsure = [line for line in facts.criteria if line.state is CriterionState.UNDECIDED]
    if missing:
        return f"{clean}; {_named(missing, 'was', 'were')} not exercised."
    if unsure:
        return (
            f"{clean}; {_named(unsure, 'has', 'have')} too few tries for a proof of {_own(unsure)}."
        )
    bound = facts.sealed.claim_b if facts.sealed and facts.sealed.claim_b else None
    if bound is not None and bound.lower is not None:
        return f"{clean}; for users like these that shows {at_least(bound.lower)}."
    return f"{clean}."


def _named(lines: Sequence[CriterionLine], one: str, many: str) -> str:
    if len(lines) == 1:
        return f"{lines[0].id} {one}"
    return f"{spelled(len(lines))} criteria {many}"


def _own(lines: Sequence[CriterionLine]) -> str:
    return "its own" if len(lines) == 1 else "their own"


def _worst_criterion(criteria: Sequence[CriterionLine]) -> CriterionLine | None:
    broken = [line for line in criteria if line.trajectories > line.satisfied]
    return min(broken, key=lambda line: line.satisfied / line.trajectories, default=None)


def _number(facts: Facts) -> str:
    if facts.graded is not None:
        return str(facts.graded.candidate).removeprefix("c")
    return str(facts.candidates[-1].number) if facts.candidates else "?"


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    if not text:
        return ""
    text = text[0].upper() + text[1:]
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
