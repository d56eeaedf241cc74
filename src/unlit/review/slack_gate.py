"""Gates by Slack: asked once per candidate in a channel, decided by buttons, a form or a reply."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from unlit.core.clock import Clock
from unlit.core.errors import OutsideFailed, UnlitError
from unlit.core.ids import RunId
from unlit.record.model import Run, RunState
from unlit.review.outside import OutsideDesk, Said, spec_mark
from unlit.review.rules import slack
from unlit.review.service import build_report

_KEPT_S: Final = 2 * slack.WINDOW_S


class Call(Protocol):
    """Calls a method of Slack's Web API."""

    def __call__(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        """Call it; raises `OutsideFailed` when Slack says no."""
        ...


class SlackGate:
    """The gate of one repository, in one channel.

    Args:
        desk: Decides.
        call: Slack's Web API.
        channel: Where gates are asked about.
        folder: What was asked and what was taken; survives a restart.
        clock: Says when.
        link: Returns the address of a run's report, or an empty text.
    """

    def __init__(
        self,
        desk: OutsideDesk,
        call: Call,
        channel: str,
        folder: Path,
        clock: Clock,
        link: Callable[[RunId], str] = lambda run: "",
    ) -> None:
        self._desk = desk
        self._call = call
        self._channel = channel
        self._path = folder / "asked.json"
        self._seen = folder / "seen"
        self._clock = clock
        self._link = link
        self._seen.mkdir(parents=True, exist_ok=True, mode=0o700)

    def ask(self) -> int:
        """Ask about every run that waits and was not asked about; return how many were.

        A message that was posted when we died before writing it down is asked again: better twice
        than never; its buttons are about the same candidate, and one decision stands.
        """
        store = self._desk.desk.store
        asked = self._asked()
        count = 0
        for run in store.runs(states=(RunState.WAITING,), limit=200):
            gate = self._gate(run)
            known = asked.get(run.id, {})
            if gate is None or (
                (known.get("tree"), known.get("gate", "outcome")) == (gate.tree, gate.gate)
            ):
                continue
            report = build_report(store, run.id)
            questions = [row.text for row in store.questions(run.id) if row.answer is None]
            told = slack.message(gate, report.headline.text, questions, self._link(run.id))
            posted = self._call("chat.postMessage", channel=self._channel, **told)
            asked[run.id] = {
                "channel": str(posted["channel"]), "ts": str(posted["ts"]), "tree": gate.tree,
                "gate": gate.gate,
            }  # fmt: skip
            self._write(asked)
            count += 1
        return count

    def _gate(self, run: Run) -> slack.Asked | None:
        """What is to be asked about a run; nothing when it waits at no gate."""
        desk = self._desk.desk
        waits = desk.standing(run).gate
        if waits == "intent":
            return slack.Asked(run.id, "none", spec_mark(run.spec_digest), waits)
        made = next((c for c in desk.store.candidates(run.id) if c.id == run.candidate), None)
        return slack.Asked(run.id, made.id, made.tree[:12], waits) if made and waits else None

    def fresh(self, signature: str) -> bool:
        """Whether a signed request was not taken before; taken now, also by another process."""
        now_s = self._clock.now().timestamp()
        for old in self._seen.iterdir():
            if now_s - float(old.name.partition("-")[0]) > _KEPT_S:
                old.unlink(missing_ok=True)
        name = hashlib.sha256(signature.encode()).hexdigest()[:40]
        if any(path.name.endswith(name) for path in self._seen.iterdir()):
            return False
        lock = self._seen / f"{int(now_s)}-{name}"
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            return False
        return True

    def interact(self, body: bytes) -> Callable[[], None] | None:
        """Take an interactivity request; return what is to be done after it was acknowledged."""
        act = slack.interaction(body)
        if act is None or act.asked is None:
            return None
        if act.kind == "click":
            return lambda: self._clicked(act)
        return lambda: self._decide(act, RunId(act.asked.run if act.asked else ""))

    def event(self, event: Mapping[str, Any]) -> Callable[[], None] | None:
        """Take a message event; return what is to be done after it was acknowledged."""
        act = slack.reply(event)
        if act is None:
            return None
        channel = str(event.get("channel", ""))
        for run, where in self._asked().items():
            if (where["channel"], where["ts"]) == (channel, act.thread):
                return lambda: self._decide(act, RunId(run))
        return None

    def _clicked(self, act: slack.Act) -> None:
        """Ask for the reason; who may not decide hears so at once."""
        asked = act.asked
        assert asked is not None  # noqa: S101 # `interact` looked
        said = Said(act.user, RunId(asked.run), act.decision, "", "Slack", asked.tree, asked.gate)
        try:
            self._desk.person_of(said)
            needed = self._desk.reason_needed(said.run, act.decision, asked.gate)
        except UnlitError as error:
            self._tell(said.run, f"<@{act.user}> Nothing was decided. {error.what}")
            return
        try:
            self._call("views.open", trigger_id=act.trigger, view=slack.form(act, needed=needed))
        except OutsideFailed:  # a form can be opened for three seconds only
            word = "approve" if act.decision == "approved" else "reject"
            text = f"The form came too late. Click again, or reply here: {word} WHY"
            self._tell(said.run, f"<@{act.user}> {text}")

    def _decide(self, act: slack.Act, run: RunId) -> None:
        where = self._asked().get(run, {})
        tree = act.asked.tree if act.asked is not None else where.get("tree", "")
        gate = act.asked.gate if act.asked is not None else where.get("gate", "outcome")
        answer = self._desk.decide(
            Said(act.user, run, act.decision, act.reason, "Slack", tree, gate)
        )
        self._tell(run, f"<@{act.user}> {answer.text}")
        if answer.settled and where:
            self._call(
                "chat.update", channel=where["channel"], ts=where["ts"], text=answer.text,
                blocks=slack.settled(answer.text),
            )  # fmt: skip

    def _tell(self, run: RunId, text: str) -> None:
        where = self._asked().get(run)
        thread = {"thread_ts": where["ts"]} if where else {}
        channel = where["channel"] if where else self._channel
        self._call("chat.postMessage", channel=channel, text=text, **thread)

    def _asked(self) -> dict[str, dict[str, str]]:
        try:
            found: dict[str, dict[str, str]] = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found

    def _write(self, asked: Mapping[str, Mapping[str, str]]) -> None:
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps(asked, indent=1), encoding="utf-8")
        partial.replace(self._path)
