"""Where a secret enters a call, and that it enters nowhere else."""

from collections.abc import Mapping
from typing import Any

import pytest

from unlit.context.adapters.http_fetch import CREDENTIAL, _inject
from unlit.context.registry import CONNECTORS
from unlit.policy import parse_policy

POLICY = """
version = 1
[credential.c]
source = {{ env = "FAKE_TOKEN" }}
inject = {{ {inject} }}
hosts = ["api.example.com"]
"""


def _injected(
    inject: str, forms: Mapping[str, str], body: Any = None
) -> tuple[dict[str, str], dict[str, str], Any]:
    rule = parse_policy(POLICY.format(inject=inject)).credentials["c"]
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    body = _inject(rule, "fake-secret", forms, headers, query, body)
    return headers, query, body


@pytest.mark.parametrize(
    ("inject", "forms", "headers"),
    [
        (
            'header = "authorization"',
            {"authorization": f"Bearer {CREDENTIAL}"},
            {"authorization": "Bearer fake-secret"},
        ),
        ('header = "authorization"', {}, {"authorization": "fake-secret"}),
        ('header = "private-token"', {}, {"private-token": "fake-secret"}),
        ("basic = true", {}, {"authorization": "Basic ZmFrZS1zZWNyZXQ6"}),
    ],
)
def test_a_header_gets_the_secret_in_its_services_form(
    inject: str, forms: dict[str, str], headers: dict[str, str]
) -> None:
    assert _injected(inject, forms) == (headers, {}, None)


def test_a_query_and_a_body_get_it_where_the_rule_says() -> None:
    assert _injected('query = "key"', {}) == ({}, {"key": "fake-secret"}, None)
    assert _injected('json = "token"', {}, {"a": 1})[2] == {"a": 1, "token": "fake-secret"}


def test_the_bearers_are_those_whose_services_want_one() -> None:
    bearers = {kind for kind, row in CONNECTORS.items() if row.bearer}
    assert bearers == {
        "bugsink", "docs", "github", "mcp", "notion", "plausible", "posthog", "sentry", "slack",
    }  # fmt: skip
