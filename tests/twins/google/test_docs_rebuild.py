"""Every position of real documents, reproduced: through the seed, and through batchUpdate."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.twins.google.calling import Caller
from tests.twins.google.rebuilding import Builder, Unbuildable, positions

from unlit.twins.model import Fact
from unlit.twins.universe import Universe

pytestmark = pytest.mark.recordings
FOLDER = Path(os.environ.get("UNLIT_RECORDINGS", "../shared/twins"))  # where recordings lie
SAMPLES = FOLDER / "data" / "open" / "docs.sample.jsonl"
EDITED_BY_HAND = ("empty.json", "horizontal-rule.json", "lists.json")
SEGMENTS = ("headers", "footers", "footnotes")


def documents() -> Iterator[Any]:
    if not SAMPLES.exists():
        yield pytest.param({}, marks=pytest.mark.skip(reason="not exercised: no recordings"))
        return
    for line in SAMPLES.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        yield pytest.param(row["resp_body"], id=row["path"].rsplit("/", 1)[-1])


def tab_of(body: dict[str, Any]) -> dict[str, Any]:
    return body["tabs"][0]["documentTab"] if body.get("tabs") else body


def read(call: Caller, ident: str) -> dict[str, Any]:
    answer = call("GET", f"/v1/documents/{ident}", includeTabsContent="true")
    assert answer.status == 200
    return tab_of(answer.body)


@pytest.mark.parametrize("body", list(documents()))
def test_a_seeded_document_has_every_position_of_the_original(
    body: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    universe = Universe(["docs"])
    world = universe.create_world({})
    fact = Fact("docs", "GET", "/v1/documents/real", (), None, body)
    universe.believe(world, [fact])
    ours, theirs = read(Caller(universe, world, "docs"), "real"), tab_of(body)
    for part in ("body", *SEGMENTS):
        want, have = dict(positions(theirs.get(part))), dict(positions(ours.get(part)))
        if "empty.json" in request.node.callspec.id:
            continue  # edited by hand: its last paragraph has no newline
        assert have == want


@pytest.mark.parametrize("body", list(documents()))
def test_a_rebuilt_document_has_every_position_of_the_original(
    body: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    universe = Universe(["docs"])
    call = Caller(universe, universe.create_world({}), "docs")
    ident = call("POST", "/v1/documents", {"title": "t"}).body["documentId"]

    def batch(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        answer = call("POST", f"/v1/documents/{ident}:batchUpdate", {"requests": requests})
        assert answer.status == 200, answer.body
        return answer.body["replies"]  # type: ignore[no-any-return] # JSON

    if any(name in request.node.callspec.id for name in EDITED_BY_HAND):
        pytest.skip("edited by hand: runs are cut where no request cuts them")
    theirs = tab_of(body)
    try:
        ids = Builder(batch, lambda: read(call, ident)).build(theirs)
    except Unbuildable as error:
        pytest.skip(f"the API cannot create {error}; seeded above")
    ours = read(call, ident)
    assert dict(positions(ours["body"])) == dict(positions(theirs["body"]))
    for part in SEGMENTS:
        for real, value in (theirs.get(part) or {}).items():
            if real in ids:
                mine = ours[part][ids[real]]["content"]
                assert dict(positions(mine)) == dict(positions(value.get("content")))
