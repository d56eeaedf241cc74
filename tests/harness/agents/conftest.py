from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from unlit.harness.fakes import FakeFence


@pytest.fixture
async def fence(tmp_path: Path) -> AsyncIterator[FakeFence]:
    (tmp_path / "lower").mkdir()
    fence = FakeFence(tmp_path / "lower")
    yield fence
    await fence.close()
