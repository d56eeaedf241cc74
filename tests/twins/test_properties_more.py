"""Stateful properties of Jira, Google and GitHub: reads reflect what writes answered."""

from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.twins.test_properties import LIMITS, NAMES, Caller

from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Route
from unlit.twins.registry import load_twin

WORDS = st.text("abcdefghij", min_size=2, max_size=6)


def good(answer: tuple[int, Any], status: int = 200) -> Any:
    """Return the body of an answer with the status wanted."""
    assert answer[0] == status, answer
    return answer[1]


class JiraMachine(RuleBasedStateMachine):
    """Issues of one project against a dictionary."""

    issues = Bundle("issues")

    def __init__(self) -> None:
        super().__init__()
        self.call = Caller("jira")
        self.call.universe.seed(self.call.world, {"jira": {"projects": [{"key": "SEC"}]}})
        self.kept: dict[str, dict[str, Any]] = {}
        self.notes: dict[str, list[str]] = {}

    @rule(target=issues, summary=WORDS, labels=st.sets(WORDS, max_size=3))
    def create(self, summary: str, labels: set[str]) -> str:
        fields = {"project": {"key": "SEC"}, "issuetype": {"name": "Task"}, "summary": summary,
                  "labels": sorted(labels)}  # fmt: skip
        made = good(self.call.ask("POST", "/rest/api/2/issue", {"fields": fields}), 201)
        assert made["key"] not in self.kept
        self.kept[made["key"]] = {"summary": summary, "labels": sorted(labels), "status": "Backlog"}
        self.notes[made["key"]] = []
        return str(made["key"])

    @rule(key=issues, summary=WORDS)
    def edit(self, key: str, summary: str) -> None:
        sent = {"fields": {"summary": summary}}
        status, _ = self.call.ask("PUT", f"/rest/api/2/issue/{key}", sent)
        assert status == (204 if key in self.kept else 404)
        if key in self.kept:
            self.kept[key]["summary"] = summary

    @rule(key=issues, pick=st.integers(0, 5))
    def transition(self, key: str, pick: int) -> None:
        path = f"/rest/api/2/issue/{key}/transitions"
        status, body = self.call.ask("GET", path)
        assert status == (200 if key in self.kept else 404)
        if status == 200:
            one = body["transitions"][pick % len(body["transitions"])]
            good(self.call.ask("POST", path, {"transition": {"id": one["id"]}}), 204)
            self.kept[key]["status"] = one["to"]["name"]

    @rule(key=issues, text=WORDS)
    def comment(self, key: str, text: str) -> None:
        status, _ = self.call.ask("POST", f"/rest/api/2/issue/{key}/comment", {"body": text})
        assert status == (201 if key in self.kept else 404)
        if key in self.kept:
            self.notes[key].append(text)

    @rule(key=consumes(issues))
    def delete(self, key: str) -> None:
        good(self.call.ask("DELETE", f"/rest/api/2/issue/{key}"), 204)
        assert self.call.ask("GET", f"/rest/api/2/issue/{key}")[0] == 404
        self.kept.pop(key)
        self.notes.pop(key)

    @invariant()
    def issues_are_as_the_model_says(self) -> None:
        for key, want in list(self.kept.items())[-3:]:
            fields = good(self.call.ask("GET", f"/rest/api/3/issue/{key}"))["fields"]
            seen = {"summary": fields["summary"], "labels": fields["labels"],
                    "status": fields["status"]["name"]}  # fmt: skip
            assert seen == want
            found = good(self.call.ask("GET", f"/rest/api/2/issue/{key}/comment"))["comments"]
            assert [row["body"] for row in found] == self.notes[key]

    @precondition(lambda self: self.kept)
    @invariant()
    def searches_agree(self) -> None:
        want = next(iter(self.kept.values()))
        jql = f'status = "{want["status"]}" order by key'
        found, token = [], ""
        while True:
            given = {"jql": jql, "maxResults": "2", "fields": "summary"}
            query = urlencode(given | ({"nextPageToken": token} if token else {}))
            page = good(self.call.ask("GET", "/rest/api/3/search/jql", query=query))
            found += [row["key"] for row in page["issues"]]
            token = page.get("nextPageToken", "")
            if page.get("isLast", True):
                break
        same = {key for key, row in self.kept.items() if row["status"] == want["status"]}
        assert len(found) == len(set(found))
        assert set(found) == same


class DriveMachine(RuleBasedStateMachine):
    """Files and folders against a tree of dictionaries."""

    files = Bundle("files")

    def __init__(self) -> None:
        super().__init__()
        self.call = Caller("drive")
        self.kept: dict[str, dict[str, Any]] = {}
        self.root = good(self.call.ask("GET", "/drive/v3/files/root"))["id"]
        self.token = self.start()

    def start(self) -> str:
        path = "/drive/v3/changes/startPageToken"
        return str(good(self.call.ask("GET", path))["startPageToken"])

    @rule(target=files, name=NAMES, folder=st.booleans())
    def create(self, name: str, folder: bool) -> str:
        mime = "application/vnd.google-apps.folder" if folder else "text/plain"
        made = good(self.call.ask("POST", "/drive/v3/files", {"name": name, "mimeType": mime}))
        self.kept[made["id"]] = {"name": name, "folder": folder, "in": self.root, "trashed": False}
        return str(made["id"])

    @rule(one=files, name=NAMES)
    def rename(self, one: str, name: str) -> None:
        status, _ = self.call.ask("PATCH", f"/drive/v3/files/{one}", {"name": name})
        assert status == (200 if one in self.kept else 404)
        if one in self.kept:
            self.kept[one]["name"] = name

    @rule(one=files, two=files)
    def move(self, one: str, two: str) -> None:
        if one not in self.kept or two not in self.kept or not self.kept[two]["folder"]:
            return
        above, at = {two}, two
        while at in self.kept:
            at = self.kept[at]["in"]
            above.add(at)
        query = f"addParents={two}&removeParents={self.kept[one]['in']}"
        status, _ = self.call.ask("PATCH", f"/drive/v3/files/{one}", {}, query)
        assert status == (403 if one in above else 200)
        if one not in above:
            self.kept[one]["in"] = two

    @rule(one=files, trashed=st.booleans())
    def trash(self, one: str, trashed: bool) -> None:
        if one in self.kept:
            good(self.call.ask("PATCH", f"/drive/v3/files/{one}", {"trashed": trashed}))
            self.kept[one]["trashed"] = trashed

    @rule(one=consumes(files))
    def delete(self, one: str) -> None:
        if one not in self.kept:
            assert self.call.ask("DELETE", f"/drive/v3/files/{one}")[0] == 404
            return
        good(self.call.ask("DELETE", f"/drive/v3/files/{one}"), 204)
        gone = {one}
        while more := {k for k, row in self.kept.items() if row["in"] in gone} - gone:
            gone |= more
        for ident in gone:
            self.kept.pop(ident)
        assert self.call.ask("GET", f"/drive/v3/files/{one}")[0] == 404

    def is_trashed(self, ident: str) -> bool:
        row = self.kept.get(ident)
        return row is not None and (row["trashed"] or self.is_trashed(row["in"]))

    @invariant()
    def the_list_agrees(self) -> None:
        fields = "files(id,name,parents,trashed)"
        body = good(self.call.ask("GET", "/drive/v3/files", query=f"fields={fields}&pageSize=900"))
        seen = {f["id"]: (f["name"], f["parents"], f["trashed"]) for f in body["files"]}
        assert seen == {
            ident: (row["name"], [row["in"]], self.is_trashed(ident))
            for ident, row in self.kept.items()
        }

    @precondition(lambda self: self.kept)
    @invariant()
    def searches_agree(self) -> None:
        name = next(iter(self.kept.values()))["name"]
        query = quote(f"name = '{name}' and trashed = false")
        found = good(self.call.ask("GET", "/drive/v3/files", query=f"q={query}"))["files"]
        same = {k for k, r in self.kept.items() if r["name"] == name and not self.is_trashed(k)}
        assert {row["id"] for row in found} == same

    @rule()
    def changes_name_what_changed(self) -> None:
        token = self.start()
        query = f"pageToken={self.token}&pageSize=900"
        found = good(self.call.ask("GET", "/drive/v3/changes", query=query))
        gone = {c["fileId"] for c in found["changes"] if c["removed"]}
        assert not gone & set(self.kept)
        assert found["newStartPageToken"] == token
        self.token = token


class SheetsMachine(RuleBasedStateMachine):
    """Cells, rows and a sum of one sheet against a list of lists."""

    def __init__(self) -> None:
        super().__init__()
        self.call = Caller("sheets")
        self.ident = good(self.call.ask("POST", "/v4/spreadsheets", {}))["spreadsheetId"]
        self.path = f"/v4/spreadsheets/{self.ident}"
        self.rows: list[list[int | None]] = []

    def at(self, row: int, column: int) -> list[int | None]:
        while len(self.rows) <= row:
            self.rows.append([])
        line = self.rows[row]
        line.extend([None] * (column + 1 - len(line)))
        return line

    @rule(row=st.integers(0, 5), column=st.integers(0, 3), value=st.integers(0, 99))
    def write(self, row: int, column: int, value: int) -> None:
        name = "ABCD"[column] + str(row + 1)
        path = f"{self.path}/values/{name}"
        sent = {"values": [[value]]}
        body = good(self.call.ask("PUT", path, sent, "valueInputOption=RAW"))
        assert body["updatedCells"] == 1
        self.at(row, column)[column] = value

    @rule(row=st.integers(0, 5), column=st.integers(0, 3))
    def clear(self, row: int, column: int) -> None:
        name = "ABCD"[column] + str(row + 1)
        good(self.call.ask("POST", f"{self.path}/values/{name}:clear", {}))
        self.at(row, column)[column] = None

    @rule(row=st.integers(0, 5), insert=st.booleans())
    def shift(self, row: int, insert: bool) -> None:
        place = {"sheetId": 0, "dimension": "ROWS", "startIndex": row, "endIndex": row + 1}
        kind = "insertDimension" if insert else "deleteDimension"
        sent = {"requests": [{kind: {"range": place}}]}
        good(self.call.ask("POST", f"{self.path}:batchUpdate", sent))
        if row < len(self.rows):
            if insert:
                self.rows.insert(row, [])
            else:
                self.rows.pop(row)

    @rule(value=st.integers(0, 9))
    def a_batch_is_all_or_nothing(self, value: int) -> None:
        cell = {"userEnteredValue": {"numberValue": value}}
        start = {"sheetId": 0, "rowIndex": 0, "columnIndex": 0}
        update = {"rows": [{"values": [cell]}], "fields": "userEnteredValue", "start": start}
        sent = {"requests": [{"updateCells": update}, {"deleteSheet": {"sheetId": 77}}]}
        assert self.call.ask("POST", f"{self.path}:batchUpdate", sent)[0] == 400

    @invariant()
    def values_agree(self) -> None:
        query = "valueRenderOption=UNFORMATTED_VALUE"
        body = good(self.call.ask("GET", f"{self.path}/values/A1:D20", query=query))
        seen = [[x if x != "" else None for x in row] for row in body.get("values", [])]
        want = [list(row) for row in self.rows]
        for row in want:
            while row and row[-1] is None:
                row.pop()
        while want and not want[-1]:
            want.pop()
        assert seen == want

    @invariant()
    def a_sum_agrees(self) -> None:
        path = f"{self.path}/values/H30"
        sent = {"values": [["=SUM(A1:D20)"]]}
        good(self.call.ask("PUT", path, sent, "valueInputOption=USER_ENTERED"))
        shown = good(self.call.ask("GET", path))["values"][0][0]
        assert int(shown) == sum(x for row in self.rows for x in row if x is not None)
        good(self.call.ask("POST", f"{path}:clear", {}))


class DocsMachine(RuleBasedStateMachine):
    """The text of one document against a string, in UTF-16 units."""

    def __init__(self) -> None:
        super().__init__()
        self.call = Caller("docs")
        self.ident = good(self.call.ask("POST", "/v1/documents", {"title": "D"}))["documentId"]
        self.path = f"/v1/documents/{self.ident}"
        self.text = "\n"
        self.revision = good(self.call.ask("GET", self.path))["revisionId"]

    def update(self, *requests: Any, control: Any = None) -> tuple[int, Any]:
        sent: dict[str, Any] = {"requests": list(requests)}
        if control is not None:
            sent["writeControl"] = control
        return self.call.ask("POST", f"{self.path}:batchUpdate", sent)

    @property
    def units(self) -> int:
        return len(self.text.encode("utf-16-le")) // 2

    def cut(self, at: int) -> tuple[str, str] | None:
        """Return the text before and after an index, or nothing inside a character."""
        raw = self.text.encode("utf-16-le")
        try:
            head = raw[: (at - 1) * 2].decode("utf-16-le")
        except UnicodeDecodeError:
            return None
        return head, raw[(at - 1) * 2 :].decode("utf-16-le")

    @rule(text=st.text("ab \N{WINKING FACE}\n", min_size=1, max_size=5), where=st.integers(0, 60))
    def insert(self, text: str, where: int) -> None:
        at = where % (self.units + 2) + 1
        parts = self.cut(at) if at <= self.units else None
        status, body = self.update({"insertText": {"text": text, "location": {"index": at}}})
        assert status == (200 if parts is not None else 400), body
        if parts is not None:
            self.text = parts[0] + text + parts[1]
            assert body["replies"] == [{}]
            self.revision = body["writeControl"]["requiredRevisionId"]

    @rule(where=st.integers(0, 60), length=st.integers(1, 6))
    def delete(self, where: int, length: int) -> None:
        start = where % (self.units + 1) + 1
        end = start + length
        inside = end <= self.units
        first = self.cut(start) if inside else None
        last = self.cut(end) if inside else None
        place = {"startIndex": start, "endIndex": end}
        status, body = self.update({"deleteContentRange": {"range": place}})
        if first is None or last is None:
            assert status == 400, body
            return
        assert status == 200, body
        self.text = first[0] + last[1]
        self.revision = body["writeControl"]["requiredRevisionId"]

    @rule(old=st.sampled_from("ab"), new=st.sampled_from(["", "x", "ba"]))
    def replace(self, old: str, new: str) -> None:
        find = {"text": old, "matchCase": True}
        sent = {"replaceAllText": {"containsText": find, "replaceText": new}}
        body = good(self.update(sent))
        count = self.text.count(old)
        assert body["replies"][0]["replaceAllText"].get("occurrencesChanged", 0) == count
        self.text = self.text.replace(old, new)
        self.revision = body["writeControl"]["requiredRevisionId"]

    @rule()
    def a_batch_is_all_or_nothing(self) -> None:
        one = {"insertText": {"text": "never", "location": {"index": 1}}}
        two = {"insertText": {"text": "x", "location": {"index": 9999}}}
        assert self.update(one, two)[0] == 400

    @rule()
    def an_old_revision_is_refused(self) -> None:
        one = {"insertText": {"text": "k", "location": {"index": 1}}}
        before = self.revision
        body = good(self.update(one, control={"requiredRevisionId": before}))
        self.text = "k" + self.text
        self.revision = body["writeControl"]["requiredRevisionId"]
        assert self.update(one, control={"requiredRevisionId": before})[0] == 400

    @invariant()
    def the_text_agrees(self) -> None:
        body = good(self.call.ask("GET", self.path))
        assert body["revisionId"] == self.revision
        shown, at = "", 1
        for element in body["body"]["content"]:
            for run in element.get("paragraph", {}).get("elements", []):
                assert run["startIndex"] == at
                at = run["endIndex"]
                shown += run["textRun"]["content"]
        assert shown == self.text


class GitHubMachine(RuleBasedStateMachine):
    """Issues of one repository against a dictionary."""

    issues = Bundle("issues")

    def __init__(self) -> None:
        super().__init__()
        self.call = Caller("github")
        self.call.universe.seed(self.call.world, {"github": {"repos": [{"name": "acme/app"}]}})
        self.kept: dict[int, dict[str, Any]] = {}

    @initialize()
    def start(self) -> None:
        assert good(self.call.ask("GET", "/repos/acme/app/issues")) == []

    @rule(target=issues, title=WORDS)
    def create(self, title: str) -> int:
        made = good(self.call.ask("POST", "/repos/acme/app/issues", {"title": title}), 201)
        assert made["number"] not in self.kept
        self.kept[made["number"]] = {"title": title, "state": "open", "labels": []}
        return int(made["number"])

    @rule(number=issues, title=WORDS, state=st.sampled_from(["open", "closed"]))
    def change(self, number: int, title: str, state: str) -> None:
        path = f"/repos/acme/app/issues/{number}"
        good(self.call.ask("PATCH", path, {"title": title, "state": state}))
        self.kept[number] |= {"title": title, "state": state}

    @rule(number=issues, label=WORDS)
    def label(self, number: int, label: str) -> None:
        path = f"/repos/acme/app/issues/{number}/labels"
        good(self.call.ask("POST", path, {"labels": [label]}))
        if label not in self.kept[number]["labels"]:
            self.kept[number]["labels"].append(label)

    @invariant()
    def issues_are_as_the_model_says(self) -> None:
        for number, want in list(self.kept.items())[-3:]:
            row = good(self.call.ask("GET", f"/repos/acme/app/issues/{number}"))
            seen = {"title": row["title"], "state": row["state"],
                    "labels": [label["name"] for label in row["labels"]]}  # fmt: skip
            assert seen == want

    @invariant()
    def lists_agree(self) -> None:
        for state in ("open", "closed", "all"):
            query = f"state={state}&per_page=100"
            rows = good(self.call.ask("GET", "/repos/acme/app/issues", query=query))
            want = {n for n, row in self.kept.items() if state in ("all", row["state"])}
            assert {row["number"] for row in rows} == want


MACHINES: dict[str, type[RuleBasedStateMachine]] = {
    "jira": JiraMachine,
    "drive": DriveMachine,
    "sheets": SheetsMachine,
    "docs": DocsMachine,
    "github": GitHubMachine,
}
# For each service: a write that a twin could pretend to do.
WRITES = {
    "jira": ("POST", "/rest/api/2/issue"),
    "drive": ("POST", "/drive/v3/files"),
    "sheets": ("PUT", "/v4/spreadsheets/x/values/A1"),
    "docs": ("POST", "/v1/documents/x:batchUpdate"),
    "github": ("POST", "/repos/o/r/issues"),
}


@pytest.mark.parametrize("service", sorted(MACHINES))
def test_reads_reflect_writes(service: str) -> None:
    run_state_machine_as_test(MACHINES[service], settings=LIMITS)


@pytest.mark.parametrize("broken", ["echo", "constant", "forget"])
@pytest.mark.parametrize("service", sorted(MACHINES))
def test_the_properties_catch_a_twin_that_pretends(service: str, broken: str) -> None:
    """The control: an echo, a constant answer and a write that is not kept are all found."""
    twin = load_twin(service)
    match = twin.router.match(*WRITES[service])
    found: Route = match.route  # type: ignore[union-attr] # the route is there
    first: list[Any] = []

    def pretend(call: Any) -> Reply:
        saved = call.world.save()
        reply = found.handler(call)
        if broken == "constant":
            if not first:
                first.append(reply)
            call.world.load(saved)
            return Reply(reply.status, first[0].body)
        call.world.load(saved)
        if broken == "echo" and isinstance(reply.body, dict):
            return Reply(reply.status, {**reply.body, **(call.json() or {})})
        return reply

    twin.router.add(Route(found.method, found.template, pretend, found.op, open=found.open))
    try:
        with pytest.raises((AssertionError, ExceptionGroup, KeyError)):
            run_state_machine_as_test(MACHINES[service], settings=LIMITS)
    finally:
        twin.router.add(found)
