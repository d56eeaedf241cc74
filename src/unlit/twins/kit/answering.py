"""How one call is answered: route, fault, credential, limit, handler, log; in this order."""

import logging

from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import NoMatch
from unlit.twins.kit.twin import Exchange, VendorError
from unlit.twins.model import FaultRule

logger = logging.getLogger(__name__)


def answer(exchange: Exchange, *, any_token: bool = False) -> tuple[Reply, FaultRule | None]:
    """Answer a call that has found its world; never raises.

    Args:
        exchange: The call.
        any_token: A token the twin does not know is an administrator.

    Returns:
        The reply, its body encoded, and the fault that the transport must still apply.
    """
    twin, world = exchange.twin, exchange.world
    fault = None
    try:
        reply, fault = _reply(exchange, any_token)
    except VendorError as refusal:
        reply = twin.render_error(exchange, refusal)
    except Exception:
        logger.exception(
            "twin failed", extra={"service": exchange.service, "path": exchange.request.raw_path}
        )
        reply = twin.render_error(exchange, VendorError(500, "internal_error", "Twin failed."))
        reply.headers.append(("x-twin-error", "TWN-500"))
    twin.finish(exchange, reply)
    encoded = reply.body = reply.encoded()
    exchange.world = world
    _log(exchange, reply, fault, encoded)
    return reply, fault


def _reply(exchange: Exchange, any_token: bool) -> tuple[Reply, FaultRule | None]:
    request, world, twin = exchange.request, exchange.world, exchange.twin
    found = twin.router.match(request.method, request.raw_path)
    if isinstance(found, NoMatch):
        raise twin.no_route(exchange, found.allowed)
    exchange.match = found
    fault = _fault(exchange) if world.faults.armed else None
    if fault is not None and fault.kind == "status" and (fault.status or fault.error):
        return twin.struck(exchange, fault), fault
    if fault is not None and fault.kind in ("timeout", "drop"):
        return Reply(504), fault
    if not found.route.open:
        _authenticate(exchange, any_token)
    if world.limits:
        refused = twin.limit(exchange)
        if refused is not None:
            raise refused
    return found.route.handler(exchange), fault


def _fault(exchange: Exchange) -> FaultRule | None:
    """Return the rule that strikes a call; a stale read is turned to the world as it was."""
    request, world, route = exchange.request, exchange.world, exchange.route
    draw = world.random("fault").random()
    fault = world.faults.strike(
        exchange.service, route.op, request.method, route.template, request.path, draw
    )
    if fault is not None and fault.kind == "stale":
        if world.lag is not None:
            exchange.world = world.behind()
    elif world.faults.has("stale") and not exchange.twin.reads(exchange):
        world.lag = world.save()
    return fault


def _authenticate(exchange: Exchange, any_token: bool) -> None:
    twin = exchange.twin
    try:
        exchange.actor = twin.authenticate(exchange)
    except VendorError:
        token = exchange.token
        if not any_token or token is None or token in exchange.table("tokens"):
            raise
        exchange.actor = twin.anybody(exchange.world, token)
    if exchange.actor.scopes is not None:
        twin.authorize(exchange)


def _log(exchange: Exchange, reply: Reply, fault: FaultRule | None, answer: bytes) -> None:
    request, world = exchange.request, exchange.world
    route = exchange.match.route if exchange.match else None
    row = (
        exchange.service,
        route.op if route else "",
        request.method,
        request.raw_path,
        reply.status,
        fault.kind if fault else None,
        route.tier if route else "none",
        world.clock.now(),
    )
    world.calls.add(row, request.raw_query, request.body, answer)
