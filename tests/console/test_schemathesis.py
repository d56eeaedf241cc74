"""Schemathesis over the HTTP API: whatever is sent, the answer is one that is described."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.console.conftest import HOST, TOKEN, Bench
from tests.review.sample import RUN, fill

from unlit.console.api import OPERATIONS, PREFIX, openapi
from unlit.console.app import create_app

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
EXAMPLES = 25
STREAMS = {name.name for name in OPERATIONS if name.media == "text/event-stream"}
HEADERS = {"authorization": f"Bearer {TOKEN}", "host": HOST}


@pytest.mark.clients
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_whatever_is_sent_the_answer_is_described(make_bench: Callable[..., Bench]) -> None:
    from hypothesis import HealthCheck, given, settings
    from hypothesis import strategies as st

    bench = make_bench()
    fill(bench.store)
    description = openapi() | {"servers": [{"url": f"http://{HOST}{PREFIX}"}]}
    schema = schemathesis.openapi.from_dict(description)
    app = create_app(bench.console)
    seen: dict[str, set[int]] = {}

    from starlette.testclient import TestClient

    client = TestClient(app, base_url=f"http://{HOST}", follow_redirects=False)

    def send(case: Any) -> None:
        words = case.as_transport_kwargs(headers=HEADERS)
        words.pop("cookies", None)
        path = words.pop("url").partition(PREFIX)[2]
        body = words.pop("json", None)
        words = {"params": words.get("params"), "headers": dict(words["headers"])}
        if body is not None:
            words["json"] = body
        answer = client.request(case.method, f"{PREFIX}{path}", **words)
        name = case.operation.definition.raw["operationId"]
        seen.setdefault(name, set()).add(answer.status_code)
        assert answer.status_code < 500 or answer.status_code == 502, (name, answer.text)
        if "json" in answer.headers.get("content-type", ""):
            answer.json()
        if answer.status_code >= 400 and "json" in answer.headers.get("content-type", ""):
            assert {"error", "code"} <= set(answer.json()), (name, answer.text)

    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.definition.raw["operationId"] in STREAMS:
            continue  # it never ends
        strategy = operation.as_strategy()

        @settings(max_examples=EXAMPLES, deadline=None, database=None,
                  suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(case=strategy, real=st.booleans())
        def check(case: Any, real: bool) -> None:
            if real and "run" in (case.path_parameters or {}):
                case.path_parameters["run"] = RUN
            send(case)

        check()
    assert (
        set(seen)
        >= {operation.name for operation in OPERATIONS if operation.method == "GET"} - STREAMS
    )
    assert 200 in seen["listRuns"]
    assert 200 in seen["readRun"]
    assert set().union(*seen.values()) <= {200, 201, 202, 303, 400, 401, 403, 404, 409, 422, 429}
