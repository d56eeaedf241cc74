"""Twins for `unlit fence run`: those that the policy names for the role, in one fresh world."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unlit.fence import TwinRoute
    from unlit.policy import Policy


@asynccontextmanager
async def twins_for(
    policy: "Policy", role: str
) -> AsyncIterator[tuple[tuple["TwinRoute", ...], dict[str, str]]]:
    """Serve the twins of a role while the block runs.

    Yields:
        The routes of the fence, and a variable ``UNLIT_TWIN_NAME`` with each twin's token.
    """
    from unlit.fence import TwinRoute
    from unlit.twins.registry import SERVICES, hosts
    from unlit.twins.server import TwinServer
    from unlit.twins.universe import Universe

    named = [name for name in policy.twins(role) if name in {*SERVICES, "google"}]
    if not named:
        yield (), {}
        return
    universe = Universe(named)
    world = universe.create_world()
    server = await TwinServer.start(universe)
    try:
        tokens = universe.tokens(world)
        routes = tuple(TwinRoute(name, hosts(name), server.address, world) for name in named)
        variables = {f"UNLIT_TWIN_{name.upper()}": token for name, token in tokens.items()}
        yield routes, variables
    finally:
        await server.close()
