"""The control API over HTTP, the page for people, and who may not use them."""

from typing import Any

import httpx2
import pytest

from unlit.twins.server import TwinServer
from unlit.twins.serving import open_doors, read_world
from unlit.twins.universe import Universe


@pytest.fixture
async def place() -> Any:
    universe = Universe(["okta", "slack"])
    universe.default = universe.create_world({"okta": {"groups": ["Finance"]}})
    doors = await open_doors(universe)
    async with httpx2.AsyncClient(trust_env=False, timeout=5) as client:
        yield universe, doors, client
    await doors.close()


async def test_a_world_is_made_seeded_forked_and_dropped_over_http(place: Any) -> None:
    _, doors, client = place
    made = (
        await client.post(
            f"{doors.control}/worlds",
            json={
                "seeds": {"okta": {"users": [{"count": 2, "login": "u{n}@example.com"}]}},
                "seed": 4,
                "now": "2026-03-01T09:00Z",
            },
        )
    ).json()
    world = {"world": made["world"]}
    seed = {**world, "seeds": {"slack": {"channels": ["security"]}}}
    assert (await client.post(f"{doors.control}/seed", json=seed)).status_code == 200
    fork = (await client.post(f"{doors.control}/fork", json=world)).json()
    headers = {"authorization": f"Bearer {fork['tokens']['slack']}"}
    posted = await client.post(
        f"{doors.services['slack']}/api/chat.postMessage",
        data={"channel": "security", "text": "in the fork"},
        headers=headers,
    )
    assert posted.json()["ok"]
    names = {"a": made["world"], "b": fork["world"]}
    diff = (await client.post(f"{doors.control}/diff", json=names)).json()["diff"]
    assert [row["text"] for row in diff["slack.messages"]["added"]] == ["in the fork"]
    clock = (await client.post(f"{doors.control}/clock", json={**world, "advance": 60})).json()
    assert clock["now"].startswith("2026-03-01T09:01")
    dropped = {"world": fork["world"]}
    assert (await client.post(f"{doors.control}/drop", json=dropped)).status_code == 200
    assert (await client.post(f"{doors.control}/reset", json=dropped)).json()["error"] == "TWN-105"


async def test_every_service_url_has_the_controls_too(place: Any) -> None:
    universe, doors, client = place
    for url in doors.services.values():
        assert (await client.get(f"{url}/_twin/health")).json()["ok"] is True
    fault = {"on": "auth.test", "status": 500, "times": 1}
    await client.post(f"{doors.services['slack']}/_twin/faults", json=fault)
    headers = {"authorization": f"Bearer {universe.tokens(universe.default)['slack']}"}
    url = f"{doors.services['slack']}/api/auth.test"
    assert [(await client.post(url, headers=headers)).status_code for _ in range(2)] == [500, 200]
    calls = (await client.get(f"{doors.control}/calls")).json()["calls"]
    assert [(call["route"], call["fault"]) for call in calls] == [
        ("auth.test", "status"), ("auth.test", None)]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "sent", "code"),
    [
        ("POST", "worlds", {"seeds": []}, "TWN-120"),
        ("POST", "worlds", {"seeds": {"okta": {"usrs": []}}}, "TWN-102"),
        ("POST", "worlds", {"seeds": {"nope": {}}}, "TWN-106"),
        ("POST", "faults", {"on": "*", "service": "okta", "what": 1}, "TWN-101"),
        ("POST", "restore", {"snapshot": "s-none"}, "TWN-107"),
        ("POST", "clock", {"advance": -1}, "TWN-109"),
        ("POST", "events", {"service": "okta", "event": "nope"}, "TWN-108"),
        ("POST", "facts", {"facts": 3}, "TWN-120"),
        ("GET", "nope", None, "TWN-121"),
    ],
)
async def test_a_wrong_control_call_says_what_is_wrong(
    place: Any, method: str, path: str, sent: Any, code: str
) -> None:
    _, doors, client = place
    answer = await client.request(method, f"{doors.control}/{path}", json=sent)
    assert answer.status_code in (400, 404)
    assert answer.json()["error"] == code


async def test_a_program_behind_the_gateway_and_another_site_cannot_control(place: Any) -> None:
    universe, doors, client = place
    for headers in (
        {"host": "slack.com"},
        {"host": "rebound.example"},
        {"origin": "https://evil.example"},
        {"sec-fetch-site": "cross-site"},
    ):
        answer = await client.post(f"{doors.control}/reset", headers=headers)
        assert answer.status_code in (403, 404), headers
    server = await TwinServer.start(universe)
    answer = await client.get(
        f"http://{server.address}/_twin/state", headers={"host": "acme.okta.com"}
    )
    assert answer.status_code == 404
    await server.close()


async def test_the_page_shows_and_does(place: Any) -> None:
    universe, doors, client = place
    base = doors.control + "/"
    text = (await client.get(base)).text
    assert "Finance" in text
    form = {
        "world": universe.default,
        "action": "event",
        "service": "slack",
        "event": "message",
        "data": '{"channel": "general", "text": "<b>hello</b>"}',
    }
    answer = await client.post(base, data=form)
    assert answer.status_code == 303
    text = (await client.get(f"{base}?world={universe.default}")).text
    assert "&lt;b&gt;hello" in text
    assert "<b>hello" not in text
    wrong = await client.post(base, data={**form, "data": "{"})
    assert (wrong.status_code, wrong.text[:7]) == (400, "TWN-120")


def test_a_world_file_is_read_or_refused(tmp_path: Any) -> None:
    from unlit.core.errors import InvalidInput

    path = tmp_path / "world.yaml"
    path.write_text("twins: {okta: {groups: [A]}}\nclock: 2026-03-01T09:00Z\nseed: 3\n")
    found = read_world(path)
    assert found["seeds"] == {"okta": {"groups": ["A"]}}
    assert found["seed"] == 3
    for text in ("[1]", "twins: {}\nseed: x\n", "{"):
        path.write_text(text)
        with pytest.raises(InvalidInput, match="TWN-111"):
            read_world(path)
