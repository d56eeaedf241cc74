"""The real clock and ids."""

import asyncio
import re

from unlit.core.system import SystemClock, SystemIds


def test_now_knows_its_time_zone() -> None:
    assert SystemClock().now().utcoffset() is not None


def test_sleep_takes_time_on_the_monotonic_clock() -> None:
    clock = SystemClock()
    before = clock.monotonic_s()
    asyncio.run(clock.sleep(0.01))
    assert clock.monotonic_s() - before >= 0.009


def test_ids_are_readable_and_do_not_repeat() -> None:
    ids = [SystemIds().fresh("r") for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert all(re.fullmatch(r"r-[a-z2-7]{10}", text) for text in ids)
