"""The ledger: money is held before a model call is made and settled when it ended.

Hard limits cannot be overrun by calls that run side by side: holding is one transaction, and the
worst price of the call is held. A call whose process died is settled at what was held.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Protocol

from sqlalchemy import Connection, select, text

from unlit.core.clock import Clock
from unlit.core.errors import BudgetUsedUp
from unlit.core.ids import CandidateId, Ids, RunId
from unlit.core.money import format_usd
from unlit.models.model import ModelUsage
from unlit.record import schema
from unlit.record.model import Cost, Run
from unlit.record.rules import to_columns
from unlit.record.store import Store

_MICRO: Final = Decimal(1_000_000)
_MOST_OUTPUT: Final = 16_384
_WARN_AT: Final = (0.5, 0.8, 1.0)

Price = Callable[[ModelUsage], Decimal | None]


class Who(Protocol):
    """Who makes a call; `unlit.policy.Identity` is one."""

    @property
    def run(self) -> str:
        """The run."""
        ...

    @property
    def stage(self) -> str:
        """The stage, and the candidate after a slash."""
        ...

    @property
    def agent(self) -> str:
        """The agent."""
        ...


@dataclass(frozen=True, slots=True)
class Limit:
    """A hard limit: a scope such as ``day/2026-03-01`` and its dollars."""

    scope: str
    usd: Decimal


class Ledger:
    """Holds and settles money; safe from several threads and processes.

    Args:
        store: The record.
        price: Dollars of a usage, or `None` when the price is not known.
        warn: Called with run, scope and share when half, four fifths or all of a limit is used.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        ids: Ids,
        price: Price,
        warn: Callable[[str, str, float], None] = lambda run, scope, share: None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._price = price
        self._warn = warn
        self.timed: Callable[[str, ModelUsage, float], None] = lambda key, usage, seconds: None
        """Told of each call, by the key of its cost, what it used and how long it took."""
        self._began: dict[str, float] = {}
        self._runs: dict[str, Run | None] = {}
        self._refused: dict[str, BudgetUsedUp] = {}
        self._warned: set[tuple[str, str, float]] = set()

    def reserve(
        self, identity: Who, provider: str, model: str, input_tokens: int, max_tokens: int | None
    ) -> str:
        """Hold the most that a call can cost, before it is made.

        Returns:
            A ticket for `settle`.

        Raises:
            BudgetUsedUp: A limit would be overrun, or there is a limit and the price is not known.
        """
        run = self._run(identity.run)
        now = self._clock.now()
        day = now.date().isoformat()
        person = run.person if run is not None else "unknown"
        output = max_tokens or _MOST_OUTPUT
        worst = self._price(ModelUsage(provider, model, input_tokens, output))
        limits = limits_of(run, day)
        if worst is None and limits:
            self._refused[identity.run] = _unknown_price(model)
            raise self._refused[identity.run]
        key = self._ids.fresh("call")
        row = {
            "key": key,
            "run": identity.run,
            "stage": identity.stage,
            "agent": identity.agent,
            "person": person,
            "day": day,
            "at": now.isoformat(),
            "provider": provider,
            "model": model,
            "input_tokens": input_tokens,
            "output_tokens": output,
            "micros": None if worst is None else _micros(worst),
        }
        try:
            shares = self._hold(row, limits)
        except BudgetUsedUp as refusal:
            self._refused[identity.run] = refusal
            raise
        for scope, share in shares:
            if (identity.run, scope, share) not in self._warned:  # money held is let go again
                self._warned.add((identity.run, scope, share))
                self._warn(identity.run, scope, share)
        self._began[key] = self._clock.monotonic_s()
        return key

    def refusal(self, run: RunId) -> BudgetUsedUp | None:
        """Return why a call of this run was refused since it was last asked; asking forgets it."""
        return self._refused.pop(run, None)

    def settle(self, ticket: str, usage: ModelUsage | None) -> None:
        """Book what a call really used; `None` means it was refused and cost nothing."""
        began = self._began.pop(ticket, None)
        if usage is not None and began is not None:
            self.timed(ticket, usage, self._clock.monotonic_s() - began)
        with self._store.writing() as connection:
            held = self._release(connection, ticket)
            if held is None or usage is None:
                return
            usd = usage.cost_usd if usage.cost_usd is not None else self._price(usage)
            if usage.input_tokens == 0 and usage.output_tokens == 0:
                usd = _dollars(held["micros"])  # the answer told no usage: charged as held
            self._book(connection, held, usage, usd)

    def settle_crashed(self, run: RunId) -> int:
        """Settle calls whose process died, at what was held for them; return how many."""
        table = schema.holds
        with self._store.writing() as connection:
            keys = connection.execute(select(table.c.key).where(table.c.run == run)).scalars()
            lost = list(keys.all())
            for key in lost:
                held = self._release(connection, key)
                if held is not None:
                    usage = ModelUsage(
                        str(held["provider"]), str(held["model"]), int(held["input_tokens"]), 0
                    )
                    self._book(connection, held, usage, _dollars(held["micros"]))
        return len(lost)

    def used(self, scope: str) -> tuple[Decimal, Decimal]:
        """Return dollars spent and held in a scope such as ``run/r-…`` or ``day/2026-03-01``."""
        table = schema.budgets
        with self._store.reading() as connection:
            row = connection.execute(select(table).where(table.c.scope == scope)).mappings().first()
        if row is None:
            return Decimal(0), Decimal(0)
        return Decimal(row["spent_micros"]) / _MICRO, Decimal(row["held_micros"]) / _MICRO

    def _run(self, run: str) -> Run | None:
        if self._runs.get(run) is None:
            self._runs[run] = self._store.run(RunId(run))
        return self._runs[run]

    def forget(self, run: RunId) -> None:
        """Read a run's limits again at its next call; they were changed."""
        self._runs.pop(run, None)

    def _hold(self, row: Mapping[str, Any], limits: tuple[Limit, ...]) -> list[tuple[str, float]]:
        amount = int(str(row["micros"] or 0))
        crossed = []
        with self._store.writing() as connection:
            _alone(connection)
            for limit in limits:
                used = self._total(connection, limit.scope)
                if used + amount > _micros(limit.usd):
                    used_usd, next_usd = Decimal(used) / _MICRO, Decimal(amount) / _MICRO
                    raise _used_up(limit, str(row["run"]), used_usd, next_usd)
                crossed += _crossed(limit, used, amount)
            for scope in scopes_of(row):
                self._add(connection, scope, held=amount)
            connection.execute(schema.holds.insert().values(**row))
        return crossed

    def _release(self, connection: Connection, key: str) -> Mapping[str, Any] | None:
        _alone(connection)
        table = schema.holds
        found = connection.execute(select(table).where(table.c.key == key)).mappings().first()
        if found is None:
            return None
        held = dict(found)
        connection.execute(table.delete().where(table.c.key == key))
        for scope in scopes_of(held):
            self._add(connection, scope, held=-int(held["micros"] or 0))
        return held

    def _book(
        self,
        connection: Connection,
        held: Mapping[str, Any],
        usage: ModelUsage,
        usd: Decimal | None,
    ) -> None:
        for scope in scopes_of(held):
            self._add(connection, scope, spent=0 if usd is None else _micros(usd))
        stage, _, candidate = str(held["stage"]).partition("/")
        cost = Cost(
            key=str(held["key"]),
            run=RunId(str(held["run"])),
            stage=stage,
            agent=str(held["agent"]),
            person=str(held["person"]),
            provider=usage.provider,
            model=usage.model or str(held["model"]),
            at=self._clock.now(),
            day=str(held["day"]),
            candidate=CandidateId(candidate) if candidate else None,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=usage.cache_read_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            usd=usd,
        )
        connection.execute(schema.costs.insert().values(to_columns(cost)))

    @staticmethod
    def _total(connection: Connection, scope: str) -> int:
        table = schema.budgets
        row = connection.execute(select(table).where(table.c.scope == scope)).mappings().first()
        return 0 if row is None else int(row["spent_micros"]) + int(row["held_micros"])

    @staticmethod
    def _add(connection: Connection, scope: str, *, spent: int = 0, held: int = 0) -> None:
        table = schema.budgets
        changed = connection.execute(
            table.update()
            .where(table.c.scope == scope)
            .values(
                spent_micros=table.c.spent_micros + spent, held_micros=table.c.held_micros + held
            )
        )
        if changed.rowcount == 0:
            connection.execute(
                table.insert().values(scope=scope, spent_micros=spent, held_micros=held)
            )


def limits_of(run: Run | None, day: str) -> tuple[Limit, ...]:
    """Return the hard limits that a run was begun with."""
    if run is None:
        return ()
    said = run.settings.get("budget") or {}
    scopes = {
        "run_usd": f"run/{run.id}",
        "day_usd": f"day/{day}",
        "person_usd": f"person/{run.person}/{day}",
    }
    return tuple(
        Limit(scope, Decimal(said[name])) for name, scope in scopes.items() if said.get(name)
    )


def scopes_of(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return the scopes that a call counts in."""
    return (f"run/{row['run']}", f"day/{row['day']}", f"person/{row['person']}/{row['day']}")


def _crossed(limit: Limit, used: int, amount: int) -> list[tuple[str, float]]:
    whole = _micros(limit.usd)
    return [(limit.scope, share) for share in _WARN_AT if used < share * whole <= used + amount]


def _micros(usd: Decimal) -> int:
    return int((usd * _MICRO).to_integral_value(rounding="ROUND_UP"))


def _dollars(micros: object) -> Decimal | None:
    return None if micros is None else Decimal(int(str(micros))) / _MICRO


def _alone(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(7115482)"))


def _used_up(limit: Limit, run: str, used: Decimal, amount: Decimal) -> BudgetUsedUp:
    kind, _, name = limit.scope.partition("/")
    told = [format_usd(usd, exact=True) for usd in (used, limit.usd, amount)]
    raised = f"raise budget.{kind}_usd in unlit.toml"
    wait = f"`unlit resume {run} --run-usd USD`" if kind == "run" else "wait for the next day (UTC)"
    return BudgetUsedUp(
        "REC-021",
        f"The {kind} {name} has used {told[0]} of {told[1]}; the next call may cost {told[2]}.",
        "a hard limit stops before the spend.",
        f"{raised} (a limit in the spec counts too), then `unlit resume {run}`; or {wait}.",
    )


def _unknown_price(model: str) -> BudgetUsedUp:
    return BudgetUsedUp(
        "REC-022",
        f"The price of model {model!r} is not known.",
        "there is a hard limit, and a price that is not known cannot be held to it.",
        "use a model that the price list has, or remove the limits from [budget].",
    )
