"""HTTP/2 towards a program inside: each stream becomes a request like any other."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

from typing_extensions import override

from unlit.fence.gateway.body import Body, NoBody
from unlit.fence.gateway.channel import Channel, Gone, TimedOut
from unlit.fence.gateway.denial import Denial
from unlit.fence.gateway.head import (
    CHUNKED,
    Headers,
    Malformed,
    RequestHead,
    authority,
    forwardable,
    is_plain_field,
    split_target,
)
from unlit.fence.gateway.http2 import Link, Stream
from unlit.fence.gateway.reply import Reply

Serve = Callable[[RequestHead, Body, Reply], Coroutine[Any, Any, bool]]
Refuse = Callable[[Malformed], Denial]
_LOG: Final = logging.getLogger(__name__)
_PSEUDO: Final = (b":method", b":scheme", b":authority", b":path")


class Http2Reply:
    """One answer on a stream."""

    def __init__(self, link: Link, stream: Stream) -> None:
        self.started = False
        self._link = link
        self._stream = stream

    def proceed(self) -> None:
        """Nothing: HTTP/2 programs do not wait."""

    def last(self) -> None:
        """Nothing: a stream ends by itself."""

    def start(self, status: int, reason: bytes, headers: Headers, length: int) -> None:
        """Send the head."""
        pairs: Headers = [(b":status", b"%d" % status), *headers]
        if length >= 0 and status not in (204, 304):
            pairs = [pair for pair in pairs if pair[0] != b"content-length"]
            pairs.append((b"content-length", b"%d" % length))
        self._link.answer(self._stream, pairs)
        self.started = True

    def send(self, data: bytes) -> None:
        """Send a piece."""
        if data:
            self._link.send(self._stream, data)

    async def drain(self) -> None:
        """Wait until the program has taken enough."""
        await self._link.drain(self._stream)

    def finish(self, trailers: Headers) -> None:
        """End the stream."""
        self._link.finish(self._stream, trailers)


class Http2Server(Link):
    """Serves the streams of one connection.

    Args:
        channel: The connection.
        host: Name that TLS showed; every request must be for it.
        port: Port that was connected to.
        serve: Carries one request.
        refuse: Records a request that cannot be read, and says what to answer.
    """

    def __init__(
        self, channel: Channel, host: str, port: int, serve: Serve, refuse: Refuse
    ) -> None:
        super().__init__(channel, client_side=False)
        self._host = host
        self._port = port
        self._serve = serve
        self._refuse = refuse

    @override
    def on_request(self, stream: Stream, headers: Headers, *, ended: bool) -> None:
        """Start the request of a new stream."""
        work = self._one(stream, headers, ended=ended)
        stream.task = asyncio.get_running_loop().create_task(work)

    async def _one(self, stream: Stream, headers: Headers, *, ended: bool) -> None:
        reply = Http2Reply(self, stream)
        try:
            try:
                head = request_of(headers, self._host, self._port, ended=ended)
            except Malformed as bad:
                denial = self._refuse(bad)
                body = denial.body()
                reply.start(denial.status, b"", denial.headers(), len(body))
                reply.send(body)
                reply.finish([])
                return
            source: Body = NoBody() if ended else stream.body
            await self._serve(head, source, reply)
        except (Gone, TimedOut, TimeoutError, ConnectionError):
            self.reset(stream)
        except Exception:
            _LOG.exception("a stream failed")  # a bug of ours ends this stream and no other
            self.reset(stream)
        finally:
            stream.task = None


def request_of(headers: Headers, host: str, port: int, *, ended: bool) -> RequestHead:
    """Read the head of a stream.

    Raises:
        Malformed: It is no plain request for the connection's host.
    """
    pseudo = {name: value for name, value in headers if name in _PSEUDO}
    plain = [pair for pair in headers if not pair[0].startswith(b":")]
    if len(pseudo) != len(headers) - len(plain) or len(pseudo) != 4:
        raise Malformed(400, "the request has not exactly the four pseudo fields")
    method = pseudo[b":method"]
    if not method.isalpha() or not method.isupper() or method in (b"CONNECT", b"TRACE", b"TRACK"):
        raise Malformed(405, "the method is not served here")
    if pseudo[b":scheme"] != b"https":
        raise Malformed(400, "the scheme is not https")
    named, named_port = authority(pseudo[b":authority"])
    hosts = [authority(value) for name, value in plain if name == b"host"]
    if named != host or (named_port or 443) != port or any(h != (named, named_port) for h in hosts):
        raise Malformed(421, "authority is not the name that was shown by TLS")
    for name, value in plain:
        if not is_plain_field(name, value):
            raise Malformed(400, "a header field is malformed")
    path, query, has_slash = split_target(pseudo[b":path"])
    lengths = {value for name, value in plain if name == b"content-length"}
    if len(lengths) > 1 or not all(value.isdigit() for value in lengths):
        raise Malformed(400, "Content-Length is no number")
    length = int(next(iter(lengths))) if lengths else CHUNKED
    return RequestHead(
        method=method.decode("ascii"),
        host=named,
        port=port,
        scheme="https",
        path=path,
        query=query,
        headers=forwardable(join_cookies(plain)),
        length=0 if ended else length,
        has_encoded_slash=has_slash,
        over_h2=True,
    )


def join_cookies(headers: Headers) -> Headers:
    """Join the cookie fields that HTTP/2 allows to be split (RFC 9113 section 8.2.3)."""
    cookies = [value for name, value in headers if name == b"cookie"]
    if len(cookies) < 2:
        return headers
    rest = [pair for pair in headers if pair[0] != b"cookie"]
    return [*rest, (b"cookie", b"; ".join(cookies))]
