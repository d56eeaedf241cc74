"""What was written to Drive, Sheets and Docs is what is read back: against plain models."""

from typing import Any
from urllib.parse import quote

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule
from tests.twins.google.calling import Caller

from unlit.twins.universe import Universe

FOLDER = "application/vnd.google-apps.folder"
NAMES = st.sampled_from(["a", "b's", 'c"d', "e\\f", "long name"])
ROWS, COLUMNS = 8, 4
CELLS = st.one_of(st.integers(-50, 50), st.booleans(), st.sampled_from(["x", "y z", "=no", "'q"]))
TEXTS = st.text(st.sampled_from("ab \n😀é"), min_size=1, max_size=6)


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


class Tree(RuleBasedStateMachine):
    """Random histories of folders and files."""

    nodes = Bundle("nodes")

    def __init__(self) -> None:
        super().__init__()
        universe = Universe(["drive"])
        self.call = Caller(universe, universe.create_world({}), "drive")
        self.model: dict[str, dict[str, Any]] = {}

    @rule(target=nodes, name=NAMES, folder=st.booleans())
    def create(self, name: str, folder: bool) -> str:
        body = {"name": name, "mimeType": FOLDER if folder else "text/plain"}
        answer = self.call("POST", "/drive/v3/files", body, fields="id,parents")
        ident = str(answer.body["id"])
        root = answer.body["parents"][0]
        self.model[ident] = {"name": name, "folder": folder, "parent": root, "trashed": False}
        return ident

    @rule(node=nodes, name=NAMES)
    def rename(self, node: str, name: str) -> None:
        if node in self.model:
            self.call("PATCH", f"/drive/v3/files/{node}", {"name": name})
            self.model[node]["name"] = name

    @rule(node=nodes, into=nodes)
    def move(self, node: str, into: str) -> None:
        if not {node, into} <= set(self.model) or not self.model[into]["folder"]:
            return
        at: str | None = into
        while at in self.model:
            if at == node:
                return
            at = self.model[at]["parent"]
        old = self.model[node]["parent"]
        path = f"/drive/v3/files/{node}"
        answer = self.call("PATCH", path, {}, addParents=into, removeParents=old)
        assert answer.status == 200
        self.model[node]["parent"] = into

    @rule(node=nodes, trashed=st.booleans())
    def trash(self, node: str, trashed: bool) -> None:
        if node in self.model:
            self.call("PATCH", f"/drive/v3/files/{node}", {"trashed": trashed})
            self.model[node]["trashed"] = trashed

    @rule(node=consumes(nodes))
    def delete(self, node: str) -> None:
        if node not in self.model:
            return
        assert self.call("DELETE", f"/drive/v3/files/{node}").status == 204
        gone = {node}
        while more := {k for k, r in self.model.items() if r["parent"] in gone} - gone:
            gone |= more
        for ident in gone:
            del self.model[ident]
            assert self.call("GET", f"/drive/v3/files/{ident}").status == 404

    def in_trash(self, node: str) -> bool:
        row = self.model.get(node)
        return row is not None and (row["trashed"] or self.in_trash(row["parent"]))

    @invariant()
    def searches_agree_with_the_model(self) -> None:
        listed = self.call("GET", "/drive/v3/files", q="trashed = false", pageSize=1000).body
        want = {k for k in self.model if not self.in_trash(k)}
        assert {f["id"] for f in listed["files"]} == want
        for name in ("b's", "e\\f"):
            escaped = name.replace("\\", "\\\\").replace("'", "\\'")
            found = self.call("GET", "/drive/v3/files", q=f"name = '{escaped}'").body["files"]
            assert {f["id"] for f in found} == {
                k for k, r in self.model.items() if r["name"] == name
            }
        for ident, row in self.model.items():
            if row["folder"]:
                found = self.call("GET", "/drive/v3/files", q=f"'{ident}' in parents").body
                inside = {k for k, r in self.model.items() if r["parent"] == ident}
                assert {f["id"] for f in found["files"]} == inside


class Table(RuleBasedStateMachine):
    """Random histories of one sheet."""

    def __init__(self) -> None:
        super().__init__()
        universe = Universe(["sheets"])
        self.call = Caller(universe, universe.create_world({}), "sheets")
        made = self.call("POST", "/v4/spreadsheets", {"properties": {"title": "t"}})
        self.path = f"/v4/spreadsheets/{made.body['spreadsheetId']}"
        self.grid: list[list[Any]] = [[None] * COLUMNS for _ in range(ROWS)]

    def request(self, **request: Any) -> Any:
        answer = self.call("POST", self.path + ":batchUpdate", {"requests": [request]})
        assert answer.status == 200, answer.body
        return answer.body["replies"][0]

    @rule(
        row=st.integers(0, ROWS - 2),
        column=st.integers(0, COLUMNS - 2),
        values=st.lists(st.lists(CELLS, min_size=1, max_size=2), min_size=1, max_size=2),
    )
    def update(self, row: int, column: int, values: list[list[Any]]) -> None:
        where = quote(f"{chr(65 + column)}{row + 1}")
        path = f"{self.path}/values/{where}"
        answer = self.call("PUT", path, {"values": values}, valueInputOption="RAW")
        assert answer.body["updatedCells"] == sum(len(line) for line in values)
        for r, line in enumerate(values):
            for c, value in enumerate(line):
                self.grid[row + r][column + c] = value

    @rule(row=st.integers(0, ROWS - 1))
    def clear(self, row: int) -> None:
        answer = self.call("POST", f"{self.path}/values/{row + 1}:{row + 1}:clear")
        assert answer.body["clearedRange"].startswith(f"Sheet1!A{row + 1}:")
        self.grid[row] = [None] * COLUMNS

    @rule(row=st.integers(0, ROWS - 1))
    def insert_row(self, row: int) -> None:
        box = {"sheetId": 0, "dimension": "ROWS", "startIndex": row, "endIndex": row + 1}
        self.request(insertDimension={"range": box})
        self.grid.insert(row, [None] * COLUMNS)

    @rule(column=st.integers(0, COLUMNS - 1))
    def delete_column(self, column: int) -> None:
        box = {"sheetId": 0, "dimension": "COLUMNS", "startIndex": column, "endIndex": column + 1}
        self.request(deleteDimension={"range": box})
        self.request(appendDimension={"sheetId": 0, "dimension": "COLUMNS", "length": 1})
        for line in self.grid:
            del line[column]
            line.append(None)

    @rule(column=st.integers(0, COLUMNS - 1), down=st.booleans())
    def sort(self, column: int, down: bool) -> None:
        spec = {"dimensionIndex": column, "sortOrder": "DESCENDING" if down else "ASCENDING"}
        box = {"sheetId": 0, "startRowIndex": 0, "endRowIndex": len(self.grid)}
        self.request(sortRange={"range": box, "sortSpecs": [spec]})

        def key(line: list[Any]) -> Any:
            value = line[column]
            kind = 2 if isinstance(value, bool) else 1 if isinstance(value, str) else 0
            return (kind, value.lower() if isinstance(value, str) else value)

        full = sorted((x for x in self.grid if x[column] is not None), key=key, reverse=down)
        self.grid = full + [x for x in self.grid if x[column] is None]

    @invariant()
    def the_values_are_those_written(self) -> None:
        answer = self.call(
            "GET", f"{self.path}/values/Sheet1", valueRenderOption="UNFORMATTED_VALUE"
        )
        want = [["" if v is None else v for v in line] for line in self.grid]
        for line in want:
            while line and line[-1] == "":
                line.pop()
        while want and not want[-1]:
            want.pop()
        assert answer.body.get("values", []) == want

    @invariant()
    def formulas_follow(self) -> None:
        path = f"{self.path}/values/AA1"
        if (
            self.call("GET", self.path).body["sheets"][0]["properties"]["gridProperties"][
                "columnCount"
            ]
            < 27
        ):
            self.request(appendDimension={"sheetId": 0, "dimension": "COLUMNS", "length": 5})
        self.call("PUT", path, {"values": [["=SUM(A1:D50)"]]}, valueInputOption="USER_ENTERED")
        shown = self.call("GET", path, valueRenderOption="UNFORMATTED_VALUE").body["values"][0][0]
        numbers = [
            v for line in self.grid for v in line if isinstance(v, int) and not isinstance(v, bool)
        ]
        assert shown == sum(numbers)
        self.call("POST", f"{path}:clear")


class Text(RuleBasedStateMachine):
    """Random histories of one document's text."""

    def __init__(self) -> None:
        super().__init__()
        universe = Universe(["docs"])
        self.call = Caller(universe, universe.create_world({}), "docs")
        made = self.call("POST", "/v1/documents", {"title": "t"})
        self.path = f"/v1/documents/{made.body['documentId']}"
        self.revision = made.body["revisionId"]
        self.text = "\n"

    def send(self, request: dict[str, Any]) -> Any:
        return self.call("POST", self.path + ":batchUpdate", {"requests": [request]})

    @rule(data=st.data(), text=TEXTS)
    def insert(self, data: st.DataObject, text: str) -> None:
        at = data.draw(st.integers(0, len(self.text) - 1))
        index = 1 + units(self.text[:at])
        request = {"insertText": {"location": {"index": index}, "text": text}}
        assert self.send(request).status == 200
        self.text = self.text[:at] + text + self.text[at:]

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        if len(self.text) < 2:
            return
        start = data.draw(st.integers(0, len(self.text) - 2))
        end = data.draw(st.integers(start + 1, len(self.text) - 1))
        box = {"startIndex": 1 + units(self.text[:start]), "endIndex": 1 + units(self.text[:end])}
        assert self.send({"deleteContentRange": {"range": box}}).status == 200
        self.text = self.text[:start] + self.text[end:]

    @rule(old=st.sampled_from(["a", "b", "😀", "ab"]), new=st.sampled_from(["", "Z", "😀😀"]))
    def replace(self, old: str, new: str) -> None:
        body = {"containsText": {"text": old, "matchCase": True}, "replaceText": new}
        reply = self.send({"replaceAllText": body}).body["replies"][0]
        count = reply["replaceAllText"].get("occurrencesChanged", 0)
        assert count == self.text.count(old)
        self.text = self.text.replace(old, new)

    @rule()
    def refuse_beyond_the_end(self) -> None:
        index = 1 + units(self.text)
        request = {"insertText": {"location": {"index": index}, "text": "x"}}
        answer = self.send(request)
        assert answer.status == 400
        assert f"the referenced segment, {index}." in answer.body["error"]["message"]

    @invariant()
    def the_document_holds_the_text(self) -> None:
        content = self.call("GET", self.path).body["body"]["content"]
        runs = [
            e["textRun"]["content"]
            for part in content
            for e in part.get("paragraph", {}).get("elements", [])
        ]
        assert "".join(runs) == self.text
        assert content[-1]["endIndex"] == 1 + units(self.text)
        assert len(content) - 1 == self.text.count("\n")


SETTINGS = settings(max_examples=12, stateful_step_count=12, deadline=None)
TestTree, TestTable, TestText = Tree.TestCase, Table.TestCase, Text.TestCase
TestTree.settings = TestTable.settings = TestText.settings = SETTINGS
