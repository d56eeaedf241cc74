"""The reference pages name what there is."""

from dataclasses import fields
from pathlib import Path

from unlit.cli.main import COMMANDS
from unlit.wiring.settings import SETTINGS

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


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
