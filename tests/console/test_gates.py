"""The gates before the build and before the merge, in the console and its API."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.console.conftest import HOST, TOKEN, Bench
from tests.review.sample import RUN, SPEC, START, fill

from unlit.console.app import create_app
from unlit.core.ids import RunId
from unlit.record.model import Run, RunState, Stage, StageState
from unlit.review.rules.gate_table import parse_rules

WAITS = RunId("r-waitsatint")
TEXT = """---
id: access-review
title: Access review
owner: ann
uses: [slack]
---

# Access review

## Intent

The reviewers know who left.

## Criteria

### AC-1 Summary

The product shall post one <b>summary</b>.

Example: one member
- Input: one member left
- Outcome: one message

## Boundaries

| Case | Behaviour |
| --- | --- |
| nobody left | no message |

## Out of scope

Deleting accounts.

## Success metric

Minutes for a review.
"""


@pytest.fixture
def waiting(make_bench: Callable[..., Bench], tmp_path: Path) -> Bench:
    bench = make_bench()
    folder = tmp_path / "workspaces" / WAITS
    folder.mkdir(parents=True)
    (folder / "spec.md").write_text(TEXT)
    bench.store.begin_run(
        Run(
            id=WAITS, spec_id="access-review", spec_digest=SPEC, title="Access review",
            repository=str(tmp_path), spec_path="specs/access-review.md", base="a" * 40,
            base_tree="b" * 40, workspace=str(folder / "repository.git"), agent="codex",
            person="eve", state=RunState.WAITING, created_at=START, updated_at=START,
            note="waits at its intent gate: nobody has approved this version of the spec",
            settings={"gate": "intent", "spec": "x"},
        )
    )  # fmt: skip
    bench.store.start_stage(Stage(WAITS, "intent", "intent", StageState.RUNNING, 1, START))
    bench.store.end_stage(
        WAITS, "intent", START, state=StageState.DONE, detail="waits",
        facts={"asks": "nobody has approved this version of the spec", "missing": []},
    )  # fmt: skip
    return bench


def csrf(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found
    return found.group(1)


def as_person(bench: Bench, person: str) -> TestClient:
    console = replace(bench.console, person=person)
    client = TestClient(create_app(console), base_url=f"http://{HOST}", follow_redirects=False)
    client.get("/login", params={"token": TOKEN})
    return client


def test_an_intent_gate_shows_the_spec_and_one_answer_builds_it(waiting: Bench) -> None:
    built: list[RunId] = []
    bench = replace(waiting, console=replace(waiting.console, build=built.append))
    client = bench.logged_in()
    assert "waits at its intent gate" in client.get("/").text
    assert "Is this what shall be built?" in client.get("/questions").text
    page = client.get(f"/runs/{WAITS}").text
    assert "The spec waits for your yes. Nothing is built." in page
    assert "post one &lt;b&gt;summary&lt;/b&gt;" in page
    assert "Deleting accounts." in page
    form = {"csrf": csrf(page), "answer": "yes", "reason": "this is it"}
    assert client.post(f"/runs/{WAITS}/decision", data=form).status_code == 409
    assert built == []
    assert client.post(f"/runs/{WAITS}/gate/intent", data=form).status_code == 303
    assert built == [WAITS]
    made = bench.store.gate_decision(WAITS, "intent")
    assert made is not None
    assert (made.person, made.decision, made.facts["spec_digest"]) == ("dana", "approved", SPEC)
    assert "Go on and build it" in client.get(f"/runs/{WAITS}").text
    assert client.post(f"/runs/{WAITS}/build", data=form).status_code == 303
    assert built == [WAITS, WAITS]


def test_an_intent_gate_says_what_changed_since_it_was_approved(waiting: Bench) -> None:
    waiting.console.desk.decide(WAITS, "approved", "ann", "yes", gate="intent")
    found = waiting.store.find_run(WAITS)
    folder = Path(found.workspace).parent.with_name("r-second00000")
    folder.mkdir()
    (folder / "spec.md").write_text(TEXT.replace("post one", "post at most one"))
    second = RunId("r-second00000")
    waiting.store.begin_run(replace(found, id=second, workspace=str(folder / "repository.git")))
    page = waiting.logged_in().get(f"/runs/{second}").text
    assert "Changed since ann approved it" in page
    assert "reworded" in page


def test_a_ship_gate_asks_another_person_after_the_outcome(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench()
    fill(bench.store)
    rules = parse_rules({"ship": {"not_who_decided": ["outcome"]}})
    desk = replace(bench.console.desk, rules=rules)
    bench = replace(bench, console=replace(bench.console, desk=desk))
    client = bench.logged_in()
    form = {"csrf": csrf(client.get(f"/runs/{RUN}").text), "answer": "yes", "reason": "good"}
    assert client.post(f"/runs/{RUN}/decision", data=form).status_code == 303
    assert bench.shipped == []
    page = client.get(f"/runs/{RUN}").text
    assert "the ship gate asks once more" in page
    assert "dana approved the gate outcome" in page
    assert client.post(f"/runs/{RUN}/gate/ship", data=form).status_code == 403
    assert client.post(f"/runs/{RUN}/ship", data=form).status_code == 303
    assert bench.shipped == []
    other = as_person(bench, "ben")
    form["csrf"] = csrf(other.get(f"/runs/{RUN}").text)
    assert other.post(f"/runs/{RUN}/gate/ship", data=form).status_code == 303
    assert bench.shipped == [RUN]
    assert "ship gate" in other.get(f"/runs/{RUN}").text


def test_programs_decide_at_a_gate_by_name(waiting: Bench) -> None:
    built: list[RunId] = []
    bench = replace(waiting, console=replace(waiting.console, build=built.append))
    client = bench.client()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    asked = client.get("/api/v1/gates", headers=headers).json()["gates"]
    assert [(row["run"], row["gate"]) for row in asked] == [(WAITS, "intent")]
    body = {"decision": "approved", "reason": "yes"}
    where = f"/api/v1/runs/{WAITS}/decision"
    assert client.post(where, json=body, headers=headers).status_code == 409
    assert client.post(where, json={**body, "gate": "door"}, headers=headers).status_code == 400
    answer = client.post(where, json={**body, "gate": "intent"}, headers=headers)
    assert (answer.status_code, answer.json()["settled"], built) == (200, True, [WAITS])
