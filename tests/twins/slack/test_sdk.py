"""slack_sdk drives the twin."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from tests.twins.serving import serving

from unlit.twins.universe import Universe

pytestmark = pytest.mark.clients
NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture
def universe() -> Universe:
    return Universe(["slack"])


@pytest.fixture
def world(universe: Universe) -> str:
    return universe.create_world({"slack": {"channels": [{"name": "security"}]}}, now=NOW)


@pytest.fixture
def client(universe: Universe, world: str) -> Iterator[WebClient]:
    universe.default = world
    with serving(universe, "slack") as base:
        yield WebClient(token=universe.tokens(world)["slack"], base_url=f"{base}/api/")


def test_a_posted_message_is_in_history_and_state(
    client: WebClient, universe: Universe, world: str
) -> None:
    posted = client.chat_postMessage(channel="#security", text="hello *there*")
    history = client.conversations_history(channel=posted["channel"])
    assert history["messages"][0]["ts"] == posted["ts"]
    assert [(m["channel"], m["text"]) for m in universe.state(world)["slack.messages"]] == [
        ("#security", "hello *there*")
    ]


def test_threads_edits_and_deletions(client: WebClient) -> None:
    first = client.chat_postMessage(channel="security", text="first")
    channel, ts = first["channel"], first["ts"]
    reply = client.chat_postMessage(channel=channel, text="second", thread_ts=ts)
    client.chat_update(channel=channel, ts=ts, text="edited")
    thread = client.conversations_replies(channel=channel, ts=ts)["messages"]
    assert [m["text"] for m in thread] == ["edited", "second"]
    assert thread[0]["reply_count"] == 1
    client.chat_delete(channel=channel, ts=reply["ts"])
    assert len(client.conversations_replies(channel=channel, ts=ts)["messages"]) == 1


def test_a_cursor_walks_every_member(client: WebClient, universe: Universe, world: str) -> None:
    universe.seed(world, {"slack": {"users": [{"count": 25, "name": "user{n}"}]}})
    seen = [u["name"] for page in client.users_list(limit=10) for u in page["members"]]
    assert len(seen) == len(set(seen)) == 28


def test_the_errors_are_slacks(client: WebClient) -> None:
    cases: tuple[tuple[Callable[[], Any], str], ...] = (
        (lambda: client.chat_postMessage(channel="nope", text="x"), "channel_not_found"),
        (lambda: client.api_call("chat.postMessage", params={"channel": "security"}), "no_text"),
        (lambda: client.conversations_create(name="Bad Name!"), "invalid_name_specials"),
        (lambda: client.conversations_create(name="general"), "name_taken"),
        (lambda: client.users_info(user="U0NOPE"), "user_not_found"),
        (lambda: client.api_call("nope.nope"), "unknown_method"),
        (lambda: client.conversations_list(cursor="zzz"), "invalid_cursor"),
        (lambda: WebClient(token="x", base_url=client.base_url).auth_test(), "invalid_auth"),
    )
    for call, code in cases:
        with pytest.raises(SlackApiError) as caught:
            call()
        assert caught.value.response["error"] == code


def test_a_rate_limit_says_how_long_to_wait(
    client: WebClient, universe: Universe, world: str
) -> None:
    universe.arm(
        world, "slack", [{"on": "chat.postMessage", "status": 429, "retry_after": 1, "times": 1}]
    )
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel="security", text="x")
    assert caught.value.response.status_code == 429
    assert caught.value.response.headers["Retry-After"] == "1"
    assert caught.value.response["error"] == "ratelimited"
    universe.arm(
        world, "slack", [{"on": "chat.postMessage", "status": 429, "retry_after": 0, "times": 1}]
    )
    client.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=2))
    assert client.chat_postMessage(channel="security", text="once")["ok"]
    assert len(universe.state(world)["slack.messages"]) == 1
