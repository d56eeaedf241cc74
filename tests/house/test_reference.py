"""The reference pages name what there is."""

import runpy
from dataclasses import fields
from pathlib import Path

from unlit.cli.main import COMMANDS
from unlit.context.registry import table_of_connectors
from unlit.wiring.settings import SETTINGS

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"


def test_every_command_has_a_heading() -> None:
    text = (REFERENCE / "commands.md").read_text()
    missing = [one.name for one in COMMANDS if f"\n## unlit {one.name}\n" not in text]
    assert missing == [], "run `just docs`"


def test_every_setting_has_a_row() -> None:
    text = (REFERENCE / "settings.md").read_text()
    assert [one.name for one in SETTINGS if f"| `{one.name}` |" not in text] == []


def test_every_key_of_the_factory_file_has_a_row() -> None:
    from unlit.wiring.factory import BudgetSettings, ProductSettings, ShipSettings, SourceSettings

    text = (REFERENCE / "unlit-toml.md").read_text()
    rows = {
        "product": fields(ProductSettings),
        "ship": fields(ShipSettings),
        "budget": fields(BudgetSettings),
        "source.NAME": fields(SourceSettings),
    }
    named = [f"{table}.{row.name}" for table, listed in rows.items() for row in listed]
    assert [name for name in named if f"`{name}`" not in text] == []


def test_the_page_of_connectors_is_fresh() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "reference.py"))
    assert (REFERENCE / "context.md").read_text() == script["context"](), "run `just docs`"


def test_only_an_operation_that_there_is_can_be_untested() -> None:
    wrong = {
        row["kind"]: sorted(set(row["untested"].split()) - set(row["operations"].split()))
        for row in table_of_connectors()
    }
    assert {kind: names for kind, names in wrong.items() if names} == {}
