"""Worlds from the real twins, in this process, on one listener."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from typing_extensions import override

from unlit.evaluation.ports import RouteUse, Traffic, WorldPlan, Worlds
from unlit.twins.kit.delivery import HttpSender, Receipt
from unlit.twins.measured import tier_of_call
from unlit.twins.model import Delivery
from unlit.twins.server import TwinServer
from unlit.twins.universe import Universe

PRODUCT_URL: Final = "http://product"
"""What a scenario writes where a service wants the address of the product."""
PRODUCT_SUFFIX: Final = ".product"
_WAY_TIMEOUT_S: Final = 30.0
_SETTLE_S: Final = 10.0
_CALLS_KEPT: Final = 120


class ProductSender(HttpSender):
    """Carries webhooks and events to products: ``http://SLOT.product/…`` into that slot's fence."""

    def __init__(self) -> None:
        self._ways: dict[str, str] = {}
        self._opened = asyncio.Event()

    def open(self, slot: str, address: str) -> None:
        """Learn where a slot's product is reached."""
        self._ways[slot] = address
        self._opened.set()
        self._opened = asyncio.Event()

    def shut(self, slot: str) -> None:
        """Forget a slot's product: it is to be started anew."""
        self._ways.pop(slot, None)

    @override
    async def send(self, delivery: Delivery) -> Receipt:
        slot, separator, rest = delivery.url.removeprefix("http://").partition(PRODUCT_SUFFIX)
        if not separator:
            return Receipt(0, why="connection_failed")  # nothing but the product is reached
        try:
            async with asyncio.timeout(_WAY_TIMEOUT_S):
                while slot not in self._ways:
                    await self._opened.wait()
        except TimeoutError:
            return Receipt(0, why="connection_failed")
        return await super().send(replace(delivery, url=f"http://{self._ways[slot]}{rest}"))


class TwinWorlds(Worlds):
    """A universe and its listener; make it with `start`."""

    def __init__(self, universe: Universe, server: TwinServer, sender: ProductSender) -> None:
        self.universe = universe
        self.server = server
        self._sender = sender
        self._wanting: set[str] = set()

    @classmethod
    async def start(
        cls, services: Sequence[str] | None = None, address: str = "127.0.0.1:0"
    ) -> "TwinWorlds":
        """Start the twins of `services` (all by default) on one listener."""
        universe, sender = Universe(services), ProductSender()
        return cls(universe, await TwinServer.start(universe, address, sender=sender), sender)

    async def close(self) -> None:
        """Stop listening."""
        await self.server.close()

    @override
    def create(self, slot: str, plan: WorldPlan) -> str:
        seeds = _addressed(plan.seeds, slot)
        world = self.universe.create_world(seeds, seed=plan.seed, now=plan.now)
        self.universe.bind(slot, world)
        if seeds != plan.seeds:
            self._wanting.add(world)
            self._sender.shut(slot)
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
    def wants_way_in(self, world: str) -> bool:
        return world in self._wanting

    @override
    def open_way_in(self, slot: str, address: str) -> None:
        self._sender.open(slot, address)

    @override
    async def settle(self, world: str) -> None:
        postman = self.server._postman
        postman.collect(self.universe.world(world))
        try:
            async with asyncio.timeout(_SETTLE_S):
                while world in postman._queues:  # noqa: ASYNC110 # it sets no event
                    await asyncio.sleep(0.005)
        except TimeoutError:
            return  # a receiver that does not answer: the vendor's retries go on

    @override
    def traffic(self, world: str) -> Traffic:
        calls = self.universe.calls(world)
        counts = Counter((call.service, call.route, call.tier) for call in calls)
        routes = tuple(_use(*key, count) for key, count in sorted(counts.items()))
        recent = self.universe.world(world).recent
        texts = tuple(
            text
            for exchanged in recent
            for text in (exchanged.call.path, exchanged.query,
                         exchanged.request.decode("utf-8", "backslashreplace"))
        )  # fmt: skip
        first = calls[0].at if calls else 0.0
        made = tuple(
            {"at": round(call.at - first, 3), "service": call.service, "method": call.method,
             "path": call.path, "status": call.status, "fault": call.fault}
            for call in calls[:_CALLS_KEPT]
        )  # fmt: skip
        return Traffic(len(calls), routes, texts, made)

    @override
    def drop(self, world: str) -> None:
        self._wanting.discard(world)
        self.universe.drop(world)


def _addressed(value: Any, slot: str) -> Any:
    """Give every address of the product in seeds the name of its slot."""
    if isinstance(value, str):
        if value == PRODUCT_URL or value.startswith(f"{PRODUCT_URL}/"):
            return f"http://{slot}{PRODUCT_SUFFIX}{value.removeprefix(PRODUCT_URL)}"
        return value
    if isinstance(value, list | tuple):
        return [_addressed(item, slot) for item in value]
    if isinstance(value, Mapping):
        return {key: _addressed(item, slot) for key, item in value.items()}
    return value


def _use(service: str, route: str, made: str, count: int) -> RouteUse:
    tier, measured = tier_of_call(service, route, made)
    return RouteUse(service, route, tier, count, measured)
