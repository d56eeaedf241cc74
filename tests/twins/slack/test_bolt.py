"""A slack-bolt application lives in the twin: its own verifier, listeners, commands, views."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from unlit.twins.kit.delivery import Receipt
from unlit.twins.model import Delivery
from unlit.twins.server import TwinServer
from unlit.twins.services.slack import installs
from unlit.twins.universe import Universe

pytestmark = [pytest.mark.clients, pytest.mark.usefixtures("socket_enabled")]
SEEDS = {"slack": {"events": {
    "request_url": "https://app.example/slack/events", "origin": "ORIGIN",
}}}  # fmt: skip


class Carrier:
    """Carries what the twin sends to a bolt application, as an HTTP server would."""

    def __init__(self) -> None:
        self.app: AsyncApp | None = None
        self.statuses: list[int] = []

    async def send(self, delivery: Delivery) -> Receipt:
        assert self.app is not None
        request = AsyncBoltRequest(
            body=delivery.body.decode(), headers={k: [v] for k, v in delivery.headers}
        )
        answer = await self.app.async_dispatch(request)
        self.statuses.append(answer.status)
        why = "" if 200 <= answer.status < 300 else "http_error"
        return Receipt(answer.status, (answer.body or "").encode(), why)


class Place:
    def __init__(self, universe: Universe, world: str, server: TwinServer, app: AsyncApp) -> None:
        self.universe, self.world, self.server, self.app = universe, world, server, app
        self.done = asyncio.Event()

    def texts(self) -> list[str]:
        return [row["text"] for row in self.universe.state(self.world)["slack.messages"]]

    async def happens(self, event: str, data: dict[str, Any]) -> None:
        self.universe.emit(self.world, "slack", event, data)
        self.server._postman.collect(self.universe.world(self.world))

    async def finished(self) -> None:
        await asyncio.wait_for(self.done.wait(), 30)


@pytest.fixture
def carrier() -> Carrier:
    return Carrier()


@pytest.fixture
async def place(carrier: Carrier) -> AsyncIterator[Place]:
    universe = Universe(["slack"])
    server = await TwinServer.start(universe, service="slack", sender=carrier)
    events = {**SEEDS["slack"]["events"], "origin": f"http://{server.address}"}
    world = universe.create_world({"slack": {"events": events}})
    universe.default = world
    client = AsyncWebClient(
        token=universe.tokens(world)["slack"], base_url=f"http://{server.address}/api/"
    )
    secret = installs.client_of(universe.world(world))["signing_secret"]
    app = carrier.app = AsyncApp(client=client, signing_secret=secret)
    server._postman.collect(universe.world(world))
    for _ in range(500):
        if (universe.world(world).table("slack.meta")["events"]).get("verified"):
            break
        await asyncio.sleep(0.01)
    assert carrier.statuses == [200]  # bolt answered the challenge
    yield Place(universe, world, server, app)
    await server.close()


async def test_a_mention_is_heard_and_answered_in_its_thread(place: Place) -> None:
    @place.app.event("app_mention")  # type: ignore[untyped-decorator] # bolt
    async def heard(event: dict[str, Any], say: Any) -> None:
        await say(f"you said {event['text'].split()[-1]}", thread_ts=event["ts"])
        place.done.set()

    me = (await place.app.client.auth_test())["user_id"]
    await place.happens("message", {"channel": "general", "text": f"<@{me}> hello"})
    await place.finished()
    assert place.texts() == [f"<@{me}> hello", "you said hello"]


async def test_a_command_opens_a_view_that_is_submitted(place: Place) -> None:
    @place.app.command("/ticket")  # type: ignore[untyped-decorator] # bolt
    async def asked(ack: Any, body: dict[str, Any], client: Any, respond: Any) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view={
            "type": "modal", "callback_id": "ticket", "blocks": [],
            "title": {"type": "plain_text", "text": "Ticket"},
        })  # fmt: skip
        await respond("one moment", response_type="in_channel")
        place.done.set()

    submitted: list[Any] = []

    @place.app.view("ticket")  # type: ignore[untyped-decorator] # bolt
    async def taken(ack: Any, view: dict[str, Any]) -> None:
        await ack()
        submitted.append(view["state"]["values"])
        place.done.set()

    await place.happens("slash_command", {"command": "/ticket", "text": "", "channel": "general"})
    await place.finished()
    assert place.texts() == ["one moment"]
    place.done.clear()
    view = next(iter(place.universe.world(place.world).table("slack.views").values()))
    values = {"b": {"a": {"type": "plain_text_input", "value": "broken"}}}
    await place.happens("view_submission", {"view_id": view["id"], "values": values})
    await place.finished()
    assert submitted == [values]


async def test_what_is_not_signed_by_the_workspace_is_refused_by_bolt(
    place: Place, carrier: Carrier
) -> None:
    other = Universe(["slack"])
    world = other.create_world({"slack": SEEDS["slack"]}, seed=7)
    (challenge,) = other.world(world).outbox
    receipt = await carrier.send(challenge)
    assert receipt.status == 401
