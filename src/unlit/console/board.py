"""The line board: what needs you, in one sentence, then every run by need; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from unlit.console.queries import Asked, RunRow, Share, Span
from unlit.record.model import RunState
from unlit.review.rules.words import inert, money, spelled, when
from unlit.review.tracks import Piece, Track

GROUPS = ("asks", "running", "waiting", "ended")
_WORK = {"build": "written", "checks": "written", "validate": "graded", "sealed": "graded",
         "visible": "graded", "intent": "read", "context": "read", "report": "graded"}  # fmt: skip
_ENDED = {
    RunState.SHIPPED: ("sat", "Shipped"),
    RunState.REJECTED: ("not", "Rejected"),
    RunState.ENDED: ("not", "Not good enough"),
    RunState.FAILED: ("fault", "Harness fault"),
    RunState.CANCELLED: ("nox", "Cancelled"),
}
_VERDICTS = {
    "undecided": ("und", "Undecided"),
    "not_exercised": ("nox", "Not exercised"),
    "harness_fault": ("fault", "Harness fault"),
}
_DOING = {
    "intent": "reading the spec",
    "context": "reading what it may see",
    "build": "writing candidate {n}",
    "checks": "checking candidate {n}",
    "validate": "grading candidate {n}",
    "sealed": "looking at the sealed scenarios",
    "report": "writing the report",
    "gate": "at the gate",
    "ship": "shipping",
}


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One run on the board.

    Attributes:
        now: What it is doing, asks or came to; one short sentence.
        shares: The candidates' gradings on validation scenarios, for the spark.
        mark: Symbol and word of an ended run.
        progress: The grading that goes on, from its newest trajectory.
    """

    run: RunRow
    group: str
    now: str
    track: Track
    shares: tuple[Share, ...]
    mark: tuple[str, str] | None
    usd: Decimal | None
    unpriced: int
    progress: Share | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What the board is made from, per run."""

    spans: Mapping[str, Sequence[Span]]
    shares: Mapping[str, Sequence[Share]]
    spent: Mapping[str, tuple[Decimal | None, int]]
    asked: Mapping[str, Sequence[Asked]]
    doing: Mapping[str, str]
    now: datetime
    progress: Mapping[str, Share] = field(default_factory=dict)


def board_rows(runs: Sequence[RunRow], facts: Facts) -> list[BoardRow]:
    """Return the rows, grouped by need: what asks you is first, oldest question on top."""
    rows = [_row(run, facts) for run in runs]
    order = {name: place for place, name in enumerate(GROUPS)}
    asks = [row for row in rows if row.group == "asks"]
    asks.sort(key=lambda row: row.run.updated_at)
    rest = [row for row in rows if row.group != "asks"]
    rest.sort(key=lambda row: order[row.group])
    return asks + rest


def _row(run: RunRow, facts: Facts) -> BoardRow:
    shares = tuple(s for s in facts.shares.get(run.id, ()) if s.partition == "validation")
    usd, unpriced = facts.spent.get(run.id, (None, 0))
    group = group_of(run.state)
    return BoardRow(
        run=run,
        group=group,
        now=_now(run, group, facts, shares),
        track=_track(run, facts),
        shares=shares,
        mark=_mark(run) if group == "ended" else None,
        usd=usd,
        unpriced=unpriced,
        progress=facts.progress.get(run.id) if group == "running" else None,
    )


def group_of(state: RunState) -> str:
    """Return the group of a run's state."""
    if state is RunState.WAITING:
        return "asks"
    if state is RunState.RUNNING:
        return "running"
    return "ended" if state.is_over else "waiting"


def _mark(run: RunRow) -> tuple[str, str]:
    if run.state is RunState.ENDED and run.verdict in _VERDICTS:
        return _VERDICTS[run.verdict]
    return _ENDED[run.state]


def _now(run: RunRow, group: str, facts: Facts, shares: Sequence[Share]) -> str:
    if group == "asks":
        asked = facts.asked.get(run.id, ())
        if run.note.startswith("waits at its "):
            return inert(run.note, 240)
        if not asked:
            return "can ship; waits for your yes or no"
        first = asked[0]
        more = f", and {len(asked) - 1} more" if len(asked) > 1 else ""
        name = f"{first.criterion}: " if first.criterion else ""
        return inert(f"{name}{first.text}{more}", 240)
    if group == "running":
        return inert(facts.doing.get(run.id) or "starting", 240)
    if group == "waiting":
        return "paused; resumes when you say so" if run.state is RunState.PAUSED else (
            "for a free worker"
        )  # fmt: skip
    return _came_to(run, shares)


def _came_to(run: RunRow, shares: Sequence[Share]) -> str:
    if run.note and run.state is not RunState.SHIPPED:
        return inert(run.note, 200)
    if run.state is RunState.SHIPPED:
        return f"shipped {when(run.updated_at)}" if not shares else "approved and merged"
    if run.state is RunState.ENDED and shares:
        made = f"{spelled(len(shares))} candidate{'s' if len(shares) != 1 else ''}"
        return f"{made}, none good enough" if run.verdict == "not_yet" else made
    return {
        RunState.CANCELLED: "stopped by a person; nothing is claimed",
        RunState.FAILED: "nothing was graded, nothing is claimed",
        RunState.REJECTED: "a person said no",
    }.get(run.state, "nothing was graded, nothing is claimed")


def doing(spans: Sequence[Span], progress: Mapping[str, object] | None) -> str:
    """Say what a running run does now, from its newest stage and its newest event."""
    if not spans:
        return "starting"
    last = spans[-1]
    number = (last.candidate or "").removeprefix("c") or "?"
    words = _DOING.get(last.name, last.name).format(n=number)
    if last.name in ("validate", "sealed") and progress and progress.get("total") is not None:
        words += f", trajectory {progress['total']}"
    return words


def progress_of(spans: Sequence[Span], event: Mapping[str, object] | None) -> Share | None:
    """Return the grading that goes on, from a run's newest event; `None` when none does."""
    if not spans or not event or spans[-1].name not in ("validate", "sealed"):
        return None
    values = [event.get(name) for name in ("estimate", "lower", "upper")]
    known = [float(value) for value in values if isinstance(value, int | float)]
    total, satisfied = event.get("total"), event.get("satisfied")
    if len(known) < 3 or not isinstance(total, int) or not isinstance(satisfied, int):
        return None
    partition = "sealed" if spans[-1].name == "sealed" else "validation"
    candidate = spans[-1].candidate or ""
    return Share(candidate, partition, "undecided", known[0], known[1], known[2], total, satisfied)


def _track(run: RunRow, facts: Facts) -> Track:
    spans = facts.spans.get(run.id, ())
    pieces = []
    for span in spans:
        kind = _WORK.get(span.name)
        if kind is None:
            continue
        end = span.ended_at or (facts.now if run.state is RunState.RUNNING else span.started_at)
        label = (span.candidate or "").removeprefix("c") if span.name == "build" else ""
        pieces.append(Piece(kind, span.started_at, end, label))
    end = max((piece.end for piece in pieces), default=run.created_at)
    made = len({span.candidate for span in spans if span.candidate})
    wrote = f"{made} candidate{'s' if made != 1 else ''} from {when(run.created_at, facts.now)}"
    if run.state is RunState.WAITING:
        return Track(tuple(pieces), f"{wrote}, waits for you since {when(end, facts.now)}",
                     end, "ask", end)  # fmt: skip
    if run.state is RunState.RUNNING:
        return Track(tuple(pieces), f"{wrote}, running now", running=True)
    if not run.state.is_over:
        return Track(tuple(pieces), f"{wrote}, waits", end)
    kind, word = _mark(run)
    return Track(tuple(pieces), f"{wrote}, {word.lower()} {when(run.updated_at, facts.now)}",
                 None, kind, max(end, min(run.updated_at, facts.now)))  # fmt: skip


def lede(rows: Sequence[BoardRow]) -> tuple[str, str]:
    """Return what needs you, in one sentence, and the rest in a second line."""
    by = {name: [row for row in rows if row.group == name] for name in GROUPS}
    asks, ended = len(by["asks"]), by["ended"]
    if asks:
        first = (
            f"{spelled(asks).capitalize()} run{'s ask' if asks != 1 else ' asks'} you something."
        )
    elif by["running"]:
        first = "Nothing needs you."
    elif ended:
        first = "Nothing needs you, and nothing runs."
    else:
        first = "Nothing runs."
    said = _ended_words(ended)
    if said:
        first += f" Lately {said}."
    running, waiting = len(by["running"]), len(by["waiting"])
    parts = []
    if running:
        parts.append(f"{spelled(running)} {'is' if running == 1 else 'are'} running")
    if waiting:
        parts.append(f"{spelled(waiting)} wait{'s' if waiting == 1 else ''}")
    known = [row.usd for row in rows if row.usd is not None]
    second = f"{', '.join(parts).capitalize()}. " if parts else ""
    if known:
        second += f"{money(sum(known, Decimal(0)))} spent on what is shown."
    elif any(row.unpriced for row in rows):
        second += "What it cost is not known."
    else:
        second += "No model call was paid for."
    return first, second


def _ended_words(ended: Sequence[BoardRow]) -> str:
    counts: dict[str, int] = {}
    for row in ended:
        word = (row.mark or ("", ""))[1]
        counts[word] = counts.get(word, 0) + 1
    words = {
        "Shipped": "shipped",
        "Not good enough": "not good enough",
        "Harness fault": "broke on our side",
        "Rejected": "rejected",
        "Undecided": "undecided",
        "Cancelled": "cancelled",
        "Not exercised": "not exercised",
    }
    parts = []
    for word, said in words.items():
        number = counts.get(word)
        if number:
            was = (
                ""
                if said in ("shipped", "broke on our side")
                else "was "
                if number == 1
                else "were "
            )
            parts.append(f"{spelled(number)} {was}{said}")
    return ", ".join(parts)
