"""Bodies on their way through: outwards searched for placeholders, inwards scrubbed and billed."""

from unlit.fence.gateway.allowance import Tally
from unlit.fence.gateway.body import Body, NoBody, Whole
from unlit.fence.gateway.denial import Denial
from unlit.fence.gateway.head import CHUNKED, Headers, Malformed, ResponseHead, forwardable
from unlit.fence.gateway.lookout import Lookout, bits
from unlit.fence.gateway.reply import Reply
from unlit.fence.gateway.scrub import Forms, Scrubber, scrub_headers, take_coding
from unlit.fence.gateway.session import Session
from unlit.fence.gateway.unpack import Inflater
from unlit.models.model import ModelUsage
from unlit.models.usage import UsageReader


class Outward:
    """A body on its way out, searched for placeholders across its pieces and held to its limits."""

    def __init__(
        self, body: Body, session: Session, limit: int, tallies: tuple[Tally, ...]
    ) -> None:
        self.trailers: Headers = []
        self.is_whole = isinstance(body, Whole | NoBody)
        self._body = body
        self._session = session
        self._limit = limit
        self._tallies = tallies
        self._tail = b""

    @property
    def done(self) -> bool:
        """Whether all of it was read."""
        return self._body.done

    async def read(self) -> bytes:
        """Return the next piece.

        Raises:
            Denial: A placeholder stands in it, or a budget is used up.
            Malformed: It is too long.
        """
        piece = await self._body.read()
        if not piece:
            self._end()
            return piece
        self._limit -= len(piece)
        if self._limit < 0:
            raise Malformed(413, "the body is longer than policy allows")
        self._session.counters.bytes_out += len(piece)
        count_bytes(self._tallies, len(piece))
        watch = self._session.watch
        if watch.longest and not self.is_whole:
            seen = self._tail + piece
            if watch.finds(seen):
                self._session.counters.refused_placeholders += 1
                raise Denial(403, "FEN-506", "body", "a placeholder stands in the body.")
            self._tail = seen[-watch.longest + 1 :]
        return piece

    def _end(self) -> None:
        trailers = forwardable(self._body.trailers)
        if any(self._session.watch.finds(value) for _, value in trailers):
            self._session.counters.refused_placeholders += 1
            raise Denial(403, "FEN-506", "trailers", "a placeholder stands in the trailers.")
        self.trailers = trailers


class Inward:
    """The way back of one answer: inflated, scrubbed, counted, read for its bill."""

    def __init__(
        self,
        session: Session,
        reply: Reply,
        forms: Forms | None,
        usage: UsageReader | None,
        tallies: tuple[Tally, ...],
    ) -> None:
        self._session = session
        self._reply = reply
        self._usage = usage
        self._forms = forms
        self._tallies = tallies
        self._scrubber: Scrubber | None = Scrubber(forms) if forms else None
        self._inflater: Inflater | None = None
        self._lookout = Lookout(forms) if forms else None
        self._waiting = b""

    def start(self, response: ResponseHead) -> None:
        """Send the head on."""
        headers, length, reason = response.headers, response.length, response.reason
        if self._forms is not None or self._usage is not None:
            headers, self._inflater = take_coding(headers)
            if self._inflater is not None and length > 0:
                length = CHUNKED
            codings = [value for name, value in headers if name == b"grpc-encoding"]
            if any(coding != b"identity" for coding in codings):
                raise Malformed(502, "the answer's messages are compressed although none asked")
        if self._forms is not None:
            headers, found = scrub_headers(headers, self._forms)
            reason, _ = self._forms.mask_whole(reason)
            self._session.counters.scrubbed += found
        if self._usage is not None:
            self._usage.begin(response.status, headers)
        self._reply.start(response.status, reason, headers, length)

    async def send(self, piece: bytes) -> None:
        """Send a piece on.

        Raises:
            Denial: A budget of bytes is used up.
            Malformed: It is not compressed as it says, or hides a secret that cannot be masked.
        """
        self._session.counters.bytes_in += len(piece)
        count_bytes(self._tallies, len(piece))
        if self._inflater is None:
            await self._look(piece)
        else:
            async for part in bits(self._inflater, piece):
                await self._look(part)
                await self._reply.drain()

    async def _look(self, piece: bytes) -> None:
        """Look into a piece and pass it on, unless what is compressed in it may begin a secret."""
        if self._lookout is not None:
            may_go = await self._lookout.may_go(piece)
            if self._waiting or not may_go:
                piece, self._waiting = self._waiting + piece, b""
            if not may_go:
                self._waiting = piece
                return
        self._pass(piece)

    def _pass(self, piece: bytes) -> None:
        if self._usage is not None:
            self._usage.feed(piece)
        if self._scrubber is not None:
            piece = self._scrubber.feed(piece)
        if piece:
            self._reply.send(piece)

    def finish(self, trailers: Headers) -> ModelUsage | None:
        """Send what was held back, end, and return what a model call used."""
        if self._waiting:
            self._pass(self._waiting)
        if self._scrubber is not None:
            rest = self._scrubber.finish()
            if rest:
                self._reply.send(rest)
            self._session.counters.scrubbed += self._scrubber.masked
        if self._forms is not None and trailers:
            trailers, found = scrub_headers(trailers, self._forms)
            self._session.counters.scrubbed += found
        self._reply.finish(trailers)
        return self.bill()

    def bill(self) -> ModelUsage | None:
        """Return what the answer so far says was used."""
        used = self._usage.finish() if self._usage is not None else None
        if used is not None:
            self._session.usage.append(used)
        return used


def count_bytes(tallies: tuple[Tally, ...], more: int) -> None:
    """Count bytes against budgets.

    Raises:
        Denial: One is used up.
    """
    for tally in tallies:
        tally.check_bytes(more)
        tally.bytes += more
