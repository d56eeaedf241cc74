"""QUERY, LAMBDA and its users, LET, IMPORTRANGE: what a sheet shows for them."""

from typing import Any

import pytest
from tests.twins.google.calling import Caller

from unlit.twins.universe import Universe

ROWS: list[list[Any]] = [
    ["Name", "Dept", "Pay", "Start"],
    ["Ada", "Eng", 10, "2024-03-01"],
    ["Bob", "Eng", 20, "2025-01-15"],
    ["Cyd", "Ops", 30, "2025-06-30"],
    ["Dee", "Ops", 40, ""],
    ["Eve", "Law", 25, "2023-12-31"],
]


class Sheets:
    """A world with one spreadsheet of people."""

    def __init__(self) -> None:
        self.universe = Universe(["sheets"])
        self.world = self.universe.create_world({})
        self.call = Caller(self.universe, self.world, "sheets")
        self.ident = self.made(ROWS)

    def made(self, rows: list[list[Any]]) -> str:
        ident = str(self.call("POST", "/v4/spreadsheets", {}).body["spreadsheetId"])
        self.put(ident, "A1", rows)
        return ident

    def put(self, ident: str, at: str, rows: list[list[Any]]) -> None:
        path = f"/v4/spreadsheets/{ident}/values/{at}"
        reply = self.call("PUT", path, {"values": rows}, valueInputOption="USER_ENTERED")
        assert reply.status == 200

    def shown(self, formula: str, area: str = "H1:M20", ident: str = "") -> list[list[Any]]:
        self.put(ident or self.ident, "H1", [[formula]])
        path = f"/v4/spreadsheets/{ident or self.ident}/values/{area}"
        body = self.call("GET", path, valueRenderOption="UNFORMATTED_VALUE").body
        return list(body.get("values", []))


@pytest.fixture
def sheets() -> Sheets:
    return Sheets()


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("select A where C > 20", [["Name"], ["Cyd"], ["Dee"], ["Eve"]]),
        ("select A, C order by C desc limit 2", [["Name", "Pay"], ["Dee", 40], ["Cyd", 30]]),
        ("select A order by C offset 4", [["Name"], ["Dee"]]),
        ("select B, sum(C) group by B", [["Dept", "sum Pay"], ["Eng", 30], ["Law", 25],
                                         ["Ops", 70]]),
        ("select B, count(A), avg(C) group by B order by avg(C) desc label count(A) 'n', "
         "avg(C) 'mean'", [["Dept", "n", "mean"], ["Ops", 2, 35], ["Law", 1, 25], ["Eng", 2, 15]]),
        ("select max(C), min(C)", [["max Pay", "min Pay"], [40, 10]]),
        ("select A where B = 'Eng' and not C = 10", [["Name"], ["Bob"]]),
        ("select A where (B = 'Eng' or B = 'Law') and C >= 20", [["Name"], ["Bob"], ["Eve"]]),
        ("select A where A starts with 'A' or A ends with 'e' or A contains 'y'",
         [["Name"], ["Ada"], ["Cyd"], ["Dee"], ["Eve"]]),
        ("select A where A matches '[AB].*'", [["Name"], ["Ada"], ["Bob"]]),
        ("select A where A like '_e%'", [["Name"], ["Dee"]]),
        ("select A where D is null", [["Name"], ["Dee"]]),
        ("select A where D >= date '2025-01-01'", [["Name"], ["Bob"], ["Cyd"]]),
        ("select A, year(D) where A = 'Ada' label year(D) 'y'", [["Name", "y"], ["Ada", 2024]]),
        ("select A, C * 2 + 1 where (C + 1) > 40 label C * 2 + 1 'x'", [["Name", "x"],
                                                                        ["Dee", 81]]),
        ("select sum(C) pivot B", [["Eng", "Law", "Ops"], [30, 25, 70]]),
        ("select upper(A) where C = 10 label upper(A) ''", [["ADA"]]),
    ],
)  # fmt: skip
def test_a_query_answers(sheets: Sheets, query: str, rows: list[list[Any]]) -> None:
    assert sheets.shown(f'=QUERY(A1:D6, "{query}", 1)') == rows


@pytest.mark.parametrize(
    ("formula", "error"),
    [
        ('=QUERY(A1:D6, "select Z")', "#VALUE!"),
        ('=QUERY(A1:D6, "select A sum(C)")', "#VALUE!"),
        ('=QUERY(A1:D6, "select A, sum(C)")', "#VALUE!"),
        ('=QUERY(A1:D6, "where")', "#VALUE!"),
        ('=QUERY(A2:D6, "select A where C > 99", 0)', "#N/A"),
        ("=LAMBDA(x, x+1)", "#N/A"),
        ("=LAMBDA(x, x+1)(1, 2)", "#N/A"),
        ("=MAP(C2:C3, 5)", "#N/A"),
    ],
)
def test_what_cannot_be_answered_is_an_error(sheets: Sheets, formula: str, error: str) -> None:
    assert sheets.shown(formula, "H1") == [[error]]


def test_columns_of_a_made_table_have_numbers(sheets: Sheets) -> None:
    formula = '=QUERY({A2:A6, C2:C6}, "select Col1 where Col2 > 25 order by Col1 desc", 0)'
    assert sheets.shown(formula) == [["Dee"], ["Cyd"]]


@pytest.mark.parametrize(
    ("formula", "rows"),
    [
        ("=LAMBDA(x, y, x * y)(6, 7)", [[42]]),
        ("=LET(f, LAMBDA(x, x ^ 2), f(3) + f(4))", [[25]]),
        ("=MAP(C2:C4, LAMBDA(p, p * 2))", [[20], [40], [60]]),
        ('=MAP(A2:A3, C2:C3, LAMBDA(n, p, n & ":" & p))', [["Ada:10"], ["Bob:20"]]),
        ("=REDUCE(0, C2:C6, LAMBDA(a, p, a + p))", [[125]]),
        ("=SCAN(0, C2:C4, LAMBDA(a, p, a + p))", [[10], [30], [60]]),
        ("=BYROW({1,2;3,4}, LAMBDA(r, SUM(r)))", [[3], [7]]),
        ("=BYCOL({1,2;3,4}, LAMBDA(c, SUM(c)))", [[4, 6]]),
        ("=MAKEARRAY(2, 2, LAMBDA(r, c, r * 10 + c))", [[11, 12], [21, 22]]),
        ("=LET(n, 2, MAP(C2:C3, LAMBDA(p, p + n)))", [[12], [22]]),
    ],
)
def test_a_lambda_computes(sheets: Sheets, formula: str, rows: list[list[Any]]) -> None:
    assert sheets.shown(formula) == rows


def test_a_range_is_imported_once_the_sheets_are_connected(sheets: Sheets) -> None:
    other = sheets.made([["only"]])
    url = f"https://docs.google.com/spreadsheets/d/{sheets.ident}/edit"
    formula = f'=IMPORTRANGE("{url}", "Sheet1!A2:A4")'
    assert sheets.shown(formula, "H1", other) == [["#REF!"]]
    sheets.universe.emit(sheets.world, "sheets", "import_allowed",
                         {"file": other, "source": sheets.ident})  # fmt: skip
    assert sheets.shown(formula, "H1:H9", other) == [["Ada"], ["Bob"], ["Cyd"]]
    sheets.put(sheets.ident, "A3", [["Bea"]])
    path = f"/v4/spreadsheets/{other}/values/H1:H9"
    assert sheets.call("GET", path).body["values"] == [["Ada"], ["Bea"], ["Cyd"]]


def test_spreadsheets_that_import_each_other_do_not_hang(sheets: Sheets) -> None:
    other = sheets.made([["x"]])
    for one, source in ((other, sheets.ident), (sheets.ident, other)):
        sheets.universe.emit(sheets.world, "sheets", "import_allowed",
                             {"file": one, "source": source})  # fmt: skip
        sheets.put(one, "K1", [[f'=IMPORTRANGE("{source}", "Sheet1!K1")']])
    path = f"/v4/spreadsheets/{other}/values/K1"
    assert sheets.call("GET", path).body["values"] == [["#REF!"]]
