"""Several candidates side by side from one base; validation ranks them, one goes on."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from unlit.core.ids import CandidateId
from unlit.core.states import Partition, Verdict
from unlit.line.rules.tournament import RULE, Entry, chosen_bits, rank
from unlit.line.stages import build, checks, grade
from unlit.line.stages.work import StopRun, Work, perform
from unlit.record.model import StageState

Facts = Mapping[str, Any]
MOST: Final = 16


@dataclass(frozen=True, slots=True)
class Won:
    """The winner of a tournament; `None` fields when nothing could be graded."""

    entry: Entry
    commit: str
    tree: str
    graded: Facts


async def hold(
    work: Work, turns: Sequence[build.Turn], base_passes: bool | None
) -> tuple[Won | None, tuple[str, ...]]:
    """Build all turns side by side, check and validate them, and choose by the fixed rule.

    Every phase begins its steps in the order of the candidates and waits for all of them, so that
    a repeated workflow numbers its steps alike.

    Returns:
        The winner, and why those that were not graded were not.

    Raises:
        StopRun: Nothing could be built, by nobody's fault of the candidates.
    """
    built = await _phase(work, "build", {t.candidate: partial(build.build, work, t) for t in turns})
    made = {name: facts for name, facts in built.items() if "commit" in facts}
    checked = await _phase(
        work,
        "checks",
        {
            name: partial(checks.check, work, name, str(facts["commit"]), base_passes)
            for name, facts in made.items()
        },
    )
    good = {name: made[name] for name, facts in checked.items() if _passed(facts)}
    graded = await _phase(
        work,
        "validate",
        {
            name: partial(
                grade.grade, work, name, str(facts["commit"]), str(facts["tree"]),
                Partition.VALIDATION,
            )
            for name, facts in good.items()
        },
    )  # fmt: skip
    entries = [_entry(turn, built, checked, graded) for turn in turns]
    await perform(work, "tournament", partial(_choose, work, entries))
    best = rank(entries)[0]
    why = tuple(f"{entry.candidate}: {entry.why}." for entry in entries if entry.why)
    if best.verdict is None:
        return None, why
    facts = made[best.candidate]
    won = Won(best, str(facts["commit"]), str(facts["tree"]), graded[best.candidate])
    return won, why


def entries_of(first: build.Turn, agents: Sequence[str], count: int) -> tuple[build.Turn, ...]:
    """Return the turns of a tournament: numbered from the first, agents in turn."""
    return tuple(
        replace(first, number=first.number + place, agent=agents[place % len(agents)], others=())
        for place in range(count)
    )


async def _phase(
    work: Work, name: str, actions: Mapping[CandidateId, Callable[[], Awaitable[Facts]]]
) -> dict[CandidateId, Facts]:
    """Do one stage for all; a stage that fails takes its candidate out, unless all fail."""
    stops: list[StopRun] = []

    async def one(candidate: CandidateId, action: Callable[[], Awaitable[Facts]]) -> Facts:
        try:
            return await perform(work, name, action, candidate)
        except StopRun as stop:
            stops.append(stop)
            return stop.facts

    async with asyncio.TaskGroup() as group:
        tasks = {key: group.create_task(one(key, action)) for key, action in actions.items()}
    if stops and len(stops) == len(actions):
        raise min(stops, key=lambda stop: stop.stage)
    return {key: task.result() for key, task in tasks.items()}


def _passed(facts: Facts) -> bool:
    bad = (StageState.NOT_GOOD_ENOUGH.value, StageState.FAILED.value)
    return facts.get("state") not in bad


def _entry(
    turn: build.Turn,
    built: Mapping[CandidateId, Facts],
    checked: Mapping[CandidateId, Facts],
    graded: Mapping[CandidateId, Facts],
) -> Entry:
    name = turn.candidate
    entry = Entry(name, turn.number, turn.agent, files=int(built[name].get("files") or 0))
    facts = graded.get(name)
    if facts is not None and "verdict" in facts:
        return replace(
            entry,
            verdict=Verdict(facts["verdict"]),
            lower=facts.get("lower"),
            estimate=facts.get("estimate"),
        )
    last = facts or checked.get(name) or built[name]
    return replace(entry, why=str(last.get("detail", "it was not graded")))


async def _choose(work: Work, entries: Sequence[Entry]) -> Facts:
    ordered = rank(entries)
    best = ordered[0]
    rows = [
        {
            "candidate": entry.candidate,
            "agent": entry.agent,
            "verdict": None if entry.verdict is None else entry.verdict.value,
            "lower": entry.lower,
            "estimate": entry.estimate,
            "files": entry.files,
            "why": entry.why,
        }
        for entry in ordered
    ]
    facts = {"rule": RULE, "ranking": rows, "bits": chosen_bits(entries)}
    if best.verdict is None:
        return {
            "state": StageState.NOT_GOOD_ENOUGH.value,
            "detail": f"none of {len(entries)} candidates could be graded",
            **facts,
        }
    store = work.services.store
    store.change_run(work.run, work.services.clock.now(), candidate=best.candidate)
    detail = (
        f"{best.candidate} by {best.agent} is the best of {len(entries)}; its validation number is "
        "that of a winner, so only its sealed look counts"
    )
    return {"detail": detail, "winner": best.candidate, **facts}
