"""The ranked list of what applications use of Sheets, point by point, in process."""

from typing import Any

import pytest
from tests.twins.google.calling import Answer, Caller

from unlit.twins.universe import Universe

BOOK = "/v4/spreadsheets"


class Book:
    """A spreadsheet of two sheets and a way to call it."""

    def __init__(self) -> None:
        universe = Universe(["docs", "drive", "sheets"])
        self.call = Caller(universe, universe.create_world(), "sheets")
        sheets = [{"properties": {"title": title}} for title in ("One", "My Sheet")]
        made = self.call("POST", BOOK, {"properties": {"title": "T"}, "sheets": sheets}).body
        self.id = made["spreadsheetId"]
        self.first, self.second = (s["properties"]["sheetId"] for s in made["sheets"])

    def ask(self, method: str, path: str = "", body: Any = None, **query: Any) -> Answer:
        """Call something below the spreadsheet."""
        return self.call(method, f"{BOOK}/{self.id}{path}", body, **query)

    def put(self, at: str, rows: list[list[Any]], how: str = "USER_ENTERED") -> Any:
        """Write values."""
        said = self.ask("PUT", f"/values/{at}", {"values": rows}, valueInputOption=how)
        assert said.status == 200, said.body
        return said.body

    def get(self, at: str, **query: Any) -> Any:
        """Read values."""
        return self.ask("GET", f"/values/{at}", **query).body.get("values")

    def do(self, *requests: dict[str, Any], **more: Any) -> Answer:
        """Send a batch."""
        return self.ask("POST", ":batchUpdate", {"requests": list(requests), **more})


@pytest.fixture
def book() -> Book:
    return Book()


# --- 1: A1 notation
@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("One!A1:B2", "One!A1:B2"),
        ("'My Sheet'!A1", "'My Sheet'!A1"),
        ("One", "One!A1:Z1000"),
        ("A1:B2", "One!A1:B2"),
        ("One!A:B", "One!A1:B1000"),
        ("One!2:3", "One!A2:Z3"),
        ("One!B2:B", "One!B2:B1000"),
        ("One!R1C1:R2C2", "One!A1:B2"),
        ("One!B2:A1", "One!A1:B2"),
        ("one!a1", "One!A1"),
        ("One!A1:ZZ5000", "One!A1:Z1000"),
    ],
)
def test_ranges_are_normalised(book: Book, asked: str, told: str) -> None:
    assert book.ask("GET", f"/values/{asked}").body["range"] == told


def test_parameters_that_are_none(book: Book) -> None:
    assert book.ask("GET", "/values/One!A1", valueRenderOption="NICE").status == 400
    said = book.ask("GET", "/values/One!A1", nosuch="1").body["error"]
    assert 'Unknown name "nosuch": Cannot bind query parameter.' in said["message"]
    assert book.ask("GET", "/values/One!A1", value_render_option="FORMULA").status == 200


def test_a_range_that_cannot_be_read(book: Book) -> None:
    said = book.ask("GET", "/values/Nowhere!A1").body["error"]
    assert (said["code"], said["status"]) == (400, "INVALID_ARGUMENT")
    assert said["message"] == "Unable to parse range: Nowhere!A1"
    over = book.ask("GET", "/values/One!A5000").body["error"]
    assert over["message"].startswith("Range (One!A5000) exceeds grid limits.")


# --- 2: values, updates, appending
def test_values_are_trimmed_and_updates_counted(book: Book) -> None:
    said = book.put("One!B2", [["a", ""], ["", "d"], []])
    assert said == {
        "spreadsheetId": book.id, "updatedRange": "One!B2:C4", "updatedRows": 2,
        "updatedColumns": 2, "updatedCells": 4,
    }  # fmt: skip
    assert book.get("One!A1:Z10") == [[], ["", "a"], ["", "", "d"]]
    assert book.get("One!A1:C3", majorDimension="COLUMNS") == [[], ["", "a"], ["", "", "d"]]
    assert book.ask("GET", "/values/One!X1:Y2").body == {
        "range": "One!X1:Y2", "majorDimension": "ROWS",
    }  # fmt: skip
    wide = book.ask("PUT", "/values/One!A1:B1", {"values": [["a", "b", "c"]]},
                    valueInputOption="RAW").body["error"]  # fmt: skip
    assert wide["message"].startswith("Requested writing within range [One!A1:B1]")
    none = book.ask("PUT", "/values/One!A1", {"values": [["a"]]}).body["error"]
    assert "valueInputOption" in none["message"]


def test_appending_finds_the_table(book: Book) -> None:
    book.put("One!B2:C3", [["name", "n"], ["a", 1]])
    said = book.ask("POST", "/values/One!B2:append", {"values": [["b", 2]]},
                    valueInputOption="RAW", insertDataOption="INSERT_ROWS").body  # fmt: skip
    assert said["tableRange"] == "One!B2:C3"
    assert said["updates"]["updatedRange"] == "One!B4:C4"
    fresh = book.ask("POST", "/values/'My Sheet'!A1:append", {"values": [["x"]]},
                     valueInputOption="RAW").body  # fmt: skip
    assert "tableRange" not in fresh
    assert fresh["updates"]["updatedRange"] == "'My Sheet'!A1"


def test_many_ranges_at_once_and_clearing(book: Book) -> None:
    data = [{"range": "One!A1", "values": [[1]]}, {"range": "'My Sheet'!A1", "values": [[2]]}]
    said = book.ask("POST", "/values:batchUpdate", {"valueInputOption": "RAW", "data": data}).body
    assert (said["totalUpdatedCells"], said["totalUpdatedSheets"]) == (2, 2)
    read = book.ask("GET", "/values:batchGet", ranges=["One!A1", "'My Sheet'!A1"]).body
    assert [row["values"] for row in read["valueRanges"]] == [[["1"]], [["2"]]]
    assert book.ask("POST", "/values/One!A1:clear", {}).body["clearedRange"] == "One!A1"
    assert book.get("One!A1") is None
    both = book.ask("POST", "/values:batchClear", {"ranges": ["'My Sheet'!A:A"]}).body
    assert both["clearedRanges"] == ["'My Sheet'!A1:A1000"]


# --- 3: typed, kept and shown
@pytest.mark.parametrize(
    ("typed", "raw", "entered", "formatted"),
    [
        ("12", "12", 12, "12"),
        ("1,234.5", "1,234.5", 1234.5, "1,234.50"),
        ("50%", "50%", 0.5, "50%"),
        ("$3", "$3", 3, "$3"),
        ("true", "true", True, "TRUE"),
        ("2020-01-02", "2020-01-02", 43832, "2020-01-02"),
        ("1/2/2020", "1/2/2020", 43832, "1/2/2020"),
        ("=1+2", "=1+2", 3, "3"),
        ("'=x", "'=x", "=x", "=x"),
        ("plain", "plain", "plain", "plain"),
    ],
)
def test_entering_is_understood_and_raw_is_not(
    book: Book, typed: str, raw: str, entered: Any, formatted: str
) -> None:
    book.put("One!A1", [[typed]], "RAW")
    assert book.get("One!A1") == [[raw]]
    book.put("One!A1", [[typed]])
    assert book.get("One!A1", valueRenderOption="UNFORMATTED_VALUE") == [[entered]]
    assert book.get("One!A1") == [[formatted]]


def test_renderings_of_formulas_and_dates(book: Book) -> None:
    book.put("One!A1:C1", [["=1/4", "2020-01-02", 5]])
    assert book.get("One!A1", valueRenderOption="FORMULA") == [["=1/4"]]
    query = {"valueRenderOption": "UNFORMATTED_VALUE", "dateTimeRenderOption": "FORMATTED_STRING"}
    assert book.get("One!A1:C1", **query) == [[0.25, "2020-01-02", 5]]
    echo = book.ask("PUT", "/values/One!A1", {"values": [["=2*3"]]},
                    valueInputOption="USER_ENTERED", includeValuesInResponse="true",
                    responseValueRenderOption="UNFORMATTED_VALUE").body  # fmt: skip
    assert echo["updatedData"]["values"] == [[6]]


# --- 4: errors
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"requests": [{"nothing": {}}]}, 'Invalid JSON payload received. Unknown name "nothing"'),
        ({"requests": [{}]}, "Invalid requests[0]"),
        ({"requests": []}, "Must specify at least one request."),
        ({"requests": [{"deleteSheet": {"sheetId": 99}}]},
         "Invalid requests[0].deleteSheet: No sheet with id: 99"),
        ({"requests": [{"addSheet": {"properties": {"title": "One"}}}]},
         'Invalid requests[0].addSheet: A sheet with the name "One" already exists. '
         "Please enter another name."),
        ({"requests": [{"updateSheetProperties": {"properties": {"sheetId": 99, "title": "x"},
                                                  "fields": "title"}}]},
         "Invalid requests[0].updateSheetProperties: No grid with id: 99"),
        ({"requests": [{"mergeCells": {"range": {"sheetId": "x"}}}]}, "Invalid value at "),
    ],
)  # fmt: skip
def test_refusals_have_googles_texts(book: Book, body: Any, message: str) -> None:
    said = book.ask("POST", ":batchUpdate", body)
    assert said.status == 400
    assert said.body["error"]["message"].startswith(message), said.body["error"]["message"]
    assert said.body["error"]["status"] == "INVALID_ARGUMENT"


def test_unknown_spreadsheets_and_strangers(book: Book) -> None:
    said = book.call("GET", f"{BOOK}/none").body["error"]
    assert (said["code"], said["status"]) == (404, "NOT_FOUND")
    assert said["message"] == "Requested entity was not found."
    world = book.call.universe, book.call.world
    assert Caller(*world, "sheets", "wrong")("GET", f"{BOOK}/{book.id}").status == 401
    book.call.universe.seed(book.call.world, {"google": {
        "users": [{"emailAddress": "bob@example.com"}], "tokens": [
            {"token": "fake-bob", "user": "bob@example.com",
             "scopes": ["https://www.googleapis.com/auth/spreadsheets"]}]}})  # fmt: skip
    refused = Caller(*world, "sheets", "fake-bob")("GET", f"{BOOK}/{book.id}")
    assert (refused.status, refused.body["error"]["status"]) == (403, "PERMISSION_DENIED")
    assert refused.body["error"]["message"] == "The caller does not have permission"


# --- 5: batches are atomic, ordered, answered one by one
def test_a_batch_is_all_or_nothing(book: Book) -> None:
    add = {"addSheet": {"properties": {"title": "Three"}}}
    said = book.do(add, {"deleteSheet": {"sheetId": 99}})
    assert said.status == 400
    assert "requests[1]" in said.body["error"]["message"]
    titles = [s["properties"]["title"] for s in book.ask("GET").body["sheets"]]
    assert titles == ["One", "My Sheet"]
    rename = {"updateSheetProperties": {
        "properties": {"sheetId": book.first, "title": "Uno"}, "fields": "title"}}  # fmt: skip
    said = book.do(add, rename, includeSpreadsheetInResponse=True)
    assert said.body["replies"][0]["addSheet"]["properties"]["title"] == "Three"
    assert said.body["replies"][1] == {}
    assert said.body["updatedSpreadsheet"]["sheets"][0]["properties"]["title"] == "Uno"


def test_the_kinds_that_are_used_most(book: Book) -> None:
    book.put("One!A1:B4", [["n", "w"], [3, "c"], [1, "a"], [2, "b"]])
    area = {"sheetId": book.first, "startRowIndex": 1, "endRowIndex": 4, "startColumnIndex": 0,
            "endColumnIndex": 2}  # fmt: skip
    order = [{"dimensionIndex": 0, "sortOrder": "ASCENDING"}]
    book.do({"sortRange": {"range": area, "sortSpecs": order}})
    assert book.get("One!A1:B4") == [["n", "w"], ["1", "a"], ["2", "b"], ["3", "c"]]
    bold = {"userEnteredFormat": {"textFormat": {"bold": True}}, "userEnteredValue":
            {"stringValue": "z"}}  # fmt: skip
    start = {"sheetId": book.first, "rowIndex": 0, "columnIndex": 0}
    book.do({"updateCells": {"start": start, "fields": "userEnteredFormat.textFormat.bold",
                             "rows": [{"values": [bold]}]}})  # fmt: skip
    merged = {**area, "startRowIndex": 5, "endRowIndex": 7}
    book.do({"mergeCells": {"range": merged, "mergeType": "MERGE_ALL"}},
            {"addNamedRange": {"namedRange": {"name": "area", "range": area}}},
            {"setBasicFilter": {"filter": {"range": area}}},
            {"addProtectedRange": {"protectedRange": {"range": area}}},
            {"repeatCell": {"range": area, "fields": "note", "cell": {"note": "n"}}},
            {"insertDimension": {"range": {"sheetId": book.first, "dimension": "ROWS",
                                           "startIndex": 0, "endIndex": 1}}})  # fmt: skip
    read = book.ask("GET", includeGridData="true").body
    sheet = read["sheets"][0]
    cell = sheet["data"][0]["rowData"][1]["values"][0]
    assert cell["userEnteredFormat"]["textFormat"] == {"bold": True}
    assert cell["formattedValue"] == "n"  # only the format was in the mask
    assert sheet["merges"] == [{**merged, "startRowIndex": 6, "endRowIndex": 8}]
    assert sheet["basicFilter"]["range"]["startRowIndex"] == 2
    assert sheet["protectedRanges"][0]["range"]["endRowIndex"] == 5
    assert read["namedRanges"][0]["range"]["startRowIndex"] == 2
    assert book.get("area") == [["1", "a"], ["2", "b"], ["3", "c"]]
    assert sheet["data"][0]["rowData"][2]["values"][0]["note"] == "n"
    book.do({"duplicateSheet": {"sourceSheetId": book.first, "newSheetName": "Copy"}})
    assert book.get("Copy!B3:B5") == [["a"], ["b"], ["c"]]
    book.do({"copyPaste": {"source": {**area, "startRowIndex": 2, "endRowIndex": 3},
                           "destination": {**area, "startRowIndex": 9, "endRowIndex": 10},
                           "pasteType": "PASTE_VALUES"}},
            {"deleteDimension": {"range": {"sheetId": book.first, "dimension": "ROWS",
                                           "startIndex": 0, "endIndex": 1}}})  # fmt: skip
    assert book.get("One!A9:B9") == [["1", "a"]]


# --- 6: masks and grid data
def test_masks_and_grid_data(book: Book) -> None:
    book.put("One!A1", [["=1+1"]])
    assert set(book.ask("GET").body) == {
        "spreadsheetId", "properties", "sheets", "spreadsheetUrl",
    }  # fmt: skip
    few = book.ask("GET", fields="sheets.properties(sheetId,title)").body
    assert few["sheets"][0] == {"properties": {"sheetId": book.first, "title": "One"}}
    grid = book.ask("GET", ranges="One!A1:B1", includeGridData="true").body["sheets"]
    assert len(grid) == 1
    cell = grid[0]["data"][0]["rowData"][0]["values"][0]
    assert cell["userEnteredValue"] == {"formulaValue": "=1+1"}
    assert cell["effectiveValue"] == {"numberValue": 2}
    assert grid[0]["data"][0]["columnMetadata"][0] == {"pixelSize": 100}
    assert grid[0]["data"][0]["rowMetadata"][0] == {"pixelSize": 21}


# --- 7: formulas (see test_formulas for the functions)
def test_formulas_follow_their_cells_and_fail_as_google_writes_it(book: Book) -> None:
    book.put("One!A1:C2", [[1, 2, "=SUM(A1:B1)"], ["=A1/0", "=Nope()", "=VLOOKUP(9,A1:B1,2,0)"]])
    assert book.get("One!C1") == [["3"]]
    book.put("One!A1", [[10]])
    assert book.get("One!C1") == [["12"]]
    assert book.get("One!A2:C2") == [["#DIV/0!", "#NAME?", "#N/A"]]
    book.put("One!D1", [["=D1"]])
    assert book.get("One!D1") == [["#REF!"]]
    book.do({"deleteDimension": {"range": {"sheetId": book.first, "dimension": "COLUMNS",
                                           "startIndex": 0, "endIndex": 1}}})  # fmt: skip
    assert book.get("One!A1:B1", valueRenderOption="FORMULA") == [[2, "=SUM(A1:A1)"]]
    book.put("'My Sheet'!A1", [["=One!A1"]])
    assert book.get("'My Sheet'!A1") == [["2"]]


# --- 8: quotas
def test_a_minute_has_so_many_calls_when_limits_are_on(book: Book) -> None:
    book.call.universe.world(book.call.world).limits = True
    said = book.ask("GET")
    for _ in range(400):
        said = book.ask("GET", "/values/One!A1")
        if said.status == 429:
            break
    assert said.body["error"]["status"] == "RESOURCE_EXHAUSTED"
    assert said.body["error"]["message"].startswith(
        "Quota exceeded for quota metric 'Read requests'"
    )
