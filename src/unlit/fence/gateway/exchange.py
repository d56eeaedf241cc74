"""One request through the gateway: judged, recorded, sent on with or without a secret, answered."""

import asyncio
from dataclasses import dataclass
from typing import Final

from unlit.core.errors import BudgetUsedUp, UnlitError
from unlit.fence.gateway.allowance import Tally, Ticket, as_vendor
from unlit.fence.gateway.body import Body, Whole, body_of, read_all
from unlit.fence.gateway.channel import Channel, Gone, TimedOut
from unlit.fence.gateway.denial import Denial
from unlit.fence.gateway.head import (
    CHUNKED,
    LONGEST_HEAD,
    UNTIL_CLOSE,
    Headers,
    Malformed,
    RequestHead,
    ResponseHead,
    parse_response,
    write_request,
)
from unlit.fence.gateway.inject import inject, inject_json
from unlit.fence.gateway.passing import Inward, Outward
from unlit.fence.gateway.reply import Reply
from unlit.fence.gateway.scrub import Forms
from unlit.fence.gateway.session import Session
from unlit.fence.gateway.upstream import Dialler, Origin
from unlit.models.calls import read_call
from unlit.models.usage import UsageReader, usage_reader
from unlit.policy.model import CredentialRule, Decision

UPSTREAM_SILENCE_S: Final = 600.0
BODY_SILENCE_S: Final = 60.0
DEFAULT_MAX_BODY: Final = 1 << 30
_MOST_BUFFERED: Final = 65_536
_MOST_EDITED: Final = 16 << 20
_IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_CODES_OF_MALFORMED: Final = {413: "FEN-511", 421: "FEN-509"}


@dataclass(slots=True)
class Plan:
    """What was decided about a request, ready to be carried out."""

    decision: Decision
    origin: Origin
    extra: Headers
    forms: Forms | None
    usage: UsageReader | None
    body: Outward
    tallies: tuple[Tally, ...]
    ticket: Ticket | None


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
            plan = await self._plan()
            await self._carry(plan)
        except Denial as denial:
            return await self._refuse(denial)
        except Malformed as bad:
            code = _CODES_OF_MALFORMED.get(bad.status, "FEN-502")
            return await self._refuse(Denial(bad.status, code, "gateway", bad.reason + "."))
        except TimedOut:
            why = "the other side was silent for too long."
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
        self._session.counters.denied += 1
        if self._reply.started or self._session.resets(denial):
            raise Gone
        body = denial.body()
        if not self._body.done:
            self._reply.last()
        self._reply.start(denial.status, b"", denial.headers(), len(body))
        self._reply.send(body)
        self._reply.finish([])
        return self._body.done

    async def _plan(self) -> Plan:
        session, head = self._session, self._head
        session.counters.exchanges += 1
        decision, would = session.judge(head)
        try:
            session.allowance.admit()
            plan = await self._prepare(decision)
        except (Denial, Malformed) as refusal:
            reason = refusal.why if isinstance(refusal, Denial) else refusal.reason
            await session.record(head, decision, "deny", reason, sync=False)
            raise
        sync = session.needs_sync(head, decision)
        await session.record(head, decision, decision.outcome, "", sync=sync, would=would)
        return plan

    async def _prepare(self, decision: Decision) -> Plan:
        session, head = self._session, self._head
        if not decision.allowed:
            if session.watch.finds_in(head):
                session.counters.refused_placeholders += 1
            raise session.refusal(head, decision)
        limit = self._limit(decision)
        if head.expects_continue:
            self._reply.proceed()
        origin, route = session.origin(head, decision)
        tallies = session.allowance.tallies(decision.grant)
        for tally in tallies:
            tally.begin(head.length)
        usage = usage_reader(head.host, head.path) if head.method == "POST" else None
        body = await self._buffer(decision, is_call=usage is not None)
        ticket = self._reserve(body, tallies) if usage is not None else None
        credential = session.credential(decision)
        try:
            if credential is not None:
                body = await self._inject(credential, body)
            elif session.watch.finds_in(head):
                raise self._misplaced(decision.rule)
        except BaseException:
            if ticket is not None:
                session.allowance.settle(ticket, None, sent=False)
            raise
        forms = session.forms(head.host) if decision.twin is None else None
        if forms is not None or usage is not None:
            kept = [pair for pair in head.headers if pair[0] != b"accept-encoding"]
            head.headers = [*kept, (b"accept-encoding", b"identity")]
        extra = [(b"x-twin-world", route.world.encode("ascii"))] if route is not None else []
        outward = Outward(body, session, limit, tallies)
        return Plan(decision, origin, extra, forms, usage, outward, tallies, ticket)

    def _limit(self, decision: Decision) -> int:
        head, grant = self._head, decision.grant
        if head.has_encoded_slash and not (grant and grant.encoded_slash):
            raise Malformed(400, "the path has an escaped slash, which this rule does not allow")
        most = grant.max_body_mb if grant is not None else None
        limit = DEFAULT_MAX_BODY if most is None else int(most * 1_000_000)
        if head.length > limit:
            raise Malformed(413, f"the body is longer than {limit} bytes")
        return limit

    def _reserve(self, body: Body, tallies: tuple[Tally, ...]) -> Ticket | None:
        data = body.data if isinstance(body, Whole) else b""
        call = read_call(self._head.path, data)
        if call is None:
            return None
        try:
            return self._session.allowance.reserve(tallies, call)
        except (Denial, BudgetUsedUp) as refusal:
            raise as_vendor(self._head.path, refusal) from None

    async def _buffer(self, decision: Decision, *, is_call: bool) -> Body:
        # a small body is taken whole, so that a refusal comes before anything has left; a model
        # call is, because what it may cost at most stands in it
        length = self._head.length
        if not (0 < length <= _MOST_BUFFERED or (is_call and length)):
            return self._body
        data = await read_all(self._body, _MOST_EDITED)
        self._head.length = len(data)
        if self._session.watch.finds(data):
            rule = self._session.credential(decision)
            if rule is None or rule.inject.place != "json":
                raise self._misplaced("body")
        return Whole(data)

    async def _inject(self, rule: CredentialRule, body: Body) -> Body:
        session, head = self._session, self._head
        placeholder = session.watch.names.get(rule.name, "")
        secret = session.secret(rule.name).reveal()
        done = bool(placeholder) and inject(head, rule, placeholder, secret)
        if rule.inject.place == "json":
            done, body = await self._inject_json(rule, placeholder, secret, body)
        if session.watch.finds_in(head):
            raise self._misplaced(rule.name)
        if not done and rule.require:
            why = f"the placeholder of {rule.name} is not where the policy says it must be."
            raise Denial(403, "FEN-506", rule.name, why)
        return body

    async def _inject_json(
        self, rule: CredentialRule, placeholder: str, secret: str, body: Body
    ) -> tuple[bool, Body]:
        data = await read_all(body, _MOST_EDITED)
        edited = inject_json(data, rule.inject.name, placeholder, secret)
        if edited is None:
            return False, Whole(data)
        self._head.length = len(edited)
        return True, Whole(edited)

    def _misplaced(self, rule: str) -> Denial:
        self._session.counters.refused_placeholders += 1
        why = "a placeholder stands where its credential may not go."
        return Denial(403, "FEN-506", rule, why)

    async def _carry(self, plan: Plan) -> None:
        pool = self._session.pool
        channel = pool.take(plan.origin)
        reused = channel is not None
        if channel is None:
            channel = await self._dialler.dial(plan.origin)
            pool.open.add(channel)
        try:
            response = await self._send(channel, plan)
        except Gone:
            pool.drop(channel)
            if not reused or self._head.method not in _IDEMPOTENT or self._head.length:
                raise _broken(plan.origin) from None
            channel = await self._dialler.dial(plan.origin)
            pool.open.add(channel)
            response = await self._send(channel, plan)
        try:
            await self._return(channel, response, plan)
        except BaseException:
            pool.drop(channel)
            raise
        if response.keep_alive and plan.body.done:
            pool.give(plan.origin, channel)
        else:
            pool.drop(channel)

    async def _send(self, channel: Channel, plan: Plan) -> ResponseHead:
        head, body = self._head, plan.body
        start = write_request(head, plan.extra)
        if head.length == 0:
            channel.write(start)
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
            response = parse_response(raw, self._head.method)
            if response.status >= 200:
                return response
            if response.status == 101:
                raise Malformed(502, "the upstream switched protocols unasked")

    async def _return(self, channel: Channel, response: ResponseHead, plan: Plan) -> None:
        body = body_of(channel, response.length, UPSTREAM_SILENCE_S)
        await self._pass_on(response, body, plan)

    async def _pass_on(self, response: ResponseHead, body: Body, plan: Plan) -> None:
        way = Inward(self._session, self._reply, plan.forms, plan.usage, plan.tallies)
        way.start(response)
        try:
            while piece := await body.read():
                way.send(piece)
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


def _broken(origin: Origin) -> Denial:
    why = f"{origin.host}:{origin.port} closed the connection before it answered."
    return Denial(502, "FEN-504", "upstream", why)
