"""A program may ask; only a person grants, exactly that, for a while."""

import asyncio
import json

import pytest
from tests.fence.gateway.lab import Lab

from unlit.core.errors import InvalidInput
from unlit.fence.gateway.model import AccessRequest

URL = "https://h2.vendor.test/data/1"


async def ask(lab: Lab, body: bytes) -> bytes:
    reader, writer = await lab.connect("gateway.unlit.internal", 80)
    head = f"POST /ask HTTP/1.1\r\nhost: gateway.unlit.internal\r\ncontent-length: {len(body)}\r\n"
    writer.write(head.encode() + b"connection: close\r\n\r\n" + body)
    answer = await reader.read(-1)
    writer.close()
    return answer


async def test_a_denial_says_how_to_ask_and_asking_is_recorded(lab: Lab) -> None:
    denied = await lab.get("h2.vendor.test", "/data/1")
    assert b"http://gateway.unlit.internal/ask" in denied
    wish = json.dumps({"method": "GET", "url": URL, "reason": "need the data"}).encode()
    assert b" 202 " in await ask(lab, wish)
    assert b" 202 " in await ask(lab, wish)
    wanted = AccessRequest("coder", f"GET {URL}", "need the data")
    assert await lab.gateway.asked("s1") == (wanted,)
    assert len(lab.entries("access.requested")) == 1
    assert b" 403 " in await lab.get("h2.vendor.test", "/data/1")
    assert (await lab.detach()).asked == (wanted,)


async def test_a_grant_allows_exactly_that(lab: Lab) -> None:
    wanted = AccessRequest("coder", f"GET {URL}", "need the data")
    await lab.gateway.grant("s1", wanted, person="ada", for_s=600)
    assert b" 200 " in await lab.get("h2.vendor.test", "/data/1")
    assert b" 403 " in await lab.get("h2.vendor.test", "/data/2")
    assert b" 403 " in await lab.get("h2.vendor.test", "/data/1", method="HEAD")
    (entry,) = lab.entries("access.granted")
    assert entry.fields["person"] == "ada"


async def test_a_grant_ends(lab: Lab) -> None:
    wanted = AccessRequest("coder", f"GET {URL}", "need the data")
    await lab.gateway.grant("s1", wanted, person="ada", for_s=0.05)
    async with asyncio.timeout(60):
        while b" 403 " not in await lab.get("h2.vendor.test", "/data/1"):
            pass  # each look waits for an answer


async def test_a_grant_may_not_last_for_ever(lab: Lab) -> None:
    with pytest.raises(InvalidInput):
        await lab.gateway.grant(
            "s1", AccessRequest("coder", f"GET {URL}", ""), person="a", for_s=1e9
        )


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[1]", b'{"method": "GET", "url": "ftp://x"}', b"\xff"]
)
async def test_nonsense_is_no_question(lab: Lab, body: bytes) -> None:
    assert b" 400 " in await ask(lab, body)


async def test_questions_are_limited(lab: Lab) -> None:
    answers = [
        await ask(lab, json.dumps({"method": "GET", "url": f"https://x.test/{n}"}).encode())
        for n in range(22)
    ]
    assert b" 202 " in answers[19]
    assert b" 429 " in answers[20]


async def test_half_a_character_in_a_reason_is_no_failure(lab: Lab) -> None:
    wish = json.dumps({"method": "GET", "url": URL, "reason": "a\ud800b"}).encode()
    assert b" 202 " in await ask(lab, wish)
    (entry,) = lab.entries("access.requested")
    assert entry.fields["reason"] == "a?b"
