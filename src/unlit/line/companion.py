"""What goes with one turn of an agent: people's words to it, and model replies paid for already.

Words are events of the run, said by people with `unlit steer`. Nothing of an evaluation ever
becomes one. Replies are kept in the record under the turn, so that any worker can go on with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from typing_extensions import override

from unlit.core.canonical import digest_json
from unlit.core.clock import Clock
from unlit.core.errors import InvalidInput
from unlit.core.ids import CandidateId, Ids, RunId
from unlit.harness.model import Companion, Word
from unlit.line.journal import Journal
from unlit.line.model import LineEvent
from unlit.record.blobs import Blobs
from unlit.record.model import RunEvent
from unlit.record.store import Store

SAID: Final = "steer"
HEARD: Final = "heard"
LONGEST: Final = 4_000


@dataclass(frozen=True, slots=True)
class TurnKey:
    """Names one turn: the same candidate, agent, model and brief are the same turn."""

    run: RunId
    candidate: CandidateId
    agent: str
    model: str
    brief: str

    @property
    def prefix(self) -> str:
        """Beginning of the keys of its replies."""
        told = digest_json([self.agent, self.model, self.brief]).removeprefix("sha256:")[:16]
        return f"{turns_of(self.run, self.candidate)}{told}/"


def turns_of(run: RunId, candidate: str) -> str:
    """Return the beginning of the keys of all turns of a candidate."""
    return f"{run}/turn/{candidate}/"


def forget_turns(store: Store, run: RunId, steps: Sequence[str]) -> None:
    """Forget the model replies of turns that shall be done anew, by the steps that did them."""
    for step in steps:
        stage, _, candidate = step.partition("/")
        if stage == "build" and candidate:
            Blobs(store).drop(turns_of(run, candidate))


class RecordCompanion(Companion):
    """Keeps words and replies in the record.

    Args:
        store: The record.
        journal: Where deliveries are told.
        key: Which turn.
    """

    def __init__(self, store: Store, journal: Journal, key: TurnKey) -> None:
        self._store = store
        self._journal = journal
        self._key = key
        self._blobs = Blobs(store)

    @override
    def words(self) -> Sequence[Word]:
        return waiting_words(self._store, self._key.run)

    @override
    def heard(self) -> Sequence[Word]:
        rows = self._store.events(self._key.run, kinds=(HEARD,))
        return tuple(
            Word(
                str(row.data["word"]), row.text, str(row.data["person"]), step=int(row.data["step"])
            )
            for row in rows
            if row.data.get("turn") == self._key.prefix
        )

    @override
    def deliver(self, word: Word, how: str) -> None:
        data = {
            "word": word.id,
            "person": word.person,
            "how": how,
            "step": word.step,
            "agent": self._key.agent,
            "turn": self._key.prefix,
        }
        event = LineEvent(
            self._key.run, HEARD, "build", self._key.candidate, text=word.text, data=data
        )
        self._journal.event(f"heard/{word.id}", event)

    @override
    def replies(self) -> Sequence[str]:
        kept = self._blobs.under(self._key.prefix)
        numbers = sorted(int(key.rsplit("/", 1)[1]) for key in kept)
        unbroken = [number for place, number in enumerate(numbers, 1) if number == place]
        return tuple(kept[f"{self._key.prefix}{number}"].decode() for number in unbroken)

    @override
    def keep_reply(self, number: int, body: str) -> None:
        self._blobs.put(f"{self._key.prefix}{number}", body.encode())


def waiting_words(store: Store, run: RunId) -> tuple[Word, ...]:
    """Return what people said in a run and no agent has heard yet, in the order said."""
    rows = store.events(run, kinds=(SAID, HEARD))
    heard = {str(row.data.get("word")) for row in rows if row.kind == HEARD}
    return tuple(
        Word(row.key, row.text, str(row.data.get("person", "")), bool(row.data.get("now")))
        for row in rows
        if row.kind == SAID and row.key not in heard
    )


def steer(store: Store, clock: Clock, ids: Ids, run: RunId, word: Word) -> Word:
    """Say something to the agent of a run; it hears it at the next boundary of its turns.

    Raises:
        InvalidInput: There is no such run, it is over, or the text is empty or too long.
    """
    found = store.run(run)
    if found is None or found.state.is_over:
        raise InvalidInput(
            "LIN-111",
            f"Run {run} cannot be steered.",
            "it is over, or the record does not have it.",
            f'`unlit comment {run} "…"` asks for another candidate.',
        )
    text = word.text.strip()
    if not text or len(text) > LONGEST:
        raise InvalidInput(
            "LIN-112",
            f"What is said to the agent has {len(text):,} characters.",
            f"it is read between two steps, and has 1 to {LONGEST:,}.",
            "say it shorter; what is longer belongs into the spec.",
        )
    key = ids.fresh("w")
    data = {"person": word.person, "now": word.now}
    store.keep_events([RunEvent(run, key, SAID, clock.now(), "build", text=text, data=data)])
    return Word(key, text, word.person, word.now)


def say_once(store: Store, clock: Clock, run: RunId, key: str) -> Callable[[str, str], None]:
    """Return what says something to a run's agent under a key of its own, however often called."""

    def say(text: str, person: str) -> None:
        data = {"person": person, "now": False}
        word = f"w-{digest_json(key).removeprefix('sha256:')[:16]}"
        event = RunEvent(run, word, SAID, clock.now(), "build", text=text[:LONGEST], data=data)
        store.keep_events([event])

    return say
