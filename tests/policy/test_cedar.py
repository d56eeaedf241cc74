"""The exported Cedar policies and our table give the same answers."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.policy.making import policies, requests

from unlit.core.errors import InvalidInput
from unlit.policy import Policy, Request, decide, parse_policy
from unlit.policy.rules.cedar import SCHEMA, cedar_request, to_cedar


def test_the_export_names_rule_place_credential_and_twin() -> None:
    text = to_cedar(
        parse_policy('version = 1\n[[allow]]\nrole = "coder"\nhost = "slack.com"\ntwin = "slack"\n')
    )
    assert '@at("policy.toml:2:1")' in text
    assert '@twin("slack")' in text
    assert 'principal == Role::"coder"' in text


def test_a_glob_without_an_exact_form_is_refused() -> None:
    head = 'version = 1\n[[allow]]\nrole = "coder"\nhost = "x.test"\nmethods = ["GET"]\n'
    with pytest.raises(InvalidInput, match="Cedar") as caught:
        to_cedar(parse_policy(head + 'paths = ["/a/**/b/*"]\n'))
    assert caught.value.code == "POL-150"


def test_the_schema_is_exported_too() -> None:
    assert "appliesTo" in SCHEMA


@settings(max_examples=150, deadline=None)
@given(policies(), st.lists(requests(), min_size=1, max_size=15))
def test_cedar_and_the_table_agree(policy: Policy, asked: list[Request]) -> None:
    cedarpy = pytest.importorskip("cedarpy", reason="cedarpy is not installed")
    text = to_cedar(policy)
    for request in asked:
        wanted = decide(policy, request).allowed
        wire = {**cedar_request(request)}
        result = cedarpy.is_authorized(wire, text, json.loads("[]"))
        assert result.diagnostics.errors == []
        assert result.allowed == wanted, (request, text)
