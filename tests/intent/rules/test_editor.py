"""An editor hears findings while a person types, and gets the rewrites that are known."""

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from unlit.intent.rules.editor import Session, take

TEXT = Path("src/unlit/wiring/demo_product/base/specs/access-review.md").read_text(encoding="utf-8")
WEAK = TEXT.replace("the tool shall open one Jira issue", "the tool should open one Jira issue")
URI = "file:///specs/a.md"


def opened(text: str) -> tuple[Session, dict[str, Any]]:
    turn = take(
        Session(),
        {"method": "textDocument/didOpen", "params": {"textDocument": {"uri": URI, "text": text}}},
    )
    return turn.session, turn.replies[0]


def test_the_editor_is_told_what_can_be_done_and_says_good_bye() -> None:
    first = take(Session(), {"id": 1, "method": "initialize", "params": {}})
    assert first.replies[0]["result"]["capabilities"]["codeActionProvider"]
    last = take(take(first.session, {"id": 2, "method": "shutdown"}).session, {"method": "exit"})
    assert last.session.is_shut
    assert last.session.is_over


def test_findings_stand_at_their_place_in_the_protocols_terms() -> None:
    _, sent = opened(WEAK)
    assert sent["method"] == "textDocument/publishDiagnostics"
    finding = next(d for d in sent["params"]["diagnostics"] if d["code"] == "INT-301")
    place = finding["range"]
    line = WEAK.split("\n")[place["start"]["line"]]
    assert line[place["start"]["character"] : place["end"]["character"]] == "should"
    assert finding["severity"] == 3


def test_characters_beyond_the_basic_plane_count_twice() -> None:
    _, sent = opened(WEAK.replace("When `access-review", "When 😀 `access-review"))
    finding = next(d for d in sent["params"]["diagnostics"] if d["code"] == "INT-301")
    _, plain = opened(WEAK.replace("When `access-review", "When x `access-review"))
    other = next(d for d in plain["params"]["diagnostics"] if d["code"] == "INT-301")
    start, base = (d["range"]["start"]["character"] for d in (finding, other))
    assert start == base + 1


def test_a_change_replaces_the_text_and_a_broken_form_is_an_error() -> None:
    session, _ = opened(TEXT)
    turn = take(
        session,
        {"method": "textDocument/didChange",
         "params": {"textDocument": {"uri": URI}, "contentChanges": [{"text": "nothing"}]}},
    )  # fmt: skip
    diagnostics = turn.replies[0]["params"]["diagnostics"]
    assert diagnostics[0]["severity"] == 1
    closed = take(
        turn.session, {"method": "textDocument/didClose", "params": {"textDocument": {"uri": URI}}}
    )
    assert closed.session.documents == {}
    assert closed.replies[0]["params"]["diagnostics"] == []


def test_a_quick_fix_is_the_text_with_the_rewrite() -> None:
    session, sent = opened(WEAK)
    finding = next(d for d in sent["params"]["diagnostics"] if d["code"] == "INT-301")
    ask = {
        "id": 3,
        "method": "textDocument/codeAction",
        "params": {"textDocument": {"uri": URI}, "range": finding["range"]},
    }
    action = take(session, ask).replies[0]["result"][0]
    assert action["edit"]["changes"][URI][0]["newText"] == TEXT
    assert take(Session(), ask).replies[0]["result"] == []


def test_an_unknown_request_is_refused_and_an_unknown_notice_ignored() -> None:
    assert take(Session(), {"id": 1, "method": "x/y"}).replies[0]["error"]["code"] == -32601
    assert take(Session(), {"method": "x/y"}).replies == ()
    assert take(Session(), {"method": "textDocument/didOpen", "params": []}).replies == ()


@given(st.text(max_size=200))
def test_no_text_breaks_it(text: str) -> None:
    opened(text)
    opened(WEAK[:300] + text)
