"""The journal of a run: stages and events go to the record and to whoever watches."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from unlit.core.clock import Clock
from unlit.core.ids import CandidateId, RunId
from unlit.line.model import LineEvent
from unlit.record.model import RunEvent, Stage, StageState
from unlit.record.store import Store

_log = logging.getLogger(__name__)
_BATCH: Final = 20
_FLUSH_S: Final = 0.5


class Journal:
    """Writes what happens in one run.

    Events are kept once by key, so that a repeated step adds nothing; trajectories are written in
    batches.
    """

    def __init__(
        self, store: Store, clock: Clock, run: RunId, listen: Callable[[LineEvent], None]
    ) -> None:
        self.run = run
        self._store = store
        self._clock = clock
        self._listen = listen
        self._waiting: list[RunEvent] = []
        self._flushed_s = clock.monotonic_s()

    def event(self, key: str, event: LineEvent, *, keep: bool = True) -> None:
        """Tell whoever watches; keep it under `key`."""
        self._listen(event)
        if not keep:
            return
        self._log_event(event)
        row = RunEvent(
            run=self.run,
            key=key,
            kind=event.kind,
            at=self._clock.now(),
            stage=event.stage,
            candidate=event.candidate,
            text=event.text,
            data={"state": event.state, **event.data},
        )
        self._waiting.append(row)
        late = self._clock.monotonic_s() - self._flushed_s > _FLUSH_S
        if event.kind not in ("trajectory", "agent") or late or len(self._waiting) >= _BATCH:
            self.flush()

    def _log_event(self, event: LineEvent) -> None:
        often = event.kind in ("trajectory", "agent", "heard")  # their texts are not ours to log
        fields = {
            "run": event.run,
            "kind": event.kind,
            "stage": event.stage,
            "state": event.state,
            "candidate": event.candidate,
        }
        level = logging.DEBUG if often else logging.INFO
        _log.log(level, "" if often else event.text, extra=fields)

    def flush(self) -> None:
        """Write what waits."""
        rows, self._waiting = self._waiting, []
        self._flushed_s = self._clock.monotonic_s()
        self._store.keep_events(rows)

    def start(self, key: str, name: str, candidate: CandidateId | None = None) -> None:
        """A stage starts."""
        self._store.start_stage(
            Stage(self.run, key, name, StageState.RUNNING, 0, self._clock.now(), None, candidate)
        )
        event = LineEvent(self.run, "stage", name, candidate, StageState.RUNNING.value)
        self.event(f"{key}/start", event)

    def end(
        self,
        key: str,
        name: str,
        candidate: CandidateId | None,
        state: StageState,
        detail: str = "",
        facts: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> None:
        """A stage ends."""
        self._store.end_stage(
            self.run,
            key,
            self._clock.now(),
            state=state,
            detail=detail,
            facts=facts or {},
            **changes,
        )
        self.event(
            f"{key}/end/{state.value}",
            LineEvent(self.run, "stage", name, candidate, state.value, detail, facts or {}),
        )
