"""Slack: messages of a channel, threads, and posting.

Needs `channels:history`, `channels:read`; for posting `chat:write`.
Source: docs.slack.dev/reference/methods (read 2026-03).
"""

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Final

from unlit.context.api import Api, Page
from unlit.context.changes import Change, Comment, Create, Delete, Edit
from unlit.context.model import Item, Named, Ref, Trust
from unlit.context.rules.reading import moment
from unlit.core.clock import Clock
from unlit.core.errors import InvalidInput, OutsideFailed, UsageError

_URL: Final = re.compile(r"https://[^/]+\.slack\.com/archives/([A-Z0-9]+)/p(\d{10})(\d{6})")


class Slack:
    """One channel of a workspace.

    Args:
        api: Base URL ``https://slack.com/api``.
        clock: Says when something was read.
        name: Name of this instance.
        project: The channel, ``#name`` or its id.
    """

    kind: ClassVar[str] = "message"

    writes: ClassVar[frozenset[type]] = frozenset({Create, Comment, Edit, Delete})

    def __init__(self, api: Api, clock: Clock, name: str = "slack", project: str = "") -> None:
        self.name = name
        self._api = api
        self._clock = clock
        self._project = project
        self._channel_id = "" if project.startswith("#") else project

    def _call(self, method: str, **arguments: Any) -> dict[str, Any]:
        write = method.startswith(("chat.", "views."))
        if write:
            answer = self._api.send("POST", f"/{method}", arguments)
        else:
            answer = self._api.get(f"/{method}", **arguments)
        if not isinstance(answer, dict) or "ok" not in answer:
            raise self._api.unexpected("a Slack answer", answer)
        if not answer["ok"]:
            needed = f", needed: {answer['needed']}" if answer.get("needed") else ""
            raise OutsideFailed(
                "CTX-207",
                f"{self.name} answered {answer.get('error')}{needed} to {method}.",
                "Slack says no with status 200 and a word.",
                "look the word up in Slack's page of that method.",
            )
        return answer

    def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Call a method of the Web API by its name.

        Raises:
            OutsideFailed: Slack refused, in its own word, or does not answer.
        """
        return self._call(method, **arguments)

    def _channel(self) -> str:
        if not self._channel_id:
            name = self._project.removeprefix("#")
            known = self._listed("conversations.list", "channels")
            found = next((str(one["id"]) for one in known if one["name"] == name), None)
            if found is None:
                raise InvalidInput(
                    "CTX-214",
                    f"{self.name} has no channel {self._project!r}.",
                    "it does not exist or the app is not in it.",
                    "correct the name, or invite the app.",
                )
            self._channel_id = found
        return self._channel_id

    def search(self, query: str) -> Iterator[Ref]:
        """Yield the channel's messages that have every word, newest first."""
        words = query.lower().split()
        channel = self._channel()
        for message in self._listed("conversations.history", "messages", channel=channel):
            text = str(message.get("text") or "").lower()
            if all(word in text for word in words):
                yield Ref(self.name, "message", f"{channel}/{message['ts']}")

    def fetch(self, ref: Ref) -> Item | None:
        """Read one message with its thread."""
        channel, _, ts = ref.key.partition("/")
        thread = self._thread(channel, ts)
        if not thread:
            return None
        first, *replies = thread
        lines = [str(first.get("text") or "")]
        lines += [f"\n{one.get('user', 'somebody')}: {one.get('text', '')}" for one in replies]
        return Item(
            ref=ref,
            revision=str(thread[-1]["ts"]),
            title=lines[0].splitlines()[0][:80] if lines[0] else "a message",
            body="\n".join(lines),
            trust=Trust.INTERNAL,
            fetched_at=self._clock.now(),
            people=tuple(dict.fromkeys(str(one["user"]) for one in thread if one.get("user"))),
            time=moment(float(first["ts"])),
        )

    def _thread(self, channel: str, ts: str) -> list[dict[str, Any]]:
        try:
            return list(self._listed("conversations.replies", "messages", channel=channel, ts=ts))
        except OutsideFailed as error:
            if "thread_not_found" in error.what or "message_not_found" in error.what:
                return []
            raise

    def places(self) -> Iterator[Named]:
        """Yield the channels that the app can see."""
        for raw in self._listed("conversations.list", "channels"):
            yield Named("channel", f"#{raw['name']}", str((raw.get("topic") or {}).get("value")))

    def people(self) -> Iterator[Named]:
        """Yield the members of the workspace."""
        for raw in self._listed("users.list", "members"):
            if not raw.get("deleted"):
                yield Named("member", str(raw["id"]), str(raw.get("real_name") or raw["name"]))

    def _listed(self, method: str, field: str, **given: Any) -> Iterator[dict[str, Any]]:
        def ask(cursor: str | None) -> Page:
            page = self._call(method, **given, limit=200, cursor=cursor)
            return Page(page[field], (page.get("response_metadata") or {}).get("next_cursor"), page)

        return self._api.paged(ask)

    def owns(self, text: str) -> Ref | None:
        """Recognise a message's permalink in this channel."""
        found = _URL.match(text.strip())
        if found is None or found[1] != self._channel():
            return None
        return Ref(self.name, "message", f"{found[1]}/{found[2]}.{found[3]}")

    def comments(self, ref: Ref) -> Iterator[Item]:
        """Yield the replies in a message's thread."""
        channel, _, ts = ref.key.partition("/")
        for one in self._thread(channel, ts)[1:]:
            yield Item(
                ref=Ref(self.name, "message", f"{channel}/{one['ts']}"),
                revision=str(one["ts"]),
                title="a reply",
                body=str(one.get("text") or ""),
                trust=Trust.INTERNAL,
                fetched_at=self._clock.now(),
                people=(str(one["user"]),) if one.get("user") else (),
                time=moment(float(one["ts"])),
            )

    def statuses(self, ref: Ref) -> tuple[str, ...]:
        """Return nothing: messages have no state."""
        return ()

    def apply(self, change: Change) -> Ref:
        """Post, reply, edit or delete a message."""
        match change:
            case Create():
                text = f"*{change.title}*\n{change.body}".strip() if change.body else change.title
                made = self._call("chat.postMessage", channel=self._channel(), text=text)
                return Ref(self.name, "message", f"{made['channel']}/{made['ts']}")
            case Comment():
                channel, _, ts = change.ref.key.partition("/")
                made = self._call(
                    "chat.postMessage", channel=channel, thread_ts=ts, text=change.body
                )
                return Ref(self.name, "message", f"{channel}/{made['ts']}")
            case Edit():
                channel, _, ts = change.ref.key.partition("/")
                text = change.body if change.body is not None else (change.title or "")
                self._call("chat.update", channel=channel, ts=ts, text=text)
                return change.ref
            case Delete():
                channel, _, ts = change.ref.key.partition("/")
                self._call("chat.delete", channel=channel, ts=ts)
                return change.ref
            case _:
                raise UsageError(
                    "CTX-213",
                    f"{self.name} cannot do that.",
                    "messages have no state and no assignee.",
                    "create, comment, edit or delete.",
                )
