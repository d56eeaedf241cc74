"""Where things are: tests mirror the source, rooms have a README, codes are listed."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "unlit"
DATA = SOURCE / "wiring" / "demo_product"
EXTRA = {"contracts", "conformance", "golden", "journeys", "house", "fixtures", "clients"}


def _sources() -> list[Path]:
    return sorted(path for path in SOURCE.rglob("*.py") if not path.is_relative_to(DATA))


def test_every_module_has_a_docstring() -> None:
    bare = [
        str(path.relative_to(ROOT))
        for path in _sources()
        if ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) is None
    ]
    assert bare == []


def test_every_room_of_tests_is_a_room_of_the_source() -> None:
    rooms = {path.name for path in SOURCE.iterdir() if (path / "__init__.py").exists()}
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir()}
    assert folders - rooms - EXTRA - {"__pycache__"} == set()


def test_no_folder_of_tests_is_a_package() -> None:
    """Two packages of one name are one to pytest: it ran the first one's tests under both names."""
    assert [str(path) for path in (ROOT / "tests").rglob("__init__.py")] == []


def test_every_room_says_what_it_is_for_in_a_readme() -> None:
    rooms = sorted(path for path in SOURCE.iterdir() if (path / "__init__.py").exists())
    assert [room.name for room in rooms if not (room / "README.md").exists()] == []


def test_every_error_code_is_documented() -> None:
    listed = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "errors").glob("*.md")
    )
    used = set()
    for path in _sources():
        used |= set(re.findall(r'"([A-Z]{3}-\d{3})"', path.read_text(encoding="utf-8")))
    assert sorted(code for code in used if code not in listed) == []


@pytest.mark.parametrize("word", ["/work/", "/root/", "DEVELOPERS.md", "subagent"])
def test_nothing_speaks_of_the_place_where_it_was_written(word: str) -> None:
    here = Path(__file__)
    suffixes = {".py", ".md", ".toml", ".yaml", ".sh", ".html", ".css", ""}
    roots = [ROOT / name for name in ("src", "docs", "bench", "scripts", "tests", "examples")]
    files = [
        path
        for root in roots
        if root.exists()
        for path in root.rglob("*")
        if path.is_file() and path.suffix in suffixes and path != here
    ]
    # `/work` is the workspace's name inside a fence, which is part of the product
    machine = re.compile(
        re.escape(word) + r"(main|shared|notes|bin|\.library)"
        if word == "/work/"
        else re.escape(word)
    )
    found = [
        str(path.relative_to(ROOT))
        for path in files
        if machine.search(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert found == []
