import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient
from tests.console.conftest import TOKEN, Bench
from tests.review.sample import RUN, START, fill, wish

from unlit.console.api import OPERATIONS, PREFIX, Operation, openapi
from unlit.console.model import Role
from unlit.core.ids import RunId
from unlit.record.model import RunEvent, RunState


def caller(bench: Bench) -> TestClient:
    client = bench.client()
    client.headers["authorization"] = f"Bearer {TOKEN}"
    return client


def path_of(operation: Operation) -> str:
    return PREFIX + operation.path.replace("{run}", RUN)


BODIES: dict[str, dict[str, Any]] = {
    "decide": {"decision": "approved", "reason": "it is right"},
    "decideAccess": {"question": 1, "decision": "approved", "for_s": 60, "reason": "public"},
    "answer": {"question": 1, "answer": "yes", "reason": "it is"},
    "startRun": {"spec": "access-review"},
}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: str(operation.name))
def test_no_operation_answers_without_a_token_and_a_cookie_is_none(
    bench: Bench, operation: Operation
) -> None:
    fill(bench.store)
    for client in (bench.client(), bench.logged_in()):
        answer = client.request(
            operation.method, path_of(operation), json=BODIES.get(operation.name)
        )
        assert answer.status_code == 401
    assert bench.store.gate_decisions() == ()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: str(operation.name))
def test_every_operation_needs_its_role(
    make_bench: Callable[..., Bench], operation: Operation
) -> None:
    bench = make_bench(roles=frozenset(Role) - {operation.role})
    fill(bench.store)
    answer = caller(bench).request(
        operation.method, path_of(operation), json=BODIES.get(operation.name)
    )
    assert answer.status_code == 403


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: str(operation.name))
def test_every_operation_works_as_described(bench: Bench, operation: Operation) -> None:
    fill(bench.store)
    wish(bench.store)
    answer = caller(bench).request(
        operation.method, path_of(operation), json=BODIES.get(operation.name)
    )
    assert answer.status_code == 200
    described = openapi()["paths"][operation.path][operation.method.lower()]
    media = answer.headers["content-type"].partition(";")[0]
    assert media in described["responses"]["200"]["content"]


def test_the_description_is_served_and_names_every_operation(bench: Bench) -> None:
    found = caller(bench).get(f"{PREFIX}/openapi.json").json()
    names = {
        described["operationId"] for path in found["paths"].values() for described in path.values()
    }
    assert names == {operation.name for operation in OPERATIONS}


def test_a_decision_by_a_program_is_audited_and_ships(bench: Bench) -> None:
    fill(bench.store)
    answer = caller(bench).post(f"{PREFIX}/runs/{RUN}/decision", json=BODIES["decide"]).json()
    assert answer["settled"]
    assert bench.shipped == [RUN]
    assert bench.log.entries[0][2] == "dana"


def test_runs_are_paged_without_gap(bench: Bench) -> None:
    for n in range(5):
        fill(bench.store, run=RunId(f"r-{n:010d}"), state=RunState.SHIPPED, shares=(1.0,))
    client, seen, after = caller(bench), [], ""
    while True:
        query: dict[str, str] = {"limit": "2", **({"after": after} if after else {})}
        page = client.get(f"{PREFIX}/runs", params=query).json()
        seen += [row["run"] for row in page["runs"]]
        after = page["after"]
        if after is None:
            break
    assert len(seen) == len(set(seen)) == 5


PROBLEM = {**openapi()["components"]["schemas"]["Problem"]}
TEXTS = st.text(max_size=40).filter(lambda text: "\x00" not in text)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    operation=st.sampled_from(OPERATIONS),
    run=st.one_of(st.just(RUN), TEXTS.filter(lambda t: t not in (".", "..", "") and "/" not in t)),
    query=st.dictionaries(
        st.sampled_from(["state", "q", "after", "limit", "candidate", "partition", "run", "for_s"]),
        st.one_of(TEXTS, st.integers().map(str)), max_size=4,
    ),
    body=st.one_of(
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.integers(), TEXTS),
            lambda inner: st.one_of(st.lists(inner, max_size=3),
                                    st.dictionaries(TEXTS, inner, max_size=3)), max_leaves=6,
        ),
        st.fixed_dictionaries(
            {"question": st.integers(), "answer": TEXTS}, optional={"reason": TEXTS}
        ),
        st.fixed_dictionaries({"decision": TEXTS, "reason": TEXTS}),
    ),
)  # fmt: skip
def test_no_request_breaks_it_and_every_refusal_has_the_described_form(
    bench: Bench, operation: Operation, run: str, query: dict[str, str], body: Any
) -> None:
    if not bench.store.runs():
        fill(bench.store)
    bench.clock.advance(60)
    client = caller(bench)
    path = PREFIX + operation.path
    for part, value in (("{run}", run),):
        path = path.replace(part, _quoted(value))
    content = json.dumps(body).encode() if operation.body is not None else None
    answer = client.request(operation.method, path, params=query, content=content)
    described = openapi()["paths"][operation.path][operation.method.lower()]
    if answer.status_code == 404:
        return  # the path was another one
    assert str(answer.status_code) in described["responses"]
    assert answer.status_code < 500
    if answer.status_code != 200:
        jsonschema.validate(answer.json(), PROBLEM)


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")


def test_events_are_followed_from_the_last_one_seen(bench: Bench) -> None:
    run = fill(bench.store)
    rows = [RunEvent(run, f"k{n}", "note", START, text=f"line {n}\n\nid: 9") for n in range(3)]
    bench.store.keep_events(rows)
    first = caller(bench).get(f"{PREFIX}/events/stream", params={"run": run, "for_s": 1}).text
    ids = [int(line[4:]) for line in first.splitlines() if line.startswith("id: ")]
    data = [json.loads(line[6:]) for line in first.splitlines() if line.startswith("data: ")]
    assert len(ids) == len(data) == len(bench.store.events(run))
    assert data[-1]["text"] == "line 2\n\nid: 9", "text cannot forge an event"
    headers = {"last-event-id": str(ids[-2])}
    again = caller(bench).get(f"{PREFIX}/events/stream?for_s=1", headers=headers).text
    assert again.count("data: ") == 1


def test_a_run_is_started_as_the_caller_with_its_key(bench: Bench) -> None:
    fill(bench.store)
    answer = caller(bench).post(
        f"{PREFIX}/runs", json={"spec": "access-review.md"}, headers={"idempotency-key": "k-1"}
    )
    assert answer.json() == {"run": RUN, "again": False}
    assert bench.started == [("access-review", "", bench.console.person, "k-1")]


@pytest.mark.parametrize("spec", ["../secrets", "a/b", "", ".hidden/../x", "-rf"])
def test_a_spec_elsewhere_is_not_started(bench: Bench, spec: str) -> None:
    fill(bench.store)
    answer = caller(bench).post(f"{PREFIX}/runs", json={"spec": spec})
    assert answer.status_code in (400, 422)
    assert bench.started == []
