"""Formulas, typing, number formats, A1 notation and field masks of the Google twin."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.twins.google.calling import Caller

from unlit.twins.services.google import masks
from unlit.twins.services.google.sheets import a1, entry, show
from unlit.twins.services.google.sheets.formula import parse
from unlit.twins.universe import Universe


@pytest.fixture
def sheet() -> Any:
    universe = Universe(["sheets"])
    call = Caller(universe, universe.create_world({}), "sheets")
    ident = call("POST", "/v4/spreadsheets", {}).body["spreadsheetId"]
    path = f"/v4/spreadsheets/{ident}/values"
    rows = [["a", 1, "2026-03-01"], ["b", 2, ""], ["c", 3, True], ["b", "=B1+B2", ""]]
    call("PUT", f"{path}/A1", {"values": rows}, valueInputOption="USER_ENTERED")

    def value(formula: str, option: str = "UNFORMATTED_VALUE") -> Any:
        call("PUT", f"{path}/H1", {"values": [[formula]]}, valueInputOption="USER_ENTERED")
        body = call("GET", f"{path}/H1", valueRenderOption=option).body
        return body.get("values", [[None]])[0][0]

    return value


@pytest.mark.parametrize(
    ("formula", "result"),
    [
        ("=1+2*3^2", 19),
        ("=-2^2", 4),
        ("=50%*2", 1),
        ('="a"&1&TRUE', "a1TRUE"),
        ("=SUM(B:B)", 9),
        ("=SUM(B1:B4, 1)", 10),
        ("=AVERAGE(B1:B3)", 2),
        ('=COUNTIF(A:A,"b")', 2),
        ('=SUMIF(A1:A4,"b",B1:B4)', 5),
        ('=SUMIFS(B1:B4,A1:A4,"b",B1:B4,">2")', 3),
        ('=VLOOKUP("c",A1:B4,2,FALSE)', 3),
        ('=INDEX(A1:B4,MATCH("c",A1:A4,0),2)', 3),
        ('=XLOOKUP("z",A1:A4,B1:B4,"none")', "none"),
        ('=IF(B1>B2,"x",IF(B1<B2,"y","z"))', "y"),
        ('=IFERROR(1/0,"oops")', "oops"),
        ("=1/0", "#DIV/0!"),
        ("=NOPE(1)", "#NAME?"),
        ("=Other!A1", "#REF!"),
        ("=1+", "#ERROR!"),
        ('="x"+1', "#VALUE!"),
        ('=VLOOKUP("z",A1:B4,2,FALSE)', "#N/A"),
        ("=H1", "#REF!"),
        ("=ROUND(2.345,2)", 2.35),
        ('=TEXT(1234.5,"#,##0.00")', "1,234.50"),
        ('=TEXT(C1,"d mmm yyyy")', "1 Mar 2026"),
        ("=YEAR(C1)+MONTH(C1)", 2029),
        ('=DATEDIF(DATE(2026,1,31),DATE(2026,3,1),"M")', 1),
        ('=JOIN("-",UNIQUE(A1:A4))', "a-b-c"),
        ("=SUM(FILTER(B1:B4,B1:B4>1))", 8),
        ("=SUMPRODUCT(B1:B3,B1:B3)", 14),
        ("=INDEX(SORT(A1:B4,2,FALSE),1,2)", 3),
        ('=REGEXREPLACE("a1b2","[0-9]","#")', "a#b#"),
        ("=LET(x,2,y,x*3,y+x)", 8),
        ('=SWITCH(B2,1,"one",2,"two")', "two"),
        ("=ARRAYFORMULA(SUM(B1:B3*2))", 12),
    ],
)
def test_a_formula_gives(sheet: Any, formula: str, result: Any) -> None:
    assert sheet(formula) == result
    assert sheet(formula, "FORMULA") == formula


@pytest.mark.parametrize(
    ("typed", "value", "shown"),
    [
        ("1,234.5", 1234.5, "1,234.50"),
        ("$3.50", 3.5, "$3.50"),
        ("12%", 0.12, "12%"),
        ("(5)", -5.0, "-5"),
        ("1e3", 1000.0, "1.00E+03"),
        ("2026-03-01", 46082.0, "2026-03-01"),
        ("3/1/2026", 46082.0, "3/1/2026"),
        ("Mar 1, 2026", 46082.0, "Mar 1, 2026"),
        ("9:30 PM", 0.8958333333333334, "9:30 PM"),
        ("true", True, "TRUE"),
        ("'007", "007", "007"),
        ("007x", "007x", "007x"),
    ],
)
def test_typing_is_understood_and_shown_alike(typed: str, value: Any, shown: str) -> None:
    got = entry.typed(typed)
    assert got.value == value
    assert show.shown(got.value, got.style) == shown


@given(st.integers(0, 18277), st.integers(0, 99999))
def test_a1_names_are_read_as_they_are_written(column: int, row: int) -> None:
    area = a1.parse(a1.cell(row, column))
    assert (area.top, area.left, area.bottom, area.right) == (row, column, row + 1, column + 1)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12))
def test_a_quoted_title_is_read_back(title: str) -> None:
    area = a1.parse(f"{a1.quoted(title)}!B2:C")
    assert (area.sheet, area.top, area.left, area.bottom, area.right) == (title, 1, 1, None, 3)


def test_copied_formulas_move_but_fixed_parts_stay() -> None:
    assert parse.moved("=A1+$A1+A$1+'My s'!B2:C3", 1, 2) == "=C2+$A2+C$1+'My s'!D3:E4"
    assert parse.moved("=A1", -1, 0) == "=#REF!"


@pytest.mark.parametrize(
    ("mask", "kept"),
    [
        ("a", {"a": 1}),
        ("b/c", {"b": {"c": 2}}),
        ("b(c,d)", {"b": {"c": 2, "d": 3}}),
        ("list/x,a", {"a": 1, "list": [{"x": 1}, {}]}),
        ("b.d", {"b": {"d": 3}}),
        ("b/*", {"b": {"c": 2, "d": 3}}),
        ("nothing", {}),
    ],
)
def test_a_mask_selects(mask: str, kept: Any) -> None:
    value = {"a": 1, "b": {"c": 2, "d": 3}, "list": [{"x": 1, "y": 2}, {"y": 3}]}
    assert masks.apply(value, masks.parse(mask)) == kept


@pytest.mark.parametrize("mask", ["", "a(", "a)", "a,,b", "(a)"])
def test_a_broken_mask_is_refused(mask: str) -> None:
    with pytest.raises(masks.BadMask):
        masks.parse(mask)
