"""Programs in a fence ask for more than they may: questions go to the record, answers come back.

While the fence is open the record is looked at every second, so that an answer counts at once. What
was granted in an earlier turn of the run is granted again until it ends, in the same stage only:
what an agent may fetch, the tests of its candidate may not.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Protocol

from unlit.core.clock import Clock
from unlit.core.errors import UnlitError
from unlit.core.ids import RunId
from unlit.fence import Fence
from unlit.fence.gateway.model import AccessRequest
from unlit.line.model import LineEvent, Place
from unlit.record.model import (
    AccessQuestion,
    AccessState,
    GateDecision,
    RunEvent,
    granted_until,
)
from unlit.record.store import Store

MOST_OF_A_RUN: Final = 100
"""Questions that one run may put to people; what comes after is in the audit log only."""

MOST_OF_A_PRODUCT: Final = 5
"""Of those, questions that products may put while they are graded: they may be hostile."""

EXPIRES_H: Final = 24.0
LOOK_S: Final = 1.0
_STANDING: Final = (AccessState.OPEN, AccessState.GRANTED, AccessState.REFUSED)

_log = logging.getLogger(__name__)


class Door(Protocol):
    """The part of a fence host that questions go through."""

    async def asked(self, fence: Fence) -> tuple[AccessRequest, ...]:
        """Return what was asked for so far."""
        ...

    async def grant(self, fence: Fence, asked: AccessRequest, *, person: str, for_s: float) -> None:
        """Allow exactly that, until an end."""
        ...

    async def refuse(self, fence: Fence, asked: AccessRequest, *, person: str, why: str) -> None:
        """Say no."""
        ...


@dataclass(frozen=True, slots=True)
class Questions:
    """The questions of runs in the record, and whoever watches.

    Attributes:
        expires_h: Hours after which a question closes unanswered.
    """

    store: Store
    clock: Clock
    listen: Callable[[LineEvent], None] = lambda event: None
    expires_h: float = EXPIRES_H

    def ask(self, place: Place, stage: str, asked: AccessRequest) -> AccessQuestion | None:
        """Write one down; the same while it stands is asked once, and `None` is returned."""
        now = self.clock.now()
        rows = self.store.access_questions(place.run)
        decided = self.decided(place.run)
        same = [row for row in rows if (row.request, row.role) == (asked.request, asked.role)]
        if any(row.state(decided.get(row.gate), now) in _STANDING for row in same):
            return None
        products = sum(row.role == "product" for row in rows)
        if len(rows) >= MOST_OF_A_RUN or (
            asked.role == "product" and products >= MOST_OF_A_PRODUCT
        ):
            return None
        question = self.store.ask_access(
            AccessQuestion(
                run=place.run,
                number=0,
                stage=stage,
                agent=place.agent,
                role=asked.role,
                request=asked.request,
                reason=asked.reason,
                asked_at=now,
                expires_at=now + timedelta(hours=self.expires_h),
            )
        )
        text = f"asks for {asked.request}: {asked.reason or 'it says no reason'}"
        self._tell(place, question, "asked", text)
        return question

    def decided(self, run: RunId) -> Mapping[str, GateDecision]:
        """Return what was decided at the access gates of a run, by gate."""
        made = self.store.gate_decisions(run)
        return {row.gate: row for row in made if row.gate.startswith("access/")}

    def answered(self, place: Place, question: AccessQuestion, decision: GateDecision) -> None:
        """Tell whoever watches that an answer reached the fence."""
        word = "allowed" if decision.decision == "approved" else "refused"
        text = f"{decision.person} {word} {question.request}"
        self._tell(place, question, word, text)

    def _tell(self, place: Place, question: AccessQuestion, word: str, text: str) -> None:
        data = {"state": word, "access": question.number, "request": question.request}
        self.listen(
            LineEvent(place.run, "question", place.stage, place.candidate, word, text, {**data})
        )
        key = f"access/{question.number}/{word}"
        row = RunEvent(
            place.run, key, "question", self.clock.now(), place.stage, place.candidate, text, data
        )
        self.store.keep_events([row])


@dataclass
class Attendant:
    """Carries questions out of one open fence, and answers in."""

    door: Door
    fence: Fence
    place: Place
    stage: str
    questions: Questions
    _taken: int = 0
    _told: set[str] = field(default_factory=set)
    _task: "asyncio.Task[None] | None" = None

    async def begin(self) -> None:
        """Grant what stands from earlier turns, then look every second."""
        await self._answer()
        self._task = asyncio.create_task(self._attend())

    async def end(self, asked: Sequence[AccessRequest]) -> None:
        """Stop looking; what the fence was asked last is written down too."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._take(asked)

    async def _attend(self) -> None:
        while True:
            await self.questions.clock.sleep(LOOK_S)
            try:
                await self.look()
            except UnlitError as error:  # the next look tries again; the fence stays as strict
                _log.warning("access questions of run %s: %s", self.place.run, error)
            except KeyError:
                return  # the fence is closed

    async def look(self) -> None:
        """Write down what was asked since, and carry in what was answered since.

        Raises:
            UnlitError: The record cannot be read or written now.
            KeyError: The fence is closed.
        """
        await self._take(await self.door.asked(self.fence))
        await self._answer()

    async def _take(self, asked: Sequence[AccessRequest]) -> None:
        for one in asked[self._taken :]:
            await asyncio.to_thread(self.questions.ask, self.place, self.stage, one)
            self._taken += 1

    async def _answer(self) -> None:
        store, run = self.questions.store, self.place.run
        rows = await asyncio.to_thread(store.access_questions, run)
        if len(rows) == len(self._told):
            return
        decided = await asyncio.to_thread(self.questions.decided, run)
        for row in rows:
            decision = decided.get(row.gate)
            if decision is None or row.gate in self._told or not self._concerns(row):
                continue
            await self._carry(row, decision)
            self._told.add(row.gate)

    def _concerns(self, row: AccessQuestion) -> bool:
        """Whether it was asked in the same stage, of this candidate or an earlier one."""
        same = row.stage.partition("/")[0] == self.stage.partition("/")[0]
        return same and row.role == self.place.role

    async def _carry(self, row: AccessQuestion, decision: GateDecision) -> None:
        now = self.questions.clock.now()
        asked = AccessRequest(row.role, row.request, row.reason)
        state = row.state(decision, now)
        if state is AccessState.GRANTED:
            left_s = (granted_until(decision) - now).total_seconds()
            await self.door.grant(self.fence, asked, person=decision.person, for_s=left_s)
        elif state is AccessState.REFUSED:
            await self.door.refuse(self.fence, asked, person=decision.person, why=decision.reason)
        else:
            return
        await asyncio.to_thread(self.questions.answered, self.place, row, decision)
