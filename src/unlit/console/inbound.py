"""The door for Slack: two addresses, signed requests only, acknowledged before work is done."""

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from unlit.core.clock import Clock
from unlit.core.errors import UnlitError
from unlit.review.rules.slack import refusal
from unlit.review.slack_gate import SlackGate

BODY_BYTES: Final = 200_000
_LOG: Final = logging.getLogger(__name__)
Work = Callable[[], None]


def inbound_app(gate: SlackGate, secret: str, clock: Clock) -> Starlette:
    """Return the application that Slack calls.

    Args:
        gate: Takes what people did.
        secret: The app's signing secret; without one everything is refused.
        clock: Says when, against replays.
    """

    async def taken(request: Request) -> bytes | Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_BYTES:
                return PlainTextResponse("too large", 413)
        headers = {name.lower(): value for name, value in request.headers.items()}
        why = refusal(secret, headers, body, clock.now().timestamp())
        if why is not None:
            _LOG.warning("a request to the Slack gate was refused: %s", why)
            return PlainTextResponse("refused", 401)
        return body

    async def actions(request: Request) -> Response:
        body = await taken(request)
        if isinstance(body, Response):
            return body
        signature = request.headers["x-slack-signature"]
        return _acknowledged(gate.interact(body) if gate.fresh(signature) else None)

    async def events(request: Request) -> Response:
        body = await taken(request)
        if isinstance(body, Response):
            return body
        told = _object(body)
        if told.get("type") == "url_verification":
            return PlainTextResponse(str(told.get("challenge", "")))
        event = told.get("event")
        event_id = str(told.get("event_id") or request.headers["x-slack-signature"])
        known = isinstance(event, Mapping) and gate.fresh(f"event {event_id}")
        return _acknowledged(gate.event(_mapping(event)) if known else None)

    return Starlette(
        routes=[
            Route("/slack/actions", actions, methods=["POST"]),
            Route("/slack/events", events, methods=["POST"]),
        ]
    )


def _acknowledged(work: Work | None) -> Response:
    if work is None:
        return Response(status_code=200)
    return Response(status_code=200, background=BackgroundTask(_quietly, work))


def _quietly(work: Work) -> None:
    try:
        work()
    except UnlitError as error:
        _LOG.warning("the Slack gate could not finish: %s", error)


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        return _mapping(json.loads(body))
    except (ValueError, RecursionError):
        return {}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
