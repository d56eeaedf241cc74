"""What every stage works with, and how a stage is begun, repeated, ended and classified."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from unlit.core.ids import CandidateId, RunId
from unlit.harness.workspace import Workspace
from unlit.line.journal import Journal
from unlit.line.model import Place, RunRequest
from unlit.line.ports import Durable, Services
from unlit.line.rules.failures import MAX_ATTEMPTS, Failure, classify
from unlit.record.model import StageState

Facts = Mapping[str, Any]

_COLUMNS: Final = frozenset({"state", "detail", "failure", "code"})


class StopRun(Exception):
    """The run cannot go on; carries the failed stage's facts."""

    def __init__(self, stage: str, facts: Facts) -> None:
        super().__init__(stage)
        self.stage = stage
        self.facts = facts


@dataclass(frozen=True, slots=True)
class Work:
    """One run being worked on."""

    run: RunId
    request: RunRequest
    services: Services
    journal: Journal
    durable: Durable
    workspace: Workspace

    def place(
        self,
        stage: str,
        role: str = "coder",
        agent: str = "unlit",
        candidate: CandidateId | None = None,
    ) -> Place:
        """Say who is inside a fence."""
        return Place(self.run, stage, agent, role, candidate, self.request.person)

    def keep_file(self, kind: str, name: str, text: str) -> None:
        """Keep what an agent was told or did, for replay and for the leak proof."""
        folder = self.workspace.root / kind
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / name).write_text(text, encoding="utf-8")

    def kept_files(self, kind: str) -> tuple[str, ...]:
        """Return the files kept under `kind`."""
        return tuple(str(path) for path in sorted((self.workspace.root / kind).glob("*")))


async def perform(
    work: Work,
    name: str,
    action: Callable[[], Awaitable[Facts]],
    candidate: CandidateId | None = None,
    *,
    key: str | None = None,
) -> Facts:
    """Do one stage as one durable step.

    `action` returns ``state`` (``done`` when missing), ``detail`` and facts, all JSON. Failures
    that trying again may heal are tried again; the others, and the last, stop the run.

    Raises:
        StopRun: The stage failed.
    """
    key = key or (name if candidate is None else f"{name}/{candidate}")
    facts = await work.durable.step(key, partial(staged, work, key, name, action, candidate))
    if facts.get("state") == StageState.FAILED.value:
        raise StopRun(key, facts)
    return facts


async def staged(
    work: Work,
    key: str,
    name: str,
    action: Callable[[], Awaitable[Facts]],
    candidate: CandidateId | None = None,
) -> Facts:
    """Do one stage and write down how it began and ended; not by itself durable."""
    work.journal.start(key, name, candidate)
    facts = await _attempts(work, key, action)
    shown = {field: value for field, value in facts.items() if field not in _COLUMNS}
    work.journal.end(
        key,
        name,
        candidate,
        StageState(facts.get("state", StageState.DONE.value)),
        str(facts.get("detail", "")),
        shown,
        failure=facts.get("failure"),
        code=facts.get("code"),
    )
    return facts


async def _attempts(work: Work, key: str, action: Callable[[], Awaitable[Facts]]) -> Facts:
    for attempt in range(1, MAX_ATTEMPTS + 1):
        try:
            return await action()
        except asyncio.CancelledError:
            raise
        except Exception as error:  # every failure is classified and recorded, none is lost
            failure = classify(error)
            if not failure.retry or attempt == MAX_ATTEMPTS:
                return _failed(failure, attempt)
            await work.services.clock.sleep(float(attempt))
    raise AssertionError(key)


def _failed(failure: Failure, attempts: int) -> Facts:
    return {
        "state": StageState.FAILED.value,
        "detail": failure.sentence,
        "failure": failure.kind.value,
        "code": failure.code,
        "remedy": failure.remedy,
        "what": failure.what,
        "why": failure.why,
        "exit_code": failure.exit_code,
        "attempts": attempts,
    }
