from dataclasses import replace
from pathlib import Path

import pytest
from tests.line.world import durable_url, overlays, request, services

from unlit.core.errors import UsageError
from unlit.line.compare import compare_variants, parse_variant
from unlit.line.service import Line


async def test_variants_run_in_pairs_and_a_way_against_itself_shows_nothing(
    tmp_path: Path, repository: Path
) -> None:
    good, bad = overlays(tmp_path / "good", "10"), overlays(tmp_path / "bad", "4")
    world = services(tmp_path / "state", good, [])
    a, b = parse_variant(f"agent=scripted:{bad}"), parse_variant(f"agent=scripted:{good}")
    asked = replace(request(repository), max_candidates=1)
    spec = repository / "spec.md"
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        found = await compare_variants(
            line, world.store, lambda path: asked, (a, b), [spec], range(1, 6)
        )
        null = await compare_variants(
            line, world.store, lambda path: asked, (b, b), [spec], range(1, 6)
        )
    by_name = {row.measure: row for row in found.differences}
    assert (by_name["satisfaction"].mean_a, by_name["satisfaction"].mean_b) == (0.4, 1.0)
    assert by_name["ships"].sentence == "B higher"
    assert by_name["ships"].p == pytest.approx(2 / 32)
    assert null.null
    assert {row.sentence for row in null.differences if row.measure != "hours"} == {
        "no difference shown"
    }


def test_a_variant_says_what_it_changes() -> None:
    assert parse_variant("agent=codex,memory=off").changes == {
        "agents": ("codex",),
        "memory": "off",
    }
    assert parse_variant("default").changes == {"line": "default"}
    with pytest.raises(UsageError, match="LIN-093"):
        parse_variant("colour=red")
