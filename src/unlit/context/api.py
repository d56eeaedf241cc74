"""How every connector talks: JSON over HTTP, patient where it helps, clear where it does not."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from unlit.context.ports import Call, Fetch, Reply
from unlit.core.errors import OutsideFailed, UnlitError

_RETRIED: Final = frozenset({429, 502, 503, 504})
_ATTEMPTS: Final = 4
_LONGEST_WAIT_S: Final = 60.0
_WORDS: Final = (
    "message", "errorMessages", "errors", "error", "err", "detail", "description",
    "error_description", "msg",
)  # fmt: skip
"""Where services put the sentence that is meant for people."""
_SECONDS: Final = (1.0, 3.0, 9.0)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: what is on it, and how the next one is asked for, if there is one.

    Attributes:
        listed: The list; anything else is refused.
        answer: All of the answer, for the message when `listed` is no list.
    """

    listed: Any
    following: Any = None
    answer: Any = None


class Api:
    """The HTTP side of one instance of a connector.

    Args:
        fetch: Makes the calls.
        base_url: Prefix of every path, without a final slash.
        source: Name of the instance, for messages.
        headers: Sent with every call; never a credential.
    """

    def __init__(
        self, fetch: Fetch, base_url: str, source: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.source = source
        self._fetch = fetch
        self._headers = dict(headers or {})

    def get(self, path: str, **query: str | int | None) -> Any:
        """Read JSON.

        Returns:
            The parsed body, or `None` if the source says that there is no such thing (404, 410).

        Raises:
            OutsideFailed: The source refused or did not answer as it should, in its own words.
        """
        reply = self.reply("GET", path, query=query)
        return None if reply.status in (404, 410) else self.parsed(reply)

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        **query: str | int | None,
    ) -> Any:
        """Write JSON and return the parsed answer (`None` for an empty one).

        Raises:
            OutsideFailed: As `get`; and also for 404, since a write needs its target.
        """
        return self._written(self.reply(method, path, body=body, query=query))

    def patch(self, method: str, path: str, operations: Any) -> Any:
        """Write a JSON Patch (RFC 6902), under its own media type, as `send` does.

        Raises:
            OutsideFailed: As `send`.
        """
        headers = {"content-type": "application/json-patch+json"}
        return self._written(self.reply(method, path, body=operations, headers=headers))

    def _written(self, reply: Reply) -> Any:
        if reply.status in (404, 410):
            raise self._refused(reply)
        return self.parsed(reply) if reply.body.strip() else None

    def reply(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Mapping[str, str | int | None] | None = None,
        headers: Mapping[str, str] | None = None,
        accepted: tuple[int, ...] = (),
    ) -> Reply:
        """Make one call and return the answer; waits and repeats where the source asks for it.

        `accepted` names statuses that mean something to the caller and are returned, not raised.
        """
        url = path if path.startswith(("http://", "https://")) else self.base_url + path
        given = {key: str(value) for key, value in (query or {}).items() if value is not None}
        call = Call(method, url, given, body, {**self._headers, **(headers or {})})
        reply = self._fetch.call(call)
        for attempt in range(_ATTEMPTS - 1):
            repeatable = reply.status == 429 or method in ("GET", "HEAD")
            if reply.status not in _RETRIED or not repeatable:
                break
            self._fetch.wait(_pause_s(reply, attempt))
            reply = self._fetch.call(call)
        if reply.status >= 400 and reply.status not in (404, 410, *accepted):
            raise self._refused(reply)
        return reply

    def pages(self, path: str, *, within: str = "", **query: str | int | None) -> Iterator[Any]:
        """Read a list that pages by the `Link` header, element by element.

        Args:
            path: Of the first page.
            within: The field that holds the list, where it is not the whole answer.
            query: Of the first page.
        """

        def ask(following: str | None) -> Page | None:
            reply = self.reply("GET", following or path, query={} if following else query)
            if reply.status in (404, 410):
                return None
            answer = self.parsed(reply)
            listed = answer.get(within) if within and isinstance(answer, dict) else answer
            return Page(listed, _next_link(reply.headers.get("link", "")), answer)

        return self.paged(ask)

    def paged(self, ask: Callable[[Any], "Page | None"]) -> Iterator[Any]:
        """Read a list that pages in the source's own way, element by element.

        Args:
            ask: Reads the page of a cursor, `None` for the first; `None` for no such thing.

        Raises:
            OutsideFailed: A page is no list, or the page that was just read comes again.
        """
        cursor, before = None, None
        while (page := ask(cursor)) is not None:
            if not isinstance(page.listed, list):
                raise self.unexpected("a page of a list", page.answer)
            if page.listed and page.listed == before:
                raise OutsideFailed(
                    "CTX-217",
                    f"{self.source} answers the next page with the page before.",
                    "it does not page as its documentation says; reading on would never end.",
                    "check the version of the service; what was read so far is kept.",
                )
            yield from page.listed
            if not page.following:
                return
            cursor, before = page.following, page.listed

    def unexpected(self, wanted: str, found: Any) -> UnlitError:
        """Return the error for an answer of another shape: a field renamed, half a page."""
        shown = json.dumps(found, default=str)[:120]
        return OutsideFailed(
            "CTX-205",
            f"{self.source} answered with something other than {wanted}: {shown}.",
            "the answer does not have the shape its documentation promises.",
            "check the base URL and the version of the service; nothing was stored.",
        )

    def parsed(self, reply: Reply) -> Any:
        """Return the JSON of a reply.

        Raises:
            OutsideFailed: It is none.
        """
        try:
            return json.loads(reply.body)
        except ValueError as error:
            start = reply.body[:80].decode("utf-8", "replace").strip()
            kind = "HTML" if start[:1] == "<" else "something that is not JSON"
            raise OutsideFailed(
                "CTX-204",
                f"{self.source} answered with {kind}: {start!r}.",
                "a sign-in page, a proxy or a cut answer stands where JSON should.",
                "check the base URL and that the credential is accepted; nothing was stored.",
            ) from error

    def _refused(self, reply: Reply) -> UnlitError:
        words = own_words(reply)
        if reply.status == 401:
            return OutsideFailed(
                "CTX-201",
                f"{self.source} does not accept the credential: {words}.",
                "it answered 401.",
                "renew the credential named for it in policy.toml.",
            )
        if reply.status == 403:
            return OutsideFailed(
                "CTX-202",
                f"{self.source} does not allow this: {words}.",
                "it answered 403: the credential lacks a scope or a right.",
                "grant the scope, or use a credential that has it.",
            )
        if reply.status == 429:
            return OutsideFailed(
                "CTX-203",
                f"{self.source} is still rate limiting after {_ATTEMPTS} attempts: {words}.",
                "it answered 429 each time.",
                "try again later; what was read so far is kept.",
            )
        return OutsideFailed(
            "CTX-206",
            f"{self.source} answered {reply.status}: {words}.",
            "it refused the call or failed.",
            "the words are the service's own; nothing was half written here.",
        )


def _pause_s(reply: Reply, attempt: int) -> float:
    try:
        asked = float(reply.headers.get("retry-after", ""))
    except ValueError:
        asked = _SECONDS[min(attempt, len(_SECONDS) - 1)]
    return min(max(asked, 0.0), _LONGEST_WAIT_S)


def _next_link(header: str) -> str | None:
    for part in header.split(","):
        target, _, parameters = part.partition(";")
        if 'rel="next"' in parameters and 'results="false"' not in parameters:
            return target.strip().strip("<>")
    return None


def own_words(reply: Reply) -> str:
    """Find the sentence a service means for people in its error body."""
    text = reply.body[:2000].decode("utf-8", "replace").strip()
    try:
        value = json.loads(reply.body)
    except ValueError:
        return "an HTML page" if text[:1] == "<" else (text[:200] or "no words")
    found = list(_sentences(value))
    return "; ".join(dict.fromkeys(found))[:300].rstrip(". ") or text[:200]


def _sentences(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from _sentences(part)
    elif isinstance(value, dict):
        for key in _WORDS:
            if value.get(key):
                part = value[key]
                if key == "errors" and isinstance(part, dict):
                    part = [f"{name}: {text}" for name, text in part.items()]
                yield from _sentences(part)
