"""Servers of the Model Context Protocol as a source: resources, and tools that only read.

Spoken over streamable HTTP through the broker, so that policy, credential and audit are those of
every other source; nothing of a server is ever shown to an agent as a tool.
Source: modelcontextprotocol.io, revision 2025-06-18, transports and server features.
"""

import json
from collections.abc import Iterator
from itertools import count
from typing import Any, ClassVar, Final

from unlit.context.api import Api, Page
from unlit.context.model import Item, Link, Named, Ref, Trust
from unlit.context.ports import Reply
from unlit.context.rules.reading import named
from unlit.core.canonical import digest_bytes
from unlit.core.clock import Clock
from unlit.core.errors import InvalidInput, OutsideFailed

_REVISION: Final = "2025-06-18"
_NO_SUCH: Final = frozenset({-32601, -32602, -32002})


class Mcp:
    """One server.

    Args:
        api: Base URL is the server's one endpoint, such as ``https://example.com/mcp``.
        clock: Says when something was read.
        name: Name of this instance.
        project: Only resources whose URI starts with it; empty for all.
    """

    kind: ClassVar[str] = "resource"

    def __init__(self, api: Api, clock: Clock, name: str = "mcp", project: str = "") -> None:
        self.name = name
        self._api = api
        self._clock = clock
        self._project = project
        self._numbers = count(1)
        self._headers: dict[str, str] = {}

    def search(self, query: str) -> Iterator[Ref]:
        """Yield the resources whose name, title or description has every word."""
        for raw in self._listed("resources/list", "resources"):
            text = f"{raw['uri']} {raw.get('name')} {raw.get('title')} {raw.get('description')}"
            mine = str(raw["uri"]).startswith(self._project)
            if mine and all(word in text.lower() for word in query.lower().split()):
                yield Ref(self.name, "resource", str(raw["uri"]))

    def fetch(self, ref: Ref) -> Item | None:
        """Read a resource; or what a tool says, ``tool:NAME {"argument": "value"}``."""
        if ref.kind == "tool":
            return self._tool(ref)
        found = self._ask("resources/read", {"uri": ref.key})
        if found is None:
            return None
        parts = [_text(one) for one in found["contents"]]
        return self._item(ref, ref.key, parts)

    def places(self) -> Iterator[Named]:
        """Yield the tools that only read, as ``tool:NAME``."""
        for raw in self._listed("tools/list", "tools"):
            if (raw.get("annotations") or {}).get("readOnlyHint"):
                yield Named("tool", f"tool:{raw['name']}", named(raw, "title", "description"))

    def owns(self, text: str) -> Ref | None:
        """Recognise ``tool:NAME …`` with this server's name before it, and nothing else."""
        if text.strip().startswith("tool:"):
            return Ref(self.name, "tool", text.strip().removeprefix("tool:"))
        return None

    def _tool(self, ref: Ref) -> Item | None:
        name, _, given = ref.key.partition(" ")
        if f"tool:{name}" not in {one.key for one in self.places()}:
            raise InvalidInput(
                "CTX-213",
                f"{self.name} has no tool {name!r} that only reads.",
                "a source is read; tools that may change something are for people.",
                f"look at `unlit context places {self.name}`.",
            )
        try:
            arguments = json.loads(given or "{}")
        except ValueError as error:
            raise InvalidInput(
                "CTX-216",
                f"{given!r} are no arguments of a tool.",
                "they are a JSON object.",
                'write tool:NAME {"argument": "value"}.',
            ) from error
        found = self._ask("tools/call", {"name": name, "arguments": arguments})
        if found is None:
            return None
        parts = [_text(one) for one in found.get("content") or []]
        if found.get("isError"):
            raise self._refused("; ".join(parts))
        return self._item(ref, f"{name} {given}".strip(), parts)

    def _item(self, ref: Ref, title: str, parts: list[str]) -> Item:
        body = "\n\n".join(part for part in parts if part)
        return Item(
            ref=ref,
            revision=digest_bytes(body.encode()).removeprefix("sha256:")[:16],
            title=title,
            body=body,
            trust=Trust.PUBLIC,  # nobody here knows who wrote what another's server says
            fetched_at=self._clock.now(),
            links=(Link("server", self._api.base_url),),
        )

    def _listed(self, method: str, field: str) -> Iterator[dict[str, Any]]:
        def ask(cursor: str | None) -> Page | None:
            page = self._ask(method, {"cursor": cursor} if cursor else {})
            if page is None:
                return None
            return Page(page.get(field), page.get("nextCursor"), page)

        return self._api.paged(ask)

    def _ask(self, method: str, parameters: dict[str, Any]) -> dict[str, Any] | None:
        """Call a method; `None` if the server has no such thing."""
        if not self._headers:
            self._begin()
        return self._call(method, parameters)

    def _begin(self) -> None:
        self._headers = {"accept": "application/json, text/event-stream"}
        about = {"name": "unlit", "version": "0"}
        asked = {"protocolVersion": _REVISION, "capabilities": {}, "clientInfo": about}
        try:
            reply, answer = self._post("initialize", asked)
            agreed = str(self._result(answer)["protocolVersion"])
        except BaseException:
            self._headers = {}
            raise
        self._headers["mcp-protocol-version"] = agreed
        if session := reply.headers.get("mcp-session-id"):
            self._headers["mcp-session-id"] = session
        note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        self._api.reply("POST", "", body=note, headers=self._headers)

    def _call(self, method: str, parameters: dict[str, Any]) -> dict[str, Any] | None:
        _, answer = self._post(method, parameters)
        if (answer.get("error") or {}).get("code") in _NO_SUCH:
            return None
        return self._result(answer)

    def _post(self, method: str, parameters: dict[str, Any]) -> tuple[Reply, dict[str, Any]]:
        number = next(self._numbers)
        asked = {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}
        reply = self._api.reply("POST", "", body=asked, headers=self._headers)
        if reply.status == 404:
            self._headers = {}
            raise self._refused("no such endpoint, or the session has ended")
        for message in self._messages(reply):
            if message.get("id") == number:
                return reply, message
        raise self._api.unexpected("an answer to the call", reply.body[:200])

    def _messages(self, reply: Reply) -> Iterator[dict[str, Any]]:
        """Yield the messages of a reply: one JSON object, or a stream of events."""
        if "text/event-stream" not in reply.headers.get("content-type", ""):
            found = self._api.parsed(reply)
            if not isinstance(found, dict):
                raise self._api.unexpected("a message", found)
            yield found
            return
        for event in reply.body.decode("utf-8", "replace").replace("\r\n", "\n").split("\n\n"):
            lines = [line[5:].strip() for line in event.split("\n") if line.startswith("data:")]
            if lines and isinstance(found := json.loads("\n".join(lines)), dict):
                yield found

    def _result(self, answer: dict[str, Any]) -> dict[str, Any]:
        if error := answer.get("error"):
            raise self._refused(named(error, "message"))
        if not isinstance(answer.get("result"), dict):
            raise self._api.unexpected("a result", answer)
        found: dict[str, Any] = answer["result"]
        return found

    def _refused(self, words: str) -> OutsideFailed:
        return OutsideFailed(
            "CTX-208",
            f"{self.name} refused: {words or 'without words'}.",
            "the protocol says no with status 200 and an error.",
            "the words are the server's own; correct what they name.",
        )


def _text(content: dict[str, Any]) -> str:
    if content.get("text") is not None:
        return str(content["text"])
    inner = content.get("resource")
    if isinstance(inner, dict):
        return _text(inner)
    return f"({named(content, 'type', 'mimeType') or 'something'} that is no text)"
