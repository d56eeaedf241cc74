"""The gateway's laboratory, as a fixture."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.fence.gateway.lab import Lab, open_lab


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with open_lab(tmp_path) as made:
        yield made
