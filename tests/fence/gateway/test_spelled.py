"""Secrets are spelled out before they are needed, and while nobody else waits."""

import asyncio
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

import pytest
from tests.fence.gateway.lab import SECRET, Lab, open_lab

from unlit.fence.gateway.scrub import Forms
from unlit.fence.gateway.spelled import Spelled

DEADLINE_S = 60.0


class Slow(Forms):
    """Waits until it is told to go on."""

    may_go: ClassVar = threading.Event()
    asked: ClassVar[list[frozenset[str]]] = []
    was_asked: ClassVar = threading.Event()

    def __init__(self, secrets: Iterable[str]) -> None:
        secrets = frozenset(secrets)
        self.asked.append(secrets)
        self.was_asked.set()
        assert self.may_go.wait(DEADLINE_S)
        super().__init__(secrets)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> type[Slow]:
    monkeypatch.setattr("unlit.fence.gateway.spelled.Forms", Slow)
    Slow.may_go = threading.Event()
    Slow.asked = []
    Slow.was_asked = threading.Event()
    return Slow


async def test_a_session_begins_when_it_is_attached_and_nobody_else_waits(
    slow: type[Slow], tmp_path: Path
) -> None:
    async with open_lab(tmp_path) as lab, asyncio.timeout(DEADLINE_S):
        assert await asyncio.to_thread(slow.was_asked.wait, DEADLINE_S)  # no request was made
        assert slow.asked == [frozenset({SECRET})]
        waits = asyncio.create_task(_with_key(lab))
        answer = await lab.get("slack.com", "/api/other")  # a twin: it has no secret to show
        assert b" 200 " in answer
        assert not waits.done()
        slow.may_go.set()
        assert b" 200 " in await waits
    assert slow.asked == [frozenset({SECRET})]


async def test_what_was_spelled_out_is_not_again(slow: type[Slow]) -> None:
    slow.may_go.set()
    spelled = Spelled()
    one, other = frozenset({"fake-secret-one-0123"}), frozenset({"fake-secret-two-0123"})
    first = await spelled.of(one)
    assert await spelled.of(one) is first
    assert await spelled.of(other) is not first
    for number in range(40):  # only those of late are kept
        await spelled.of(frozenset({f"fake-secret-{number:04d}-abc"}))
    assert await spelled.of(one) is not first
    spelled.close()


async def _with_key(lab: Lab) -> bytes:
    return await lab.get("api.vendor.test", "/v1/x", f"x-api-key: {lab.placeholder}")
