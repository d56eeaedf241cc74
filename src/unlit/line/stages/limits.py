"""A stage waits until what it needs may be used: limits per agent, provider and service."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final

from unlit.core.ids import CandidateId
from unlit.line.model import LineEvent
from unlit.line.rules.queues import Limit
from unlit.line.stages.work import Work
from unlit.record.slots import SlotLimit

_LOOK_S: Final = 0.5


@asynccontextmanager
async def within(
    work: Work, stage: str, candidate: CandidateId, names: tuple[str, ...]
) -> AsyncIterator[None]:
    """Hold a slot of each name while something is done; wait for it as long as it takes."""
    slots = work.services.slots
    if slots is None or not names:
        yield
        return
    limits = slot_limits(work.services.limits, names)
    holder = f"{work.run}/{stage}/{candidate}"
    told = ""
    while met := await asyncio.to_thread(slots.take, limits, holder):
        if met != told:
            told = met
            text = f"waits for {met.replace(':', ' ')}: its limit is met"
            event = LineEvent(work.run, "note", stage, candidate, text=text)
            work.journal.event(f"{stage}/{candidate}/waits/{met}", event)
        await work.services.clock.sleep(_LOOK_S)

    async def keep() -> None:
        while True:
            await asyncio.sleep(slots.length_s / 4)
            await asyncio.to_thread(slots.renew, holder)

    keeping = asyncio.ensure_future(keep())
    try:
        yield
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
        await asyncio.to_thread(slots.give, holder)


def slot_limits(limits: Mapping[str, Limit], names: tuple[str, ...]) -> dict[str, SlotLimit]:
    """Return the limits of names as the record keeps them."""
    found = {}
    for name in names:
        rate = limits[name].rate
        found[name] = SlotLimit(
            limits[name].at_once,
            None if rate is None else rate.count,
            0.0 if rate is None else rate.period_s,
        )
    return found
