"""Schemathesis over the OpenAPI document that each twin makes of itself: no unexpected 5xx.

The full check takes a seeded sample of each twin's operations; the soak takes every one.
"""

import json
import os
import random
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, settings

from unlit.twins import registry
from unlit.twins.kit.describing import describe
from unlit.twins.kit.http import Request
from unlit.twins.universe import Universe

pytestmark = pytest.mark.clients
TWINS = ("github", "google", "jira", "okta", "slack")
SAMPLE = 90
LOUD = 501  # what a twin does not do, it says


def sent(case: Any, token: str, scheme: str) -> Request:
    """Return the request of a case as the kit takes it."""
    asked = case.as_transport_kwargs(base_url="http://127.0.0.1")
    asked.pop("cookies", None)
    prepared = requests.Request(
        asked["method"], asked["url"], params=asked.get("params"), json=asked.get("json"),
        data=asked.get("data"), files=asked.get("files"),
    ).prepare()  # fmt: skip
    url = prepared.path_url
    path, _, query = url.partition("?")
    headers = {str(k).lower(): str(v) for k, v in prepared.headers.items()}
    headers["authorization"] = f"{scheme} {token}"
    body: Any = prepared.body or b""
    sent_body = body.encode("utf-8", "replace") if isinstance(body, str) else bytes(body)
    return Request(asked["method"].upper(), path, query, headers, sent_body)


def ask(strategy: Any, act: Any, examples: int) -> None:
    """Let hypothesis draw `examples` cases, always the same ones, and act on each."""

    @settings(max_examples=examples, deadline=None, derandomize=True, database=None,
              phases=[Phase.generate], suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(strategy)
    def each(case: Any) -> None:
        act(case)

    each()


def failures(name: str, keep: Any, examples: int) -> list[str]:
    """Return each call that failed without the twin meaning to."""
    schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    twin = registry.load_twin(name)
    universe = Universe([name])
    universe.default = universe.create_world()
    service = twin.services[0]
    token = universe.tokens(universe.default)[service]
    scheme = "SSWS" if name == "okta" else "Bearer"
    schema = schemathesis.openapi.from_dict(json.loads(json.dumps(describe(twin))))
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) > 100
    found: list[str] = []

    def answered(request: Request) -> None:
        reply = universe.answer(service, request).reply
        if reply.status >= 500 and (reply.status != LOUD or reply.header("x-twin-error")):
            found.append(f"{request.method} {request.raw_path} {reply.status} {request.body!r}")

    for operation in keep(operations):
        ask(operation.as_strategy(), lambda case: answered(sent(case, token, scheme)), examples)
    return found


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", TWINS)
def test_a_sample_of_each_twin_never_fails_by_itself(name: str) -> None:
    draw = random.Random(int(os.environ.get("UNLIT_SEED", "20261125")))
    found = failures(name, lambda rows: draw.sample(rows, SAMPLE), 6)
    assert found == []


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", TWINS)
def test_no_operation_of_a_twin_fails_by_itself(name: str) -> None:
    assert failures(name, list, 25) == []


def test_the_description_names_every_route_once_with_its_tier() -> None:
    document = describe(registry.load_twin("slack"))
    asked = document["paths"]["/api/chat.postMessage"]["post"]
    assert asked["x-tier"] == "hand"
    fields = asked["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert {"channel", "text", "blocks", "thread_ts"} <= set(fields)
    routes = {(verb, path) for path, item in document["paths"].items() for verb in item}
    assert len(routes) > 500
