"""The size limits of the house style."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "unlit"
DATA = SOURCE / "wiring" / "demo_product"


def _modules(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if not path.is_relative_to(DATA))


def _functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


@pytest.mark.parametrize(("folder", "limit"), [(SOURCE, 500), (ROOT / "tests", 600)])
def test_no_module_is_longer_than_its_limit(folder: Path, limit: int) -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in _modules(folder)
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > limit
    }
    assert long == {}


def test_ninety_nine_in_a_hundred_functions_have_at_most_sixty_lines() -> None:
    lengths = [length for path in _modules(SOURCE) for _, length in _functions(path)]
    long = [length for length in lengths if length > 60]
    assert len(long) <= max(1, len(lengths) // 100)


def test_no_class_has_more_than_three_hundred_lines() -> None:
    long = []
    for path in _modules(SOURCE):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > 300:
                    long.append(f"{path.relative_to(ROOT)}:{node.name} {lines}")
    assert long == []
