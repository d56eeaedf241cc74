"""The gates before the build and before the merge: a run waits there without doing a step.

Nothing is remembered but the decision itself: a run that is taken up again looks whether it was
made. So a process killed at any moment, before or after the decision, loses nothing.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from unlit.core.errors import OutcomeNotGoodEnough
from unlit.core.ids import RunId
from unlit.line.journal import Journal
from unlit.line.model import LineEvent
from unlit.line.ports import Services
from unlit.line.stages.work import Work
from unlit.record.model import RunState
from unlit.review.rules.gates import SHIP_NOTE

INTENT: Final = "intent"
SHIP: Final = "ship"


async def waits_at_intent(work: Work, ready: Mapping[str, Any]) -> bool:
    """Leave the run waiting when its spec asks for a person who has not approved it yet."""
    why = ready.get("asks")
    if not why:
        return False
    store, now = work.services.store, work.services.clock.now()
    run = store.find_run(work.run)
    decision = store.gate_decision(work.run, INTENT)
    if decision is not None and decision.decision == "approved":
        if run.settings.get("gate"):
            store.change_run(work.run, now, settings={**run.settings, "gate": ""}, note="")
        return False
    if decision is not None:
        store.change_run(work.run, now, state=RunState.REJECTED)
        return True
    note = f"waits at its intent gate: {why}"
    settings = {**run.settings, "gate": INTENT}
    store.change_run(work.run, now, state=RunState.WAITING, settings=settings, note=note)
    event = LineEvent(work.run, "state", "intent", state=RunState.WAITING.value, text=note)
    work.journal.event("state/waiting/intent", event)
    await asyncio.to_thread(work.services.reporter.report, work.run)
    return True


def waits_at_ship(services: Services, run: RunId) -> bool:
    """Leave an approved run waiting when its ship gate was not decided yet."""
    why = "" if services.gates is None else services.gates.ship(run)
    if not why:
        return False
    found, now = services.store.find_run(run), services.clock.now()
    services.store.change_run(run, now, note=f"{SHIP_NOTE}: {why}")
    journal = Journal(services.store, services.clock, run, services.listen)
    event = LineEvent(run, "state", "ship", state=RunState.WAITING.value, text=why)
    journal.event(f"state/waiting/ship/{found.candidate or ''}", event)
    return True


def check_ship(work: Work) -> None:
    """Refuse to merge what waits at its ship gate, whoever began the merge.

    Raises:
        OutcomeNotGoodEnough: It does.
    """
    why = "" if work.services.gates is None else work.services.gates.ship(work.run)
    if why:
        raise OutcomeNotGoodEnough(
            "LIN-042",
            f"Run {work.run} is not shipped: {why}.",
            "what the ship gate did not let through is not merged.",
            f"`unlit approve {work.run} --gate ship --reason …`, by who may.",
        )
