"""Print the size of every room: modules, lines, longest module, longest functions."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1] / "src" / "unlit"
DATA = ROOT / "wiring" / "demo_product"


def lengths(path: Path) -> list[int]:
    """Return the number of lines of each function of a module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [
        (node.end_lineno or node.lineno) - node.lineno + 1
        for node in ast.walk(tree)
        if isinstance(node, kinds)
    ]


def main() -> None:
    """Print the table."""
    print(f"{'room':12} {'modules':>7} {'lines':>7} {'longest':>7} {'functions':>9} {'p99':>5}")
    for room in sorted(path for path in ROOT.iterdir() if path.is_dir()):
        files = [path for path in room.rglob("*.py") if not path.is_relative_to(DATA)]
        if not files:
            continue
        sizes = [len(path.read_text(encoding="utf-8").splitlines()) for path in files]
        functions = sorted(length for path in files for length in lengths(path))
        p99 = functions[int(len(functions) * 0.99)] if functions else 0
        row = f"{room.name:12} {len(files):7} {sum(sizes):7} {max(sizes):7}"
        print(f"{row} {len(functions):9} {p99:5}")


if __name__ == "__main__":
    main()
