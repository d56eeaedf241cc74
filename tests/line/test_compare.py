from dataclasses import replace
from pathlib import Path

import pytest
from tests.line.world import durable_url, overlays, request, services

from unlit.core.errors import InvalidInput, UsageError
from unlit.line.compare import Plan, Watching, compare_variants, parse_variant, seeds_of
from unlit.line.model import FenceOrder
from unlit.line.service import Line
from unlit.record.model import RunState


async def test_variants_run_in_pairs_and_a_way_against_itself_shows_nothing(
    tmp_path: Path, repository: Path
) -> None:
    good, bad = overlays(tmp_path / "good", "10"), overlays(tmp_path / "bad", "4")
    world = services(tmp_path / "state", good, [])
    a, b = parse_variant(f"agent=scripted:{bad}"), parse_variant(f"agent=scripted:{good}")
    asked = replace(request(repository), max_candidates=1)
    spec = repository / "spec.md"
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        plan = Plan((a, b), [spec], range(1, 7))
        found = await compare_variants(line, world.store, lambda path: asked, plan)
        same = replace(plan, variants=(b, b))
        null = await compare_variants(line, world.store, lambda path: asked, same)
    by_name = {row.measure: row for row in found.differences}
    assert by_name["satisfaction"].mean_a == pytest.approx(0.4)
    assert by_name["satisfaction"].mean_b == pytest.approx(1.0)
    assert by_name["ships"].sentence == "B higher"
    assert by_name["ships"].p == pytest.approx(2 / 64)
    assert null.null
    assert {row.sentence for row in null.differences if row.measure != "hours"} == {
        "no difference shown"
    }
    assert {run.state for run in world.store.runs()} == {RunState.ENDED}, "nobody is asked"


def test_a_variant_says_what_it_changes() -> None:
    assert parse_variant("agent=codex,memory=off").changes == {
        "agents": ("codex",),
        "memory": "off",
    }
    assert parse_variant("default").changes == {"line": "default"}
    with pytest.raises(UsageError, match="LIN-093"):
        parse_variant("colour=red")


async def test_what_a_run_would_be_refused_for_is_refused_before_the_first_one(
    tmp_path: Path, repository: Path
) -> None:
    good = overlays(tmp_path, "10")
    world = services(tmp_path / "state", good, [])
    a, b = parse_variant(f"agent=scripted:{good}"), parse_variant("memory=maybe")
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        plan = Plan((a, b), [repository / "spec.md"], range(1, 7))
        with pytest.raises(InvalidInput, match="LIN-018"):
            await compare_variants(line, world.store, lambda path: request(repository), plan)
    assert world.store.runs() == ()
    for count in (0, -3, 10**9):
        with pytest.raises(InvalidInput, match="LIN-095"):
            seeds_of(count)


class Torn(Exception):
    """Something of ours broke."""


async def test_our_own_failure_is_no_result_and_the_comparison_goes_on_from_the_record(
    tmp_path: Path, repository: Path
) -> None:
    good = overlays(tmp_path, "10")
    world = services(tmp_path / "state", good, [])
    opened = world.fences.open
    seen: list[str] = []
    broken = [True]

    async def open_but_not_for_the_second(order: FenceOrder) -> object:
        if order.place.run not in seen:
            seen.append(order.place.run)
        if broken[0] and order.place.stage == "build" and order.place.run in seen[1:2]:
            raise Torn("no more descriptors")
        return await opened(order)

    world.fences.open = open_but_not_for_the_second  # type: ignore[method-assign, assignment]
    way = parse_variant(f"agent=scripted:{good}")
    plan = Plan((way, way), [repository / "spec.md"], (1, 2))
    said: list[str] = []
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        found = await compare_variants(
            line, world.store, lambda path: request(repository), plan, Watching(said.append)
        )
        ((run, why),) = found.left_out
        assert run == found.runs[0][1]
        assert "Torn" in why
        broken.clear()
        broken.append(False)
        assert {row.pairs for row in found.differences} == {1}
        again = await compare_variants(
            line, world.store, lambda path: request(repository), replace(plan, go_on=True)
        )
    assert again.runs == found.runs
    assert again.left_out == ()
    assert {row.pairs for row in again.differences} == {2}
    assert len(world.store.runs()) == 4
    assert "pair 2 of 2, B" in " ".join(said)
