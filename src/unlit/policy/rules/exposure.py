"""Which rules are a way out for data that a run has read; pure.

A twin and a mirror are none: the one is ours, the other is read only; but the context tools that
write (``twin = "context-write"``) write to what other people read. A credential makes a route
the factory's own, so that nobody else's account can be written to; but what is written to a shared
service (an issue, a gist, a message) may be read by anybody. Such a route is therefore a way out,
unless it can only read, or its host is closed: nothing written there is shown to anybody else.
"""

from typing import Final

from unlit.policy.model import Policy, Rule
from unlit.policy.rules.globs import host_matches

CLOSED: Final = (
    "api.anthropic.com",
    "api.openai.com",
    "generativelanguage.googleapis.com",
)
"""Hosts of model providers: a call bound to the factory's own key shows nothing to others."""

_WRITING: Final = "context-write"
"""The twin that is none: tools outside that write to the factory's own sources."""

_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def ways_out(policy: Policy, role: str) -> tuple[Rule, ...]:
    """Return the allow rules of a role by which data can leave to where others may read it."""
    closed = (*CLOSED, *policy.exposure.closed)
    return tuple(
        rule
        for rule in policy.rules
        if rule.effect == "allow"
        and (role in rule.roles or "*" in rule.roles)
        and not (rule.mirror or (rule.twin and rule.twin != _WRITING))
        and not _is_bound(policy, rule, closed)
    )


def _is_bound(policy: Policy, rule: Rule, closed: tuple[str, ...]) -> bool:
    credential = policy.credentials.get(rule.credential or "")
    if credential is None or not credential.require:
        return False
    if rule.methods and set(rule.methods) <= _READS:
        return True
    return any(host_matches(pattern, rule.host) for pattern in closed)
