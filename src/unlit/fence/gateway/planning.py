"""One request judged, counted, its secret put in and recorded; nothing leaves yet."""

from dataclasses import dataclass
from typing import Final

from unlit.core.errors import BudgetUsedUp
from unlit.fence.gateway.allowance import Tally, Ticket, as_vendor
from unlit.fence.gateway.body import Body, Whole, read_all
from unlit.fence.gateway.denial import Denial
from unlit.fence.gateway.head import Headers, Malformed, RequestHead
from unlit.fence.gateway.inject import inject, inject_json, only_ours
from unlit.fence.gateway.passing import Inward, Outward
from unlit.fence.gateway.reply import Reply
from unlit.fence.gateway.scrub import Forms
from unlit.fence.gateway.session import Session
from unlit.fence.gateway.signers import load_signer
from unlit.fence.gateway.tools import first_wrong_tool
from unlit.fence.gateway.unpack import inflated
from unlit.fence.gateway.upstream import Origin
from unlit.models.calls import read_call
from unlit.models.usage import UsageReader, usage_reader
from unlit.policy.model import CredentialRule, Decision

DEFAULT_MAX_BODY: Final = 1 << 30
_MOST_BUFFERED: Final = 65_536
_MOST_EDITED: Final = 16 << 20
# an answer that is searched must come whole and plain: ranges would bring a secret in pieces
_NOT_WITH_SECRETS: Final = (b"accept-encoding", b"grpc-accept-encoding", b"range", b"if-range")


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
    way: Inward | None = None


class Planner:
    """Decides about one request.

    Args:
        session: The fence it came from.
        head: The request; the planner changes it into what may go out.
        body: Its body, unread.
        reply: The way back, for ``100 Continue``.
    """

    def __init__(self, session: Session, head: RequestHead, body: Body, reply: Reply) -> None:
        self._session = session
        self._head = head
        self._body = body
        self._reply = reply

    async def plan(self) -> Plan:
        """Decide, record, and return what to do.

        Raises:
            Denial: Policy, a budget or the gateway refuses.
            Malformed: The request cannot be passed on.
            OutsideFailed: The audit log cannot be written.
        """
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
        try:
            await session.record(head, decision, decision.outcome, "", sync=sync, would=would)
        except BaseException:
            if plan.ticket is not None:
                session.allowance.settle(plan.ticket, None, sent=False)
            raise
        return plan

    async def _prepare(self, decision: Decision) -> Plan:
        session, head = self._session, self._head
        if not decision.allowed:
            if session.watch.finds_in(head):
                session.counters.refused_placeholders += 1
            raise session.refusal(head, decision)
        limit = self._limit(decision)
        if head.websocket:
            self._check_websocket(decision)
        if head.expects_continue:
            self._reply.proceed()
        origin, route = session.origin(head, decision)
        tallies = session.allowance.tallies(decision.grant)
        for tally in tallies:
            tally.begin(head.length)
        usage = usage_reader(head.host, head.path) if head.method == "POST" else None
        body = await self._buffer(decision, is_call=usage is not None)
        self._check_tools(decision, body)
        body = await self._credential(decision, body)
        forms = await session.forms(head.host) if decision.twin is None else None
        ticket = self._reserve(body, tallies) if usage is not None else None
        if forms is not None or usage is not None:
            kept = [pair for pair in head.headers if pair[0] not in _NOT_WITH_SECRETS]
            head.headers = [*kept, (b"accept-encoding", b"identity")]
        extra = [(b"x-twin-world", route.world.encode("ascii"))] if route is not None else []
        outward = Outward(body, session, limit, tallies)
        return Plan(decision, origin, extra, forms, usage, outward, tallies, ticket)

    async def _credential(self, decision: Decision, body: Body) -> Body:
        credential = self._session.credential(decision)
        if credential is not None:
            return await self._inject(credential, body)
        if self._session.watch.finds_in(self._head):
            raise self._misplaced(decision.rule)
        return body

    def _check_websocket(self, decision: Decision) -> None:
        grant = decision.grant
        if decision.twin is None and not (grant is not None and grant.ws):
            why = f"{decision.rule} does not allow WebSocket (ws = true would)."
            raise Denial(403, "FEN-501", decision.rule, why)
        drop = b"sec-websocket-extensions"
        self._head.headers = [pair for pair in self._head.headers if pair[0] != drop]

    def _check_tools(self, decision: Decision, body: Body) -> None:
        tools = decision.grant.tools if decision.grant is not None else ()
        if not tools or self._head.method != "POST":
            return
        wrong = first_wrong_tool(body.data if isinstance(body, Whole) else b"", tools)
        if wrong is not None:
            why = f"{decision.rule} does not allow the tool {wrong}."
            raise Denial(403, "FEN-515", decision.rule, why)

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
        call = read_call(self._head.path, data, self._head.host)
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
        grant = decision.grant
        must = is_call or (grant is not None and bool(grant.tools))
        if not (0 < length <= _MOST_BUFFERED or (must and length)):
            return self._body
        data = await read_all(self._body, _MOST_EDITED)
        self._head.length = len(data)
        coding = self._head.field(b"content-encoding")
        if self._session.watch.finds(data) or (
            coding and self._session.watch.finds(inflated(coding, data))
        ):
            rule = self._session.credential(decision)
            if rule is None or rule.inject.place != "json":
                raise self._misplaced("body")
        return Whole(data)

    async def _inject(self, rule: CredentialRule, body: Body) -> Body:
        session, head = self._session, self._head
        placeholder = session.watch.names.get(rule.name, "")
        if rule.require and (other := only_ours(head, rule, session.watch)):
            why = f"the request brings a key of its own ({other}) where {rule.name} must be used"
            why += " (require = false would let both go)."
            raise Denial(403, "FEN-506", rule.name, why)
        secret = (await session.broker.secret(rule.name)).reveal()
        if rule.inject.place == "sign":
            done, body = await self._sign(rule, placeholder, secret, body)
        elif rule.inject.place == "json":
            done, body = await self._inject_json(rule, placeholder, secret, body)
        else:
            done = bool(placeholder) and inject(head, rule, placeholder, secret)
        if session.watch.finds_in(head):
            raise self._misplaced(rule.name)
        if not done and rule.require:
            why = f"the placeholder of {rule.name} is not where the policy says it must be."
            raise Denial(403, "FEN-506", rule.name, why)
        return body

    async def _sign(
        self, rule: CredentialRule, placeholder: str, secret: str, body: Body
    ) -> tuple[bool, Body]:
        if not placeholder or placeholder.encode("ascii") not in self._head.field(b"authorization"):
            return False, body
        data = await read_all(body, _MOST_EDITED)
        self._head.length = len(data)
        sign = load_signer(rule.inject.name)
        sign(self._head, data, secret, rule.inject.options, self._session.now())
        return True, Whole(data)

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
