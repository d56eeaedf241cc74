"""QUERY and IMPORTRANGE: tables asked in a language, and tables of other spreadsheets."""

import re
from typing import Any, Final

from unlit.twins.services.google.sheets import a1
from unlit.twins.services.google.sheets.formula import values
from unlit.twins.services.google.sheets.formula.functions.registry import lazy
from unlit.twins.services.google.sheets.formula.model import Reference, Value, fail
from unlit.twins.services.google.sheets.formula.query.answer import Table, answered
from unlit.twins.services.google.sheets.formula.query.language import read

_URL: Final = re.compile(r"/spreadsheets/d/([\w-]+)")


@lazy("QUERY", 2, 3)
def _query(run: Any, args: Any) -> Value:
    inner = run.in_arrays()
    data = values.matrix(inner.value(args[0]))
    text = values.text(run.single(run.value(args[1])))
    headers = -1
    if len(args) > 2 and args[2] is not None:
        headers = values.integer(run.value(args[2]))
    if isinstance(args[0], Reference):
        left = run.box(args[0])[1]
        ids = [a1.column_letters(left + at) for at in range(data.width)]
    else:
        ids = [f"Col{at + 1}" for at in range(data.width)]
    return answered(read(text), Table(data, ids, headers), run.now)


@lazy("IMPORTRANGE", 2, 2)
def _importrange(run: Any, args: Any) -> Value:
    source = values.text(run.single(run.value(args[0])))
    found = _URL.search(source)
    ident = found[1] if found else source
    table = run.grid.imported(ident, values.text(run.single(run.value(args[1]))))
    if isinstance(table, str):
        raise fail("REF", table)
    return table  # type: ignore[no-any-return] # a table by the grid
