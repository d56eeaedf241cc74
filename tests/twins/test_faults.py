"""What goes wrong on purpose, as a client on the wire sees it."""

import json
from typing import Any

import httpx2
import pytest

from unlit.twins.kit.http import Request
from unlit.twins.server import TwinServer
from unlit.twins.universe import Universe


async def call(server: TwinServer, universe: Universe, world: str, **kwargs: Any) -> Any:
    headers = {"authorization": f"SSWS {universe.tokens(world)['okta']}"}
    async with httpx2.AsyncClient(trust_env=False, timeout=1) as client:
        return await client.get(f"http://{server.address}/api/v1/groups", headers=headers, **kwargs)


@pytest.fixture
def universe() -> Universe:
    return Universe(["okta", "slack"])


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        ({"kind": "truncate"}, httpx2.RemoteProtocolError),
        ({"kind": "drop"}, httpx2.RemoteProtocolError),
        ({"kind": "timeout", "latency_s": 3}, httpx2.ReadTimeout),
        ({"latency_s": 3}, httpx2.ReadTimeout),
    ],
)
async def test_a_transport_fault_is_what_the_client_sees_and_passes(
    universe: Universe, rule: dict[str, Any], error: type[Exception]
) -> None:
    faults = {"okta": [{"on": "GET /api/v1/groups", "times": 1, **rule}]}
    world = universe.create_world(faults=faults)
    server = await TwinServer.start(universe, service="okta")
    with pytest.raises(error):
        await call(server, universe, world)
    assert (await call(server, universe, world)).status_code == 200
    await server.close()


def test_a_stale_read_shows_the_state_before_the_last_write(universe: Universe) -> None:
    rule = {"on": "listGroups", "kind": "stale", "times": 2}
    world = universe.create_world({"okta": {"groups": ["A"]}}, faults={"okta": [rule]})
    headers = {"authorization": f"SSWS {universe.tokens(world)['okta']}"}

    def names() -> list[str]:
        reply = universe.answer("okta", Request("GET", "/api/v1/groups", "", headers)).reply
        return [row["profile"]["name"] for row in json.loads(reply.encoded())]

    body = json.dumps({"profile": {"name": "B"}}).encode()
    assert names() == ["Everyone", "A"]
    assert (
        universe.answer("okta", Request("POST", "/api/v1/groups", "", headers, body)).reply.status
        == 200
    )
    assert names() == ["Everyone", "A"]
    assert names() == ["Everyone", "A", "B"]


def test_a_probability_is_drawn_from_the_seed(universe: Universe) -> None:
    rule = {"on": "*", "status": 500, "probability": 0.3}

    def run(seed: int) -> list[int]:
        world = universe.create_world(seed=seed, faults={"okta": [rule]})
        headers = {"authorization": f"SSWS {universe.tokens(world)['okta']}"}
        request = Request("GET", "/api/v1/groups", "", headers)
        return [universe.answer("okta", request).reply.status for _ in range(200)]

    assert run(1) == run(1)
    assert run(1) != run(2)
    assert 30 < run(1).count(500) < 90


def test_slacks_limits_apply_only_when_they_are_on(universe: Universe) -> None:
    world = universe.create_world()
    token = universe.tokens(world)["slack"]
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    body = b'{"channel": "general", "text": "x"}'

    def post() -> Any:
        return universe.answer(
            "slack", Request("POST", "/api/chat.postMessage", "", headers, body)
        ).reply

    assert [post().status for _ in range(5)] == [200] * 5
    universe.world(world).limits = True
    first, second = post(), post()
    assert (first.status, second.status) == (200, 429)
    assert second.header("retry-after") == "1"
    universe.advance(world, 1.5)
    assert post().status == 200
