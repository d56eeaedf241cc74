"""A build fills neither the machine's disk nor a folder that nobody can walk."""

from pathlib import Path

import pytest
from tests.fence.conftest import Bench

from unlit.core.errors import OutcomeNotGoodEnough
from unlit.fence.deps import LayerOrder, dependency_layer
from unlit.policy import Identity, parse_policy

POLICY = "version = 1\n[limits.coder]\ndisk_mb = 2\n"
DEEP = "i=0; while [ $i -lt 300 ]; do mkdir d && cd d; i=$((i+1)); done"


@pytest.mark.parametrize(
    ("build", "too_large"),
    [
        ("head -c 1000000 /dev/zero > /deps/small", False),
        ("head -c 20000000 /dev/zero > /deps/large", True),
        ("for n in 1 2 3 4 5 6 7 8 9; do head -c 1900000 /dev/zero > /deps/$n; done; false", True),
        (f"cd /deps; {DEEP}", True),
    ],
)
async def test_a_layer_is_kept_or_leaves_nothing(
    bench: Bench, tmp_path: Path, build: str, too_large: bool
) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    order = LayerOrder(
        tree, build, tmp_path / "cache", parse_policy(POLICY), Identity("r", "s", "a", "coder")
    )
    if not too_large:
        assert (await dependency_layer(bench.host, order) / "small").stat().st_size == 1_000_000
        return
    with pytest.raises(OutcomeNotGoodEnough, match="FEN-042"):
        await dependency_layer(bench.host, order)
    assert list((tmp_path / "cache").iterdir()) == []
