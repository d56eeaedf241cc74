"""Which recorded events are lifecycle events, what is told of them, and how often it is tried."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from unlit.record.model import Question, Run, RunEvent

SCHEMA: Final = "unlit.hook/1"
EVENTS: Final = (
    "run.started",
    "candidate.built",
    "verdict",
    "question.opened",
    "gate.decided",
    "shipped",
    "rolled_back",
)
KINDS: Final = ("stage", "state", "rollout", "verdict", "gate")
"""Kinds of recorded events among which lifecycle events are."""
ATTEMPTS: Final = 8
_LONGEST_WAIT_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class Hook:
    """One hook.

    Attributes:
        on: Events it is told of.
        run: Command, or empty.
        url: Where it is posted, or empty.
        key_env: Name of the variable that holds the key of the signature.
        fence: Whether the command runs in a fence.
    """

    name: str
    on: frozenset[str]
    run: str = ""
    url: str = ""
    key_env: str = ""
    timeout_s: float = 10.0
    fence: bool = False


def event_of(row: RunEvent) -> str | None:
    """Return the lifecycle event that a recorded event is; `None` for all the others."""
    state = str(row.data.get("state") or "")
    if row.kind == "stage":
        if row.stage == "intent" and state == "running":
            return "run.started"
        return "candidate.built" if row.stage == "build" and state == "done" else None
    if row.kind == "state":
        return {"waiting": "question.opened", "shipped": "shipped"}.get(state)
    if row.kind == "rollout":
        return None if row.data.get("ok") else "rolled_back"
    return {"verdict": "verdict", "gate": "gate.decided"}.get(row.kind)


def key_of(row: RunEvent) -> str:
    """Return the idempotency key: the same event has the same one however often it is told."""
    return hashlib.sha256(f"{row.run}\n{row.key}".encode()).hexdigest()[:32]


def payload(event: str, row: RunEvent, run: Run, questions: Sequence[Question]) -> dict[str, Any]:
    """Return what a hook is told; ids, states and numbers, never what a scenario says."""
    asked = [
        {"number": one.number, "kind": one.kind, "text": one.text, "criterion": one.criterion}
        for one in questions
        if one.answer is None
    ]
    return {
        "schema": SCHEMA,
        "id": key_of(row),
        "event": event,
        "at": row.at.isoformat(),
        "run": row.run,
        "spec": run.spec_id,
        "title": run.title,
        "repository": run.repository,
        "candidate": row.candidate or run.candidate,
        "verdict": run.verdict.value if run.verdict else None,
        "state": run.state.value,
        "text": row.text,
        "data": _plain(row.data),
        **({"questions": asked} if event == "question.opened" else {}),
    }


def _plain(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in data.items()
        if isinstance(value, str | int | float | bool | None)
    }


def sign(body: bytes, key: str, at_s: int) -> str:
    """Return the signature header: ``t=SECONDS,v1=HEX`` over ``SECONDS.BODY`` (HMAC-SHA-256)."""
    digest = hmac.new(key.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={digest}"


def body_of(told: Mapping[str, Any]) -> bytes:
    """Return the bytes that are sent and signed."""
    return json.dumps(told, sort_keys=True, ensure_ascii=False).encode()


def pause_s(attempts: int) -> float:
    """Return how long to wait after so many failed attempts."""
    return float(min(2.0 ** max(attempts - 1, 0), _LONGEST_WAIT_S))
