"""Replaying: a perfect twin scores all, a changed one does not, and facts are not credited."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unlit.core.errors import InvalidInput
from unlit.twins.fidelity.compare import compare, key_paths
from unlit.twins.fidelity.mapping import Mapping
from unlit.twins.fidelity.recording import Interaction, read_recordings
from unlit.twins.fidelity.replay import replay, score
from unlit.twins.fidelity.tiers import coverage, table
from unlit.twins.kit.http import Request
from unlit.twins.universe import Universe


def line(order: int, method: str, path: str, sent: Any, status: int, answer: Any) -> dict[str, Any]:
    return {
        "service": "okta", "cassette": "c", "order": order, "method": method, "upath": path,
        "query": [], "req_headers": {"content-type": "application/json"}, "req_body": sent,
        "status": status, "resp_headers": {}, "resp_body": answer, "has_auth": True,
    }  # fmt: skip


@pytest.fixture
def own() -> list[dict[str, Any]]:
    """What the twin itself answered, as a recording."""
    universe = Universe(["okta"])
    world = universe.create_world(seed=3)
    token = universe.tokens(world)["okta"]

    def ask(method: str, path: str, body: Any = None) -> tuple[int, Any]:
        data = b"" if body is None else json.dumps(body).encode()
        headers = {"authorization": f"SSWS {token}", "content-type": "application/json"}
        answered = universe.answer("okta", Request(method, path, "", headers, data))
        raw = answered.reply.encoded()
        return answered.reply.status, json.loads(raw) if raw else None

    group = {"profile": {"name": "Finance", "description": "money"}}
    status, made = ask("POST", "/api/v1/groups", group)
    rows = [line(0, "POST", "/api/v1/groups", group, status, made)]
    path = f"/api/v1/groups/{made['id']}"
    rows.append(line(1, "GET", path, None, *ask("GET", path)))
    rows.append(line(2, "DELETE", path, None, *ask("DELETE", path)))
    rows.append(line(3, "GET", path, None, *ask("GET", path)))
    return rows


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_a_twin_agrees_with_itself_in_another_world(
    tmp_path: Path, own: list[dict[str, Any]]
) -> None:
    found = score(replay(read_recordings(write(tmp_path / "a.jsonl", own)), ["okta"]))
    assert (found.n, found.status, found.error, found.at_least, found.values) == (4, 1, 1, 1, 1)


def mutate(key: str, change: Callable[[dict[str, Any]], None]) -> Any:
    return pytest.param(key, change, id=key)


@pytest.mark.parametrize(
    ("level", "change"),
    [
        mutate("status", lambda row: row.update(status=201)),
        mutate("at_least", lambda row: row["resp_body"].update(more=1)),
        mutate("exact", lambda row: row["resp_body"].pop("objectClass")),
        mutate("values", lambda row: row["resp_body"]["profile"].update(description="else")),
    ],
)
def test_each_level_notices_what_it_is_for(
    tmp_path: Path, own: list[dict[str, Any]], level: str, change: Callable[[Any], None]
) -> None:
    change(own[1])
    found = score(replay(read_recordings(write(tmp_path / "a.jsonl", own)), ["okta"]))
    assert getattr(found, level) == 0.75
    order = ["status", "at_least", "exact", "values"]
    for weaker in order[: order.index(level)]:
        assert getattr(found, weaker) == 1


def test_a_read_of_older_state_is_given_and_not_earned(
    tmp_path: Path, own: list[dict[str, Any]]
) -> None:
    path = write(tmp_path / "a.jsonl", own[1:2])
    graded = replay(read_recordings(path), ["okta"])
    assert [row.given for row in graded] == [True]
    assert graded[0].comparison.values
    assert table(graded, "a", "2026-11-25")["services"] == {}
    assert score([]).status is None


@pytest.mark.parametrize("text", ["", "{", '{"service": "okta"}', "[]"])
def test_what_is_no_recording_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput, match="TWN-112"):
        read_recordings(path)


def test_volatile_values_do_not_count_and_ids_are_mapped() -> None:
    row = Interaction(
        "okta", "c", 0, "GET", "/", (), {}, None, 200, {},
        {"id": "00gAAAAAAAAAAAAAA5d7", "created": "2026-01-01T00:00:00Z", "ref": "00gA1234567"},
    )  # fmt: skip
    mapping = Mapping()
    mapping.texts["00gA1234567"] = "00gB"
    own = {"id": "00gBBBBBBBBBBBBBB5d7", "created": "2027-01-01T00:00:00Z", "ref": "00gB"}
    assert compare(row, 200, own, mapping).values
    assert key_paths({"a": [{"b": 1}, {"c": None}]}).keys() == {
        "",
        "/a",
        "/a[]",
        "/a[]/b",
        "/a[]/c",
    }


def test_coverage_names_every_route_once() -> None:
    found = coverage(["okta", "slack"])
    keys = [(tier.service, tier.method, tier.template) for tier in found]
    assert len(keys) == len(set(keys))
    assert {tier.tier for tier in found} <= {"values", "shape", "status", "hand", "contract"}
    assert sum(1 for tier in found if tier.service == "okta") >= 934
