"""HTTP/2 towards the world outside: one connection an origin, shared by a session's requests."""

import asyncio
from typing import Any, Final

from unlit.fence.gateway.channel import Channel, Gone, TimedOut
from unlit.fence.gateway.connection_set import note_end
from unlit.fence.gateway.head import CHUNKED, Headers, Malformed, RequestHead, ResponseHead
from unlit.fence.gateway.http2 import Link, Stream
from unlit.fence.gateway.passing import Outward

_NOT_BACK: Final = frozenset({b"connection", b"alt-svc", b"transfer-encoding", b"content-length"})


class Http2Upstream(Link):
    """A connection to an upstream that speaks HTTP/2."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel, client_side=True)
        self.begin()
        self._loop_task = asyncio.get_running_loop().create_task(self.run())

    async def request(
        self, head: RequestHead, extra: Headers, body: Outward, timeout_s: float
    ) -> "tuple[ResponseHead, Stream]":
        """Send a request and return the head of its answer and the stream that brings the rest.

        Raises:
            Gone: The connection or the stream ended.
            Malformed: The answer cannot be read.
            TimedOut: No answer came in time.
        """
        stream = self.open(_request_fields(head, extra), end=head.length == 0)
        upload: asyncio.Task[None] | None = None
        if head.length != 0:
            upload = asyncio.get_running_loop().create_task(self._upload(stream, body))
            upload.add_done_callback(note_end)
        try:
            waiting: set[asyncio.Future[Any]] = {stream.head}
            if upload is not None:
                waiting.add(upload)
            async with asyncio.timeout(timeout_s):
                while not stream.head.done():
                    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                    if upload is not None and upload.done():
                        upload.result()
                        waiting.discard(upload)
            if stream.head.cancelled():
                raise Gone
            return _response(stream.head.result(), head.method), stream
        except TimeoutError:
            self.reset(stream)
            raise TimedOut from None
        except BaseException:
            if upload is not None:
                upload.cancel()
            self.reset(stream)
            raise

    async def _upload(self, stream: Stream, body: Outward) -> None:
        while piece := await body.read():
            self.send(stream, piece)
            await self.drain(stream)
        self.finish(stream, body.trailers)

    def done(self, stream: Stream) -> None:
        """Forget a stream; one that is not over on both sides is given up."""
        if stream.finished or stream.out or not stream.body.done:
            self.reset(stream)
        self.streams.pop(stream.number, None)


def _request_fields(head: RequestHead, extra: Headers) -> Headers:
    fields: Headers = [
        (b":method", head.method.encode("ascii")),
        (b":scheme", head.scheme.encode("ascii")),
        (b":authority", head.authority.encode("ascii")),
        (b":path", head.target),
        *head.headers,
        *extra,
    ]
    if any(n == b"content-type" and v.startswith(b"application/grpc") for n, v in head.headers):
        fields.append((b"te", b"trailers"))
    if head.length > 0:
        fields.append((b"content-length", b"%d" % head.length))
    return fields


def _response(pairs: Headers, method: str) -> ResponseHead:
    status = next((value for name, value in pairs if name == b":status"), b"")
    if not status.isdigit() or len(status) != 3:
        raise Malformed(502, "the upstream's status is malformed")
    lengths = [value for name, value in pairs if name == b"content-length"]
    kept = [pair for pair in pairs if pair[0] not in _NOT_BACK and not pair[0].startswith(b":")]
    length = CHUNKED
    if len(lengths) == 1 and lengths[0].isdigit() and method != "HEAD":
        length = int(lengths[0])
    return ResponseHead(int(status), b"", kept, length)
