"""Documents, designs, analytics and errors over loopback HTTP, responses as documented.

Sources: developers.notion.com, developer.atlassian.com/cloud/confluence, developers.figma.com,
posthog.com/docs/api, plausible.io/docs/stats-api, amplitude.com/docs/apis, docs.sentry.io/api,
docs.rollbar.com, core.telegram.org/bots/api, storybook.js.org (read 2026-03).
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.context.served import Answer, Asked, serving

from unlit.context.changes import Assign, Comment, Create, Delete, Edit, Transition
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
from unlit.context.model import Ref
from unlit.core.clock import FakeClock
from unlit.core.errors import UnlitError


def _table(found: dict[str, Any]) -> Callable[[Asked], Answer]:
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
        "/comments": {
            "results": [{"id": "c1", "rich_text": _text("why?"), "created_by": {"id": "u1"}}]
        },
        "/users": {"results": [{"id": "u1", "type": "person", "name": "Ada"}]},
        "/databases/d1": {"properties": {"Name": {"type": "title"}}},
    }
    made = {"POST": {"id": "p2"}, "PATCH": {"id": "p1"}}
    databases = {"results": [{"id": "d1", "title": _text("Policies")}], "has_more": False}

    def answer(asked: Asked) -> Answer:
        if asked.path == "/search" and asked.body["filter"]["value"] == "database":
            return 200, databases
        if asked.method == "GET" or asked.path == "/search":
            return _table(found)(asked)
        return 200, made[asked.method]

    with serving(tmp_path, answer, contract="notion") as served:
        notion = Notion(served.api, FakeClock())
        (ref,) = notion.search("access")
        item = notion.fetch(ref)
        assert [(one.body, one.people) for one in notion.comments(ref)] == [("why?", ("u1",))]
        assert [one.name for one in notion.places()] == ["Policies"]
        assert [one.name for one in notion.people()] == ["Ada"]
        before = len(served.asked)
        assert notion.apply(Create("d1", "New", "one\n\ntwo")).key == "p2"
        notion.apply(Create("", "Below", parent="p1"))
        for change in (Edit(ref, title="Old", body="more"), Comment(ref, "hm"), Delete(ref)):
            notion.apply(change)
        sent = [one for one in served.asked[before:] if one.method != "GET"]
        assert sent[0].body["properties"]["Name"]["title"][0]["text"] == {"content": "New"}
        assert len(sent[0].body["children"]) == 2
        assert sent[1].body["parent"] == {"page_id": "p1"}
        assert [one.path for one in sent[2:]] == [
            "/pages/p1",
            "/blocks/p1/children",
            "/comments",
            "/pages/p1",
        ]
        assert sent[-1].body == {"archived": True}
        with pytest.raises(UnlitError, match="where the page should lie"):
            notion.apply(Create("", "Nowhere"))
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
        "/wiki/api/v2/pages/77/footer-comments": {
            "results": [
                {
                    "id": "1",
                    "version": {"number": 1, "authorId": "u1"},
                    "body": {"atlas_doc_format": {"value": json.dumps(document)}},
                }
            ],
            "_links": {},
        },
        "/wiki/api/v2/spaces": {"results": [{"id": "9", "key": "SEC", "name": "Security"}]},
    }

    def answer(asked: Asked) -> Answer:
        return _table(found)(asked) if asked.method == "GET" else (200, {"id": "78"})

    with serving(tmp_path, answer, contract="confluence") as served:
        confluence = Confluence(served.api, FakeClock(), project="SEC")
        (ref,) = confluence.search('say "ninety"')
        item = confluence.fetch(ref)
        assert [one.body for one in confluence.comments(ref)] == ["Ninety days."]
        assert [one.key for one in confluence.places()] == ["SEC"]
        assert confluence.apply(Create("", "New", "Some *text*.")).key == "78"
        assert served.asked[-1].body["spaceId"] == "9"
        confluence.apply(Edit(ref, title="Rules"))
        assert served.asked[-1].body["version"] == {"number": 5}
        assert json.loads(served.asked[-1].body["body"]["value"]) == document
        for change in (Comment(ref, "hm"), Delete(ref)):
            confluence.apply(change)
        with pytest.raises(UnlitError, match="no state"):
            confluence.apply(Transition(ref, "done"))
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
        "/v1/teams/3/projects": {"projects": [{"id": "5", "name": "Console"}]},
        "/v1/files/abc/nodes": {"name": "Console", "nodes": {"1:2": {"document": frame}}},
        "/v1/images/abc": {"images": {"1:2": "https://figma.example/1.png"}},
    }
    with serving(tmp_path, _table(found), contract="figma") as served:
        figma = Figma(served.api, FakeClock(), project="5")
        (ref,) = figma.search("console")
        item = figma.fetch(ref)
        assert [one.body for one in figma.comments(ref)] == ["too wide", "done"]
        whole = Figma(served.api, FakeClock(), project="team:3")
        assert [one.name for one in whole.places()] == ["Console"]
        assert list(whole.search("")) == [ref]
        node = figma.owns("https://www.figma.com/design/abc/Console?node-id=1-2&t=x")
        assert node is not None
        part = figma.fetch(node)
        assert part is not None
        assert (part.title, part.links[0].relation) == ("Console: Gate", "picture")
        figma.apply(Comment(node, "narrower"))
        assert served.asked[-1].body["client_meta"]["node_id"] == "1:2"
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
    with serving(tmp_path, _table(found), contract="posthog") as served:
        posthog = PostHog(served.api, FakeClock(), project="1")
        (ref,) = posthog.search("")
        item = posthog.fetch(ref)
    assert item is not None
    assert "| 2 Mar | 5 |" in item.body


def test_plausible_reports(tmp_path: Path) -> None:
    answer = {"results": [{"dimensions": ["2026-03-01"], "metrics": [12, 30]}]}
    with serving(tmp_path, _table({"/api/v2/query": answer}), contract="plausible") as served:
        plausible = Plausible(served.api, FakeClock(), project="unlit.example")
        (ref,) = plausible.search("day")
        item = plausible.fetch(ref)
        assert served.asked[0].body["site_id"] == "unlit.example"
    assert item is not None
    assert "| 2026-03-01 | 12 | 30 |" in item.body


def test_amplitude_events_funnels_retention_users_and_cohorts(tmp_path: Path) -> None:
    found = {
        "/api/2/taxonomy/event": {"success": True, "data": [{"event_type": "Play Song"}]},
        "/api/2/taxonomy/event/Play%20Song": {"data": {"description": "A person plays."}},
        "/api/2/taxonomy/user-property": {"data": [{"user_property": "gp:plan"}]},
        "/api/2/taxonomy/user-property/gp%3Aplan": {"data": {"type": "string"}},
        "/api/2/events/segmentation": {"data": {"series": [[3]], "xValues": ["2026-03-01"]}},
        "/api/2/funnels": {"data": [{"cumulativeRaw": [90, 30]}]},
        "/api/2/retention": {
            "data": {"series": [{"combined": [{"count": 9, "outof": 9}, {"count": 4, "outof": 9}]}]}
        },
        "/api/2/usersearch": {"matches": [{"amplitude_id": 12345, "user_id": "ada"}]},
        "/api/2/useractivity": {
            "events": [{"event_type": "Play Song", "event_time": "2026-03-01 01:02:03"}],
            "userData": {"num_events": 7, "first_used": "2026-01-01"},
        },
        "/api/3/cohorts": {
            "cohorts": [{"id": "c1", "name": "New", "size": 12, "lastComputed": 1767323045}]
        },
    }
    with serving(tmp_path, _table(found), contract="amplitude") as served:
        amplitude = Amplitude(served.api, FakeClock())
        read = {}
        for ref in [
            *amplitude.search(""),
            *(amplitude.owns(text) for text in ("funnel:A>B", "retention:A>B", "user:ada")),
        ]:
            assert ref is not None
            item = amplitude.fetch(ref)
            assert item is not None
            read[ref.kind] = item.body
    assert "A person plays." in read["event"]
    assert "| 2026-03-01 | 3 |" in read["event"]
    assert "Type: string" in read["property"]
    assert "New: 12 users, computed 2026-01-02" in read["cohort"]
    assert "| B | 30 |" in read["funnel"]
    assert "| 1 | 4 | 9 |" in read["retention"]
    assert "7 events since 2026-01-01" in read["user"]


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
        "/organizations/acme/issues/": [group],
        "/organizations/acme/issues/42/": group,
        "/organizations/acme/projects/": [{"slug": "app", "name": "App"}],
        "/organizations/acme/issues/42/events/latest/": {
            "entries": [{"type": "exception", "data": {"values": [value]}}]
        },
    }
    with serving(tmp_path, _table(found), contract="sentry") as served:
        sentry = Sentry(served.api, FakeClock(), project="acme/app")
        (ref,) = sentry.search("")
        item = sentry.fetch(ref)
        sentry.apply(Transition(ref, "resolved"))
        assert served.asked[0].query["query"] == "project:app is:unresolved"
        assert served.asked[-1].body == {"status": "resolved"}
        sentry.apply(Assign(ref, "ada@example.com"))
        assert served.asked[-1].body == {"assignedTo": "ada@example.com"}
        sentry.apply(Delete(ref))
        assert served.asked[-1].method == "DELETE"
        assert [one.key for one in sentry.places()] == ["acme/app"]
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

    with serving(tmp_path, answer, contract="rollbar") as served:
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

    updates = [
        {"update_id": 700, "message": message(1, 10, "please review")},
        {"update_id": 701, "message": message(2, 11, "other")},
    ]
    found = {
        "/getUpdates": {"ok": True, "result": updates},
        "/sendMessage": {"ok": True, "result": {"message_id": 12}},
    }
    with serving(tmp_path, _table(found), contract="telegram") as served:
        telegram = Telegram(served.api, FakeClock(), project="1")
        (ref,) = telegram.search("review")
        item = telegram.fetch(ref)
        assert telegram.apply(Comment(ref, "done")).key == "12"
        assert telegram.apply(Create("", "hello")).key == "12"
        assert served.asked[-2].body["reply_parameters"] == {"message_id": 10}
        with pytest.raises(UnlitError):
            telegram.apply(Delete(ref))
        assert telegram.statuses(ref) == ("read",)
        telegram.apply(Transition(ref, "read"))
        assert served.asked[-1].query["offset"] == "701"
    assert item is not None
    assert item.people == ("ada",)


def test_storybook_components(tmp_path: Path) -> None:
    entries = {
        "gate--open": {"id": "gate--open", "title": "Gate", "name": "Open", "type": "story"},
        "gate--shut": {"id": "gate--shut", "title": "Gate", "name": "Shut", "type": "story"},
    }
    with serving(
        tmp_path, _table({"/index.json": {"v": 5, "entries": entries}}), contract="storybook"
    ) as served:
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


def test_an_alias_is_found_in_another_file_and_themes_that_disagree_are_all_shown(
    tmp_path: Path,
) -> None:
    def token(value: Any) -> dict[str, Any]:
        return {"$type": "color", "$value": value}

    for name, tree in {
        "base/palette.tokens.json": {"red": {"500": token("#e00")}, "ink": token("{red.500}")},
        "theme/light.tokens.json": {"canvas": token("#fff")},
        "theme/dark.tokens.json": {"canvas": token("#000")},
        "broken.tokens.json": "not a tree",
        "app.tokens.json": {
            "danger": token("{ink}"),
            "page": token("{canvas}"),
            "edge": {"$type": "border", "$value": {"color": "{red.500}", "width": "1px"}},
            "vendor": token("{from.a.package}"),
        },
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps(tree))
    tokens = DesignTokens(tmp_path, FakeClock())
    item = tokens.fetch(Ref("tokens", "tokens", "app.tokens.json"))
    assert item is not None
    assert "| danger | color | #e00 |" in item.body
    assert "| page | color | #000 or #fff |" in item.body
    assert '| edge | border | {"color": "#e00", "width": "1px"} |' in item.body
    assert "| vendor | color | {from.a.package} |" in item.body
    with pytest.raises(UnlitError, match="no object"):
        tokens.fetch(Ref("tokens", "tokens", "broken.tokens.json"))


def test_an_alias_that_leads_to_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="itself"):
        flatten({"a": {"$value": "{b}"}, "b": {"$value": "{a}"}})


MODULES = Path(os.environ.get("UNLIT_NODE_MODULES", "node_modules")).absolute()
PRIMER = MODULES / "@primer/primitives/dist/styleLint/functional"


@pytest.mark.skipif(not PRIMER.exists(), reason="@primer/primitives (just node-clients)")
def test_the_build_of_a_real_design_system_is_read(tmp_path: Path) -> None:
    built = sorted(PRIMER.rglob("*.json"))
    assert built
    for number, path in enumerate(built):
        (tmp_path / f"{number}-{path.stem}.tokens.json").write_bytes(path.read_bytes())
    tokens = DesignTokens(tmp_path, FakeClock())
    refs = list(tokens.search(""))
    assert len(refs) == len(built)
    (light,) = (ref for ref in refs if ref.key.endswith("-light.tokens.json"))
    item = tokens.fetch(light)
    assert item is not None
    assert "| ansi-black | color | #1f2328 |" in item.body
    assert all(tokens.fetch(ref) is not None for ref in refs)
