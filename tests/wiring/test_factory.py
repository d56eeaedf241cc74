"""`unlit.toml`: strict, with defaults."""

from pathlib import Path

import pytest

from unlit.core.errors import InvalidInput
from unlit.wiring.factory import parse_factory, read_factory

GOOD = """
[factory]
name = "shop"
[product]
kind = "http"
port = 8080
run = "python -m shop"
env = { SLACK_TOKEN = "twin:slack" }
[ship]
p0 = 0.8
p1 = 0.9
"""


def test_what_is_not_said_has_a_default() -> None:
    factory = parse_factory(GOOD)
    assert factory.agents == ("scripted",)
    assert factory.ship.alpha == 0.05
    assert factory.budget.run_usd is None


def test_what_is_said_is_kept() -> None:
    factory = parse_factory(GOOD)
    assert (factory.product.port, factory.ship.p0) == (8080, 0.8)
    assert factory.product.env == {"SLACK_TOKEN": "twin:slack"}


@pytest.mark.parametrize(
    ("change", "code", "named"),
    [
        (("port = 8080", "prot = 8080"), "CLI-034", "product.prot"),
        (("port = 8080", ""), "CLI-035", "port"),
        (("p0 = 0.8", "p0 = 0.95"), "CLI-035", "p0"),
        (('name = "shop"', "name = 3"), "CLI-035", "factory.name"),
        (("[ship]", "[ship"), "CLI-033", "line"),
        (('kind = "http"', 'kind = "desktop"'), "CLI-035", "product.kind"),
    ],
)
def test_a_mistake_is_named(change: tuple[str, str], code: str, named: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_factory(GOOD.replace(*change))
    assert caught.value.code == code
    assert named in caught.value.what


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_factory(tmp_path)
    assert "unlit init" in caught.value.remedy


def test_the_ship_rule_may_be_a_mixture() -> None:
    head = '[factory]\nname = "x"\n[ship]\n'
    assert parse_factory(head + 'method = "mixture"\n').ship.method == "mixture"
    assert parse_factory(head).ship.method == "lr"
    with pytest.raises(InvalidInput, match="CLI-035"):
        parse_factory(head + 'method = "bayes"\n')
