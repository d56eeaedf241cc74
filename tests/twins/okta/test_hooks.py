"""Event hooks: the challenge, the secret, and what is told."""

import asyncio
import json
from typing import Any

import httpx2
import pytest

from unlit.twins.kit.delivery import Receipt
from unlit.twins.model import Delivery
from unlit.twins.server import TwinServer
from unlit.twins.universe import Universe

HOOK = {
    "name": "tell me", "events": {"type": "EVENT_TYPE", "items": ["user.lifecycle.create"]},
    "channel": {"type": "HTTP", "version": "1.0.0", "config": {
        "uri": "https://app.example/okta", "headers": [{"key": "x-team", "value": "sec"}],
        "authScheme": {"type": "HEADER", "key": "authorization", "value": "fake-hook-secret"}}},
}  # fmt: skip


class Receiver:
    def __init__(self, honest: bool) -> None:
        self.honest = honest
        self.taken: list[Delivery] = []

    async def send(self, delivery: Delivery) -> Receipt:
        self.taken.append(delivery)
        challenge = dict(delivery.headers).get("x-okta-verification-challenge")
        if challenge is not None:
            answer = challenge if self.honest else "something else"
            return Receipt(200, json.dumps({"verification": answer}).encode())
        return Receipt(204)


@pytest.mark.parametrize("honest", [True, False])
async def test_only_a_verified_hook_is_told_and_with_its_secret(honest: bool) -> None:
    universe = Universe(["okta"])
    world = universe.create_world()
    receiver = Receiver(honest)
    server = await TwinServer.start(universe, service="okta", sender=receiver)
    base = f"http://{server.address}/api/v1"
    headers = {"authorization": f"SSWS {universe.tokens(world)['okta']}"}
    async with httpx2.AsyncClient(headers=headers, trust_env=False) as client:

        async def post(path: str, body: Any = None) -> Any:
            return await client.post(base + path, json=body)

        hook = (await post("/eventHooks", HOOK)).json()
        assert "fake-hook-secret" not in json.dumps(hook)
        verified = await post(f"/eventHooks/{hook['id']}/lifecycle/verify")
        assert verified.status_code == (200 if honest else 400)
        if honest:
            assert verified.json()["verificationStatus"] == "VERIFIED"
        profile = {
            "login": "ada@example.com",
            "email": "ada@example.com",
            "firstName": "A",
            "lastName": "B",
        }
        made = (await post("/users", {"profile": profile})).json()
        await asyncio.sleep(0.05)
    told = [item for item in receiver.taken if item.method == "POST"]
    assert len(told) == (1 if honest else 0)
    for delivery in told:
        sent = dict(delivery.headers)
        assert (sent["authorization"], sent["x-team"]) == ("fake-hook-secret", "sec")
        events = json.loads(delivery.body)["data"]["events"]
        assert [event["eventType"] for event in events] == ["user.lifecycle.create"]
        assert events[0]["target"][0]["id"] == made["id"]
    await server.close()


async def test_signing_in_moves_the_last_login_and_is_in_the_log() -> None:
    universe = Universe(["okta"])
    world = universe.create_world({"okta": {"users": [{"login": "ada@example.com"}]}})
    assert universe.state(world)["okta.users"][0]["lastLogin"] is None
    universe.emit(world, "okta", "sign_in", {"login": "ada@example.com"})
    assert universe.state(world)["okta.users"][0]["lastLogin"] is not None
    server = await TwinServer.start(universe, service="okta")
    headers = {"authorization": f"SSWS {universe.tokens(world)['okta']}"}
    async with httpx2.AsyncClient(headers=headers, trust_env=False) as client:
        found = await client.get(
            f"http://{server.address}/api/v1/logs",
            params={"filter": 'eventType eq "user.session.start"', "limit": "1"},
        )
    assert found.json()[0]["actor"]["alternateId"] == "ada@example.com"
    await server.close()
