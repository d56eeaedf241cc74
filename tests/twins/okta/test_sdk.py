"""Okta's own Python SDK drives the twin, through the built-in product's way of using it."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from okta.client import Client
from tests.twins.serving import serving

from unlit.twins.universe import Universe

pytestmark = pytest.mark.clients
NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
SEED = {
    "groups": [{"name": "Finance"}],
    "users": [
        {"count": 2, "login": "gone{n}@example.com", "lastLogin": "-120d", "groups": ["Finance"]},
        {"count": 450, "login": "user{n}@example.com", "lastLogin": "-3d", "groups": ["Finance"]},
    ],
}


@pytest.fixture
def universe() -> Universe:
    return Universe(["okta"])


@pytest.fixture
def world(universe: Universe) -> str:
    return universe.create_world({"okta": SEED}, now=NOW)


@pytest.fixture
def client(universe: Universe, world: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    with serving(universe, "okta") as base:
        monkeypatch.setenv("OKTA_TESTING_TESTINGDISABLEHTTPSCHECK", "true")
        monkeypatch.setenv("OKTA_CLIENT_ORGURL", base)
        monkeypatch.setenv("OKTA_CLIENT_TOKEN", universe.tokens(world)["okta"])
        for name in list(os.environ):
            if name.lower().endswith("_proxy"):
                monkeypatch.delenv(name)
        yield Client()


def ok(answer: tuple[Any, ...]) -> Any:
    assert answer[-1] is None, answer[-1]
    return answer[0]


async def test_a_large_group_comes_in_pages(client: Client) -> None:
    group = ok(await client.list_groups(search='profile.name eq "Finance"'))[0]
    logins, after = [], None
    while True:
        page, response, error = await client.list_group_users(group.id, limit=200, after=after)
        assert error is None
        logins += [user.profile.login for user in page]
        link = response.headers["Link"]  # the SDK keeps the last of equal headers
        if 'rel="next"' not in link:
            break
        after = link.split("after=")[1].split("&")[0].split(">")[0]
    assert len(logins) == len(set(logins)) == 452


async def test_a_user_lives_through_its_states(client: Client) -> None:
    body = {
        "profile": {
            "firstName": "Ada",
            "lastName": "Example",
            "email": "ada@example.com",
            "login": "ada@example.com",
        }
    }
    user = ok(await client.create_user(body, activate=False))
    assert user.status.value == "STAGED"
    ok(await client.activate_user(user.id, send_email=False))
    assert ok(await client.get_user(user.id)).status.value == "PROVISIONED"
    ok(await client.suspend_user(user.id))
    assert ok(await client.get_user(user.id)).status.value == "SUSPENDED"
    ok(await client.unsuspend_user(user.id))
    ok(await client.deactivate_user(user.id))
    assert ok(await client.get_user(user.id)).status.value == "DEPROVISIONED"
    ok(await client.delete_user(user.id))
    answer = await client.get_user(user.id)
    assert "E0000007" in str(answer[-1])


async def test_last_login_is_what_the_seed_said(client: Client) -> None:
    user = ok(await client.get_user("gone1@example.com"))
    assert user.last_login == datetime(2025, 11, 1, 9, tzinfo=UTC)
