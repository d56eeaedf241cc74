"""Tables of `unlit context`, as wide as the terminal; untrusted text on one line, no tricks."""

import json
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unlit.context.model import Named


def put_table(head: Sequence[str], rows: Sequence[Sequence[str]], *, wrapped: bool = False) -> None:
    """Print rows below a heading.

    The first column is what one pastes and is never cut; the last takes what is left. Where they
    are `wrapped`, the other columns go on below themselves and nothing is cut.
    """
    from rich.cells import cell_len, set_cell_size

    from unlit.context.rules.quoting import one_line

    room = shutil.get_terminal_size((80, 24)).columns
    lines = [list(head), *([one_line(cell) for cell in row] for row in rows)]
    widest = [max(cell_len(line[at]) for line in lines) for at in range(len(head) - 1)]
    sizes = [widest[0], *(min(size, max(room // 3, 8)) for size in widest[1:])]
    left = max(room - sum(sizes) - 2 * len(sizes), 12)
    for line in lines:
        columns = [
            textwrap.wrap(cell, size) if wrapped else [cut(cell, size)]
            for cell, size in zip(line, [*sizes, left], strict=True)
        ]
        for row in zip_longest(*columns, fillvalue=""):
            padded = [set_cell_size(cell, size) for cell, size in zip(row, sizes, strict=False)]
            sys.stdout.write("  ".join([*padded, row[-1]]).rstrip() + "\n")


def cut(text: str, size: int) -> str:
    """Return a text that is at most `size` cells wide, with a mark where something is left out."""
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= size else set_cell_size(text, size - 1).rstrip() + "…"


def put_json(value: Mapping[str, Any]) -> None:
    """Print one line of JSON."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


def names_told(schema: str, head: list[str], found: "list[Named]", as_json: bool) -> int:
    """Print what a source has besides items, as a table or JSON; return the exit code."""
    from dataclasses import asdict

    if as_json:
        put_json({"schema": schema, "found": [asdict(one) for one in found]})
    else:
        last = "value" if "value" in head else "key"
        put_table(head, [[one.name or one.key, one.kind, str(getattr(one, last))] for one in found])
    return 0
