"""Events over HTTP and Socket Mode, verified and acknowledged by Slack's own code."""

import asyncio
import json
from typing import Any

import pytest
from slack_sdk.signature import SignatureVerifier
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from unlit.twins.kit.delivery import Receipt
from unlit.twins.model import Delivery
from unlit.twins.server import TwinServer
from unlit.twins.services.slack import installs
from unlit.twins.universe import Universe

URL = "https://app.example/slack/events"


class Inbox:
    """A receiver that answers challenges, and fails as often as it is told."""

    def __init__(self) -> None:
        self.taken: list[Delivery] = []
        self.failures = 0

    async def send(self, delivery: Delivery) -> Receipt:
        self.taken.append(delivery)
        if delivery.kind == "url_verification":
            return Receipt(200, json.loads(delivery.body)["challenge"].encode())
        if self.failures:
            self.failures -= 1
            return Receipt(500, b"", "http_error")
        return Receipt(200)

    async def wait(self, kind: str, count: int = 1) -> list[Delivery]:
        for _ in range(200):
            found = [item for item in self.taken if item.kind == kind]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.01)
        raise AssertionError([item.kind for item in self.taken])


@pytest.fixture
def universe() -> Universe:
    return Universe(["slack"])


async def post(server: TwinServer, universe: Universe, world: str, **fields: Any) -> Any:
    token = universe.tokens(world)["slack"]
    client = AsyncWebClient(token=token, base_url=f"http://{server.address}/api/")
    return await client.chat_postMessage(**fields)


async def test_events_are_signed_as_slack_signs_and_retried(universe: Universe) -> None:
    world = universe.create_world({"slack": {"events": {"request_url": URL}}})
    inbox = Inbox()
    server = await TwinServer.start(universe, service="slack", sender=inbox)
    universe.default = world
    await post(server, universe, world, channel="general", text="before it is verified")
    await inbox.wait("url_verification")
    inbox.failures = 1
    await post(server, universe, world, channel="general", text="hello")
    first, second = await inbox.wait("message", 2)
    secret = installs.client_of(universe.world(world))["signing_secret"]
    for delivery in (first, second):
        headers = dict(delivery.headers)
        assert SignatureVerifier(secret).is_valid_request(delivery.body, headers)
        assert not SignatureVerifier("other").is_valid_request(delivery.body, headers)
    assert first.body == second.body
    assert dict(second.headers)["x-slack-retry-num"] == "1"
    assert dict(second.headers)["x-slack-retry-reason"] == "http_error"
    event = json.loads(first.body)["event"]
    assert (event["type"], event["text"]) == ("message", "hello")
    await server.close()


async def test_an_unverified_address_is_told_nothing(universe: Universe) -> None:
    world = universe.create_world({"slack": {"events": {"request_url": URL}}})
    universe.world(world).outbox.clear()
    inbox = Inbox()
    server = await TwinServer.start(universe, service="slack", sender=inbox)
    await post(server, universe, world, channel="general", text="hello")
    await asyncio.sleep(0.05)
    assert inbox.taken == []
    await server.close()


async def test_duplicates_and_reordering_on_demand(universe: Universe) -> None:
    faults = [
        {"on": "event:message", "kind": "reorder", "times": 1, "after": 0},
        {"on": "event:message", "kind": "duplicate", "times": 1, "after": 1},
    ]
    world = universe.create_world(
        {"slack": {"events": {"request_url": URL}}}, faults={"slack": faults}
    )
    inbox = Inbox()
    server = await TwinServer.start(universe, service="slack", sender=inbox)
    await post(server, universe, world, channel="general", text="verify first")
    await inbox.wait("url_verification")
    for text in ("one", "two", "three"):
        await post(server, universe, world, channel="general", text=text)
    found = await inbox.wait("message", 4)
    texts = [json.loads(item.body)["event"]["text"] for item in found]
    assert sorted(texts) == ["one", "three", "three", "two"] or sorted(texts) == sorted(
        ["one", "two", "two", "three"]
    )
    assert texts.index("two") < texts.index("one")
    await server.close()


async def test_socket_mode_delivers_and_takes_the_acknowledgement(universe: Universe) -> None:
    world = universe.create_world()
    universe.default = world
    server = await TwinServer.start(universe, service="slack")
    token = universe.tokens(world)["slack"]
    web = AsyncWebClient(token=token, base_url=f"http://{server.address}/api/")
    client = SocketModeClient(app_token=token, web_client=web)
    got: list[Any] = []

    async def listen(socket: Any, request: Any) -> None:
        got.append(request)
        await socket.send_socket_mode_response(SocketModeResponse(request.envelope_id))

    client.socket_mode_request_listeners.append(listen)
    await client.connect()
    for _ in range(200):
        if universe.world(world).table("slack.meta").get("sockets"):
            break
        await asyncio.sleep(0.01)
    universe.emit(world, "slack", "message", {"channel": "general", "text": "hi", "user": "dev"})
    await web.api_test()
    for _ in range(200):
        if got and universe.world(world).table("slack.acknowledged"):
            break
        await asyncio.sleep(0.01)
    assert got[0].payload["event"]["text"] == "hi"
    assert list(universe.world(world).table("slack.acknowledged")) == [got[0].envelope_id]
    await client.close()
    await server.close()


async def test_a_pressed_button_may_be_answered_at_its_address(universe: Universe) -> None:
    world = universe.create_world({"slack": {"events": {"interactivity_url": URL}}})
    inbox = Inbox()
    server = await TwinServer.start(universe, service="slack", sender=inbox)
    universe.default = world
    posted = await post(server, universe, world, channel="general", text="press")
    data = {
        "channel": "general",
        "ts": posted["ts"],
        "user": "dev",
        "actions": [{"type": "button", "action_id": "ok", "value": "1"}],
    }
    universe.emit(world, "slack", "block_actions", data)
    client = AsyncWebClient(
        token=universe.tokens(world)["slack"], base_url=f"http://{server.address}/api/"
    )
    await client.api_test()
    (delivery,) = await inbox.wait("block_actions")
    from urllib.parse import parse_qs, urlsplit

    payload = json.loads(parse_qs(delivery.body.decode())["payload"][0])
    view = {"type": "modal", "title": {"type": "plain_text", "text": "t"}, "blocks": []}
    opened = await client.views_open(trigger_id=payload["trigger_id"], view=view)
    assert opened["view"]["type"] == "modal"
    path = urlsplit(payload["response_url"]).path
    from slack_sdk.webhook.async_client import AsyncWebhookClient

    hook = AsyncWebhookClient(f"http://{server.address}{path}")
    answer = await hook.send(text="pressed", replace_original=True)
    assert answer.status_code == 200
    texts = [row["text"] for row in universe.state(world)["slack.messages"]]
    assert texts == ["pressed"]
    await server.close()


async def test_a_client_of_rtm_hears_and_speaks(universe: Universe) -> None:
    import aiohttp

    world = universe.create_world()
    universe.default = world
    server = await TwinServer.start(universe, service="slack", sender=Inbox())
    token = universe.tokens(world)["slack"]
    client = AsyncWebClient(token=token, base_url=f"http://{server.address}/api/")
    start = await client.rtm_connect()
    assert start["self"]["id"] == (await client.auth_test())["user_id"]
    async with aiohttp.ClientSession() as session, session.ws_connect(start["url"]) as socket:

        async def hears(what: str) -> Any:
            async with asyncio.timeout(30):
                while True:
                    message = await socket.receive_json()
                    if message.get("type") == what or what in message:
                        return message

        assert (await hears("hello"))["type"] == "hello"
        await socket.send_json({"id": 1, "type": "ping", "time": 5})
        assert await hears("pong") == {"type": "pong", "reply_to": 1, "time": 5}
        channel = universe.world(world).table("slack.channel_names")["general"]
        await socket.send_json({"id": 2, "type": "message", "channel": channel, "text": "hi"})
        said = await hears("reply_to")
        assert (said["ok"], said["reply_to"], said["text"]) == (True, 2, "hi")
        assert (await hears("message"))["text"] == "hi"
        await client.chat_postMessage(channel="general", text="from elsewhere")
        assert (await hears("message"))["text"] == "from elsewhere"
        await socket.send_json({"id": 3, "type": "message", "channel": "C0NOPE", "text": "x"})
        assert (await hears("reply_to"))["error"]["msg"] == "channel_not_found"
        await socket.send_str("{")
        assert (await hears("reply_to"))["ok"] is False
    texts = [row["text"] for row in universe.state(world)["slack.messages"]]
    assert texts == ["hi", "from elsewhere"]
    await server.close()
