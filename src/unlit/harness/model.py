"""Words of the harness: a job, its end, what an agent is, what it left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from decimal import Decimal

    from unlit.core.ids import CandidateId, RunId


class EndReason(StrEnum):
    """How an agent's turn ended, as we saw it; never as it says."""

    DONE = "done"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    LIMIT = "limit"
    TIMED_OUT = "timed_out"
    CRASHED = "crashed"
    GARBAGE = "garbage"
    MODEL_FAILED = "model_failed"
    NOT_STARTED = "not_started"


class Outcome(StrEnum):
    """What a turn left behind, named so that a person understands it."""

    CHANGED = "changed"
    CHANGED_NOTHING = "changed_nothing"
    CLAIMED_WITHOUT_CHANGE = "claimed_without_change"
    TOUCHED_FORBIDDEN = "touched_forbidden"
    TOO_LARGE = "too_large"
    TIMED_OUT = "timed_out"
    CRASHED = "crashed"
    GARBAGE = "garbage"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    LIMIT = "limit"
    MODEL_FAILED = "model_failed"
    NOT_STARTED = "not_started"

    @property
    def is_candidate(self) -> bool:
        """Whether there is something to check and grade."""
        return self is Outcome.CHANGED


@dataclass(frozen=True, slots=True)
class ToolMount:
    """A folder of the machine that an agent's program needs, shown read-only at `target`."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What an agent is and what it can do.

    Attributes:
        kind: ``scripted``, ``headless``, ``acp`` or ``native``.
        command: Program that must be on the machine; empty when none.
        protocol: Wire format its model calls use; empty when it makes none.
        credential: Environment variable of its key; empty when it needs none.
        needs: Why it cannot run here; empty when it can.
        mounts: What its fence must show.
        path: Folders to put first in ``PATH``.
    """

    name: str
    title: str
    kind: str
    command: str = ""
    protocol: str = ""
    credential: str = ""
    needs: tuple[str, ...] = ()
    can: frozenset[str] = frozenset()
    mounts: tuple[ToolMount, ...] = ()
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Feedback:
    """All that an agent learns of an evaluation: a criterion and a bucket."""

    criterion: str
    bucket: str


@dataclass(frozen=True, slots=True)
class Word:
    """What a person says to an agent at work.

    Attributes:
        id: Unique in the run.
        now: Whether the agent's present turn is interrupted for it.
        step: Model call before which it was said; 0 when it was not said yet.
    """

    id: str
    text: str
    person: str = ""
    now: bool = False
    step: int = 0


class Companion(Protocol):
    """Goes with one turn of an agent; its methods do not wait on the network."""

    def words(self) -> Sequence[Word]:
        """Return what people said and no agent has heard yet."""
        ...

    def heard(self) -> Sequence[Word]:
        """Return what this turn has heard before it was interrupted, with the step of each."""
        ...

    def deliver(self, word: Word, how: str) -> None:
        """Write down that a word was said to the agent."""
        ...

    def replies(self) -> Sequence[str]:
        """Return the model replies that this turn has had already, in order."""
        ...

    def keep_reply(self, number: int, body: str) -> None:
        """Keep the reply to model call `number`, from 1; once."""
        ...


@dataclass(frozen=True, slots=True)
class Job:
    """One turn of an agent.

    Attributes:
        brief: All it is told: the visible spec, context, lessons, feedback.
        number: Which candidate this is, from 1.
        model: Model to use; `None` leaves it to the agent.
        max_usd: Money left; the gateway stops the spend, this only tells the agent.
        resume_token: What an earlier `End` of the same agent returned.
        companion: What people say meanwhile, and the model replies that are paid for already.
        tools: Address of an MCP server (streamable HTTP) that the agent may use; empty for none.
        hooks: Shell commands around each tool call of the model, ``pre`` and ``post``; run in the
            fence by agents that can (``hooks`` in `Facts.can`).
    """

    run: RunId
    candidate: CandidateId
    number: int
    brief: str
    feedback: tuple[Feedback, ...] = ()
    model: str | None = None
    deadline_s: float = 3600
    max_usd: Decimal | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    resume_token: str | None = None
    companion: Companion | None = None
    tools: str = ""
    hooks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class End:
    """How a turn ended.

    Attributes:
        text: The agent's last words, or ours when it had none; never believed.
        reported: Usage as the agent reports it; the bill is the gateway's.
    """

    reason: EndReason
    text: str = ""
    exit_code: int | None = None
    reported: Mapping[str, Any] = field(default_factory=dict)
    resume_token: str | None = None


@dataclass(frozen=True, slots=True)
class AgentEvent:
    """One thing an agent did, for the live view.

    Attributes:
        kind: ``started``, ``text``, ``tool``, ``usage``, ``permission`` or ``error``.
    """

    kind: str
    text: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Base:
    """Where a run starts: a commit and its tree."""

    commit: str
    tree: str


@dataclass(frozen=True, slots=True)
class Change:
    """One path that differs from the base, as the fence extracted it."""

    path: str
    kind: str
    mode: int = 0o644
    size: int = 0


@dataclass(frozen=True, slots=True)
class Commit:
    """One candidate as a commit."""

    commit: str
    tree: str
    parent: str
    files: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the harness says of a turn, with a sentence for people."""

    outcome: Outcome
    sentence: str
    kept: tuple[Change, ...] = ()
