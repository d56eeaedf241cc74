"""What the vendor's own guides send and ask for: easy JSON, the app's folder, office files."""

import io
import zipfile
from typing import Any

import pytest
from tests.twins.google.calling import Caller

from unlit.twins.services.google.drive import office
from unlit.twins.universe import Universe

UPLOAD = "/upload/drive/v3/files"


@pytest.fixture
def world() -> tuple[Universe, str]:
    universe = Universe(["google"])
    return universe, universe.create_world({})


def test_a_body_is_read_as_googles_reader_of_json_does(world: tuple[Universe, str]) -> None:
    docs = Caller(*world, "docs")
    key = docs("POST", "/v1/documents", {"title": "t"}).body["documentId"]
    sent: list[Any] = [
        {"insert_text": {"text": "Dear {{NAME}}", "location": {"index": "1"}}},
        {"replaceAllText": {"containsText": {"text": "{{name}}", "matchCase": "false"},
                            "replaceText": "Ada"}},
    ]  # fmt: skip
    answer = docs("POST", f"/v1/documents/{key}:batchUpdate", {"requests": sent})
    assert answer.body["replies"][1]["replaceAllText"]["occurrencesChanged"] == 1
    wrong = {"requests": {"replaceAllText": {"containsText": {"text": "x", "matchCase": "yes"}}}}
    refused = docs("POST", f"/v1/documents/{key}:batchUpdate", wrong)
    assert refused.status == 400
    assert '(TYPE_BOOL), "yes"' in refused.body["error"]["message"]


def test_one_message_stands_for_a_list_of_them(world: tuple[Universe, str]) -> None:
    sheets = Caller(*world, "sheets")
    key = sheets("POST", "/v4/spreadsheets", {}).body["spreadsheetId"]
    cell = {"userEnteredValue": {"numberValue": 4}}
    sent = {"requests": {"updateCells": {"rows": {"values": cell}, "fields": "userEnteredValue",
                                         "start": {"sheetId": 0, "rowIndex": "1"}}}}  # fmt: skip
    assert sheets("POST", f"/v4/spreadsheets/{key}:batchUpdate", sent).status == 200
    assert sheets("GET", f"/v4/spreadsheets/{key}/values/A2").body["values"] == [["4"]]


def test_an_app_has_a_folder_that_no_list_of_the_drive_shows(world: tuple[Universe, str]) -> None:
    drive = Caller(*world, "drive")
    sent = {"name": "config.json", "parents": ["appDataFolder"]}
    made = drive("POST", "/drive/v3/files", sent, fields="id,spaces,parents").body
    assert made["spaces"] == ["appDataFolder"]
    assert drive("GET", "/drive/v3/files").body["files"] == []
    hidden = drive("GET", "/drive/v3/files", spaces="appDataFolder").body["files"]
    assert [row["id"] for row in hidden] == [made["id"]]
    asked = drive("GET", "/drive/v3/files", spaces="drive,appDataFolder",
                  q="'appDataFolder' in parents")  # fmt: skip
    assert [row["id"] for row in asked.body["files"]] == [made["id"]]
    folder = drive("GET", "/drive/v3/files/appDataFolder", fields="id").body["id"]
    assert made["parents"] == [folder]
    assert drive("GET", "/drive/v3/files", spaces="moon").status == 400


def test_a_workbook_goes_out_and_comes_in_again(world: tuple[Universe, str]) -> None:
    sheets, drive = Caller(*world, "sheets"), Caller(*world, "drive")
    titles = [{"properties": {"title": title}} for title in ("One", "Two & 3")]
    key = sheets("POST", "/v4/spreadsheets", {"sheets": titles}).body["spreadsheetId"]
    lines = [["a <b>", "1.5", "=B1*2", True, "'007"], [], ["", "x"]]
    sheets("PUT", f"/v4/spreadsheets/{key}/values/One!A1", {"values": lines},
           valueInputOption="USER_ENTERED")  # fmt: skip
    data = drive("GET", f"/drive/v3/files/{key}/export", mimeType=office.XLSX).body
    assert office.sheets_of(data) == [
        ("One", [["a <b>", 1.5, "=B1*2", True, "007"], [], ["", "x"]]),
        ("Two & 3", []),
    ]
    edge = b"\r\n--b\r\n"
    body = (edge + b'Content-Type: application/json\r\n\r\n{"name":"n","mimeType":'
            b'"application/vnd.google-apps.spreadsheet"}' + edge + b"Content-Type: "
            + office.XLSX.encode() + b"\r\n\r\n" + data + b"\r\n--b--")  # fmt: skip
    head = {"content-type": "multipart/related; boundary=b"}
    made = drive("POST", UPLOAD, body, head, uploadType="multipart").body
    read = sheets("GET", f"/v4/spreadsheets/{made['id']}/values/One!A1:E3").body["values"]
    assert read == [["a <b>", "1.5", "3", "TRUE", "007"], [], ["", "x"]]
    names = [s["properties"]["title"] for s in sheets("GET", f"/v4/spreadsheets/{made['id']}")
             .body["sheets"]]  # fmt: skip
    assert names == ["One", "Two & 3"]
    for broken in (data[:100], b"PK nothing"):
        wrong = body.replace(data, broken)
        assert drive("POST", UPLOAD, wrong, head, uploadType="multipart").status == 400
    pages = drive("GET", f"/drive/v3/files/{key}/export", mimeType="application/zip").body
    assert zipfile.ZipFile(io.BytesIO(pages)).namelist() == ["One.html", "Two & 3.html"]


def test_a_document_goes_out_as_word_and_rich_text(world: tuple[Universe, str]) -> None:
    docs, drive = Caller(*world, "docs"), Caller(*world, "drive")
    key = docs("POST", "/v1/documents", {"title": "t"}).body["documentId"]
    style = {"range": {"startIndex": 1, "endIndex": 3}, "fields": "namedStyleType",
             "paragraphStyle": {"namedStyleType": "HEADING_2"}}  # fmt: skip
    sent = [{"insertText": {"location": {"index": 1}, "text": "Head\n{é}\n"}},
            {"updateParagraphStyle": style}]  # fmt: skip
    docs("POST", f"/v1/documents/{key}:batchUpdate", {"requests": sent})
    data = drive("GET", f"/drive/v3/files/{key}/export", mimeType=office.DOCX).body
    assert office.paragraphs_of(data)[:2] == [(2, None, "Head"), (0, None, "{é}")]
    rich = drive("GET", f"/drive/v3/files/{key}/export", mimeType=office.RTF).body
    assert rich.startswith(b"{\\rtf1")
    assert b"\\{\\u233?\\}" in rich
    bad = drive("GET", f"/drive/v3/files/{key}/export", mimeType="application/epub+zip")
    assert (bad.status, bad.body["error"]["errors"][0]["reason"]) == (501, "notImplemented")


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"<xml/>"])
def test_what_is_no_office_file_is_unreadable(data: bytes) -> None:
    with pytest.raises(office.Unreadable):
        office.sheets_of(data)


def test_comments_on_a_range_are_drives_and_move_with_the_text(
    world: tuple[Universe, str],
) -> None:
    docs, drive = Caller(*world, "docs"), Caller(*world, "drive")
    key = docs("POST", "/v1/documents", {"title": "t"}).body["documentId"]

    def send(*sent: Any) -> Any:
        return docs("POST", f"/v1/documents/{key}:batchUpdate", {"requests": list(sent)})

    send({"insertText": {"location": {"index": 1}, "text": "one two three"}})
    comment = {"content": "why?", "range": {"startIndex": 5, "endIndex": 8}}
    answer = send({"insertComment": comment}).body
    thread = answer["replies"][0]["insertComment"]["commentThread"]
    assert (thread["plainTextQuote"], thread["status"]) == ("two", "OPEN")
    assert answer["commentUpdateState"] == "ALL_SAVED"
    asked = {"commentId": thread["commentId"], "post": {"content": "so"}}
    send({"addCommentReply": asked})
    send({"addCommentReply": {**asked, "post": {"commentAction": "RESOLVE"}}})
    send({"insertText": {"location": {"index": 1}, "text": "zero "}})
    view: dict[str, Any] = {
            "includeTabsContent": "true", "commentsViewMode": "COMMENTS_VIEW_MODE_INCLUDED",
            "suggestionsViewMode": "SUGGESTIONS_INLINE"}  # fmt: skip
    shown = docs("GET", f"/v1/documents/{key}", **view).body
    assert (shown["comments"][0]["status"], len(shown["comments"][0]["replies"])) == ("RESOLVED", 2)
    anchors = shown["tabs"][0]["documentTab"]["commentAnchors"]
    span = anchors[thread["anchorId"]]["ranges"][0]
    assert (span["startIndex"], span["endIndex"]) == (10, 13)
    assert "namedRanges" not in shown["tabs"][0]["documentTab"]
    assert "comments" not in docs("GET", f"/v1/documents/{key}").body
    listed = drive("GET", f"/drive/v3/files/{key}/comments", fields="*").body["comments"]
    assert (listed[0]["content"], listed[0]["resolved"]) == ("why?", True)
    edit = {"commentId": thread["commentId"], "postId": thread["commentId"], "content": "how?"}
    assert send({"updateCommentPost": edit}).status == 200
    assert send({"deleteComment": {"commentId": thread["commentId"]}}).status == 200
    assert docs("GET", f"/v1/documents/{key}", **view).body["comments"] == []
    for wrong in ({"deleteComment": {"commentId": "no"}}, {"insertComment": {"content": ""}},
                  {"acceptSuggestion": {"suggestionId": "no"}}):  # fmt: skip
        assert send(wrong).status == 400
    suggest = {"requests": [{"insertText": {"location": {"index": 1}, "text": "x"}}],
               "writeControl": {"writeMode": "SUGGEST"}}  # fmt: skip
    assert docs("POST", f"/v1/documents/{key}:batchUpdate", suggest).status == 501
    assert docs("GET", f"/v1/documents/{key}", commentsViewMode="x").status == 400


def test_comments_on_a_cell_move_with_its_row(world: tuple[Universe, str]) -> None:
    sheets, drive = Caller(*world, "sheets"), Caller(*world, "drive")
    key = sheets("POST", "/v4/spreadsheets", {}).body["spreadsheetId"]
    sheets("PUT", f"/v4/spreadsheets/{key}/values/B2", {"values": [["text"]]},
           valueInputOption="RAW")  # fmt: skip

    def send(*sent: Any) -> Any:
        return sheets("POST", f"/v4/spreadsheets/{key}:batchUpdate", {"requests": list(sent)})

    place = {"sheetId": 0, "rowIndex": 1, "columnIndex": 1}
    answer = send({"insertComment": {"content": "why?", "coordinate": place}}).body
    thread = answer["replies"][0]["insertComment"]["commentThread"]
    assert thread["plainTextQuote"] == "text"
    send({"insertDimension": {"range": {"sheetId": 0, "dimension": "ROWS", "startIndex": 0,
                                        "endIndex": 3}}})  # fmt: skip
    shown = sheets("GET", f"/v4/spreadsheets/{key}",
                   commentsViewMode="COMMENTS_VIEW_MODE_INCLUDED").body  # fmt: skip
    assert shown["sheets"][0]["commentAnchors"][0]["range"]["startRowIndex"] == 4
    assert shown["comments"][0]["headPost"]["content"] == "why?"
    assert "comments" not in sheets("GET", f"/v4/spreadsheets/{key}").body
    assert len(drive("GET", f"/drive/v3/files/{key}/comments", fields="*").body["comments"]) == 1
    far = {**place, "rowIndex": 10**6}
    assert send({"insertComment": {"content": "x", "coordinate": far}}).status == 400
    assert send({"refreshDataSource": {}}).status == 501
