"""Ship what was approved here: as durable work of the run's line, in a thread of its own.

The decision is in the record before this begins, so a console that is killed meanwhile loses
nothing: the run still waits, approved, and its page offers to go on.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from unlit.core.errors import UnlitError
from unlit.core.ids import CandidateId, RunId
from unlit.record.model import RunState
from unlit.ship import Shipment
from unlit.wiring.desk import Office

PATIENCE_S: Final = 10.0
logger = logging.getLogger(__name__)


@dataclass
class _Going:
    """One shipping that goes on."""

    thread: threading.Thread | None = None
    shipment: Shipment | None = None
    error: UnlitError | None = None


@dataclass
class Shipping:
    """Ships runs one at a time each; a second wish for the same run joins the first."""

    office: Office
    durably: Callable[[Path, RunId], Any] | None = None
    _going: dict[RunId, _Going] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, run: RunId) -> Shipment:
        """Ship; what takes longer than a page should wait for goes on by itself.

        Raises:
            UnlitError: It failed within that time.
        """
        found = self.office.store.find_run(run)
        if "spec" not in found.settings:  # a record that no line can go on with
            return self.office.ship(run)
        with self._lock:
            going = self._going.get(run)
            if going is None or going.thread is None or not going.thread.is_alive():
                going = _Going()
                going.thread = threading.Thread(
                    target=self._ship, args=(run, going), name=f"ship {run}", daemon=True
                )
                self._going[run] = going
                going.thread.start()
        going.thread.join(PATIENCE_S)
        if going.error is not None:
            raise going.error
        candidate = CandidateId(str(found.candidate or ""))
        return going.shipment or Shipment(
            run, candidate, "", "", "", "", pending="its line is still at work on it"
        )

    def _ship(self, run: RunId, going: _Going) -> None:
        from unlit.wiring.shipping import ship_durably

        ship = self.durably or (lambda repository, run: asyncio.run(ship_durably(repository, run)))
        try:
            found = self.office.store.find_run(run)
            done = ship(Path(found.repository), run)
            facts = done.facts
            going.shipment = Shipment(
                run=run,
                candidate=CandidateId(str(done.run.candidate or "")),
                commit=str(facts.get("commit") or ""),
                tree=str(facts.get("tree") or ""),
                branch=str(facts.get("branch") or ""),
                tag=str(facts.get("tag") or ""),
                again=bool(facts.get("again")),
                pull_request=str(facts.get("pull_request") or ""),
                pending=str(facts.get("pending") or ""),
            )
            if done.run.state is RunState.SHIPPED:
                self.office.refresh(run)
        except UnlitError as error:
            going.error = error
            logger.warning("run %s did not ship: %s", run, error.what)
        except Exception:
            logger.exception("run %s did not ship", run)
