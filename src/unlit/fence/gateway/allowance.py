"""What a session may still use (calls, bytes, dollars, requests a second), asked before the act."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Protocol

from unlit.core.errors import BudgetUsedUp
from unlit.fence.gateway.denial import Denial
from unlit.models.calls import ModelCall, quota_body
from unlit.models.model import ModelUsage
from unlit.policy.model import Budget, Identity, RoleLimits, Rule

_MEGABYTE: Final = 1_000_000


class Meter(Protocol):
    """A ledger outside the gateway that must agree to each model call before it is made."""

    def reserve(
        self,
        identity: Identity,
        provider: str,
        model: str,
        input_tokens: int,
        max_tokens: int | None,
    ) -> str:
        """Return a ticket.

        Raises:
            BudgetUsedUp: The call must not be made.
        """
        ...

    def settle(self, ticket: str, usage: ModelUsage | None) -> None:
        """Book what a call used; `None` if the vendor refused it."""
        ...


@dataclass(slots=True)
class Ticket:
    """One model call that is under way."""

    worst_usd: Decimal | None
    meter_ticket: str | None
    tallies: "tuple[Tally, ...]"


@dataclass(slots=True)
class Tally:
    """What was used under one budget."""

    name: str
    budget: Budget
    calls: int = 0
    bytes: int = 0
    usd: Decimal = field(default_factory=Decimal)
    reserved_usd: Decimal = field(default_factory=Decimal)

    def begin(self, length: int) -> None:
        """Count one call.

        Raises:
            Denial: The calls or the bytes are used up.
        """
        limit = self.budget.calls
        if limit is not None and self.calls >= limit:
            raise used_up(self.name, f"{limit} calls")
        self.check_bytes(max(0, length))
        self.calls += 1

    def check_bytes(self, more: int) -> None:
        """Refuse bytes over the limit."""
        limit = self.budget.megabytes
        if limit is not None and self.bytes + more > limit * _MEGABYTE:
            raise used_up(self.name, f"{limit:g} megabytes")

    def check_usd(self, call: ModelCall, worst: Decimal | None) -> None:
        """Refuse a call that may cost more than is left."""
        if self.budget.usd is None:
            return
        if worst is None:
            why = f"the price of {call.model or 'the model'} is not known, so {self.name} "
            raise Denial(403, "FEN-510", self.name, why + "cannot be kept.")
        if self.usd + self.reserved_usd + worst > Decimal(self.budget.usd):
            raise used_up(self.name, f"${self.budget.usd}")


class Allowance:
    """All budgets of one session.

    Args:
        role: For the messages.
        budget: The role's budget.
        limits: Most requests a second, and most at once, or no limit.
        identity: For the meter.
        meter: A ledger outside, if there is one.
        now_s: Monotonic seconds.
    """

    def __init__(
        self,
        role: str,
        budget: Budget,
        limits: RoleLimits,
        identity: Identity,
        meter: Meter | None,
        now_s: Callable[[], float],
    ) -> None:
        self._role = Tally(f"the budget of {role}", budget)
        self._by_rule: dict[str, Tally] = {}
        self._rate = limits.requests_per_s
        self._most = max(1.0, limits.requests_burst or limits.requests_per_s or 0.0)
        self._tokens = self._most
        self._last_s = now_s()
        self._now_s = now_s
        self._identity = identity
        self._meter = meter

    def tallies(self, rule: Rule | None) -> tuple[Tally, ...]:
        """Return the budgets that a request of a rule counts against."""
        if rule is None or rule.budget == Budget():
            return (self._role,)
        found = self._by_rule.get(rule.name)
        if found is None:
            found = Tally(f"the budget of {rule.name}", rule.budget)
            self._by_rule[rule.name] = found
        return (self._role, found)

    def refill(self) -> None:
        """Forget how fast requests came so far; what was used of budgets stays used."""
        self._tokens = self._most
        self._last_s = self._now_s()

    def admit(self) -> None:
        """Count one request against the rate.

        Raises:
            Denial: The session asks too fast.
        """
        if self._rate is None:
            return
        now = self._now_s()
        self._tokens = min(self._most, self._tokens + (now - self._last_s) * self._rate)
        self._last_s = now
        if self._tokens < 1:
            why = f"policy allows {self._rate:g} requests a second."
            raise Denial(429, "FEN-512", "rate", why)
        self._tokens -= 1

    def reserve(self, tallies: tuple[Tally, ...], call: ModelCall) -> Ticket:
        """Set aside what a model call may cost at most.

        Raises:
            Denial: A budget has too little left.
            BudgetUsedUp: The meter refuses.
        """
        limited = any(tally.budget.usd is not None for tally in tallies)
        worst = call.worst_usd() if limited else None
        for tally in tallies:
            tally.check_usd(call, worst)
        ticket = None
        if self._meter is not None:
            ticket = self._meter.reserve(
                self._identity, call.provider, call.model, call.input_tokens, call.max_tokens
            )
        for tally in tallies:
            tally.reserved_usd += worst or Decimal(0)
        return Ticket(worst, ticket, tallies)

    def settle(self, ticket: Ticket, usage: ModelUsage | None, *, sent: bool = True) -> None:
        """Book what a call used; a call whose bill is not known is booked at its worst."""
        spent = Decimal(0)
        if usage is not None:
            spent = usage.cost_usd if usage.cost_usd is not None else ticket.worst_usd or spent
        elif sent:
            spent = ticket.worst_usd or spent
        for tally in ticket.tallies:
            tally.reserved_usd -= ticket.worst_usd or Decimal(0)
            tally.usd += spent
        if self._meter is not None and ticket.meter_ticket is not None:
            self._meter.settle(ticket.meter_ticket, usage)


def used_up(name: str, limit: str) -> Denial:
    """Refuse because a budget is used up."""
    return Denial(402, "FEN-510", name, f"{name} is {limit}, and this request would pass it.")


def as_vendor(path: str, refusal: Denial | BudgetUsedUp) -> Denial:
    """Say a used-up budget in the words of the vendor, so that the agent stops and says why."""
    if isinstance(refusal, BudgetUsedUp):
        refusal = Denial(402, "FEN-510", "budget", f"{refusal.what} {refusal.why}")
    return Denial(
        refusal.status, refusal.code, refusal.rule, refusal.why, shown=quota_body(path, refusal.why)
    )
