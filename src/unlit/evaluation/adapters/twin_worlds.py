"""Worlds from the real twins, in this process, on one listener."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from typing_extensions import override

from unlit.evaluation.ports import RouteUse, Traffic, WorldPlan, Worlds
from unlit.twins.server import TwinServer
from unlit.twins.universe import Universe


class TwinWorlds(Worlds):
    """A universe and its listener; make it with `start`."""

    def __init__(self, universe: Universe, server: TwinServer) -> None:
        self.universe = universe
        self.server = server

    @classmethod
    async def start(
        cls, services: Sequence[str] | None = None, address: str = "127.0.0.1:0"
    ) -> "TwinWorlds":
        """Start the twins of `services` (all by default) on one listener."""
        universe = Universe(services)
        return cls(universe, await TwinServer.start(universe, address))

    async def close(self) -> None:
        """Stop listening."""
        await self.server.close()

    @override
    def create(self, slot: str, plan: WorldPlan) -> str:
        world = self.universe.create_world(plan.seeds, seed=plan.seed, now=plan.now)
        self.universe.bind(slot, world)
        return world

    @override
    def tokens(self, world: str) -> Mapping[str, str]:
        return self.universe.tokens(world)

    @override
    def state(self, world: str) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        return self.universe.state(world)

    @override
    def emit(self, world: str, service: str, event: str, fields: Mapping[str, Any]) -> None:
        self.universe.emit(world, service, event, dict(fields))

    @override
    def advance(self, world: str, seconds: float) -> None:
        self.universe.advance(world, seconds)

    @override
    def traffic(self, world: str) -> Traffic:
        calls = self.universe.calls(world)
        counts = Counter((call.service, call.route, call.tier) for call in calls)
        routes = tuple(RouteUse(*key, count) for key, count in sorted(counts.items()))
        recent = self.universe.world(world).recent
        texts = tuple(
            text
            for exchanged in recent
            for text in (exchanged.call.path, exchanged.query,
                         exchanged.request.decode("utf-8", "backslashreplace"))
        )  # fmt: skip
        return Traffic(len(calls), routes, texts)

    @override
    def drop(self, world: str) -> None:
        self.universe.drop(world)
