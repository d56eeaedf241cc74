"""Readings of a spec over plain folders: written by agents, run one input at a time."""

from pathlib import Path

import pytest
from tests.line import world

from unlit.core.errors import InvalidInput
from unlit.core.ids import CriterionId
from unlit.intent.rules.divergence import Reading
from unlit.intent.rules.examples import Input
from unlit.line.fakes import FakeFences
from unlit.line.model import ProductPlan, SpecFacts
from unlit.line.ports import Services
from unlit.line.programs import Programs
from unlit.line.readings import Plan, write_readings

SPEC = SpecFacts("x", "X", "d", "ann", "It shall print.", (CriterionId("AC-1"),), ())
PRODUCT = ProductPlan(run="sh main.sh")


@pytest.fixture
def services(tmp_path: Path) -> Services:
    overlays = tmp_path / "overlays"
    for number, text in ((1, "echo one $1; cat"), (2, "echo two; echo x > left; exit 3")):
        (overlays / str(number)).mkdir(parents=True)
        (overlays / str(number) / "main.sh").write_text(text)
    return world.services(tmp_path, overlays, [])


def plan(tmp_path: Path) -> Plan:
    base = tmp_path / "base"
    (base / "vault").mkdir(parents=True, exist_ok=True)
    (base / "vault" / "secret.yaml").write_text("holdout")
    (base / "README.md").write_text("x")
    folder = tmp_path / "readings"
    folder.mkdir(exist_ok=True)
    return Plan(SPEC, PRODUCT, tmp_path / "policy.toml", base, folder)


async def test_each_sample_is_a_tree_of_its_own_and_no_vault_comes_along(
    services: Services, tmp_path: Path
) -> None:
    made = await write_readings(services, plan(tmp_path), ("scripted",), samples=2)
    assert [entry.reading for entry in made] == [
        Reading("scripted/1", "scripted"),
        Reading("scripted/2", "scripted"),
    ]
    trees = [entry.tree for entry in made if entry.tree]
    assert [(tree / "main.sh").read_text()[:8] for tree in trees] == ["echo one", "echo two"]
    assert all((tree / "README.md").exists() for tree in trees)
    assert not any((tree / "vault").exists() for tree in trees)


async def test_a_program_is_seen_by_code_output_and_input(
    services: Services, tmp_path: Path
) -> None:
    made = await write_readings(services, plan(tmp_path), ("scripted",), samples=2)
    trees = {entry.reading.name: entry.tree for entry in made if entry.tree}
    programs = Programs(services, PRODUCT, tmp_path / "policy.toml", trees)
    one = await programs.run(made[0].reading, [Input(("a b",), "given"), Input(())])
    assert one[Input(("a b",), "given")].stdout == "one a b\ngiven"
    assert one[Input(())].exit_code == 0
    two = await programs.run(made[1].reading, [Input(())])
    assert (two[Input(())].exit_code, two[Input(())].stdout) == (3, "two\n")


async def test_an_agent_that_changes_nothing_has_no_reading(
    services: Services, tmp_path: Path
) -> None:
    base = plan(tmp_path)
    (base.base / "main.sh").write_text("echo one $1; cat")
    made = await write_readings(services, base, ("scripted",), samples=1)
    assert made[0].tree is None
    assert "changed nothing" in made[0].why_not


def test_without_a_command_nothing_can_run(services: Services, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="LIN-061"):
        Programs(services, ProductPlan(), tmp_path / "policy.toml", {})


async def test_a_program_gets_its_environment_and_no_real_credential(
    services: Services, tmp_path: Path
) -> None:
    (tmp_path / "main.sh").write_text("true")
    product = ProductPlan(run="sh main.sh", env={"WHO": "ann", "TOKEN": "twin:slack"})
    programs = Programs(services, product, tmp_path / "policy.toml", {"a": tmp_path})
    await programs.run(Reading("a", "a"), [])
    fences = services.fences
    assert isinstance(fences, FakeFences)
    assert fences.opened[-1].env["WHO"] == "ann"
    assert fences.opened[-1].env["TOKEN"].startswith("fake-")
