"""The cases are many, distinct, and each says what it rests on; the terminal's need no fence."""

import contextlib
import io
from typing import get_args

import pytest
from tests.context.battery.cases import CASES, Aim, Case, Control, of
from tests.context.battery.scene import NOW, item_of, quoted, unquoted

from unlit.cli.context import _hit, _shown
from unlit.cli.context_tables import put_table
from unlit.context.adapters.index import Hit
from unlit.context.model import Item

CONTROLS = set(range(0x20)) - {0x09, 0x0A} | set(range(0x7F, 0xA0)) | {0x202C, 0x202E}


def test_there_are_enough_cases_and_each_names_the_control_it_rests_on() -> None:
    names = [case.ident for case in CASES]
    assert len(names) == len(set(names)) >= 60
    assert {case.control for case in CASES} == set(get_args(Control))
    assert {case.aim for case in CASES} == set(get_args(Aim))
    assert all(case.guarded for case in of("file rules"))


@pytest.mark.parametrize("case", of("terminal"), ids=lambda case: case.ident)
def test_no_control_reaches_a_terminal(case: Case) -> None:
    item = item_of(case, case.order)
    ref, title = item.ref, item.title
    hit = Hit(ref, title, item.body, item.trust, None, item.status, NOW, 0.0)
    with contextlib.redirect_stdout(io.StringIO()) as table:
        put_table(["key", "state", "title"], [[ref.key, item.status or "", title]])
    shown = [_shown(item), table.getvalue(), _hit(hit), quoted([item])]
    assert not [text for text in shown if CONTROLS & set(map(ord, text))]
    assert CONTROLS & set(map(ord, _bare(item))), "does not count: nothing reaches it anyway"


def _bare(item: Item) -> str:
    return "\n".join((unquoted([item]), item.status or "", *item.people))
