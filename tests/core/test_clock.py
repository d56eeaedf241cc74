"""The fake clock moves only when told to."""

import asyncio
from datetime import timedelta

import pytest

from unlit.core.clock import FakeClock


def test_sleeping_moves_both_times_without_waiting() -> None:
    slept: list[float] = []
    clock = FakeClock(on_sleep=slept.append)
    before = clock.now()
    asyncio.run(clock.sleep(90))
    assert clock.now() - before == timedelta(seconds=90)
    assert clock.monotonic_s() == 90
    assert slept == [90]


def test_time_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="go back"):
        FakeClock().advance(-1)
