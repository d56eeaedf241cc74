"""gspread and google-api-python-client drive the twin."""

import io
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import gspread
import httplib2
import pytest
import requests
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError
from googleapiclient.http import BatchHttpRequest, MediaIoBaseDownload, MediaIoBaseUpload
from requests.adapters import HTTPAdapter
from tests.twins.serving import serving
from typing_extensions import override

from unlit.twins.universe import Universe

pytestmark = pytest.mark.clients


class _Here(HTTPAdapter):
    """Sends every request to the twin, whatever host it names."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self.base = base

    @override
    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        parts = urlsplit(str(request.url))
        request.url = f"{self.base}{parts.path}" + (f"?{parts.query}" if parts.query else "")
        return super().send(request, *args, **kwargs)


class _Http(httplib2.Http):  # type: ignore[misc] # httplib2 has no types
    """Sends every request of google-api-python-client to the twin, uploads too."""

    base = ""

    @override
    def request(self, uri: str, *args: Any, **kwargs: Any) -> Any:
        parts = urlsplit(uri)
        return super().request(f"{self.base}{parts.path}?{parts.query}", *args, **kwargs)


@pytest.fixture
def universe() -> Universe:
    return Universe(["docs", "drive", "sheets"])


@pytest.fixture
def world(universe: Universe) -> str:
    return universe.create_world({})


@pytest.fixture
def base(universe: Universe) -> Iterator[str]:
    with serving(universe, "drive") as url:
        yield url


@pytest.fixture
def sheets(universe: Universe, world: str, base: str) -> gspread.Client:
    client = gspread.authorize(Credentials(token=universe.tokens(world)["sheets"]))
    client.http_client.session.mount("https://", _Here(base))
    return client


@pytest.fixture
def google(universe: Universe, world: str, base: str) -> Any:
    from google_auth_httplib2 import AuthorizedHttp

    credentials = Credentials(token=universe.tokens(world)["drive"])

    def service(name: str, version: str) -> Any:
        http = _Http()
        http.base = base
        http.redirect_codes = http.redirect_codes - {308}  # as googleapiclient's own does
        authorized = AuthorizedHttp(credentials, http=http)
        return build(name, version, http=authorized, cache_discovery=False)

    return service


def test_gspread_writes_reads_and_appends(sheets: gspread.Client) -> None:
    book = sheets.create("Team")
    sheet = book.sheet1
    sheet.update([["name", "n"], ["a", 1], ["b", 2]], "A1")
    sheet.append_row(["c", "=SUM(B2:B3)"], value_input_option="USER_ENTERED")
    assert sheet.get_all_records() == [
        {"name": "a", "n": 1},
        {"name": "b", "n": 2},
        {"name": "c", "n": 3},
    ]
    assert sheet.acell("B4", value_render_option="FORMULA").value == "=SUM(B2:B3)"
    assert sheet.find("b").address == "A3"


def test_gspread_shapes_a_sheet(sheets: gspread.Client) -> None:
    book = sheets.create("Team")
    second = book.add_worksheet("Other", rows=3, cols=2)
    assert [s.title for s in book.worksheets()] == ["Sheet1", "Other"]
    second.update_title("Renamed")
    second.resize(5, 6)
    second.freeze(rows=1)
    again = book.worksheet("Renamed")
    assert (again.row_count, again.col_count, again.frozen_row_count) == (5, 6, 1)
    again.merge_cells("A1:B2")
    assert book.fetch_sheet_metadata()["sheets"][1]["merges"][0]["endRowIndex"] == 2
    book.del_worksheet(again)
    assert [s.title for s in book.worksheets()] == ["Sheet1"]
    with pytest.raises(gspread.exceptions.APIError, match="all the visible sheets"):
        book.del_worksheet(book.sheet1)


def test_gspread_formats_sorts_and_notes(sheets: gspread.Client) -> None:
    sheet = sheets.create("Team").sheet1
    sheet.update([["b", 2], ["a", 1], ["c", 3]], "A1")
    sheet.sort((1, "asc"), range="A1:B3")
    assert sheet.col_values(1) == ["a", "b", "c"]
    sheet.format("A1:B1", {"textFormat": {"bold": True}})
    sheet.insert_note("A1", "look")
    assert sheet.get_note("A1") == "look"
    sheet.insert_rows([["new", 0]], 1)
    assert sheet.row_values(1) == ["new", "0"]
    sheet.delete_rows(1)
    assert sheet.row_values(1) == ["a", "1"]
    sheet.batch_clear(["A1:A2"])
    assert sheet.col_values(1) == ["", "", "c"]


def test_gspread_shares_and_finds_by_name(sheets: gspread.Client) -> None:
    book = sheets.create("Shared")
    book.share("friend@example.com", perm_type="user", role="reader", notify=False)
    assert {"friend@example.com", "admin@example.com"} == {
        p.get("emailAddress") for p in book.list_permissions()
    }
    assert sheets.open("Shared").id == book.id
    copy = sheets.copy(book.id, title="Copy")
    assert copy.title == "Copy"
    sheets.del_spreadsheet(book.id)
    with pytest.raises(gspread.SpreadsheetNotFound):
        sheets.open_by_key(book.id)


def test_an_unknown_range_is_the_vendors_error(sheets: gspread.Client) -> None:
    book = sheets.create("Team")
    with pytest.raises(gspread.exceptions.APIError, match="Unable to parse range: Nope!A1"):
        book.values_get("Nope!A1")


def test_drive_uploads_in_one_piece_and_in_chunks(google: Any) -> None:
    drive = google("drive", "v3")
    data = bytes(range(256)) * 2048
    small = MediaIoBaseUpload(io.BytesIO(b"hello"), "text/plain")
    one = drive.files().create(body={"name": "a.txt"}, media_body=small, fields="*").execute()
    assert (one["size"], one["mimeType"]) == ("5", "text/plain")
    chunked = MediaIoBaseUpload(io.BytesIO(data), "image/png", chunksize=262144, resumable=True)
    request = drive.files().create(body={"name": "b.png"}, media_body=chunked, fields="id,size")
    progress, answer = [], None
    while answer is None:
        status, answer = request.next_chunk()
        progress.append(status)
    assert answer["size"] == str(len(data))
    assert len(progress) == 2
    held = io.BytesIO()
    download = MediaIoBaseDownload(held, drive.files().get_media(fileId=answer["id"]), 100_000)
    done = False
    while not done:
        _, done = download.next_chunk()
    assert held.getvalue() == data


def test_drive_searches_pages_and_says_what_is_wrong(google: Any) -> None:
    drive = google("drive", "v3")
    folder = (
        drive.files()
        .create(body={"name": "F", "mimeType": "application/vnd.google-apps.folder"}, fields="id")
        .execute()["id"]
    )
    for n in range(5):
        body = {"name": f"it's {n}", "parents": [folder], "properties": {"n": str(n)}}
        drive.files().create(body=body).execute()
    query = f"'{folder}' in parents and trashed = false"
    first = drive.files().list(q=query, pageSize=3, orderBy="name").execute()
    token = first["nextPageToken"]
    rest = drive.files().list(q=query, pageSize=3, orderBy="name", pageToken=token).execute()
    names = [f["name"] for f in first["files"] + rest["files"]]
    assert names == [f"it's {n}" for n in range(5)]
    assert set(first["files"][0]) == {"kind", "id", "name", "mimeType"}
    found = drive.files().list(q="properties has { key='n' and value='3' }").execute()["files"]
    assert [f["name"] for f in found] == ["it's 3"]
    assert len(drive.files().list(q=r"name = 'it\'s 2'").execute()["files"]) == 1
    with pytest.raises(HttpError, match="Invalid Value"):
        drive.files().list(q="colour = 'red'").execute()
    with pytest.raises(HttpError, match="File not found: nope"):
        drive.files().get(fileId="nope").execute()


def test_drive_keeps_changes_revisions_and_comments(google: Any) -> None:
    drive = google("drive", "v3")
    token = drive.changes().getStartPageToken().execute()["startPageToken"]
    media = MediaIoBaseUpload(io.BytesIO(b"one"), "text/plain")
    ident = drive.files().create(body={"name": "a"}, media_body=media).execute()["id"]
    again = MediaIoBaseUpload(io.BytesIO(b"two"), "text/plain")
    drive.files().update(fileId=ident, media_body=again).execute()
    changes = drive.changes().list(pageToken=token).execute()
    assert [c["fileId"] for c in changes["changes"]] == [ident]
    revisions = drive.revisions().list(fileId=ident).execute()["revisions"]
    first = drive.revisions().get_media(fileId=ident, revisionId=revisions[0]["id"]).execute()
    assert (len(revisions), first) == (2, b"one")
    comment = (
        drive.comments()
        .create(fileId=ident, body={"content": "why?"}, fields="id,content,resolved")
        .execute()
    )
    reply = {"content": "so", "action": "resolve"}
    drive.replies().create(fileId=ident, commentId=comment["id"], body=reply, fields="id").execute()
    listed = drive.comments().list(fileId=ident, fields="comments(content,resolved,replies)")
    assert listed.execute()["comments"][0]["resolved"] is True
    drive.files().delete(fileId=ident).execute()
    token = changes["newStartPageToken"]
    assert drive.changes().list(pageToken=token).execute()["changes"][0]["removed"] is True


def test_a_batch_answers_each_part_by_itself(google: Any) -> None:
    drive = google("drive", "v3")
    ident = drive.files().create(body={"name": "a"}).execute()["id"]
    seen: dict[str, Any] = {}
    batch: BatchHttpRequest = drive.new_batch_http_request(
        callback=lambda key, answer, error: seen.__setitem__(key, error or answer)
    )
    batch.add(drive.files().get(fileId=ident), request_id="good")
    batch.add(drive.files().get(fileId="nope"), request_id="bad")
    batch.execute()
    assert seen["good"]["name"] == "a"
    assert seen["bad"].resp.status == 404


def test_docs_edit_a_document(google: Any) -> None:
    docs = google("docs", "v1")
    ident = docs.documents().create(body={"title": "Report"}).execute()["documentId"]
    requests_made = [
        {"insertText": {"location": {"index": 1}, "text": "Title\nfirst 😀\nsecond\n"}},
        {
            "updateParagraphStyle": {
                "range": {"startIndex": 1, "endIndex": 6},
                "paragraphStyle": {"namedStyleType": "HEADING_1"},
                "fields": "namedStyleType",
            }
        },
        {
            "createParagraphBullets": {
                "range": {"startIndex": 7, "endIndex": 20},
                "bulletPreset": "NUMBERED_DECIMAL_ALPHA_ROMAN",
            }
        },
        {"replaceAllText": {"containsText": {"text": "second"}, "replaceText": "2nd"}},
    ]
    answer = (
        docs.documents().batchUpdate(documentId=ident, body={"requests": requests_made}).execute()
    )
    assert answer["replies"][3]["replaceAllText"]["occurrencesChanged"] == 1
    content = docs.documents().get(documentId=ident).execute()["body"]["content"]
    texts = [e["paragraph"]["elements"][0]["textRun"]["content"] for e in content[1:]]
    assert texts == ["Title\n", "first 😀\n", "2nd\n", "\n"]
    assert content[2]["endIndex"] - content[2]["startIndex"] == 9  # the face counts two
    assert content[1]["paragraph"]["paragraphStyle"]["headingId"].startswith("h.")
    assert (
        content[2]["paragraph"]["bullet"]["listId"] == content[3]["paragraph"]["bullet"]["listId"]
    )


def test_a_refused_batch_changes_nothing(google: Any) -> None:
    docs = google("docs", "v1")
    made = docs.documents().create(body={"title": "Report"}).execute()
    ident = made["documentId"]
    wrong = [
        {"insertText": {"location": {"index": 1}, "text": "kept?"}},
        {"insertText": {"location": {"index": 99}, "text": "x"}},
    ]
    with pytest.raises(HttpError, match="Index 99 must be less than the end index"):
        docs.documents().batchUpdate(documentId=ident, body={"requests": wrong}).execute()
    assert docs.documents().get(documentId=ident).execute()["revisionId"] == made["revisionId"]
    control = {"requiredRevisionId": "old"}
    body = {"requests": wrong[:1], "writeControl": control}
    with pytest.raises(HttpError, match="required revision"):
        docs.documents().batchUpdate(documentId=ident, body=body).execute()


def test_a_document_is_the_same_file_in_drive(google: Any) -> None:
    docs, drive = google("docs", "v1"), google("drive", "v3")
    ident = docs.documents().create(body={"title": "Report"}).execute()["documentId"]
    drive.files().update(fileId=ident, body={"name": "Renamed"}).execute()
    assert docs.documents().get(documentId=ident).execute()["title"] == "Renamed"
    insert = {"insertText": {"endOfSegmentLocation": {}, "text": "hello"}}
    docs.documents().batchUpdate(documentId=ident, body={"requests": [insert]}).execute()
    text = drive.files().export(fileId=ident, mimeType="text/plain").execute()
    assert text.decode("utf-8-sig") == "hello"
    drive.files().delete(fileId=ident).execute()
    with pytest.raises(HttpError, match="Requested entity was not found"):
        docs.documents().get(documentId=ident).execute()


def test_drive_v2_sees_the_same_files_under_older_names(google: Any) -> None:
    old, new = google("drive", "v2"), google("drive", "v3")
    media = MediaIoBaseUpload(io.BytesIO(b"hello"), "text/plain")
    made = old.files().insert(body={"title": "a.txt"}, media_body=media).execute()
    assert (made["title"], made["fileSize"], made["labels"]["trashed"]) == ("a.txt", "5", False)
    assert new.files().get(fileId=made["id"]).execute()["name"] == "a.txt"
    granted = (
        old.permissions()
        .insert(
            fileId=made["id"], body={"type": "user", "role": "writer", "value": "b@example.com"}
        )
        .execute()
    )
    assert granted["emailAddress"] == "b@example.com"
    old.files().trash(fileId=made["id"]).execute()
    assert new.files().get(fileId=made["id"], fields="trashed").execute()["trashed"] is True
    found = old.files().list(q="title = 'a.txt' and trashed = true").execute()["items"]
    assert [f["id"] for f in found] == [made["id"]]
