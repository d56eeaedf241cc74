"""The gateway as the fence host sees it: start, attach a session, detach it, close."""

import asyncio
import contextlib
import socket
import ssl
import sys
import threading
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self, TypeVar

import uvloop

from unlit.core.clock import Clock
from unlit.core.errors import UnlitError
from unlit.core.money import total_usd
from unlit.core.system import SystemClock
from unlit.fence.gateway.allowance import Meter
from unlit.fence.gateway.asking import grant_of, with_grants
from unlit.fence.gateway.broker import Broker
from unlit.fence.gateway.ca import Authority
from unlit.fence.gateway.dns import NameServer
from unlit.fence.gateway.listening import Listener
from unlit.fence.gateway.model import AccessRequest, Grant, SessionReport, SessionSpec
from unlit.fence.gateway.session import Session
from unlit.fence.gateway.spelled import Spelled
from unlit.fence.gateway.upstream import Dialler, Resolver, SystemResolver
from unlit.policy.audit.log import AuditLog
from unlit.policy.model import JSON

GIVE_WAY_S: Final = 0.0005
T = TypeVar("T")


def totals(session_id: str, report: SessionReport) -> dict[str, JSON]:
    """Return what the audit log keeps of a session's report."""
    cost = total_usd(used.cost_usd for used in report.usage)
    return {
        "session": session_id,
        "exchanges": report.exchanges,
        "denied": report.denied,
        "bytes_in": report.bytes_in,
        "bytes_out": report.bytes_out,
        "refused_placeholders": report.refused_placeholders,
        "scrubbed": report.scrubbed,
        "asked": len(report.asked),
        "model_calls": len(report.usage),
        "tokens": sum(used.input_tokens + used.output_tokens for used in report.usage),
        "usd": None if cost is None else str(cost),
    }


@dataclass(slots=True)
class _Attached:
    session: Session
    tls: ssl.SSLContext
    listeners: list[Listener]
    server: NameServer | None

    def shut(self) -> None:
        for listener in self.listeners:
            listener.close()
        if self.server is not None:
            self.server.close()


class Gateway:
    """Accepts what fences connect to, on the listeners they hand over.

    It runs on an event loop of its own, in a thread of its own, so that a busy factory cannot stall
    a fence and a fence cannot stall the factory.
    """

    def __init__(
        self, audit: AuditLog, secret_env: Mapping[str, str], clock: Clock, meter: Meter | None
    ) -> None:
        self._audit = audit
        self._clock = clock
        self._meter = meter
        self._secret_env = dict(secret_env)
        self._loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._turn, name="gateway", daemon=True)
        self._ca = Authority(clock.now)
        self._spelled = Spelled()
        self._dialler: Dialler | None = None
        self._attached: dict[str, _Attached] = {}

    @classmethod
    async def start(
        cls,
        audit: AuditLog,
        *,
        secret_env: Mapping[str, str] | None = None,
        upstream_tls: str | None = None,
        overrides: Mapping[str, str] | None = None,
        resolver: Resolver | None = None,
        clock: Clock | None = None,
        meter: Meter | None = None,
    ) -> Self:
        """Start the gateway's loop and mint the certificate authority of this run.

        Args:
            audit: Where every exchange is written before it happens.
            secret_env: The environment that credentials of kind `env` are read from.
            upstream_tls: PEM file of trusted roots; default the machine's own (`SSL_CERT_FILE`).
            overrides: Names (``host`` or ``host:port``) that the operator answers himself, and the
                ``HOST:PORT`` where; policy and certificates are checked all the same.
            resolver: Finds addresses; default the machine's.
            clock: Tells what time certificates start from, and the pace of requests.
            meter: A ledger that must agree to each model call before it is made.
        """
        # a thread that computes gives way after this long: at Python's usual 5 ms, a busy factory
        # makes each turn of the gateway late (measured: one in twenty by 44 ms instead of 4)
        sys.setswitchinterval(min(sys.getswitchinterval(), GIVE_WAY_S))
        gateway = cls(audit, secret_env or {}, clock or SystemClock(), meter)
        finder = resolver or SystemResolver(gateway._loop)
        gateway._dialler = Dialler(gateway._loop, finder, upstream_tls, overrides)
        gateway._thread.start()
        return gateway

    @property
    def ca_pem(self) -> bytes:
        """The certificate (PEM) that programs inside the fence must trust."""
        return self._ca.pem

    async def attach(
        self,
        session_id: str,
        spec: SessionSpec,
        sockets: Sequence[socket.socket],
        dns: socket.socket | None,
        placeholders: Mapping[str, str],
        *,
        proxies: Sequence[socket.socket] = (),
    ) -> None:
        """Serve a fence: accept on `sockets`, answer names on `dns` (UDP).

        Args:
            session_id: Name of the session, for the audit log.
            spec: Who it is and what it may.
            sockets: Listening TCP sockets; the gateway owns and closes them from now on.
            dns: Bound UDP socket, owned too.
            placeholders: Credential name to the text that stands for it inside.
            proxies: Listening TCP sockets that speak as an explicit proxy, whatever their address.

        Raises:
            InvalidInput: A granted credential is not there.
            OutsideFailed: A granted credential could not be read.
        """
        if self._dialler is None:
            raise ValueError("the gateway was not started")
        broker = Broker(
            spec.policy.granted(spec.role),
            self._secret_env,
            self._clock,
            self._dialler,
            self._audit,
            spec.identity,
        )
        await asyncio.to_thread(broker.prepare)
        session = Session(
            session_id,
            spec,
            placeholders,
            broker,
            self._audit,
            self._spelled,
            self._meter,
            self._clock,
        )
        session.spell()
        await self._on_loop(self._attach(session, sockets, dns, proxies))

    async def renew(
        self,
        session_id: str,
        sockets: Sequence[socket.socket] = (),
        dns: socket.socket | None = None,
    ) -> None:
        """Let a session begin anew, so that its programs cannot tell that others were before them.

        Connections end; made-up addresses, wishes and the pace begin again. Budgets, grants and
        the report go on.

        Args:
            session_id: The session.
            sockets: Listening sockets that take the place of those it had, if it has others now.
            dns: UDP socket for names, in the same way.
        """
        await self._on_loop(self._renew(session_id, sockets, dns))

    async def asked(self, session_id: str) -> tuple[AccessRequest, ...]:
        """Return what the programs of a session asked for so far."""
        return tuple(self._attached[session_id].session.wishes)

    async def grant(
        self, session_id: str, asked: AccessRequest, *, person: str, for_s: float
    ) -> None:
        """Allow one session exactly what it asked for, until an end; a forbid still wins.

        Args:
            session_id: The session.
            asked: The wish, as `asked` returned it.
            person: Who decided.
            for_s: Seconds until the grant ends.

        Raises:
            InvalidInput: The grant would last too long.
            OutsideFailed: The audit log cannot be written.
        """
        made = grant_of(asked, person, for_s, self._clock.now())
        await self._on_loop(self._grant(session_id, made, for_s, asked.request))

    async def refuse(self, session_id: str, asked: AccessRequest, *, person: str, why: str) -> None:
        """Tell a session's programs, when they look, that a person said no."""
        told = f"{person} said no: {why}"
        await self._on_loop(self._refuse(session_id, asked.request, told))

    async def _refuse(self, session_id: str, request: str, told: str) -> None:
        self._attached[session_id].session.answers[request] = told

    async def _grant(self, session_id: str, made: Grant, for_s: float, request: str) -> None:
        session = self._attached[session_id].session
        fields: dict[str, JSON] = {
            "session": session_id,
            "rule": made.rule.sentence,
            "person": made.person,
            "until": made.until.isoformat(timespec="seconds"),
            "reason": made.rule.because,
        }
        await self._audit.append_durable("access.granted", session.identity, fields)
        session.grants = (*session.grants, made)
        session.policy = with_grants(session.base, session.grants)
        until = made.until.isoformat(timespec="seconds")
        session.answers[request] = f"Allowed until {until} by {made.person}. Try it now."
        self._loop.call_later(for_s, self._end_grant, session, made, request)

    def _end_grant(self, session: Session, made: Grant, request: str) -> None:
        session.answers[request] = f"What {made.person} allowed has ended. Ask again if need be."
        session.ended.add(request)
        session.grants = tuple(grant for grant in session.grants if grant is not made)
        session.policy = with_grants(session.base, session.grants)

    def rotate(self, env: Mapping[str, str]) -> None:
        """Take new values for credentials of kind `env`; sessions use them within a minute."""
        self._secret_env.update(env)

    async def detach(self, session_id: str) -> SessionReport:
        """End a session, close all that it had open, and say what went through."""
        return await self._on_loop(self._detach(session_id))

    async def close(self) -> None:
        """End every session and stop the loop."""
        for session_id in tuple(self._attached):
            await self.detach(session_id)
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        self._spelled.close()
        self._loop.close()

    async def _attach(
        self,
        session: Session,
        sockets: Sequence[socket.socket],
        dns: socket.socket | None,
        proxies: Sequence[socket.socket],
    ) -> None:
        if self._dialler is None:
            raise ValueError("the gateway was not started")
        if session.id in self._attached:
            raise ValueError(f"session {session.id} is attached already")
        made = _Attached(session, self._ca.entry(session.offers_h2), [], None)
        self._listen(made, sockets, dns, proxies)
        self._attached[session.id] = made

    def _listen(
        self,
        attached: _Attached,
        sockets: Sequence[socket.socket],
        dns: socket.socket | None,
        proxies: Sequence[socket.socket] = (),
    ) -> None:
        assert self._dialler is not None  # noqa: S101 # the gateway was started
        session, tls = attached.session, attached.tls
        attached.server = None if dns is None else NameServer(self._loop, dns, session.names)
        attached.listeners = [
            Listener(self._loop, sock, session, self._dialler, tls, is_proxy=sock in proxies)
            for sock in (*sockets, *proxies)
        ]

    async def _renew(
        self, session_id: str, sockets: Sequence[socket.socket], dns: socket.socket | None
    ) -> None:
        attached = self._attached[session_id]
        if sockets:
            attached.shut()
        await attached.session.begin_anew()
        if sockets:
            self._listen(attached, sockets, dns)

    async def _detach(self, session_id: str) -> SessionReport:
        attached = self._attached.pop(session_id)
        session = attached.session
        attached.shut()
        await session.close()
        report = session.report()
        with contextlib.suppress(UnlitError):  # the log is gone: nothing more can happen anyway
            self._audit.append("session.closed", session.identity, totals(session_id, report))
        return report

    def _turn(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _on_loop(self, work: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))
