"""The ranked list of what applications use of Docs, and what all Google services share."""

from typing import Any

import pytest
from tests.twins.google.calling import Answer, Caller

from unlit.twins.universe import Universe

PAPER = "/v1/documents"


class Paper:
    """A blank document and a way to call it."""

    def __init__(self) -> None:
        universe = Universe(["docs", "drive", "sheets"])
        self.call = Caller(universe, universe.create_world(), "docs")
        self.id = self.call("POST", PAPER, {"title": "T"}).body["documentId"]

    def read(self, **query: Any) -> Any:
        """Return the document."""
        return self.call("GET", f"{PAPER}/{self.id}", **query).body

    def do(self, *requests: dict[str, Any], **more: Any) -> Answer:
        """Send a batch."""
        body = {"requests": list(requests), **more}
        return self.call("POST", f"{PAPER}/{self.id}:batchUpdate", body)

    def insert(self, text: str, index: int = 1) -> Answer:
        """Insert text."""
        return self.do({"insertText": {"location": {"index": index}, "text": text}})

    def text(self) -> str:
        """Return all text of the body's paragraphs."""
        return "".join(
            part["textRun"]["content"]
            for element in self.read()["body"]["content"]
            for part in element.get("paragraph", {}).get("elements", ())
            if "textRun" in part
        )

    def paragraphs(self) -> list[Any]:
        """Return the body's paragraphs with their positions."""
        return [row for row in self.read()["body"]["content"] if "paragraph" in row]


@pytest.fixture
def paper() -> Paper:
    return Paper()


# --- 1: index arithmetic (see test_docs_rebuild for every real document)
def test_positions_count_utf_16_and_the_last_newline(paper: Paper) -> None:
    blank = paper.read()["body"]["content"]
    assert [(row.get("startIndex", 0), row["endIndex"]) for row in blank] == [(0, 1), (1, 2)]
    paper.insert("a\U0001f600b\nsecond")
    spans = [(row["startIndex"], row["endIndex"]) for row in paper.paragraphs()]
    assert spans == [(1, 6), (6, 13)]
    paper.do({"deleteContentRange": {"range": {"startIndex": 2, "endIndex": 4}}})
    assert paper.text() == "ab\nsecond\n"
    last = paper.do({"deleteContentRange": {"range": {"startIndex": 4, "endIndex": 11}}})
    assert last.status == 400
    half = Paper()
    half.insert("\U0001f600")
    cut = half.do({"deleteContentRange": {"range": {"startIndex": 1, "endIndex": 2}}})
    assert cut.status == 400


def test_tables_lists_footnotes_and_headers_have_positions(paper: Paper) -> None:
    paper.insert("one\ntwo\n")
    paper.do({"insertTable": {"rows": 2, "columns": 2, "location": {"index": 1}}})
    table = next(row for row in paper.read()["body"]["content"] if "table" in row)
    cells = [cell["startIndex"] for line in table["table"]["tableRows"]
             for cell in line["tableCells"]]  # fmt: skip
    assert (table["startIndex"], cells) == (2, [4, 6, 9, 11])
    paper.do({"insertText": {"location": {"index": 5}, "text": "xy"}})
    table = next(row for row in paper.read()["body"]["content"] if "table" in row)
    first = table["table"]["tableRows"][0]["tableCells"][0]["content"][0]["paragraph"]
    assert first["elements"][0]["textRun"]["content"] == "xy\n"
    reply = paper.do({"createHeader": {"type": "DEFAULT"}}).body["replies"][0]
    header = reply["createHeader"]["headerId"]
    place = {"segmentId": header, "index": 0}
    assert paper.do({"insertText": {"location": place, "text": "Head"}}).status == 200
    kept = paper.read()["headers"][header]["content"][0]
    assert (kept.get("startIndex", 0), kept["endIndex"]) == (0, 5)
    end: dict[str, Any] = {"endOfSegmentLocation": {}}
    foot = paper.do({"createFootnote": end}).body["replies"][0]["createFootnote"]["footnoteId"]
    assert foot in paper.read()["footnotes"]


# --- 2: batches
def test_a_batch_is_ordered_atomic_and_answered_one_by_one(paper: Paper) -> None:
    said = paper.do(
        {"insertText": {"location": {"index": 1}, "text": "world"}},
        {"insertText": {"location": {"index": 1}, "text": "hello "}},
        {"replaceAllText": {"containsText": {"text": "O", "matchCase": False},
                            "replaceText": "0"}},
    )  # fmt: skip
    assert said.body["replies"] == [{}, {}, {"replaceAllText": {"occurrencesChanged": 2}}]
    assert said.body["documentId"] == paper.id
    assert paper.text() == "hell0 w0rld\n"
    refused = paper.do(
        {"insertText": {"location": {"index": 1}, "text": "x"}},
        {"insertText": {"location": {"index": 99}, "text": "y"}},
    )
    assert refused.status == 400
    assert refused.body["error"]["message"] == (
        "Invalid requests[1].insertText: Index 99 must be less than the end index of the "
        "referenced segment, 14."
    )
    assert refused.body["error"]["status"] == "INVALID_ARGUMENT"
    assert paper.text() == "hell0 w0rld\n"


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"insertText": {"location": {"index": 0}, "text": "x"}}, "Invalid requests[0].insertText"),
        ({"deleteContentRange": {"range": {"startIndex": 3, "endIndex": 3}}},
         "Invalid requests[0].deleteContentRange"),
        ({"nothing": {}}, 'Invalid JSON payload received. Unknown name "nothing"'),
        ({}, "Invalid requests[0]"),
        ({"updateTextStyle": {"range": {"startIndex": 1, "endIndex": 2}, "textStyle": {},
                              "fields": ""}}, "Invalid requests[0].updateTextStyle"),
        ({"deleteNamedRange": {"namedRangeId": "kix.none"}},
         "Invalid requests[0].deleteNamedRange"),
    ],
)  # fmt: skip
def test_refusals_name_the_request(paper: Paper, request_: Any, message: str) -> None:
    said = paper.do(request_)
    assert said.status == 400
    assert said.body["error"]["message"].startswith(message), said.body["error"]["message"]


# --- 3: write control
def test_a_required_revision_must_be_the_newest(paper: Paper) -> None:
    first = paper.read()["revisionId"]
    said = paper.insert("a")
    assert said.body["writeControl"]["requiredRevisionId"] == paper.read()["revisionId"] != first
    late = {"insertText": {"location": {"index": 1}, "text": "b"}}
    refused = paper.do(late, writeControl={"requiredRevisionId": first})
    assert refused.status == 400
    assert paper.text() == "a\n"
    merged = paper.do(
        {"insertText": {"location": {"index": 1}, "text": "b"}},
        writeControl={"targetRevisionId": first},
    )
    assert merged.status == 200
    assert sorted(paper.text()) == ["\n", "a", "b"]


# --- 4: tabs and views
def test_tabs_or_the_older_body(paper: Paper) -> None:
    paper.insert("hello")
    old = paper.read()
    assert "tabs" not in old
    new = paper.read(includeTabsContent="true")
    assert "body" not in new
    tab = new["tabs"][0]
    assert tab["documentTab"]["body"]["content"][1]["paragraph"]
    assert tab["tabProperties"]["tabId"] == "t.0"
    added = paper.do({"addDocumentTab": {"tabProperties": {"title": "Second"}}})
    assert added.status == 200
    titles = [t["tabProperties"]["title"] for t in paper.read(includeTabsContent="true")["tabs"]]
    assert titles[1] == "Second"
    other = added.body["replies"][0]["addDocumentTab"]["tabProperties"]["tabId"]
    where = {"tabId": other, "index": 1}
    assert paper.do({"insertText": {"location": where, "text": "there"}}).status == 200
    assert paper.text() == "hello\n"
    view = paper.read(suggestionsViewMode="PREVIEW_WITHOUT_SUGGESTIONS")
    assert view["suggestionsViewMode"] == "PREVIEW_WITHOUT_SUGGESTIONS"
    assert paper.call("GET", f"{PAPER}/{paper.id}", suggestionsViewMode="NO").status == 400


# --- 5: styles
def test_styles_are_inherited_masked_and_have_defaults(paper: Paper) -> None:
    document = paper.read()
    named = {row["namedStyleType"] for row in document["namedStyles"]["styles"]}
    assert {"NORMAL_TEXT", "TITLE", "SUBTITLE", "HEADING_1", "HEADING_6"} <= named
    assert document["documentStyle"]["pageSize"]["width"] == {"magnitude": 612, "unit": "PT"}
    paper.insert("abcdef\nsecond\n")
    span = {"startIndex": 1, "endIndex": 4}
    paper.do({"updateTextStyle": {"range": span, "textStyle": {"bold": True, "italic": True},
                                  "fields": "bold"}})  # fmt: skip
    runs = [e["textRun"] for e in paper.paragraphs()[0]["paragraph"]["elements"]]
    assert [(run["content"], run["textStyle"]) for run in runs] == [
        ("abc", {"bold": True}), ("def\n", {}),
    ]  # fmt: skip
    paper.insert("X", 3)
    assert paper.paragraphs()[0]["paragraph"]["elements"][0]["textRun"]["content"] == "abXc"
    paper.do({"updateParagraphStyle": {
        "range": {"startIndex": 1, "endIndex": 2}, "fields": "namedStyleType",
        "paragraphStyle": {"namedStyleType": "HEADING_1"}}})  # fmt: skip
    style = paper.paragraphs()[0]["paragraph"]["paragraphStyle"]
    assert style["namedStyleType"] == "HEADING_1"
    assert style["headingId"].startswith("h.")


# --- 6: replacing, named ranges, bullets
def test_named_ranges_and_nested_bullets(paper: Paper) -> None:
    paper.insert("top\n\tinner\n\t\tdeepest\nlast\n")
    span = {"startIndex": 1, "endIndex": 23}
    paper.do({"createParagraphBullets": {
        "range": span, "bulletPreset": "BULLET_DISC_CIRCLE_SQUARE"}})  # fmt: skip
    bullets = [row["paragraph"].get("bullet") for row in paper.paragraphs()]
    assert [(b or {}).get("nestingLevel", 0) for b in bullets[:4]] == [0, 1, 2, 0]
    assert paper.text() == "top\ninner\ndeepest\nlast\n\n"  # the tabs are gone
    ids = {b["listId"] for b in bullets[:3] if b}
    assert len(ids) == 1
    assert ids <= set(paper.read()["lists"])
    made = paper.do({"createNamedRange": {
        "name": "place", "range": {"startIndex": 1, "endIndex": 4}}})  # fmt: skip
    key = made.body["replies"][0]["createNamedRange"]["namedRangeId"]
    paper.insert(">> ")
    found = paper.read()["namedRanges"]["place"]["namedRanges"][0]
    assert (found["namedRangeId"], found["ranges"]) == (key, [{"startIndex": 4, "endIndex": 7}])
    paper.do({"replaceNamedRangeContent": {"namedRangeName": "place", "text": "TOP"}})
    assert paper.text().startswith(">> TOP\n")
    paper.do({"deleteNamedRange": {"name": "place"}})
    assert "namedRanges" not in paper.read()
    paper.do({"deleteParagraphBullets": {"range": {"startIndex": 1, "endIndex": 4}}})
    assert "bullet" not in paper.paragraphs()[0]["paragraph"]


# --- all of Google: credentials, masks, parameters (see test_oauth and test_clients for more)
def test_what_all_services_share(paper: Paper) -> None:
    world = paper.call.universe, paper.call.world
    none = Caller(*world, "docs", "wrong")("GET", f"{PAPER}/{paper.id}")
    assert (none.status, none.body["error"]["status"]) == (401, "UNAUTHENTICATED")
    assert none.headers["www-authenticate"].startswith(
        'Bearer realm="https://accounts.google.com/"'
    )
    assert set(paper.read(fields="title")) == {"title"}
    bad = paper.call("GET", f"{PAPER}/{paper.id}", fields="nothing")
    assert bad.status == 400
    assert paper.call("GET", f"{PAPER}/{paper.id}", prettyPrint="false", alt="json").status == 200
    wrong = paper.call("GET", f"{PAPER}/{paper.id}", nosuch="1")
    assert wrong.status == 400
    assert 'Unknown name "nosuch"' in wrong.body["error"]["message"]
    drive = Caller(*world, "drive")
    about = drive("GET", "/drive/v3/about", fields="user(emailAddress)")
    assert about.body["user"]["emailAddress"]
    info = drive("GET", "/oauth2/v3/tokeninfo",
                 access_token=paper.call.universe.tokens(paper.call.world)["drive"])  # fmt: skip
    assert info.status == 200
    assert info.body["scope"]
