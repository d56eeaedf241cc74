"""The universe: every world of every twin in one process, and how a request finds its own."""

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from unlit.core.clock import Clock
from unlit.core.errors import InvalidInput
from unlit.core.ids import Ids
from unlit.core.system import SystemIds
from unlit.twins import registry
from unlit.twins.addressing import WORLD_HEADER, Addresses, Hosts
from unlit.twins.kit.answering import answer
from unlit.twins.kit.difference import Difference, difference
from unlit.twins.kit.faults import parse_fault
from unlit.twins.kit.http import Reply, Request
from unlit.twins.kit.twin import Exchange, Twin, VendorError
from unlit.twins.kit.world import Saved, VirtualClock, World
from unlit.twins.model import Call, Fact, FaultRule


class Answered(NamedTuple):
    """A reply and what the transport must do to it."""

    reply: Reply
    world: World | None = None
    fault: FaultRule | None = None


class Universe:
    """Worlds and the twins that live in them.

    Args:
        services: Names of services or plug-ins; `None` means all six.
        any_token: An unknown token is an administrator of a fresh world of its own.
        clock: Wall clock for worlds whose time moves.
        ids: Source of world ids.
    """

    def __init__(
        self,
        services: Sequence[str] | None = None,
        *,
        any_token: bool = False,
        clock: Clock | None = None,
        ids: Ids | None = None,
    ) -> None:
        names = list(services) if services is not None else list(registry.SERVICES)
        self.any_token = any_token
        # Asked several times in each call; the machine's own needs no datetime between.
        self._wall = time.time if clock is None else lambda: clock.now().timestamp()
        self._ids: Ids = ids or SystemIds()
        self.twins: dict[str, Twin] = {}
        self.by_service: dict[str, Twin] = {}
        self._hosts = Hosts(self.by_service, self.twins)
        for name in names:
            self.add(name)
        self._addresses = Addresses()
        self._blank: dict[str, Saved] = {}

    def add(self, name: str) -> Twin:
        """Add a twin by name (a service's, a plug-in's or ``module:attribute``)."""
        twin = registry.load_twin(name)
        self._hosts.forget()
        self.twins[twin.name] = twin
        for service in twin.services:
            if name in (service, twin.name) or ":" in name or "/" in name:
                self.by_service[service] = twin
        return twin

    # --- worlds
    def create_world(
        self,
        seeds: Mapping[str, Any] | None = None,
        *,
        seed: int = 0,
        now: datetime | None = None,
        faults: Mapping[str, Iterable[Any]] | None = None,
    ) -> str:
        """Make a world and return its id.

        Args:
            seeds: By service or plug-in; a seed's own ``faults`` are armed too.
            seed: Everything random in the world follows from it.
            now: The world's time, which then moves only by `advance`; `None` follows the machine.
            faults: Fault rules by service.

        Raises:
            InvalidInput: A seed or fault cannot be used, or names a service that is not served.
        """
        start = None if now is None else (now if now.tzinfo else now.replace(tzinfo=UTC))
        clock = VirtualClock(self._wall, None if start is None else start.timestamp())
        world = self._register(World(self._ids.fresh("w"), seed, clock))
        try:
            for twin in self.twins.values():
                twin.prepare(world)
                if self.any_token and not seeds:
                    twin.welcome(world)
            self.seed(world.id, seeds or {})
            for service, rules in (faults or {}).items():
                self.arm(world.id, service, rules)
        except BaseException:
            self.drop(world.id)
            raise
        self._blank[world.id] = world.save()
        return world.id

    @property
    def default(self) -> str | None:
        """The world of requests that name none."""
        return self._addresses.default

    @default.setter
    def default(self, world: str | None) -> None:
        self._addresses.default = None if world is None else self.world(world).id

    def bind(self, alias: str, world: str) -> None:
        """Let ``x-twin-world: alias`` mean `world` from now on; rebinding is a pointer swap."""
        self._addresses.bind(alias, self.world(world).id)

    def _register(self, world: World) -> World:
        self._addresses.worlds[world.id] = world
        world.issue = lambda token: self._addresses.issue(token, world.id)
        for twin in self.twins.values():
            self._addresses.issue(twin.default_token(world), world.id)
        return world

    def world(self, world: str) -> World:
        """Return a world by id.

        Raises:
            InvalidInput: There is none.
        """
        found = self._addresses.worlds.get(world)
        if found is None:
            raise InvalidInput(
                "TWN-105",
                f"There is no world {world!r}.",
                "it was dropped or never made.",
                "create one, or leave the world out.",
            )
        return found

    def worlds(self) -> tuple[str, ...]:
        """Return the ids of all worlds, oldest first."""
        return tuple(self._addresses.worlds)

    def every_world(self) -> tuple[World, ...]:
        """Return all worlds, oldest first."""
        return tuple(self._addresses.worlds.values())

    def seed(self, world: str, seeds: Mapping[str, Any]) -> None:
        """Add seeds to a world, by service or plug-in."""
        target = self.world(world)
        for service, spec in seeds.items():
            twin = self._twin(service)
            rules = spec.get("faults") if isinstance(spec, Mapping) else None
            if isinstance(spec, Mapping):
                spec = {key: value for key, value in spec.items() if key != "faults"}
            twin.seed(target, spec)
            if rules:
                self.arm(world, service, rules)

    def arm(self, world: str, service: str, rules: Iterable[Any]) -> None:
        """Arm fault rules (tables or `FaultRule`) for a service of a world."""
        parsed = [rule if isinstance(rule, FaultRule) else parse_fault(rule) for rule in rules]
        twin = self._twin(service)
        names = [service] if service in self.by_service else [*twin.services, twin.name]
        for name in names:
            self.world(world).faults.add(name, parsed)

    def _twin(self, service: str) -> Twin:
        found = self.by_service.get(service) or self.twins.get(service)
        if found is None:
            names = ", ".join(sorted({*self.by_service, *self.twins}))
            raise InvalidInput(
                "TWN-106",
                f"The service {service!r} is not served here.",
                f"Served: {names}.",
                "name one of these.",
            )
        return found

    def fork(self, world: str) -> str:
        """Make a second world with the same state, ids and faults, and an empty call log."""
        old = self.world(world)
        saved = old.save()
        new = World(self._ids.fresh("w"), old.seed, old.clock.copy(), limits=old.limits)
        new.load(saved)
        new.faults = old.faults.copy()
        self._register(new)
        self._blank[new.id] = saved
        return new.id

    def snapshot(self, world: str) -> str:
        """Keep the state of this moment and return its name."""
        target = self.world(world)
        name = self._ids.fresh("s")
        target.saved[name] = target.save()
        return name

    def restore(self, world: str, snap: str) -> None:
        """Go back to a snapshot.

        Raises:
            InvalidInput: The world has no snapshot of that name.
        """
        target = self.world(world)
        saved = target.saved.get(snap)
        if saved is None:
            raise InvalidInput(
                "TWN-107",
                f"World {world} has no snapshot {snap!r}.",
                f"It has: {', '.join(target.saved) or 'none'}.",
                "name one of these.",
            )
        target.load(saved)

    def reset(self, world: str) -> None:
        """Go back to the state right after creation; the call log is emptied."""
        target = self.world(world)
        target.load(self._blank[world])
        target.forget_calls()
        target.outbox.clear()

    def reset_all(self) -> None:
        """Reset the default world and drop every world that an unknown token made."""
        for name in self._addresses.adopted():
            self.drop(name)
        if self.default is not None:
            self.reset(self.default)

    def drop(self, world: str) -> None:
        """Forget a world."""
        self._addresses.drop(world)
        self._blank.pop(world, None)

    # --- looking in, and making things happen
    def state(self, world: str) -> dict[str, list[dict[str, Any]]]:
        """Return the collections that scenarios assert on."""
        target = self.world(world)
        found: dict[str, list[dict[str, Any]]] = {}
        for twin in self.twins.values():
            found |= twin.collections(target)
        return found

    def diff(self, a: str, b: str) -> Difference:
        """Return, for each collection that differs, what only `b` has and what only `a` has."""
        return difference(self.state(a), self.state(b))

    def calls(self, world: str) -> list[Call]:
        """Return every call of a world in time order."""
        return list(self.world(world).calls)

    def tokens(self, world: str) -> dict[str, str]:
        """Return a working administrator's token for each plug-in and service."""
        target = self.world(world)
        found = {twin.name: twin.default_token(target) for twin in self.twins.values()}
        for service, twin in self.by_service.items():
            found[service] = twin.default_token(target)
        return found

    def emit(self, world: str, service: str, event: str, data: Any = None) -> None:
        """Let something happen at the vendor.

        Raises:
            InvalidInput: The twin does not know the event, or the data does not fit.
        """
        try:
            self._twin(service).happen(self.world(world), service, event, data or {})
        except VendorError as error:
            raise InvalidInput(
                "TWN-108",
                f"The event {service}.{event} cannot happen.",
                f"{error.code} {error.message}".strip() + ".",
                "see the twin's README.",
            ) from error

    def advance(self, world: str, seconds: float) -> None:
        """Move a world's time forward; what became due happens."""
        if seconds < 0:
            raise InvalidInput(
                "TWN-109",
                f"Time cannot move by {seconds} s.",
                "time does not go back.",
                "restore a snapshot instead.",
            )
        target = self.world(world)
        target.clock.advance(seconds)
        for twin in self.twins.values():
            twin.advanced(target)

    def believe(self, world: str, facts: Sequence[Fact]) -> dict[str, str]:
        """Take over reads of the originals; return {recorded id: own id} where they differ."""
        target, ids = self.world(world), {}
        for twin in self.twins.values():
            mine = [fact for fact in facts if self.by_service.get(fact.service) is twin]
            if mine:
                ids.update(twin.believe(target, mine))
        return ids

    # --- answering
    def service_for_host(self, host: str) -> str | None:
        """Return the service that answers for a host name, the most exact pattern first."""
        return self._hosts.service(host)

    def answer(self, service: str, request: Request) -> Answered:
        """Answer one request; never raises."""
        twin = self.by_service.get(service) or self.twins[service]
        token = twin.credential(request)
        world = self.locate(request, token)
        if world is None:
            now = self._wall()
            return Answered(_nowhere(twin, service, request, now))
        exchange = Exchange(twin, service, world, request, token)
        reply, fault = answer(exchange, any_token=self.any_token)
        return Answered(reply, world, fault)

    def locate(self, request: Request, token: str | None) -> World | None:
        """Return the world that a request is for."""
        adopt = self._adopt if self.any_token and self.default is not None else None
        return self._addresses.locate(request, token, adopt)

    def _adopt(self) -> str:
        return self.fork(str(self.default))


def _nowhere(twin: Twin, service: str, request: Request, now: float) -> Reply:
    """Answer for a world that is not there, in the vendor's form; never from another world."""
    exchange = Exchange(
        twin, service, World("nowhere", 0, VirtualClock(lambda: now)), request, None
    )
    error = VendorError(503, twin.fault_code(503), "No world has this header, token or host.")
    reply = twin.render_error(exchange, error)
    reply.headers.append(("x-twin-error", "TWN-105"))
    return reply


__all__ = ["WORLD_HEADER", "Answered", "Universe"]
