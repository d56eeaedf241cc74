"""A rule that is never the one that decides is found, exactly; one that decides is shown."""

import pytest
from hypothesis import given, settings
from tests.policy.making import policies

from unlit.core.errors import InvalidInput
from unlit.policy import Policy, decide, parse_policy
from unlit.policy.rules.reach import outside, reaching, taker

RULE = '[[allow]]\nrole = "coder"\nhost = "x.test"\nmethods = ["GET"]\npaths = '


def test_a_rule_behind_two_others_that_cover_it_together_is_named() -> None:
    both = RULE + '["/a/*"]\n' + RULE + '["/a/*/**"]\n'
    parse_policy("version = 1\n" + both)
    with pytest.raises(InvalidInput, match="can never match") as caught:
        parse_policy("version = 1\n" + both + RULE + '["/a/**"]\n')
    assert caught.value.what.startswith("policy.toml:12:1: ")


def test_a_forbid_that_can_never_match_is_named_too() -> None:
    forbid = '[[forbid]]\nhost = "x.test"\npaths = ["/a/**"]\n'
    with pytest.raises(InvalidInput, match="can never match"):
        parse_policy("version = 1\n" + RULE + '["/b"]\n' + forbid + forbid)


def test_a_path_that_no_request_can_have_is_named() -> None:
    with pytest.raises(InvalidInput, match="no request fits it"):
        parse_policy("version = 1\n" + RULE + '["/a/../b"]\n')


@pytest.mark.parametrize(
    ("narrow", "wide", "shown"),
    [
        (("/a/b",), ("/a/*",), None),
        (("/a/*",), ("/a/**",), None),
        (("/a/*/b",), ("/*/*/b",), None),
        (("/a/**",), ("/a/*", "/a/*/**"), None),
        (("/**",), ("/v1/**",), "/"),
        (("/a/**",), ("/a/*",), "/a/"),
    ],
)
def test_what_lies_outside_is_shown(
    narrow: tuple[str, ...], wide: tuple[str, ...], shown: str | None
) -> None:
    found = outside(narrow, wide)
    assert (found is None) == (shown is None)
    if found is not None and shown is not None:
        assert found.startswith(shown)


def test_a_grant_wider_than_its_credential_is_named() -> None:
    head = (
        'version = 1\n[credential.k]\nsource = {env = "KEY"}\ninject = {header = "a"}\n'
        'hosts = ["x.test"]\nmethods = ["GET"]\npaths = ["/v1/**"]\n'
    )
    rule = RULE + '["/v1/a"]\ncredential = "k"\n'
    parse_policy(head + rule)
    for wider in (rule.replace("/v1/a", "/v*/a"), rule.replace('["GET"]', '["GET", "POST"]')):
        with pytest.raises(InvalidInput) as caught:
            parse_policy(head + wider)
        assert caught.value.code == "POL-115"
        assert caught.value.what.startswith("policy.toml:8:1: ")


@settings(max_examples=100, deadline=None)
@given(policies())
def test_the_shown_request_is_decided_by_the_rule(policy: Policy) -> None:
    for rule in policy.rules:
        request = reaching(policy, rule)
        if request is not None:
            assert decide(policy, request).grant is rule
        else:
            other = taker(policy, rule)
            assert other is None or other is not rule
