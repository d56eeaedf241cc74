"""One request through the gateway: judged, recorded, sent on with or without a secret, answered."""

import asyncio
from functools import partial
from typing import Final

from unlit.core.errors import UnlitError
from unlit.fence.gateway.asking import take_question
from unlit.fence.gateway.body import Body, body_of
from unlit.fence.gateway.channel import Channel, Gone, TimedOut
from unlit.fence.gateway.connection_set import note_end
from unlit.fence.gateway.denial import Denial
from unlit.fence.gateway.head import (
    CHUNKED,
    LONGEST_HEAD,
    UNTIL_CLOSE,
    Headers,
    Malformed,
    RequestHead,
    ResponseHead,
    write_request,
)
from unlit.fence.gateway.heads import response_head
from unlit.fence.gateway.http2_client import Http2Upstream
from unlit.fence.gateway.model import PROXY_NAME
from unlit.fence.gateway.passing import Inward, Outward, count_bytes
from unlit.fence.gateway.planning import Plan, Planner
from unlit.fence.gateway.reply import Http1Reply, Reply
from unlit.fence.gateway.scrub import scrub_headers
from unlit.fence.gateway.session import Session
from unlit.fence.gateway.upstream import Dialler, Origin
from unlit.fence.gateway.websocket import Relay, check_switch

UPSTREAM_SILENCE_S: Final = 600.0
BODY_SILENCE_S: Final = 60.0
IDLE_S: Final = 60.0
_IDLE_FOR_ONCE_S: Final = 2.0
_IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_CODES_OF_MALFORMED: Final = {413: "FEN-511", 421: "FEN-509"}


class Exchange:
    """Carries one request from a program to where policy sends it, and the answer back.

    Args:
        session: The fence it came from.
        dialler: Opens connections outside.
        head: The request.
        body: Its body, unread.
        reply: The way back.
    """

    def __init__(
        self, session: Session, dialler: Dialler, head: RequestHead, body: Body, reply: Reply
    ) -> None:
        self._session = session
        self._dialler = dialler
        self._head = head
        self._body = body
        self._reply = reply

    async def run(self) -> bool:
        """Do it; return whether the connection may carry another request."""
        plan: Plan | None = None
        try:
            if self._head.host == PROXY_NAME and self._head.scheme == "http":
                await take_question(self._session, self._head, self._body, self._reply)
                return self._body.done
            planner = Planner(self._session, self._head, self._body, self._reply)
            plan = await planner.plan()
            grant = plan.decision.grant
            if grant is None or grant.timeout_s is None:
                await self._carry(plan)
            else:
                async with asyncio.timeout(grant.timeout_s):
                    await self._carry(plan)
        except Denial as denial:
            return await self._refuse(denial)
        except Malformed as bad:
            code = _CODES_OF_MALFORMED.get(bad.status, "FEN-502")
            return await self._refuse(Denial(bad.status, code, "gateway", bad.reason + "."))
        except (TimedOut, TimeoutError):
            why = "the other side was silent for too long, or the rule's time is over."
            return await self._refuse(Denial(504, "FEN-507", "gateway", why))
        except UnlitError as error:
            # the audit log cannot be written: nothing may happen
            return await self._refuse(Denial(503, "FEN-508", "audit", error.what))
        finally:
            if plan is not None and plan.ticket is not None:
                # what was under way is booked at its worst
                self._session.allowance.settle(plan.ticket, None)
        return self._body.done

    async def _refuse(self, denial: Denial) -> bool:
        if denial.status < 500:
            self._session.counters.denied += 1
        if self._reply.started:
            if denial.code not in ("FEN-507", "FEN-508"):  # silence, and no log to write to
                self._session.note("exchange.cut", denial.why, host=self._head.host)
            raise Gone
        if self._session.resets(denial):
            raise Gone
        if self._head.is_grpc:
            # a gRPC program reads the status of the call, not of HTTP
            self._reply.start(200, b"", _grpc_refusal(denial), CHUNKED)
            self._reply.finish([])
            return True
        body = denial.body()
        if not self._body.done:
            self._reply.last()
        self._reply.start(denial.status, b"", denial.headers(), len(body))
        self._reply.send(body)
        self._reply.finish([])
        return self._body.done

    async def _carry(self, plan: Plan) -> None:
        if self._head.websocket:
            await self._switch(plan)
            return
        link = await self._link(plan)
        if link is not None:
            response, stream = await link.request(
                self._head, plan.extra, plan.body, UPSTREAM_SILENCE_S
            )
            try:
                await self._pass_on(response, stream.body, plan)
            finally:
                link.done(stream)
            return
        await self._carry_h1(plan)

    async def _link(self, plan: Plan) -> Http2Upstream | None:
        grant, origin = plan.decision.grant, plan.origin
        if not (self._head.over_h2 and grant is not None and grant.h2 and not origin.address):
            return None
        link = self._session.links.get(origin)
        if isinstance(link, Http2Upstream) and not link.closed:
            return link
        channel = await self._dialler.dial(origin, h2=True)
        shown = channel.transport.get_extra_info("ssl_object")
        if shown is None or shown.selected_alpn_protocol() != "h2":
            self._session.pool.open.add(channel)
            self._session.pool.give(origin, channel, asyncio.get_running_loop().time())
            return None
        made = self._session.links[origin] = Http2Upstream(channel)
        return made

    async def _switch(self, plan: Plan) -> None:
        channel = await self._dialler.dial(plan.origin)
        self._session.pool.open.add(channel)
        try:
            asked = [(b"upgrade", b"websocket"), (b"connection", b"Upgrade"), *plan.extra]
            channel.write(write_request(self._head, asked))
            response = await self._response(channel)
            self._reply.last()
            if response.status != 101:
                await self._return(channel, response, plan)
                return
            key = self._head.field(b"sec-websocket-key")
            headers = check_switch(response, key)
            if plan.forms is not None:
                headers, found = scrub_headers(headers, plan.forms)
                self._session.counters.scrubbed += found
            if not isinstance(self._reply, Http1Reply):
                raise Malformed(501, "WebSocket over HTTP/2 is not served")
            client = self._reply.switch(headers)
            count = partial(count_bytes, plan.tallies)
            await Relay(self._session, client, channel, plan.forms, count).run()
        finally:
            self._session.pool.drop(channel)

    async def _carry_h1(self, plan: Plan) -> None:
        pool = self._session.pool
        loop = asyncio.get_running_loop()
        repeatable = self._head.method in _IDEMPOTENT and not self._head.length
        most_idle_s = IDLE_S if repeatable else _IDLE_FOR_ONCE_S
        channel = pool.take(plan.origin, loop.time(), most_idle_s)
        reused = channel is not None
        if channel is None:
            channel = await self._dialler.dial(plan.origin)
            pool.open.add(channel)
        try:
            try:
                response = await self._send(channel, plan)
            except Gone:
                if not reused or not repeatable:
                    raise _broken(plan.origin) from None
                pool.drop(channel)
                channel = await self._dialler.dial(plan.origin)
                pool.open.add(channel)
                response = await self._send(channel, plan)
            await self._return(channel, response, plan)
        except BaseException:
            pool.drop(channel)
            raise
        if response.keep_alive and plan.body.done:
            pool.give(plan.origin, channel, loop.time())
        else:
            pool.drop(channel)

    async def _send(self, channel: Channel, plan: Plan) -> ResponseHead:
        head, body = self._head, plan.body
        start = write_request(head, plan.extra)
        if head.length == 0:
            channel.write(start)
            plan.way = self._way_back(plan)  # while the upstream is at work
            return await self._response(channel)
        if body.is_whole:
            channel.write(start + await body.read())
            return await self._response(channel)
        channel.write(start)
        return await self._send_long(channel, body)

    async def _send_long(self, channel: Channel, body: Outward) -> ResponseHead:
        loop = asyncio.get_running_loop()
        upload = loop.create_task(self._upload(channel, body))
        answer = loop.create_task(self._response(channel))
        for task in (upload, answer):
            task.add_done_callback(note_end)
        try:
            await asyncio.wait({upload, answer}, return_when=asyncio.FIRST_COMPLETED)
            if upload.done() and upload.exception() is not None:
                channel.abort()
                upload.result()
            response = await answer
            if not upload.done():
                # the answer came early; what is left of the body is not sent
                upload.cancel()
            return response
        finally:
            for task in (upload, answer):
                if not task.done():
                    task.cancel()

    async def _upload(self, channel: Channel, body: Outward) -> None:
        chunked = self._head.length == CHUNKED
        while piece := await body.read():
            channel.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            await channel.drain()
        if chunked:
            channel.write(b"0\r\n\r\n")

    async def _response(self, channel: Channel) -> ResponseHead:
        while True:
            try:
                raw = await channel.until(b"\r\n\r\n", LONGEST_HEAD, UPSTREAM_SILENCE_S)
            except OverflowError:
                raise Malformed(502, "the upstream's head is too long") from None
            if raw is None:
                raise Gone
            response = response_head(raw, self._head.method)
            if response.status >= 200:
                return response
            if response.status == 101 and self._head.websocket:
                return response
            if response.status == 101:
                raise Malformed(502, "the upstream switched protocols unasked")

    async def _return(self, channel: Channel, response: ResponseHead, plan: Plan) -> None:
        body = body_of(channel, response.length, UPSTREAM_SILENCE_S)
        await self._pass_on(response, body, plan)

    def _way_back(self, plan: Plan) -> Inward:
        return Inward(self._session, self._reply, plan.forms, plan.usage, plan.tallies)

    async def _pass_on(self, response: ResponseHead, body: Body, plan: Plan) -> None:
        if response.status == 401 and plan.decision.credential:
            self._session.broker.refused(plan.decision.credential)
        way = plan.way or self._way_back(plan)
        way.start(response)
        try:
            while piece := await body.read():
                await way.send(piece)
                await self._reply.drain()
        except Gone:
            if response.length != UNTIL_CLOSE:
                raise
        except Denial:
            way.bill()
            raise
        used = way.finish(body.trailers)
        if plan.ticket is not None:
            self._session.allowance.settle(plan.ticket, used, sent=False)
            plan.ticket = None


def _grpc_refusal(denial: Denial) -> Headers:
    status = b"7" if denial.status in (402, 403, 421) else b"14"
    text = f"{denial.code} {denial.why} {denial.explain}".replace("%", "%25")
    message = "".join(char if " " <= char <= "~" else "?" for char in text)
    return [
        (b"content-type", b"application/grpc"),
        (b"grpc-status", status),
        (b"grpc-message", message.encode("ascii")),
        (b"x-unlit-fence", denial.code.encode("ascii")),
    ]


def _broken(origin: Origin) -> Denial:
    why = f"{origin.host}:{origin.port} closed the connection before it answered."
    return Denial(502, "FEN-504", "upstream", why)
