"""The gates before the build and before the merge, over the whole line."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.line.world import durable_url, overlays, request, services

from unlit.core.clock import FakeClock
from unlit.core.errors import InvalidInput, OutcomeNotGoodEnough, RefusedByPolicy
from unlit.core.ids import RunId
from unlit.line.adapters.gate_room import GateRoom
from unlit.line.graph_flow import BUILT_IN
from unlit.line.onward import Comment, go_on
from unlit.line.ports import Services
from unlit.line.service import Line
from unlit.record.model import RunState
from unlit.review import Desk
from unlit.review.fakes import FakeGateLog
from unlit.review.rules.gate_table import parse_rules
from unlit.review.rules.gates import GateRules

Rules = Callable[[], GateRules]


def world_of(tmp_path: Path, table: dict[str, Any], *qualities: str) -> tuple[Services, Desk]:
    rules = parse_rules(table)
    world = services(tmp_path / "state", overlays(tmp_path, *(qualities or ("10",))), [])
    world = replace(world, gates=GateRoom(world.store, lambda: rules))
    return world, Desk(world.store, FakeGateLog(), world.clock, rules)


def stages(world: Services, run: RunId) -> list[str]:
    return [row.key for row in world.store.stages(run)]


async def test_nothing_is_built_before_a_person_approves_a_changed_spec(
    tmp_path: Path, repository: Path
) -> None:
    world, desk = world_of(tmp_path, {"intent": {}})
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(request(repository))
        found = await line.wait(run)
        assert found.state is RunState.WAITING
        assert "nobody has approved this version of the spec" in found.note
        assert stages(world, run) == ["intent"]
        assert desk.standing(found).gate == "intent"
        with pytest.raises(InvalidInput, match=r"REV-032 .* waits at its intent gate"):
            desk.decide(run, "approved", "dana", "looks good")
        await line.resume(run)  # without a decision it only looks again
        assert (await line.wait(run)).state is RunState.WAITING
        with pytest.raises(InvalidInput, match="LIN-114"):
            await go_on(line, run, Comment("build it anyway", "eve"))
    desk.decide(run, "approved", "dana", "this is what we want", gate="intent")
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        await line.resume(run)
        done = await line.wait(run)
        assert (done.state, desk.standing(done).gate) == (RunState.WAITING, "outcome")
        assert world.store.stages(run)[0].detail.endswith("approved by dana")
        same = await line.start(request(repository))
        assert desk.standing(await line.wait(same)).gate == "outcome"
        (repository / "spec.md").write_text("# Spec\n\nAnd more.\n")
        other = await line.start(request(repository))
        assert desk.standing(await line.wait(other)).gate == "intent"


async def test_a_spec_that_is_not_ready_is_a_persons_to_approve_where_the_rules_say_so(
    tmp_path: Path, repository: Path
) -> None:
    (repository / "spec.md").write_text("# Spec\nNOT READY\n")
    world, desk = world_of(tmp_path, {"intent": {"ask": "unready"}})
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(request(repository))
        found = await line.wait(run)
        assert "the spec is not ready: AC-2 has no example" in found.note
        desk.decide(run, "approved", "dana", "an example comes later", gate="intent")
        await line.resume(run)
        assert desk.standing(await line.wait(run)).gate == "outcome"
        refused = await line.start(replace(request(repository), seed=8))
        # it is the same version of the spec, which dana has approved: it is not asked about again
        assert desk.standing(await line.wait(refused)).gate != "intent"
        (repository / "spec.md").write_text("# Spec\nNOT READY either\n")
        refused = await line.start(request(repository))
        await line.wait(refused)
        desk.decide(refused, "rejected", "dana", "write it first", gate="intent")
        assert line.known(refused).state is RunState.REJECTED
        with pytest.raises(InvalidInput, match="LIN-012"):
            await line.resume(refused)


async def test_without_a_rule_nobody_is_asked_and_an_unready_spec_ends_the_run(
    tmp_path: Path, repository: Path
) -> None:
    (repository / "spec.md").write_text("# Spec\nNOT READY\n")
    world, _ = world_of(tmp_path, {})
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(request(repository))
        assert (await line.wait(run)).state is RunState.ENDED


async def test_what_is_approved_ships_only_after_the_ship_gate(
    tmp_path: Path, repository: Path
) -> None:
    table = {
        "roles": {"release": ["ben", "cleo"]},
        "ship": {"people": ["@release"], "needed": 2, "not_who_decided": ["outcome"],
                 "delegates": {"ben": ["dora"]}},
    }  # fmt: skip
    world, desk = world_of(tmp_path, table)
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(request(repository))
        await line.wait(run)
        with pytest.raises(InvalidInput, match="REV-032"):
            desk.decide(run, "approved", "ben", "early", gate="ship")
        desk.decide(run, "approved", "cleo", "does what we asked")
        await line.ship(run)
        found = await line.wait(run)
        assert (found.state, desk.standing(found).gate) == (RunState.WAITING, "ship")
        assert "the ship gate asks for 2 more people" in found.note
        assert "ship" not in stages(world, run)
        with pytest.raises(OutcomeNotGoodEnough, match="REV-034"):
            desk.check_ship(run)
        with pytest.raises(RefusedByPolicy, match="REV-033"):
            desk.decide(run, "approved", "cleo", "once more", gate="ship")
        with pytest.raises(RefusedByPolicy, match="REV-019"):
            desk.decide(run, "approved", "eve", "me too", gate="ship")
        assert desk.decide(run, "approved", "ben", "release is free", gate="ship").missing == 1
        await line.ship(run)
        assert (await line.wait(run)).state is RunState.WAITING
    assert desk.decide(run, "approved", "dora", "for ben", gate="ship").settled
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        await line.ship(run)
        assert (await line.wait(run)).state is RunState.SHIPPED
    log = desk.log
    assert isinstance(log, FakeGateLog)
    made = [fields["gate"] for kind, *_, fields in log.entries if kind == "gate.decision"]
    assert made == ["outcome", "ship", "ship"]


async def test_another_candidate_opens_the_ship_gate_anew(tmp_path: Path, repository: Path) -> None:
    world, desk = world_of(tmp_path, {"ship": {}}, "10", "10")
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(request(repository))
        await line.wait(run)
        desk.decide(run, "approved", "cleo", "good")
        desk.decide(run, "approved", "ben", "go", gate="ship")
        await go_on(line, run, Comment("the title is wrong", "cleo"))
        await line.wait(run)
        assert world.store.gate_decision(run, "ship") is None
        assert world.store.gate_decision(run, "outcome") is None


async def test_a_ship_gate_closes_and_a_rejection_ends_the_run(
    tmp_path: Path, repository: Path
) -> None:
    world, desk = world_of(tmp_path, {"ship": {"expires_h": 2}})
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(request(repository))
        await line.wait(run)
        desk.decide(run, "approved", "cleo", "good")
    late = FakeClock(world.clock.now())
    late.advance(3 * 3600)
    with pytest.raises(RefusedByPolicy, match="REV-013"):
        replace(desk, clock=late).decide(run, "approved", "ben", "go", gate="ship")
    desk.decide(run, "rejected", "ben", "not in the freeze", gate="ship")
    assert world.store.find_run(run).state is RunState.REJECTED


@pytest.mark.parametrize("table", [{"ship": {}}, {}], ids=["rule", "rule gone"])
async def test_a_rejection_at_the_ship_gate_does_not_let_through(
    table: dict[str, Any], tmp_path: Path, repository: Path
) -> None:
    world, desk = world_of(tmp_path, {"ship": {}})
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(request(repository))
        await line.wait(run)
        desk.decide(run, "approved", "cleo", "good")
        desk.decide(run, "rejected", "ben", "not in the freeze", gate="ship")
        # whatever state a run is found in, such as one taken up by a server
        world.store.change_run(run, world.clock.now(), state=RunState.WAITING)
        rules = parse_rules(table)
        assert replace(desk, rules=rules).standing(line.known(run)).gate == "ship"
        assert GateRoom(world.store, lambda: rules).ship(run)
        with pytest.raises(InvalidInput, match="REV-014"):
            replace(desk, rules=rules).decide(run, "approved", "ben", "after all", gate="ship")
        await line.ship(run)
        await line.wait(run)
        assert line.known(run).state is RunState.WAITING
        assert "ship" not in stages(world, run)


async def test_rules_that_cannot_be_read_keep_both_gates_shut(
    tmp_path: Path, repository: Path
) -> None:
    def broken() -> GateRules:
        raise InvalidInput(
            "REV-042", "unlit.toml cannot be read.", "a gate stays shut.", "mend it."
        )

    world, desk = world_of(tmp_path, {})
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(request(repository))
        await line.wait(run)
        desk.decide(run, "approved", "cleo", "good")
    world = replace(world, gates=GateRoom(world.store, broken))
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        with pytest.raises(InvalidInput, match="REV-042"):
            await line.ship(run)
        assert line.known(run).state is RunState.WAITING
        other = await line.start(request(repository))
        found = await line.wait(other)
        assert (found.state, world.store.candidates(other)) == (RunState.FAILED, ())
        assert "REV-042" in found.note


async def test_a_line_from_a_graph_waits_at_its_intent_gate_too(
    tmp_path: Path, repository: Path
) -> None:
    world, desk = world_of(tmp_path, {"intent": {"ask": "always"}})
    async with Line.open(world, durable_url(tmp_path / "state")) as line:
        run = await line.start(replace(request(repository), line=str(BUILT_IN / "default.dot")))
        assert desk.standing(await line.wait(run)).gate == "intent"
        assert world.store.candidates(run) == ()
        desk.decide(run, "approved", "dana", "yes", gate="intent")
        await line.resume(run)
        assert desk.standing(await line.wait(run)).gate == "outcome"
