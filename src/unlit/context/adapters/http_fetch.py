"""Calls to sources: policy decides, the broker adds the credential, the audit log goes first."""

import base64
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx2

from unlit.context.ports import Call, Reply
from unlit.core.errors import OutsideFailed, RefusedByPolicy
from unlit.policy import (
    AuditLog,
    CredentialRule,
    Decision,
    Identity,
    Policy,
    Request,
    Secret,
    decide,
    resolve_credential,
)

MAX_BODY_BYTES: Final = 16 * 1024 * 1024
CREDENTIAL: Final = "{credential}"
"""Stands in a connector's header for the secret that only the broker knows."""

_TIMEOUT_S: Final = 30.0
_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True)
class TwinAt:
    """Where a twin is, and the headers that a call to it carries (its own token, its world)."""

    address: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Broker:
    """What a fetch needs of policy.

    Attributes:
        identity: Who calls; its role is what the policy file grants.
        env: Environment that credentials are read from.
        twins: Where the twins are that policy may name.
    """

    policy: Policy
    identity: Identity
    audit: AuditLog
    env: Mapping[str, str]
    twins: Mapping[str, TwinAt] = field(default_factory=dict)


class HttpFetch:
    """The `Fetch` port over httpx2.

    A credential is read when it is first granted, held in memory, and enters a request only where
    its rule says. Redirects are not followed: another host would be another decision.

    Args:
        broker: Policy, identity, audit log.
        pause: Waits; a test gives its own.
    """

    def __init__(self, broker: Broker, pause: Callable[[float], None] = time.sleep) -> None:  # noqa: TID251 # the port's real adapter: it blocks a worker thread, never a loop
        self._broker = broker
        self._pause = pause
        self._secrets: dict[str, Secret] = {}
        self._client = httpx2.Client(timeout=_TIMEOUT_S, follow_redirects=False, trust_env=True)

    def close(self) -> None:
        """Close connections."""
        self._client.close()

    def wait(self, seconds: float) -> None:
        """Wait before a repeated call."""
        self._pause(seconds)

    def call(self, call: Call) -> Reply:
        """Make one call, if policy grants it."""
        decision = self._decide(call)
        entry = {
            "method": call.method,
            "url": call.url,
            "rule": decision.rule,
            "credential": decision.credential,
            "outcome": decision.outcome,
        }
        broker = self._broker
        durable = decision.credential is not None or call.method in _WRITES
        broker.audit.append("source.call", broker.identity, entry, sync=durable)
        if not decision.allowed:
            raise RefusedByPolicy(
                "CTX-302",
                f"Policy does not let {broker.identity.role} call {call.method} {call.url}.",
                decision.why,
                "add a rule to policy.toml, or leave the source out.",
            )
        return self._send(call, decision)

    def _decide(self, call: Call) -> Decision:
        parts = urlsplit(call.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        host, path = parts.hostname or "", parts.path or "/"
        request = Request(self._broker.identity.role, parts.scheme, host, port, call.method, path)
        return decide(self._broker.policy, request)

    def _send(self, call: Call, decision: Decision) -> Reply:
        headers = {name: text for name, text in call.headers.items() if CREDENTIAL not in text}
        query = dict(call.query)
        body = call.json
        url = call.url
        if decision.credential is not None:
            rule = self._broker.policy.credentials[decision.credential]
            forms = {name.lower(): text for name, text in call.headers.items()}
            secret = self._secret(rule).reveal()
            body = _inject(rule, secret, forms, headers, query, body)
            url = _in_path(rule, secret, url)
        if decision.twin is not None:
            url = self._to_twin(url, decision.twin, headers)
        try:
            with self._client.stream(
                call.method, url, params=query or None, json=body, headers=headers
            ) as response:
                content = _read(response, call.url)
                return Reply(response.status_code, _headers(response), content)
        except httpx2.HTTPError as error:
            raise OutsideFailed(
                "CTX-209",
                f"{call.method} {call.url} got no answer: {type(error).__name__}.",
                "the service or the way to it is down.",
                "try again later; nothing was half written here.",
            ) from error

    def _to_twin(self, url: str, twin: str, headers: dict[str, str]) -> str:
        found = self._broker.twins.get(twin)
        if found is None:
            raise OutsideFailed(
                "CTX-303",
                f"Policy sends {url} to the {twin} twin, and none runs.",
                "a rule with `twin` never falls back to the real service.",
                "start one with `unlit twins serve`, or change the rule.",
            )
        parts = urlsplit(url)
        headers.update({"host": parts.netloc, **found.headers})
        return found.address + parts.path + (f"?{parts.query}" if parts.query else "")

    def _secret(self, rule: CredentialRule) -> Secret:
        if rule.name not in self._secrets:
            self._secrets[rule.name] = resolve_credential(rule, env=self._broker.env)
        return self._secrets[rule.name]


def _inject(
    rule: CredentialRule,
    secret: str,
    forms: Mapping[str, str],
    headers: dict[str, str],
    query: dict[str, str],
    body: Any,
) -> Any:
    """Put the secret where the rule says; returns the body, changed or not.

    `forms` are the call's headers: one that holds `CREDENTIAL` says how its service wants the
    secret written, such as ``Bearer {credential}``.
    """
    place, name = rule.inject.place, rule.inject.name
    if place == "header":
        form = forms.get(name.lower(), CREDENTIAL)
        headers[name] = form.replace(CREDENTIAL, secret) if CREDENTIAL in form else secret
    elif place == "basic":
        pair = secret if ":" in secret else f"{secret}:"
        headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    elif place == "query":
        query[name] = secret
    elif place == "json" and isinstance(body, dict):
        return {**body, name: secret}
    return body


def _in_path(rule: CredentialRule, secret: str, url: str) -> str:
    """Put a secret in the place of the one segment that stands for it, as ``bot-placeholder``."""
    name = rule.inject.name
    if rule.inject.place != "path" or url.count(f"/{name}/") != 1:
        return url
    start = name.rpartition("-")[0]
    return url.replace(f"/{name}/", f"/{start}{quote(secret, safe=':')}/")


def _read(response: httpx2.Response, url: str) -> bytes:
    parts, size = [], 0
    for part in response.iter_bytes():
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise OutsideFailed(
                "CTX-209",
                f"{url} answered with more than {MAX_BODY_BYTES // 1024 // 1024} MB.",
                "a context item is something a person would read.",
                "narrow the search, or leave the attachment out.",
            )
        parts.append(part)
    return b"".join(parts)


def _headers(response: httpx2.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}
