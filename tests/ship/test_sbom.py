import json

import pytest

from unlit.core.ids import CandidateId, RunId
from unlit.ship.model import Shipment
from unlit.ship.sbom import Part, bill, is_lock_file, read_parts

UV = """
version = 1
[[package]]
name = "product"
version = "0.1.0"
source = { editable = "." }
[[package]]
name = "requests"
version = "2.32.3"
source = { registry = "https://pypi.org/simple" }
sdist = { url = "https://x", hash = "sha256:aa", size = 1 }
"""
NPM = json.dumps(
    {"packages": {"": {"name": "product"}, "node_modules/@a/b": {"version": "1.0.0"},
                  "node_modules/c/node_modules/d": {"version": "2.0.0"}}}
)  # fmt: skip
SHIPMENT = Shipment(RunId("r-a"), CandidateId("c1"), "c" * 40, "t" * 40, "main", "unlit/r-a")


@pytest.mark.parametrize(
    ("name", "text", "parts"),
    [
        ("uv.lock", UV, (Part("pypi", "requests", "2.32.3", "aa"),)),
        ("package-lock.json", NPM, (Part("npm", "@a/b", "1.0.0"), Part("npm", "d", "2.0.0"))),
        (
            "requirements-dev.txt",
            "# x\nflask[async]==3.0.0 ; python_version > '3'\nloose>=1\n",
            (Part("pypi", "flask", "3.0.0"),),
        ),
        (
            "go.sum",
            "golang.org/x/text v0.3.0 h1:abc=\ngolang.org/x/text v0.3.0/go.mod h1:def=\n",
            (Part("golang", "golang.org/x/text", "v0.3.0"),),
        ),
        ("Cargo.lock", '[[package]]\nname="a"\nversion="1"\nchecksum="b"\n',
         (Part("cargo", "a", "1", "b"),)),
    ],
)  # fmt: skip
def test_a_lock_file_is_read(name: str, text: str, parts: tuple[Part, ...]) -> None:
    assert is_lock_file(name)
    assert read_parts(name, text) == parts


@pytest.mark.parametrize("name", ["uv.lock", "package-lock.json", "Cargo.lock", "pyproject.toml"])
@pytest.mark.parametrize("text", ["", "}{", "[1]", "package = 3"])
def test_a_broken_lock_file_gives_nothing_and_is_not_called_complete(name: str, text: str) -> None:
    parts = read_parts(name, text)
    assert parts == ()
    found = bill({name: parts}, SHIPMENT, "product")
    assert found["compositions"][0]["aggregate"] == "incomplete"


def test_the_bill_names_each_part_once_with_its_package_url() -> None:
    parts = read_parts("uv.lock", UV)
    found = bill({"uv.lock": parts, "sub/uv.lock": parts}, SHIPMENT, "product")
    assert [part["purl"] for part in found["components"]] == ["pkg:pypi/requests@2.32.3"]
    assert found["compositions"][0]["aggregate"] == "complete"


def test_a_tree_without_a_lock_file_is_not_called_complete() -> None:
    assert bill({}, SHIPMENT, "product")["compositions"][0]["aggregate"] == "incomplete"
