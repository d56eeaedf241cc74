"""After the grading: the report, the gate, shipping."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from unlit.core.errors import OutcomeNotGoodEnough
from unlit.core.ids import CandidateId
from unlit.core.states import Verdict
from unlit.line.model import LineEvent
from unlit.line.stages.again import COMMENT
from unlit.line.stages.asking import check_ship
from unlit.line.stages.hindsight import fill_in
from unlit.line.stages.merging import MERGE, Recheckers, ask_again
from unlit.line.stages.remember import learn
from unlit.line.stages.work import Work
from unlit.record.model import RunEvent, RunState, StageState

OUTCOME_GATE = "outcome"
SHIPPED_KEY = "state/shipped/"
WAITING_KEY = "state/waiting/"
_LANDED = ("commit", "tag", "branch", "head", "pull_request")


async def report(work: Work) -> Mapping[str, Any]:
    """Write the outcome report and the questions for people."""
    reported = await asyncio.to_thread(work.services.reporter.report, work.run)
    return {
        "detail": reported.headline or "written",
        "files": dict(reported.files),
        "questions": reported.questions,
    }


async def gate(work: Work, verdict: Verdict) -> Mapping[str, Any]:
    """Ask a person, or end when there is nothing to ship."""
    store, now = work.services.store, work.services.clock.now()
    await asyncio.to_thread(learn, work, verdict)
    store.change_run(work.run, now, verdict=verdict)
    await asyncio.to_thread(fill_in, work)
    work.journal.event("memory/counted", LineEvent(work.run, "note", "gate"))
    if verdict is not Verdict.SHIP:
        store.change_run(work.run, now, **_nothing_new(work, verdict))
        await asyncio.to_thread(work.services.reporter.report, work.run)
        return {
            "state": StageState.SKIPPED.value,
            "detail": f"nothing to ship: the verdict is {verdict.value}",
        }
    store.change_run(work.run, now, state=RunState.WAITING, verdict=verdict)
    event = LineEvent(work.run, "state", "gate", state=RunState.WAITING.value)
    run = store.run(work.run)
    work.journal.event(f"{WAITING_KEY}{run.candidate if run else ''}", event)
    await asyncio.to_thread(work.services.reporter.report, work.run)  # now it says how it ended
    questions = store.questions(work.run)
    asked = f"{len(questions)} question{'s' if len(questions) != 1 else ''} for a person"
    if not questions:
        asked = "the decision, and no question besides"
    return {"detail": f"waits for a person: {asked}", "questions": len(questions)}


def _nothing_new(work: Work, verdict: Verdict) -> Mapping[str, Any]:
    """Say how a run ends that has nothing to ship: what had shipped before a comment stays so."""
    rows = work.services.store.events(work.run, kinds=("state",))
    shipped = [row for row in rows if row.key.startswith(SHIPPED_KEY)]
    if not shipped:
        return {"state": RunState.ENDED, "verdict": verdict, **_way_back(work, rows)}
    candidate = CandidateId(shipped[-1].key.removeprefix(SHIPPED_KEY))
    note = (
        f"{candidate or 'what'} stays shipped; the comment brought nothing to ship: {verdict.value}"
    )
    return {
        "state": RunState.SHIPPED,
        "verdict": Verdict.SHIP,
        "candidate": candidate or None,
        "note": note,
    }


def _way_back(work: Work, rows: Sequence[RunEvent]) -> Mapping[str, Any]:
    """Name the way back to what waited at the gate before a comment that brought nothing."""
    waited = [row for row in rows if row.key.startswith(WAITING_KEY)]
    asked = work.services.store.events(work.run, kinds=(COMMENT,))
    if not waited or not asked or asked[-1].at < waited[-1].at:
        return {}
    before = waited[-1].key.removeprefix(WAITING_KEY)
    return {
        "note": f"the comment brought nothing to ship; `unlit rewind {work.run} gate` goes back to "
        f"the gate of {before}, whose verdict was ship"
    }


def settle(work: Work, state: RunState) -> None:
    """Leave a run in the state that its last step gave it.

    A worker killed between that step and the end of its work is followed by one that begins with
    the state "running" and finds the step done, so that nothing else would write the state again.
    """
    run = work.services.store.run(work.run)
    if run is not None and run.state is RunState.RUNNING:
        work.services.store.change_run(work.run, work.services.clock.now(), state=state)


async def ship(work: Work) -> Mapping[str, Any]:
    """Ship what a person approved.

    Raises:
        OutcomeNotGoodEnough: Nobody approved it.
    """
    store = work.services.store
    decision = store.gate_decision(work.run, OUTCOME_GATE)
    if decision is None or decision.decision != "approved":
        raise OutcomeNotGoodEnough(
            "LIN-041",
            f"Run {work.run} was not approved.",
            "only what a person approved is shipped.",
            "read the report, then `unlit approve RUN`.",
        )
    before = _shipped_before(work, str(decision.candidate or ""))
    if before is not None:  # another deploy, or a second look: what is merged needs no remote
        return before
    check_ship(work)
    rechecker = Recheckers(work)
    try:
        shipped = await asyncio.to_thread(work.services.shipper.ship, work.run, rechecker.recheck)
    except OutcomeNotGoodEnough:
        if rechecker.refused is None:
            raise
        merge, why = rechecker.refused
        return ask_again(work, MERGE, why, why, parent=merge)
    finally:
        rechecker.cancel()
    now = work.services.clock.now()
    state = RunState.WAITING if shipped.pending else RunState.SHIPPED
    store.change_run(work.run, now, state=state, note=shipped.pending)
    if not shipped.pending:
        key = f"{SHIPPED_KEY}{decision.candidate or ''}"
        text = f"merged as {shipped.commit[:10]} on {shipped.branch}, tag {shipped.tag}"
        data = {
            "commit": shipped.commit,
            "tag": shipped.tag,
            "branch": shipped.branch,
            "head": shipped.head or shipped.commit,
            "pull_request": shipped.pull_request,
        }
        event = LineEvent(work.run, "state", "ship", state=state.value, text=text, data=data)
        work.journal.event(key, event)
        await asyncio.to_thread(work.services.reporter.report, work.run)
    return {
        "detail": shipped.pending
        or f"merged as {shipped.commit[:10]} on {shipped.branch}, tag {shipped.tag}",
        "pending": shipped.pending,
        "again": shipped.again,
        "commit": shipped.commit,
        "head": shipped.head or shipped.commit,
        "pull_request": shipped.pull_request,
        "tag": shipped.tag,
        "branch": shipped.branch,
    }


def _shipped_before(work: Work, candidate: str) -> Mapping[str, Any] | None:
    """Return what shipping this candidate found, where it is on its branch already."""
    rows = work.services.store.events(work.run, kinds=("state",))
    row = next((row for row in rows if row.key == f"{SHIPPED_KEY}{candidate}"), None)
    if row is None or "branch" not in row.data:  # an older version wrote less down
        return None
    work.services.store.change_run(
        work.run, work.services.clock.now(), state=RunState.SHIPPED, note=""
    )
    found = {name: row.data[name] for name in _LANDED}
    return {"detail": row.text, "pending": "", "again": True, **found}


async def attest(work: Work, shipped: Mapping[str, Any]) -> Mapping[str, Any]:
    """Write down for others who stands behind what was merged."""
    after = work.services.after
    if after is None:
        return {"state": StageState.SKIPPED.value, "detail": "nothing attests here"}
    files = await asyncio.to_thread(after.attest, work.run, shipped)
    sealed = sum(name.endswith(".dsse.json") for name in files)  # the bill itself lies beside
    return {"detail": f"{sealed} attestations are written", "files": dict(files)}


async def deploy(work: Work, shipped: Mapping[str, Any]) -> Mapping[str, Any]:
    """Bring what was merged to its users, in stages, or back."""
    after = work.services.after
    done = None if after is None else await after.deploy(work.run, shipped)
    if done is None:
        return {"state": StageState.SKIPPED.value, "detail": "no deploy is named"}
    state = StageState.DONE if done["ok"] else StageState.NOT_GOOD_ENOUGH
    return {"state": state.value, "detail": done["words"], **done}
