"""A deploy that every command calls healthy and a scenario of the vault does not: rolled back."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.ship.test_fence_hands import can_fence
from tests.ship.test_service import RUN, World
from tests.wiring.test_deploying import (
    APP,
    DEPLOY,
    POLICY,
    Platform,
    office_of,
    platform,
    room_of,
    shipped,
)

from unlit.core.errors import InvalidInput, RefusedByPolicy
from unlit.core.system import SystemClock
from unlit.policy import read_entries
from unlit.wiring.after_gate import DeploySettings
from unlit.wiring.desk import Office
from unlit.wiring.paths import evaluations_beside

__all__ = ["platform"]

pytestmark = [
    pytest.mark.fence,
    pytest.mark.skipif(not can_fence(), reason="no fence on this machine"),
]
ASKS = """
[[allow]]
role = "evaluator"
host = "shop.example.com"
methods = ["GET"]
"""
SECRET = "only-the-vault-knows-this-word"
SCENARIO = """
id: {id}
story: {secret}
criterion: [AC-1]
partition: validation
oracle: human
author: {{by: person, name: dana}}
owner: shop
because: a shop that answers something else sells nothing
health: true
when:
  - http: {{GET: "{path}", headers: {{x-word: {secret}}}}}
then:
  - status: 200
  - body: {{contains: {words}}}
"""
URL = "https://shop.example.com"
SAID = DeploySettings(
    DEPLOY, None, ("curl -fsS https://shop.example.com/",), (50, 100), looks=1, pause_s=0, url=URL
)


def with_vault(world: World, root: Path, *scenarios: str) -> Path:
    """Give the run a vault of health scenarios."""
    vault = root / "vault" / "validation"
    vault.mkdir(parents=True)
    for number, text in enumerate(scenarios):
        (vault / f"s{number}.yaml").write_text(text)
    settings = {**world.store.find_run(RUN).settings, "vault": str(vault.parent)}
    world.store.change_run(RUN, SystemClock().now(), settings=settings)
    return vault.parent


def scenario(name: str, words: str, path: str = "/") -> str:
    return SCENARIO.format(id=name, secret=SECRET, words=words, path=path)


def told(world: World, office: Office) -> str:
    """Everything that the record and the deploy's own log say."""
    rows = [[row.text, row.data] for row in world.store.events(RUN)]
    log = [entry.fields for entry in read_entries(office.paths.audit / "deploy")]
    return json.dumps([rows, log], default=str)


async def test_a_version_that_a_scenario_does_not_hold_for_is_rolled_back(
    tmp_path: Path, platform: Platform
) -> None:
    old, new = APP.format(body="pass", name="old shop"), APP.format(body="pass", name="new bar")
    world, shipment, base = shipped(tmp_path, old, new)
    (world.repository / "policy.toml").write_text(POLICY + ASKS)
    vault = with_vault(
        world, tmp_path, scenario("it-is-a-shop", "shop"), scenario("it-is-new", "new")
    )
    platform.deploy(base, 100, old.encode())
    office = office_of(world, tmp_path)
    # at one half of the users one request alone may meet the old version; at all it cannot
    done = await room_of(office, platform).roll_out(shipment, replace(SAID, stages=(100,)))
    assert (done.ok, done.percent, done.restored) == (False, 0, True), done.steps
    words = {step.name: step.words for step in done.steps}
    assert words["scenarios before"] == "not satisfied before: it-is-new"
    assert words["health at 100 %"] == (
        "scenario `it-is-a-shop` (AC-1) not satisfied: then[2] body"
    )
    assert words["health after rolling back"] == "", "what did not hold before is not wanted back"
    assert platform.seen[-1] == f"{base[:7]} 100"
    assert platform.ask() == (200, b"old shop")
    assert SECRET not in told(world, office)
    kept = evaluations_beside(vault) / RUN / "health" / "1"
    asked = [e for e in read_entries(kept / "audit") if e.identity.role == "evaluator"]
    assert any("shop.example.com" in json.dumps(e.fields, default=str) for e in asked)
    assert "body" in (kept / "health.json").read_text()


async def test_a_version_that_all_scenarios_hold_for_goes_out(
    tmp_path: Path, platform: Platform
) -> None:
    old, new = APP.format(body="pass", name="old shop"), APP.format(body="pass", name="new shop")
    world, shipment, base = shipped(tmp_path, old, new)
    (world.repository / "policy.toml").write_text(POLICY + ASKS)
    with_vault(world, tmp_path, scenario("it-is-a-shop", "shop"))
    platform.deploy(base, 100, old.encode())
    room = room_of(office_of(world, tmp_path), platform)
    done = await room.roll_out(shipment, SAID)
    assert done.ok, done.steps
    assert [step.name for step in done.steps] == [
        "scenarios before", "deploy 50 %", "health at 50 %", "deploy 100 %", "health at 100 %",
    ]  # fmt: skip


async def test_nothing_is_deployed_where_no_scenario_could_be_made(
    tmp_path: Path, platform: Platform
) -> None:
    old, new = APP.format(body="pass", name="old shop"), APP.format(body="pass", name="new shop")
    world, shipment, base = shipped(tmp_path, old, new)
    vault = with_vault(world, tmp_path, scenario("it-is-a-shop", "shop"))
    platform.deploy(base, 100, old.encode())
    room = room_of(office_of(world, tmp_path), platform)
    with pytest.raises(RefusedByPolicy) as refused:  # role evaluator may ask nobody
        await room.roll_out(shipment, SAID)
    assert refused.value.code == "EVA-172"
    file = vault / "validation" / "s0.yaml"
    file.write_text(file.read_text().replace("health: true\n", ""))
    with pytest.raises(InvalidInput) as none:
        await room.roll_out(shipment, SAID)
    assert none.value.code == "EVA-171"
    assert len(platform.seen) == 1, "the platform was told of nothing"
