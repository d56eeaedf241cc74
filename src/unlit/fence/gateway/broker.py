"""The credentials of one session: read outside, leased for a while, renewed without a restart."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from unlit.core.clock import Clock
from unlit.core.errors import UnlitError
from unlit.fence.gateway.denial import Denial
from unlit.fence.gateway.tokens import mint
from unlit.fence.gateway.upstream import Dialler
from unlit.policy.audit.log import AuditLog
from unlit.policy.model import JSON, CredentialRule, Identity
from unlit.policy.secrets import Secret, resolve_credential, store_field

REREAD_S: Final = 60.0
_EARLIER_S: Final = 60.0
_NOT_AGAIN_WITHIN_S: Final = 5.0


@dataclass(slots=True)
class Lease:
    """A secret in use, until when, and since when."""

    secret: Secret
    until_s: float
    since_s: float


class Broker:
    """Gives secrets to the gateway, and to nobody else.

    Args:
        rules: The credentials that the session's role is granted.
        env: Environment that sources of kind `env` and `command` see; the gateway's own mapping, so
            that a rotated value is seen at once.
        clock: Time of leases and assertions.
        dialler: Reaches identity providers.
        audit: Where minting and rotation are written before they happen.
        identity: Whose session it is.
    """

    def __init__(
        self,
        rules: tuple[CredentialRule, ...],
        env: Mapping[str, str],
        clock: Clock,
        dialler: Dialler,
        audit: AuditLog,
        identity: Identity,
    ) -> None:
        self.rules = {rule.name: rule for rule in rules}
        self.generation = 0
        self._env = env
        self._clock = clock
        self._dialler = dialler
        self._audit = audit
        self._identity = identity
        self._leases: dict[str, Lease] = {}
        self._locks = {name: asyncio.Lock() for name in self.rules}
        self._known: dict[str, set[str]] = {name: set() for name in self.rules}
        self._rotated: dict[str, str] = {}

    def prepare(self) -> None:
        """Read every source once, so that what is missing stops the session before it starts.

        Raises:
            InvalidInput: A secret is not there.
            OutsideFailed: A source failed.
        """
        for rule in self.rules.values():
            secret = resolve_credential(rule, env=self._env)
            self._know(rule.name, secret.reveal())
            if rule.exchange is None:
                self._lease(rule, secret, REREAD_S)

    def secrets(self) -> Mapping[str, set[str]]:
        """Return every secret that was in use, by credential; for masking answers."""
        return self._known

    async def secret(self, name: str) -> Secret:
        """Return a secret that is good now.

        Raises:
            Denial: It is not there any more, or its provider refuses.
        """
        lease = self._leases.get(name)
        if lease is not None and lease.until_s > self._clock.monotonic_s():
            return lease.secret
        rule = self.rules.get(name)
        if rule is None:
            raise _gone(name)
        async with self._locks[name]:
            lease = self._leases.get(name)
            if lease is not None and lease.until_s > self._clock.monotonic_s():
                return lease.secret
            return await self._renew(rule)

    def refused(self, name: str) -> None:
        """Take note that the upstream refused a secret: the next request reads it anew."""
        lease = self._leases.get(name)
        if lease is None:
            return
        if self._clock.monotonic_s() - lease.since_s > _NOT_AGAIN_WITHIN_S:
            lease.until_s = 0.0

    async def _renew(self, rule: CredentialRule) -> Secret:
        try:
            secret = await asyncio.to_thread(resolve_credential, rule, env=self._env)
        except UnlitError:
            raise _gone(rule.name) from None
        if rule.exchange is None:
            self._note(rule, secret)
            return self._lease(rule, secret, REREAD_S)
        stored = self._rotated.get(rule.name) or secret.reveal()
        self._know(rule.name, stored)
        await self._audit.append_durable(
            "credential.minted",
            self._identity,
            {"credential": rule.name, "at": rule.exchange.token_url},
        )
        client_secret = self._env.get(rule.exchange.client_secret_env, "")
        now_s = self._clock.now().timestamp()
        minted = await mint(rule, stored, client_secret, now_s, self._dialler)
        if minted.refresh_token is not None and minted.refresh_token != stored:
            await self._rotate(rule, minted.refresh_token)
        self._know(rule.name, minted.access_token)
        life_s = max(_NOT_AGAIN_WITHIN_S, minted.life_s - _EARLIER_S)
        return self._lease(rule, Secret(minted.access_token), life_s)

    async def _rotate(self, rule: CredentialRule, fresh: str) -> None:
        self._rotated[rule.name] = fresh
        self._know(rule.name, fresh)
        saved = False
        if rule.source.kind == "file" and rule.source.field:
            place = rule.source.words[0]
            home = self._env.get("HOME", "/")
            path = Path(home + place[1:] if place.startswith("~/") else place)
            saved = await asyncio.to_thread(store_field, path, rule.source.field, fresh)
        fields: dict[str, JSON] = {"credential": rule.name, "saved": saved}
        self._audit.append("credential.rotated", self._identity, fields)

    def _note(self, rule: CredentialRule, secret: Secret) -> None:
        known = self._known[rule.name]
        if known and secret.reveal() not in known:
            fields: dict[str, JSON] = {"credential": rule.name, "saved": False}
            self._audit.append("credential.rotated", self._identity, fields)
        self._know(rule.name, secret.reveal())

    def _know(self, name: str, value: str) -> None:
        if value not in self._known[name]:
            self._known[name].add(value)
            self.generation += 1

    def _lease(self, rule: CredentialRule, secret: Secret, life_s: float) -> Secret:
        now = self._clock.monotonic_s()
        self._leases[rule.name] = Lease(secret, now + life_s, now)
        return secret

    def close(self) -> None:
        """Forget everything; the session is over."""
        self._leases.clear()
        self._rotated.clear()
        for known in self._known.values():
            known.clear()


def _gone(name: str) -> Denial:
    return Denial(403, "FEN-506", name, f"the credential {name} is not there any more.")
