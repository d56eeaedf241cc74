"""What an agent reads of the sources while it works: pinned before it is told, within its rules."""

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from unlit.context.model import Entry, Item, Snapshot
from unlit.context.ports import Bodies
from unlit.context.rules.snapshot import SNAPSHOT_FILE, digest_of, live_entry, mark, with_live
from unlit.context.service import entry_json, manifest, read_entry, read_manifest
from unlit.core.canonical import digest_bytes
from unlit.core.errors import RefusedByPolicy
from unlit.core.ids import CandidateId, Digest, RunId
from unlit.line.model import LineEvent
from unlit.line.stages.prepare import refuse_trifecta
from unlit.line.stages.work import Work
from unlit.record.model import RunEvent
from unlit.record.store import Store

KIND: Final = "context"
"""Kind of the record's events about it."""

MOST_BYTES: Final = 8 * 1024 * 1024
"""Most bytes that the agents of one run may be told: a snapshot has a size, and so has this."""

_ONE_AT_A_TIME: Final = threading.Lock()
"""Candidates of a tournament read side by side; the run's manifest is written by one of them."""


class RunWitness:
    """Keeps what the agent of one candidate is told; `context.ports.Witness`.

    Each answer is an event of the record: its items as entries of a manifest, and the digest of the
    very text. A turn that begins again after it was killed is told on the same call what it was
    told before, so that nothing is written twice and nothing is read anew that was seen.

    Args:
        work: The run.
        candidate: Whose agent it is.
        agent: Its name.
        say: Hands an event to whoever watches, from another thread.
    """

    def __init__(
        self, work: Work, candidate: CandidateId, agent: str, say: Callable[[LineEvent], None]
    ) -> None:
        self._work = work
        self._candidate = candidate
        self._agent = agent
        self._say = say
        self._lock = threading.Lock()
        events = [e for e in _events(work.services.store, work.run) if e.candidate == candidate]
        self._count = len(events)
        self._again: dict[str, list[Digest]] = {}
        for event in events:
            if "answer" in event.data:
                kept = self._again.setdefault(str(event.data["call"]), [])
                kept.append(Digest(str(event.data["answer"])))

    def kept(self, call: str) -> str | None:
        """Return what an interrupted turn was told on this call, once."""
        with self._lock:
            waiting = self._again.get(_named(call))
            if not waiting:
                return None
            digest = waiting.pop(0)
        return self._work.services.bodies.read(digest).decode("utf-8")

    def told(self, call: str, items: Sequence[Item], answer: str) -> None:
        """Pin an answer and its items, unless the run must not hold them.

        Raises:
            RefusedByPolicy: They would make the run a way out for private data, or too much.
            OutsideFailed: They cannot be kept.
        """
        services = self._work.services
        entries = [live_entry(item, self._candidate) for item in items]
        said = answer.encode("utf-8")
        with self._lock, _ONE_AT_A_TIME:
            before = _events(services.store, self._work.run)
            self._judge(before, entries, len(said))
            for item in items:
                services.bodies.keep(item.body.encode("utf-8"))
            kept = services.bodies.keep(said)
            data = {
                "call": _named(call),
                "answer": kept,
                "bytes": len(said),
                "entries": [entry_json(entry) for entry in entries],
            }
            event = self._note(_sentence(call, entries), data)
            pin_live(self._work, [*before, event])

    def _judge(self, before: Sequence[RunEvent], entries: Sequence[Entry], size: int) -> None:
        """Refuse what must not come together in the run, and note that it was refused."""
        work = self._work
        try:
            taint = {*pinned_of(work).taint, *(mark(one) for one in (*_live(before), *entries))}
            refuse_trifecta(work.services, work.request.policy, taint)
            spent = sum(int(event.data.get("bytes", 0)) for event in before)
            if spent + size > MOST_BYTES:
                raise RefusedByPolicy(
                    "LIN-056",
                    f"The run's agents have read {spent} bytes of its sources; no more is told.",
                    f"what a run sees has a size: {MOST_BYTES // 1024 // 1024} MB read live.",
                    "work with what you have read, or ask for less.",
                )
        except RefusedByPolicy as error:
            self._note(f"was refused: {error.what}", {"refused": error.code})
            raise

    def _note(self, text: str, data: dict[str, object]) -> RunEvent:
        self._count += 1
        event = RunEvent(
            run=self._work.run,
            key=f"{KIND}/{self._candidate}/{self._count}",
            kind=KIND,
            at=self._work.services.clock.now(),
            stage="build",
            candidate=self._candidate,
            text=text,
            data={"agent": self._agent, **data},
        )
        self._work.services.store.keep_events([event])
        told = LineEvent(event.run, KIND, "build", self._candidate, "", text, event.data)
        self._say(told)
        return event


def pin_live(work: Work, events: Iterable[RunEvent]) -> None:
    """Make what was read live a part of the run's snapshot: its manifest and its digest."""
    services = work.services
    whole = with_live(pinned_of(work), _live(events))
    folder = services.artefacts / work.run
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f".{SNAPSHOT_FILE}.new"
    fresh.write_bytes(manifest(whole))
    fresh.replace(folder / SNAPSHOT_FILE)
    services.store.change_run(work.run, services.clock.now(), snapshot=whole.digest)


def pinned_of(work: Work) -> Snapshot:
    """Return what was pinned before the first candidate; an empty one where the line pins none."""
    return _pinned(work.services.store, work.services.bodies, work.run)


def kept_snapshot(store: Store, bodies: Bodies, run: RunId) -> Snapshot | None:
    """Return all that a run saw, from the record alone; `None` where it has read nothing yet.

    Raises:
        OutsideFailed: The manifest lies on the machine where the run was, or was changed.
    """
    whole = with_live(_pinned(store, bodies, run), _live(_events(store, run)))
    return whole if whole.entries else None


def _pinned(store: Store, bodies: Bodies, run: RunId) -> Snapshot:
    stages = store.stages(run)
    facts = next((one.facts for one in reversed(stages) if one.name == "context"), {})
    if "manifest" in facts:
        return read_manifest(bodies.read(Digest(str(facts["manifest"]))))
    return Snapshot(digest_of(()), ())


def _events(store: Store, run: RunId) -> tuple[RunEvent, ...]:
    return store.events(run, kinds=(KIND,))


def _live(events: Iterable[RunEvent]) -> list[Entry]:
    return [read_entry(row) for event in events for row in event.data.get("entries") or ()]


def _named(call: str) -> str:
    return digest_bytes(call.encode("utf-8"))


def _sentence(call: str, entries: Sequence[Entry]) -> str:
    names = ", ".join(f"{one.ref.source}:{one.ref.key}" for one in entries[:4])
    more = f" and {len(entries) - 4} more" if len(entries) > 4 else ""
    return f"asked the sources {call[:200]}: {names or 'nothing to read'}{more}"
