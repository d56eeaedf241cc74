"""Twin worlds for readings of a spec: one for each fence, put back before every input."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from unlit.fence import TwinRoute
from unlit.line.programs import World
from unlit.twins.registry import SERVICES, hosts
from unlit.twins.server import TwinServer
from unlit.twins.universe import Universe

_GOOGLE: Final = ("docs", "drive", "sheets")
_TIMES: Final = ("time", "created", "updated", "last", "ts", "id", "etag", "revision")


class TwinWorlds:
    """Worlds of one universe, all with the same seeds."""

    def __init__(
        self, universe: Universe, address: str, names: Sequence[str], seeds: Mapping[str, Any]
    ) -> None:
        self._universe = universe
        self._address = address
        self._names = names
        self._seeds = seeds

    def open(self) -> World:
        """Make a world, and the routes that lead a fence to it."""
        world = self._universe.create_world(self._seeds, seed=1)
        tokens = self._universe.tokens(world)
        routes = tuple(TwinRoute(name, hosts(name), self._address, world) for name in self._names)
        named = {**tokens, **{name: tokens.get("google", "") for name in _GOOGLE}}
        return _World(self._universe, world, routes, named)


class _World:
    def __init__(
        self, universe: Universe, world: str, routes: tuple[TwinRoute, ...], tokens: dict[str, str]
    ) -> None:
        self.routes = routes
        self.tokens = tokens
        self._universe = universe
        self._world = world
        self._seeded = universe.snapshot(world)
        self._before = _rows(universe.state(world))

    def restart(self) -> None:
        self._universe.restore(self._world, self._seeded)

    def effects(self) -> tuple[str, ...]:
        now = _rows(self._universe.state(self._world))
        more = [f"adds to {name} {row}" for name, row in (now - self._before).elements()]
        less = [f"takes from {name} {row}" for name, row in (self._before - now).elements()]
        return (*sorted(more), *sorted(less))


def _rows(state: Mapping[str, Sequence[Mapping[str, Any]]]) -> Counter[tuple[str, str]]:
    """Return every thing of a world without its times and numbers, which say nothing."""
    return Counter(
        (name, json.dumps(_plain(row), sort_keys=True, ensure_ascii=False, default=str))
        for name, rows in state.items()
        for row in rows
    )


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value
        for key, value in row.items()
        if value not in (None, "", [], {}) and not any(word in key.lower() for word in _TIMES)
    }


@asynccontextmanager
async def twin_worlds(
    names: Sequence[str], seeds: Mapping[str, Any]
) -> AsyncIterator[TwinWorlds | None]:
    """Serve the twins while the block runs; nothing for no names."""
    known = [name for name in dict.fromkeys(names) if name in {*SERVICES, "google"}]
    if not known:
        yield None
        return
    universe = Universe(known)
    server = await TwinServer.start(universe)
    try:
        yield TwinWorlds(universe, server.address, known, seeds)
    finally:
        await server.close()
