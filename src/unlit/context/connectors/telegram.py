"""Telegram: what people wrote to a bot, and answers from it.

Needs a bot token, which Telegram wants in the path: `inject = {path = "bot-placeholder"}`.
Source: core.telegram.org/bots/api (read 2026-03).
"""

from collections.abc import Iterator
from typing import Any, ClassVar

from unlit.context.api import Api
from unlit.context.changes import Change, Comment, Create, Transition
from unlit.context.model import Item, Ref, Trust
from unlit.context.rules.reading import moment, named
from unlit.core.clock import Clock
from unlit.core.errors import OutsideFailed, UsageError


class Telegram:
    """One chat of a bot.

    Args:
        api: Base URL ``https://api.telegram.org/bot-placeholder``.
        clock: Says when something was read.
        name: Name of this instance.
        project: The chat's id; messages of other chats are not read.
    """

    kind: ClassVar[str] = "message"

    writes: ClassVar[frozenset[type]] = frozenset({Create, Comment, Transition})

    def __init__(self, api: Api, clock: Clock, name: str = "telegram", project: str = "") -> None:
        self.name = name
        self._api = api
        self._clock = clock
        self._project = project
        self._seen: dict[str, dict[str, Any]] = {}

    def _result(self, answer: Any) -> Any:
        if not isinstance(answer, dict) or not answer.get("ok"):
            raise OutsideFailed(
                "CTX-207",
                f"{self.name} answered {named(answer, 'description') or 'something else'}.",
                "Telegram says no with a description.",
                "the words are the service's own; correct what they name.",
            )
        return answer["result"]

    def search(self, query: str) -> Iterator[Ref]:
        """Yield the chat's messages of the last day that have every word."""
        for update in self._result(self._api.get("/getUpdates", limit=100)):
            message = update.get("message") or {}
            if str((message.get("chat") or {}).get("id")) != self._project:
                continue
            key = str(message["message_id"])
            self._seen[key] = {**message, "update_id": update.get("update_id")}
            text = str(message.get("text") or "").lower()
            if all(word in text for word in query.lower().split()):
                yield Ref(self.name, "message", key)

    def fetch(self, ref: Ref) -> Item | None:
        """Read one message that the bot has not marked as read; others it cannot read again."""
        if ref.key not in self._seen:
            list(self.search(""))
        raw = self._seen.get(ref.key)
        if raw is None:
            return None
        author = named(raw.get("from"), "username", "first_name") or "somebody"
        text = str(raw.get("text") or "")
        return Item(
            ref=ref,
            revision=str(raw.get("edit_date") or raw["date"]),
            title=(text.splitlines() or ["a message"])[0][:80],
            body=text,
            trust=Trust.PUBLIC,
            fetched_at=self._clock.now(),
            people=(author,),
            time=moment(raw["date"]),
        )

    def owns(self, text: str) -> Ref | None:
        """Recognise nothing: messages to a bot have no URL."""
        return None

    def statuses(self, ref: Ref) -> tuple[str, ...]:
        """Return the one state a message can move to: read, with all that came before it."""
        return ("read",)

    def apply(self, change: Change) -> Ref:
        """Send a message, or answer one."""
        match change:
            case Create():
                text = f"{change.title}\n{change.body}".strip()
                body: dict[str, Any] = {"chat_id": self._project, "text": text}
            case Comment():
                body = {
                    "chat_id": self._project,
                    "text": change.body,
                    "reply_parameters": {"message_id": int(change.ref.key)},
                }
            case Transition(ref, "read"):
                if ref.key not in self._seen:
                    list(self.search(""))
                number = int((self._seen.get(ref.key) or {}).get("update_id") or 0)
                self._result(self._api.get("/getUpdates", offset=number + 1, limit=1))
                return ref
            case _:
                raise UsageError(
                    "CTX-213",
                    f"{self.name} cannot do that.",
                    "a bot can send, answer, and mark as read.",
                    "create, comment, or transition to read.",
                )
        made = self._result(self._api.send("POST", "/sendMessage", body))
        return Ref(self.name, "message", str(made["message_id"]))
