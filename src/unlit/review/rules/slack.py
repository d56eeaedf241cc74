"""Gates in Slack: who really sent this, what a message at a gate looks like, what was clicked.

Source: docs.slack.dev: verifying requests from Slack, block kit, interactivity (read 2026-03).
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

WINDOW_S: Final = 300
"""A request older than this is not taken, as Slack advises: it may be a replay."""
APPROVE: Final = "unlit_approve"
REJECT: Final = "unlit_reject"
_REASON: Final = "reason"
_TEXT_MOST: Final = 2900


@dataclass(frozen=True, slots=True)
class Asked:
    """A gate as its message names it.

    Attributes:
        tree: Start of the tree, or of the spec's digest, that is asked about: a click is about
            this candidate, or this version of the spec, alone.
    """

    run: str
    candidate: str
    tree: str
    gate: str = "outcome"

    def text(self) -> str:
        """Return what a button carries."""
        return json.dumps(
            {"run": self.run, "candidate": self.candidate, "tree": self.tree, "gate": self.gate}
        )


@dataclass(frozen=True, slots=True)
class Act:
    """Something that a person did in Slack.

    Attributes:
        kind: ``click`` (a button), ``reason`` (the form behind it) or ``reply`` (in the thread).
        trigger: Opens a form, for three seconds.
    """

    kind: str
    user: str
    decision: str
    asked: Asked | None
    reason: str = ""
    trigger: str = ""
    thread: str = ""


def refusal(secret: str, headers: Mapping[str, str], body: bytes, now_s: float) -> str | None:
    """Say why a request is not Slack's; `None` when it is.

    Args:
        secret: The app's signing secret.
        headers: Header names in lower case.
        body: The raw body, as signed.
        now_s: Wall time.
    """
    if not secret:
        return "no signing secret is set"
    stamp = headers.get("x-slack-request-timestamp", "")
    signature = headers.get("x-slack-signature", "")
    if not (stamp.isascii() and stamp.isdigit() and signature):
        return "it is not signed"
    if abs(now_s - int(stamp[:15])) > WINDOW_S:
        return "its signature is too old"
    base = f"v0:{stamp}:".encode() + body
    wanted = "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return None if hmac.compare_digest(wanted, signature) else "its signature is wrong"


def interaction(body: bytes) -> Act | None:
    """Read an interactivity request; `None` when it is none of ours."""
    payload = _json(_first(body.decode(errors="replace"), "payload"))
    user = str(_mapping(payload.get("user")).get("id", ""))
    if payload.get("type") == "block_actions":
        actions = payload.get("actions")
        first = _mapping(actions[0]) if isinstance(actions, list) and actions else {}
        decision = {APPROVE: "approved", REJECT: "rejected"}.get(str(first.get("action_id")))
        asked = _asked(first.get("value"))
        if decision is None or asked is None:
            return None
        return Act("click", user, decision, asked, trigger=str(payload.get("trigger_id", "")))
    view = _mapping(payload.get("view"))
    if payload.get("type") != "view_submission":
        return None
    kept = _json(str(view.get("private_metadata", "")))
    asked, decision = _asked(kept.get("asked")), str(kept.get("decision", ""))
    if asked is None or decision not in ("approved", "rejected"):
        return None
    return Act("reason", user, decision, asked, _typed(view))


def reply(event: Mapping[str, Any]) -> Act | None:
    """Read a message event: ``approve REASON`` or ``reject REASON`` in a gate's thread."""
    if event.get("type") != "message" or event.get("subtype") or event.get("bot_id"):
        return None
    thread, user = str(event.get("thread_ts", "")), str(event.get("user", ""))
    word, _, reason = str(event.get("text", "")).strip().partition(" ")
    known = {"approve": "approved", "reject": "rejected"}
    decision = known.get(word.strip("/:,.").lower())
    if decision is None or not thread or not user:
        return None
    return Act("reply", user, decision, None, reason.strip(), thread=thread)


def message(asked: Asked, headline: str, questions: Sequence[str], link: str) -> dict[str, Any]:
    """Return text and blocks of a gate; what agents and tickets wrote is plain text in it."""
    lines = "\n".join(f"• {_plain(text)}" for text in questions)[:_TEXT_MOST]
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": _plain(headline)[:150]}},
    ]
    if lines:
        blocks.append({"type": "section", "text": {"type": "plain_text", "text": lines}})
    about = (
        "its spec, before it is built"
        if asked.gate == "intent"
        else (f"candidate {asked.candidate}")
    )
    where = f"Run {asked.run}, {about}; the {asked.gate} gate."
    more = f"{where} {link}" if link else f"{where} `unlit review {asked.run}` has the report."
    blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": more}]})
    blocks.append({"type": "actions", "block_id": "unlit_gate", "elements": [
        _button("Approve", APPROVE, "primary", asked), _button("Reject", REJECT, "danger", asked),
    ]})  # fmt: skip
    return {"text": f"{_plain(headline)} ({asked.run})", "blocks": blocks}


def form(act: Act, *, needed: bool) -> dict[str, Any]:
    """Return the form that asks for the reason of a click."""
    asked = act.asked
    assert asked is not None  # noqa: S101 # a click is about a gate
    word = "Approve" if act.decision == "approved" else "Reject"
    return {
        "type": "modal",
        "callback_id": "unlit_reason",
        "private_metadata": json.dumps({"asked": asked.text(), "decision": act.decision}),
        "title": {"type": "plain_text", "text": f"{word} {asked.run}"[:24]},
        "submit": {"type": "plain_text", "text": word},
        "close": {"type": "plain_text", "text": "Not yet"},
        "blocks": [{
            "type": "input", "block_id": _REASON, "optional": not needed,
            "label": {"type": "plain_text", "text": "Why? It is kept in the audit log."},
            "element": {"type": "plain_text_input", "action_id": _REASON, "multiline": True,
                        "max_length": 2000},
        }],
    }  # fmt: skip


def settled(text: str) -> list[dict[str, Any]]:
    """Return the blocks of a gate that is decided: nothing to click is left."""
    return [{"type": "section", "text": {"type": "plain_text", "text": _plain(text)[:_TEXT_MOST]}}]


def _button(text: str, action: str, style: str, asked: Asked) -> dict[str, Any]:
    return {
        "type": "button", "action_id": action, "style": style, "value": asked.text(),
        "text": {"type": "plain_text", "text": text},
    }  # fmt: skip


def _asked(value: Any) -> Asked | None:
    found = _json(value if isinstance(value, str) else "")
    names = ("run", "candidate", "tree")
    if not all(isinstance(found.get(name), str) and found[name] for name in names):
        return None
    gate = found.get("gate", "outcome")
    if gate not in ("intent", "outcome", "ship"):
        return None
    return Asked(found["run"], found["candidate"], found["tree"], gate)


def _typed(view: Mapping[str, Any]) -> str:
    values = _mapping(_mapping(view.get("state")).get("values"))
    field = _mapping(_mapping(values.get(_REASON)).get(_REASON))
    value = field.get("value")
    return value.strip() if isinstance(value, str) else ""


def _first(text: str, name: str) -> str:
    return (parse_qs(text).get(name) or [""])[0]


def _json(text: str) -> Mapping[str, Any]:
    try:
        return _mapping(json.loads(text))
    except (ValueError, RecursionError):
        return {}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _plain(text: str) -> str:
    return "".join(char for char in " ".join(text.split()) if char.isprintable())
