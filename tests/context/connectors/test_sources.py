"""Documents, designs, analytics and errors over loopback HTTP, responses as documented.

Sources: developers.notion.com, developer.atlassian.com/cloud/confluence, developers.figma.com,
posthog.com/docs/api, plausible.io/docs/stats-api, amplitude.com/docs/apis, docs.sentry.io/api,
docs.rollbar.com, core.telegram.org/bots/api, storybook.js.org (read 2026-03).
"""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.context.served import Answer, Asked, serving

from unlit.context.changes import Comment, Create, Delete, Transition
from unlit.context.connectors.amplitude import Amplitude
from unlit.context.connectors.confluence import Confluence
from unlit.context.connectors.design_tokens import DesignTokens, flatten
from unlit.context.connectors.figma import Figma
from unlit.context.connectors.notion import Notion
from unlit.context.connectors.plausible import Plausible
from unlit.context.connectors.posthog import PostHog
from unlit.context.connectors.rollbar import Rollbar
from unlit.context.connectors.sentry import Sentry
from unlit.context.connectors.storybook import Storybook
from unlit.context.connectors.telegram import Telegram
from unlit.core.clock import FakeClock
from unlit.core.errors import UnlitError


def _table(found: dict[str, Any]) -> Any:
    def answer(asked: Asked) -> Answer:
        return (200, found[asked.path]) if asked.path in found else (404, {"message": "no"})

    return answer


def _text(words: str) -> list[dict[str, str]]:
    return [{"plain_text": words}]


def test_notion_blocks_become_markdown(tmp_path: Path) -> None:
    page = {
        "object": "page",
        "id": "p1",
        "last_edited_time": "2026-01-02T03:04:00.000Z",
        "properties": {"Name": {"type": "title", "title": _text("Access policy")}},
    }
    blocks = [
        {"id": "b1", "type": "heading_2", "heading_2": {"rich_text": _text("Why")}},
        {"id": "b2", "type": "to_do", "to_do": {"rich_text": _text("Ask"), "checked": True}},
        {
            "id": "b3",
            "type": "bulleted_list_item",
            "has_children": True,
            "bulleted_list_item": {"rich_text": _text("outer")},
        },
    ]
    inner = [{"id": "b4", "type": "paragraph", "paragraph": {"rich_text": _text("inner")}}]
    found = {
        "/search": {"results": [page], "has_more": False, "next_cursor": None},
        "/pages/p1": page,
        "/blocks/p1/children": {"results": blocks, "has_more": False},
        "/blocks/b3/children": {"results": inner, "has_more": False},
    }
    with serving(tmp_path, _table(found), "/v1") as served:
        notion = Notion(served.api, FakeClock())
        (ref,) = notion.search("access")
        item = notion.fetch(ref)
    assert item is not None
    assert item.title == "Access policy"
    assert item.body == "## Why\n- [x] Ask\n- outer\n  inner"


def test_confluence_pages_are_read_from_their_document(tmp_path: Path) -> None:
    document = {
        "type": "doc",
        "content": [{"type": "paragraph", "content": [{"type": "text", "text": "Ninety days."}]}],
    }
    found = {
        "/wiki/rest/api/search": {"results": [{"content": {"id": "77"}}], "_links": {}},
        "/wiki/api/v2/pages/77": {
            "id": "77",
            "title": "Policy",
            "status": "current",
            "version": {"number": 4, "createdAt": "2026-01-02T03:04:05.000Z"},
            "body": {"atlas_doc_format": {"value": json.dumps(document)}},
            "_links": {"webui": "/spaces/SEC/pages/77"},
        },
    }
    with serving(tmp_path, _table(found)) as served:
        confluence = Confluence(served.api, FakeClock(), project="SEC")
        (ref,) = confluence.search('say "ninety"')
        item = confluence.fetch(ref)
        assert served.asked[0].query["cql"].startswith('type = page and space = "SEC" and text ~')
    assert item is not None
    assert (item.body, item.revision) == ("Ninety days.", "4")


def test_figma_frames_texts_and_components(tmp_path: Path) -> None:
    box = {"width": 390.0, "height": 844.0}
    text = {"type": "TEXT", "name": "t", "characters": "Approve"}
    frame = {"type": "FRAME", "name": "Gate", "absoluteBoundingBox": box, "children": [text]}
    canvas = {"type": "CANVAS", "name": "Page", "children": [frame]}
    early = {"id": "1", "message": "too wide", "created_at": "2026-01-01T00:00:00Z"}
    late = {**early, "id": "2", "message": "done", "created_at": "2026-01-02T00:00:00Z"}
    found = {
        "/v1/projects/5/files": {"files": [{"key": "abc", "name": "Console"}]},
        "/v1/files/abc": {
            "name": "Console",
            "version": "9",
            "document": {"type": "DOCUMENT", "children": [canvas]},
            "components": {"1:2": {"name": "Button", "description": ""}},
        },
        "/v1/files/abc/comments": {"comments": [late, early]},
    }
    with serving(tmp_path, _table(found)) as served:
        figma = Figma(served.api, FakeClock(), project="5")
        (ref,) = figma.search("console")
        item = figma.fetch(ref)
        assert [one.body for one in figma.comments(ref)] == ["too wide", "done"]
    assert item is not None
    assert "- frame Gate 390×844" in item.body
    assert "“Approve”" in item.body
    assert "- Button: no description" in item.body


def test_posthog_insights_carry_their_numbers(tmp_path: Path) -> None:
    insight = {
        "id": 3,
        "short_id": "s3",
        "name": "Reviews",
        "description": "per day",
        "result": [{"label": "done", "labels": ["1 Mar", "2 Mar"], "data": [4, 5]}],
    }
    root = "/api/projects/1/insights/"
    found = {root: {"results": [insight], "next": None}, f"{root}3/": insight}
    with serving(tmp_path, _table(found)) as served:
        posthog = PostHog(served.api, FakeClock(), project="1")
        (ref,) = posthog.search("")
        item = posthog.fetch(ref)
    assert item is not None
    assert "| 2 Mar | 5 |" in item.body


def test_plausible_reports(tmp_path: Path) -> None:
    answer = {"results": [{"dimensions": ["2026-03-01"], "metrics": [12, 30]}]}
    with serving(tmp_path, _table({"/api/v2/query": answer})) as served:
        plausible = Plausible(served.api, FakeClock(), project="unlit.example")
        (ref,) = plausible.search("day")
        item = plausible.fetch(ref)
        assert served.asked[0].body["site_id"] == "unlit.example"
    assert item is not None
    assert "| 2026-03-01 | 12 | 30 |" in item.body


def test_amplitude_events(tmp_path: Path) -> None:
    found = {
        "/api/2/taxonomy/event": {"success": True, "data": [{"event_type": "approve"}]},
        "/api/2/taxonomy/event/approve": {"data": {"description": "A person approves."}},
        "/api/2/events/segmentation": {"data": {"series": [[3]], "xValues": ["2026-03-01"]}},
    }
    with serving(tmp_path, _table(found)) as served:
        amplitude = Amplitude(served.api, FakeClock())
        (ref,) = amplitude.search("appr")
        item = amplitude.fetch(ref)
    assert item is not None
    assert "A person approves." in item.body
    assert "| 2026-03-01 | 3 |" in item.body


def test_sentry_errors_carry_the_latest_stack(tmp_path: Path) -> None:
    group = {
        "id": "42",
        "title": "KeyError: 'group'",
        "culprit": "review in run",
        "count": "9",
        "userCount": 2,
        "firstSeen": "2026-01-01T00:00:00Z",
        "lastSeen": "2026-01-02T00:00:00Z",
        "status": "unresolved",
    }
    frame = {"filename": "run.py", "lineNo": 7, "function": "review"}
    value = {"type": "KeyError", "value": "'group'", "stacktrace": {"frames": [frame]}}
    found = {
        "/projects/acme/app/issues/": [group],
        "/issues/42/": group,
        "/issues/42/events/latest/": {
            "entries": [{"type": "exception", "data": {"values": [value]}}]
        },
    }
    with serving(tmp_path, _table(found), "/api/0") as served:
        sentry = Sentry(served.api, FakeClock(), project="acme/app")
        (ref,) = sentry.search("")
        item = sentry.fetch(ref)
        sentry.apply(Transition(ref, "resolved"))
        assert served.asked[-1].body == {"status": "resolved"}
        with pytest.raises(UnlitError) as caught:
            sentry.apply(Transition(ref, "gone"))
    assert item is not None
    assert "run.py:7 in review" in item.body
    assert caught.value.code == "CTX-213"


def test_rollbar_errors(tmp_path: Path) -> None:
    item_row = {"id": 5, "title": "boom", "status": "active", "total_occurrences": 3}
    frame = {"filename": "a.py", "lineno": 1, "method": "f"}
    trace = {"exception": {"class": "ValueError", "message": "x"}, "frames": [frame]}

    def answer(asked: Asked) -> Answer:
        if asked.path == "/items/":
            items = [item_row] if asked.query["page"] == "1" else []
            return 200, {"err": 0, "result": {"items": items}}
        found = {
            "/item/5": {"err": 0, "result": item_row},
            "/item/5/instances/": {
                "err": 0,
                "result": {"instances": [{"data": {"body": {"trace": trace}}}]},
            },
        }
        return (200, found[asked.path]) if asked.path in found else (404, {"err": 1})

    with serving(tmp_path, answer, "/api/1") as served:
        rollbar = Rollbar(served.api, FakeClock())
        (ref,) = rollbar.search("")
        item = rollbar.fetch(ref)
        rollbar.apply(Transition(ref, "resolved"))
        asked = served.asked[-1]
        assert (asked.method, asked.body) == ("PATCH", {"status": "resolved"})
    assert item is not None
    assert "a.py:1 in f" in item.body


def test_telegram_reads_one_chat_and_answers_it(tmp_path: Path) -> None:
    def message(chat: int, number: int, text: str) -> dict[str, Any]:
        sender = {"username": "ada"}
        return {"message_id": number, "chat": {"id": chat}, "from": sender, "text": text, "date": 1}

    updates = [{"message": message(1, 10, "please review")}, {"message": message(2, 11, "other")}]
    found = {
        "/getUpdates": {"ok": True, "result": updates},
        "/sendMessage": {"ok": True, "result": {"message_id": 12}},
    }
    with serving(tmp_path, _table(found), "/bot-placeholder") as served:
        telegram = Telegram(served.api, FakeClock(), project="1")
        (ref,) = telegram.search("review")
        item = telegram.fetch(ref)
        assert telegram.apply(Comment(ref, "done")).key == "12"
        assert telegram.apply(Create("", "hello")).key == "12"
        assert served.asked[-2].body["reply_parameters"] == {"message_id": 10}
        with pytest.raises(UnlitError):
            telegram.apply(Delete(ref))
    assert item is not None
    assert item.people == ("ada",)


def test_storybook_components(tmp_path: Path) -> None:
    entries = {
        "gate--open": {"id": "gate--open", "title": "Gate", "name": "Open", "type": "story"},
        "gate--shut": {"id": "gate--shut", "title": "Gate", "name": "Shut", "type": "story"},
    }
    with serving(tmp_path, _table({"/index.json": {"v": 5, "entries": entries}})) as served:
        book = Storybook(served.api, FakeClock())
        (ref,) = book.search("gate")
        item = book.fetch(ref)
        assert book.owns(f"{served.api.base_url}/?path=/story/gate--shut") == ref
    assert item is not None
    assert item.body.count("(story)") == 2


def test_design_tokens_inherit_types_and_resolve_aliases(tmp_path: Path) -> None:
    tree = {
        "colour": {
            "$type": "color",
            "ink": {"$value": "#111"},
            "text": {"$value": "{colour.ink}", "$description": "running text"},
        },
        "space": {"s": {"$type": "dimension", "$value": {"value": 4, "unit": "px"}}},
    }
    (tmp_path / "brand.tokens.json").write_text(json.dumps(tree))
    tokens = DesignTokens(tmp_path, FakeClock())
    (ref,) = tokens.search("brand")
    item = tokens.fetch(ref)
    assert item is not None
    assert "| colour.text | color | #111 | running text |" in item.body
    assert "| space.s | dimension | 4px |" in item.body


def test_an_alias_that_leads_to_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="itself"):
        flatten({"a": {"$value": "{b}"}, "b": {"$value": "{a}"}})
