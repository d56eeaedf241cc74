"""What every connector says when its source misbehaves: one clear sentence, nothing written."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from tests.context.contract import load
from tests.context.served import Answer, Asked, Served, serving

from unlit.context.adapters.index import Index
from unlit.context.changes import Transition
from unlit.context.library import Library
from unlit.context.model import Ref
from unlit.context.ports import Connector, Tracker
from unlit.context.registry import CONNECTORS, connector_class
from unlit.core.clock import FakeClock
from unlit.core.errors import UnlitError

PROJECTS = {
    "azure": "App",
    "bugsink": "1",
    "clickup": "l1",
    "confluence": "SEC",
    "figma": "5",
    "github": "acme/app",
    "gitlab": "group/app",
    "jira": "SEC",
    "linear": "ENG",
    "plausible": "unlit.example",
    "posthog": "1",
    "sentry": "acme/app",
    "slack": "C0000000001",
    "telegram": "7",
}
Answering = Callable[[Asked], Answer]
WORDS = "the-source's-own-words"
KINDS = sorted(CONNECTORS)


@contextmanager
def _opened(
    tmp_path: Path, kind: str, answer: Callable[[Asked], Answer]
) -> Iterator[tuple[Served, Connector]]:
    with serving(tmp_path, answer, name=kind) as served:
        made = connector_class(kind)(
            served.api, FakeClock(), name=kind, project=PROJECTS.get(kind, "")
        )
        yield served, made


def _read(connector: Connector) -> None:
    """Do what needs the network: some list from their own head and read then."""
    for ref in connector.search(""):
        connector.fetch(ref)


def _refused(
    tmp_path: Path, kind: str, answer: Callable[[Asked], Answer]
) -> tuple[UnlitError, Served]:
    with (
        _opened(tmp_path, kind, answer) as (served, connector),
        pytest.raises(UnlitError) as caught,
    ):
        _read(connector)
    return caught.value, served


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("status", "code"), [(401, "CTX-201"), (403, "CTX-202"), (500, "CTX-206")])
def test_a_refusal_is_told_in_the_sources_own_words(
    tmp_path: Path, kind: str, status: int, code: str
) -> None:
    error, _ = _refused(tmp_path, kind, lambda asked: (status, {"message": WORDS}))
    assert error.code == code
    assert WORDS in error.what
    assert kind in error.what


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "body",
    [
        {"err": WORDS, "ECODE": "OAUTH_017"},  # ClickUp
        {"err": 1, "message": WORDS},  # Rollbar
        {"error": {"message": WORDS, "type": "x"}},  # Linear and others
        {"errors": [{"detail": WORDS, "title": "x"}]},  # Confluence
        {"detail": WORDS},  # Sentry, PostHog
        {"description": WORDS, "ok": False},  # Telegram
        {"status": 403, "err": WORDS},  # Figma
    ],
)
def test_the_words_are_found_wherever_a_vendor_puts_them(
    tmp_path: Path, kind: str, body: dict[str, Any]
) -> None:
    error, _ = _refused(tmp_path, kind, lambda asked: (400, body))
    assert WORDS in error.what


@pytest.mark.parametrize("kind", KINDS)
def test_rate_limiting_is_waited_for_and_then_told(tmp_path: Path, kind: str) -> None:
    def always(asked: Asked) -> Answer:
        return 429, {"message": WORDS}, {"retry-after": "1"}

    error, served = _refused(tmp_path, kind, always)
    assert error.code == "CTX-203"
    assert WORDS in error.what
    assert len(served.asked) == 4


@pytest.mark.parametrize("kind", KINDS)
def test_html_instead_of_json_is_named(tmp_path: Path, kind: str) -> None:
    error, _ = _refused(tmp_path, kind, lambda asked: (200, b"<html><title>Sign in</title>"))
    assert error.code == "CTX-204"
    assert "HTML" in error.what


@pytest.mark.parametrize("kind", KINDS)
def test_half_an_answer_is_named(tmp_path: Path, kind: str) -> None:
    error, _ = _refused(tmp_path, kind, lambda asked: (200, b'{"results": [{"id": 1}, {"na'))
    assert error.code == "CTX-204"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("answer", [{"renamed": []}, [{"renamed": 1}], {"data": {"renamed": 1}}, 7])
def test_a_renamed_field_is_named_and_not_taken_for_nothing(
    tmp_path: Path, kind: str, answer: Any
) -> None:
    error, _ = _refused(tmp_path, kind, lambda asked: (200, answer))
    assert error.code in ("CTX-205", "CTX-207")
    assert kind in error.what


@pytest.mark.parametrize("kind", KINDS)
def test_fifty_megabytes_are_not_read_into_memory(tmp_path: Path, kind: str) -> None:
    big = b'{"text": "' + b"x" * (50 * 1024 * 1024) + b'"}'
    error, _ = _refused(tmp_path, kind, lambda asked: (200, big))
    assert error.code == "CTX-209"
    assert "16 MB" in error.what


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_deleted_is_told_and_leaves_the_index(tmp_path: Path, kind: str) -> None:
    def gone(asked: Asked) -> Answer:
        if kind == "linear":
            return 200, {"data": None, "errors": [{"message": "Entity not found: Issue"}]}
        if kind == "mcp":
            number = (asked.body or {}).get("id")
            if (asked.body or {}).get("method") == "initialize":
                return 200, {"id": number, "result": {"protocolVersion": "2025-06-18"}}
            error = {"code": -32002, "message": "Resource not found"}
            return 200, {"jsonrpc": "2.0", "id": number, "error": error}
        if kind == "slack":
            return 200, {"ok": False, "error": "thread_not_found"}
        if kind == "telegram":
            return 200, {"ok": True, "result": []}
        if kind == "storybook":
            return 200, {"v": 5, "entries": {}}
        return 404, {"message": "gone"}

    with _opened(tmp_path, kind, gone) as (_, connector):
        library = Library({kind: connector}, Index(Path(":memory:")))
        with pytest.raises(UnlitError) as caught:
            library.read(Ref(kind, connector.kind, "1"))
    assert caught.value.code == "CTX-312"


@pytest.mark.parametrize(
    "kind", [k for k in KINDS if Transition in getattr(connector_class(k), "writes", ())]
)
def test_a_state_that_does_not_exist_is_refused_before_anything_is_written(
    tmp_path: Path, kind: str
) -> None:
    empty: dict[str, Any] = {
        "azure": {"fields": {"System.WorkItemType": "Bug"}, "value": [{"name": "New"}], "id": 1},
        "clickup": {"statuses": [{"status": "open"}]},
        "jira": {"transitions": []},
        "linear": {"data": {"workflowStates": {"nodes": []}}},
        "roundup": {"data": {"collection": [{"id": 1, "name": "unread", "order": "1"}]}},
        "shortcut": [{"states": [{"id": 1, "name": "Ready"}]}],
    }
    with (
        _opened(tmp_path, kind, lambda asked: (200, empty.get(kind, {}))) as (served, connector),
        pytest.raises(UnlitError) as caught,
    ):
        cast("Tracker", connector).apply(Transition(Ref(kind, connector.kind, "1"), "Frozen"))
    assert caught.value.code in ("CTX-211", "CTX-213")
    queries = [one for one in served.asked if "mutation" not in str(one.body)]
    assert [one.method for one in served.asked if one.method != "GET" and one not in queries] == []


def test_each_http_connector_without_a_twin_or_a_server_has_a_contract() -> None:
    others = {"bugsink", "docs", "github", "jira", "mcp", "roundup", "slack"}
    for kind in set(KINDS) - others:
        assert load(kind).raw["source"]
