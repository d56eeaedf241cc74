"""One fence as the gateway sees it: who it is, what it may, what it has used so far."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from unlit.core.clock import Clock
from unlit.core.errors import UnlitError
from unlit.core.system import SystemClock
from unlit.fence.gateway.allowance import Allowance, Meter
from unlit.fence.gateway.broker import Broker
from unlit.fence.gateway.connection_set import Connections
from unlit.fence.gateway.denial import Denial, by_policy
from unlit.fence.gateway.head import RequestHead
from unlit.fence.gateway.http2 import Link
from unlit.fence.gateway.inject import Watch
from unlit.fence.gateway.model import (
    PROXY_NAME,
    AccessRequest,
    Grant,
    Route,
    SessionReport,
    SessionSpec,
)
from unlit.fence.gateway.names import Names
from unlit.fence.gateway.readings import strictest
from unlit.fence.gateway.refusals import Refusals
from unlit.fence.gateway.scrub import Forms
from unlit.fence.gateway.spelled import Spelled
from unlit.fence.gateway.upstream import Origin, Pool
from unlit.models.model import ModelUsage
from unlit.policy.audit.log import AuditLog
from unlit.policy.model import JSON, CredentialRule, Decision, Request
from unlit.policy.rules.globs import host_matches

_WATCHED: Final = "no rule allows it; the policy only watches."
_OUTWARD: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(slots=True)
class Counters:
    """What a session has used."""

    exchanges: int = 0
    denied: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    refused_placeholders: int = 0
    scrubbed: int = 0


class Session:
    """The state of one attached fence; used on the gateway's loop only."""

    def __init__(
        self,
        session_id: str,
        spec: SessionSpec,
        placeholders: Mapping[str, str],
        broker: Broker,
        audit: AuditLog,
        spelled: Spelled,
        meter: Meter | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.id = session_id
        self.base = spec.policy
        self.policy = spec.policy
        self.grants: tuple[Grant, ...] = ()
        self.role = spec.role
        self.identity = spec.identity
        self.audit = audit
        self.names = Names(PROXY_NAME)
        self.watch = Watch(placeholders)
        self.pool = Pool()
        self.links: dict[Origin, Link] = {}
        self.connections = Connections()
        self.counters = Counters()
        self.usage: list[ModelUsage] = []
        self.asked: list[AccessRequest] = []  # since the session last began anew
        self.wishes: list[AccessRequest] = []  # ever; people are shown these
        self.answers: dict[str, str] = {}
        self.ended: set[str] = set()
        self._clock = clock or SystemClock()
        self.allowance = Allowance(
            spec.role,
            spec.policy.budget(spec.role),
            spec.policy.limits(spec.role),
            spec.identity,
            meter,
            self._clock.monotonic_s,
        )
        self.refusals = Refusals(audit, spec.identity, session_id, self._clock)
        self._twins = tuple(spec.twins)
        self.broker = broker
        self._spelled = spelled
        self._forms: dict[str, tuple[int, Forms | None]] = {}

    def judge(self, head: RequestHead) -> tuple[Decision, str]:
        """Decide a request, and say what the policy would do if it only watches.

        In shadow and learn mode what no rule allows goes out, without any credential; what a rule
        forbids stays forbidden.
        """
        decision = strictest(self.policy, self.request(head), head.query)
        if decision.allowed or self.policy.mode == "enforce" or decision.grant is not None:
            return decision, ""
        return replace(decision, allowed=True, outcome="upstream", why=_WATCHED), "deny"

    def resets(self, denial: Denial) -> bool:
        """Say whether the connection ends without a word, as the policy may want."""
        return denial.code == "FEN-501" and self.policy.on_deny == "reset"

    def request(self, head: RequestHead) -> Request:
        """Return a request as policy sees it."""
        return Request(self.role, head.scheme, head.host, head.port, head.method, head.path)

    def origin(self, head: RequestHead, decision: Decision) -> tuple[Origin, Route | None]:
        """Return where an allowed request goes.

        Raises:
            Denial: The rule names a twin that this session does not have.
        """
        if decision.twin is None:
            private = decision.grant is not None and decision.grant.allow_private
            return Origin(head.host, head.port, head.scheme == "https", private), None
        route = self.twin(decision.twin, head.host)
        if route is None:
            why = f"the twin {decision.twin} is not running in this session."
            raise Denial(502, "FEN-505", decision.rule, why)
        return Origin(head.host, head.port, False, address=route.address), route

    def twin(self, service: str, host: str) -> Route | None:
        """Return the route of a twin: by its name, else by a host that it answers for."""
        for route in self._twins:
            if route.service == service:
                return route
        for route in self._twins:
            if any(host_matches(glob, host) for glob in route.hosts):
                return route
        return None

    def credential(self, decision: Decision) -> CredentialRule | None:
        """Return the rule of the credential that a decision grants."""
        return self.policy.credentials[decision.credential] if decision.credential else None

    def spell(self) -> None:
        """Begin to spell out the secrets that hosts may be sent, before any of them is asked."""
        for rule in self.broker.rules.values():
            for glob in rule.hosts:
                if secrets := self._secrets(glob):
                    self._spelled.begin(secrets)

    async def forms(self, host: str) -> Forms | None:
        """Return the spellings to mask in answers of a host.

        These are of the credentials that may go there, or to a host of the same owner, who may
        show there what it was told here.
        """
        generation = self.broker.generation
        known = self._forms.get(host)
        if known is not None and known[0] == generation:
            return known[1]
        secrets = self._secrets(host)
        forms = await self._spelled.of(secrets) if secrets else None
        self._forms[host] = (generation, forms)
        return forms

    def _secrets(self, host: str) -> frozenset[str]:
        known = self.broker.secrets()
        return frozenset(
            secret
            for name, rule in self.broker.rules.items()
            if any(
                glob == host or host_matches(glob, host) or _has_owner_of(glob, host)
                for glob in rule.hosts
            )
            for secret in known.get(name, ())
        )

    def needs_sync(self, head: RequestHead, decision: Decision) -> bool:
        """Say whether the audit entry must be on the disk before the request leaves."""
        if decision.credential is not None:
            return True
        return decision.twin is None and head.method in _OUTWARD

    async def record(
        self,
        head: RequestHead,
        decision: Decision,
        outcome: str,
        reason: str,
        *,
        sync: bool,
        would: str = "",
    ) -> None:
        """Write the audit entry of an exchange, before anything of it leaves."""
        fields: dict[str, JSON] = {
            "method": head.method,
            "url": f"{head.scheme}://{head.authority}{head.path}",
            "outcome": outcome,
            "rule": decision.rule,
        }
        if decision.credential:
            fields["credential"] = decision.credential
        if decision.twin:
            fields["twin"] = decision.twin
        if reason:
            fields["reason"] = reason
        if would:
            fields["would"] = would
        if outcome == "deny":
            self.refusals.take("exchange", head.host, fields)
            return
        fields["session"] = self.id
        if sync:
            alone = len(self.connections) == 1
            await self.audit.append_durable("exchange", self.identity, fields, alone=alone)
        else:
            self.audit.append("exchange", self.identity, fields)

    def refusal(self, head: RequestHead, decision: Decision) -> Denial:
        """Return what a program is told about a decision against it."""
        return by_policy(decision.rule, decision.why, self.request(head))

    def is_known(self, asked: AccessRequest) -> bool:
        """Say whether a wish was taken already; after its grant has ended it may be put again."""
        return self._among(asked, self.asked)

    def is_recorded(self, asked: AccessRequest) -> bool:
        """Say whether people know of a wish already, perhaps from before a new beginning."""
        return self._among(asked, self.wishes)

    def _among(self, asked: AccessRequest, taken: list[AccessRequest]) -> bool:
        if asked.request in self.ended:
            return False
        return any(one.request == asked.request for one in taken)

    def now(self) -> datetime:
        """Return the wall-clock time."""
        return self._clock.now()

    def offers_h2(self, host: str) -> bool:
        """Say whether a rule of this session wants HTTP/2 for a host."""
        return any(
            rule.h2 and self.role in rule.roles and host_matches(rule.host, host)
            for rule in self.policy.rules
        )

    def note(self, kind: str, reason: str, **fields: JSON) -> None:
        """Write an audit entry about something that is no exchange."""
        where = str(fields.get("host", ""))
        self.refusals.take(kind, where, {**fields, "outcome": "deny", "reason": reason})

    async def begin_anew(self) -> None:
        """End every connection and forget what the session's programs could notice of earlier ones.

        Budgets, grants and what is reported stay.
        """
        await self._hang_up()
        self.names.forget()
        self.asked.clear()
        self.allowance.refill()

    async def close(self) -> None:
        """End every connection of the session."""
        await self._hang_up()
        with contextlib.suppress(UnlitError):  # the log is gone: nothing more can happen anyway
            self.refusals.flush()
        self.broker.close()

    async def _hang_up(self) -> None:
        await self.connections.close()
        for link in self.links.values():
            link.close()
        self.links.clear()
        self.pool.close()

    def report(self) -> SessionReport:
        """Say what went through."""
        used = self.counters
        return SessionReport(
            exchanges=used.exchanges,
            denied=used.denied,
            bytes_in=used.bytes_in,
            bytes_out=used.bytes_out,
            usage=tuple(self.usage),
            refused_placeholders=used.refused_placeholders,
            scrubbed=used.scrubbed,
            asked=tuple(self.wishes),
        )


def _has_owner_of(glob: str, host: str) -> bool:
    """Say whether two names end in the same two labels; too often is no harm."""
    ours, theirs = (name.lower().rsplit(".", 2)[-2:] for name in (glob, host))
    return ours == theirs and len(ours) == 2 and "*" not in ours[0]
