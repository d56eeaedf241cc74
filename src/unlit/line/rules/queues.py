"""Which queue a run waits in, and what a stage has to wait for; pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

LINES: Final = "lines"
"""The queue of runs that no other queue wants."""

_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_RATE: Final = re.compile(r"^(\d+)/(\d*)([smhd])$")
_PROVIDERS: Final = (
    ("ANTHROPIC", "anthropic"),
    ("AZURE", "azure"),
    ("OPENROUTER", "openrouter"),
    ("OPENAI", "openai"),
    ("CODEX", "openai"),
    ("GEMINI", "google"),
    ("GOOGLE", "google"),
    ("AWS", "bedrock"),
    ("OLLAMA", "ollama"),
)


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in so many seconds."""

    count: int
    period_s: int


@dataclass(frozen=True, slots=True)
class QueuePlan:
    """One named queue; `[queue.NAME]` of `unlit.toml`.

    Attributes:
        at_once: Most runs at a time over all workers; `None` is no limit.
        per_worker: Most runs at a time of one worker; `None` is the worker's own number.
        rate: Most runs begun in a time, over all workers.
        agents: Runs whose first agent is one of these wait here.
        services: Runs whose spec uses one of these wait here.
        risks: Runs whose spec has one of these risks wait here.
    """

    name: str
    at_once: int | None = None
    per_worker: int | None = None
    rate: Rate | None = None
    agents: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()

    def wants(self, agent: str, services: Sequence[str], risk: str) -> bool:
        """Whether a run of this kind waits here."""
        return (
            agent in self.agents
            or agent.partition(":")[0] in self.agents
            or any(service in self.services for service in services)
            or (bool(risk) and risk in self.risks)
        )


@dataclass(frozen=True, slots=True)
class Limit:
    """How much of one thing may be in use; `[limit.agent.NAME]` and so on in `unlit.toml`."""

    at_once: int | None = None
    rate: Rate | None = None


def queue_of(plans: Sequence[QueuePlan], agent: str, services: Sequence[str], risk: str) -> str:
    """Return the first queue that wants a run; `lines` when none does."""
    return next((plan.name for plan in plans if plan.wants(agent, services, risk)), LINES)


def parse_rate(text: str) -> Rate | None:
    """Read ``10/h``, ``5/30s``; `None` when it is not a rate."""
    found = _RATE.match(text.replace(" ", ""))
    if found is None or int(found[1]) < 1:
        return None
    period_s = int(found[2] or 1) * _UNITS_S[found[3]]
    return Rate(int(found[1]), period_s) if period_s else None


def provider_of(credential: str) -> str:
    """Return whose model an agent calls, by the name of its key; empty when it calls none."""
    return next((name for start, name in _PROVIDERS if credential.startswith(start)), "")


def names_of(
    limits: Mapping[str, Limit],
    *,
    agent: str = "",
    provider: str = "",
    services: Sequence[str] = (),
) -> tuple[str, ...]:
    """Return the limits that a stage is under, sorted."""
    wanted = {f"service:{service}" for service in services}
    if agent:
        wanted |= {f"agent:{agent}", f"agent:{agent.partition(':')[0]}"}
    if provider:
        wanted.add(f"provider:{provider}")
    return tuple(sorted(wanted & set(limits)))
