"""Policy differences are exact, and their witnesses really show them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.policy.making import policies, requests

from unlit.core.errors import InvalidInput
from unlit.policy import Policy, Request, decide, parse_policy
from unlit.policy.rules.diff import diff

HEAD = 'version = 1\n[[allow]]\nrole = "coder"\nhost = "x.test"\nmethods = ["GET"]\npaths = '


def test_equal_policies_have_no_difference() -> None:
    assert diff(parse_policy(HEAD + '["/a"]'), parse_policy(HEAD + '["/a"]')).is_empty


def test_two_ways_to_say_the_same_are_no_difference() -> None:
    one, two = HEAD + '["/a*", "/**"]', HEAD + '["/**"]'
    assert diff(parse_policy(one), parse_policy(two)).is_empty


def test_the_witness_is_a_shortest_request() -> None:
    found = diff(parse_policy(HEAD + '["/v1/*"]'), parse_policy(HEAD + '["/v1/**"]'))
    (change,) = found.changes
    assert change.kind == "newly allowed"
    assert change.witness.path.count("/") == 3
    assert len(change.witness.path) == len("/v1/a/")


def test_what_is_newly_allowed_and_what_is_newly_refused_are_both_named() -> None:
    found = diff(parse_policy(HEAD + '["/a", "/c"]'), parse_policy(HEAD + '["/b", "/c"]'))
    told = {(change.kind, change.witness.path) for change in found.changes}
    assert told == {("newly refused", "/a"), ("newly allowed", "/b")}


def test_a_changed_destination_is_named() -> None:
    twin = 'version = 1\n[[allow]]\nrole = "coder"\nhost = "x.test"\npaths = ["/a"]\n'
    found = diff(parse_policy(twin + 'twin = "x"'), parse_policy(twin + 'twin = "y"'))
    assert {change.kind for change in found.changes} == {"changed"}


def test_changed_limits_are_named() -> None:
    one = parse_policy("version = 1\n[limits.coder]\nwall_s = 1\n")
    two = parse_policy("version = 1\n[limits.coder]\nwall_s = 2\n")
    assert diff(one, two).settings == ("limits.coder.wall_s: 1.0 → 2.0",)


@settings(max_examples=60, deadline=None)
@given(policies(), policies(), st.lists(requests(), min_size=5, max_size=40))
def test_difference_and_witnesses_are_exact(one: Policy, two: Policy, asked: list[Request]) -> None:
    found = diff(one, two)
    for change in found.changes:
        before, after = decide(one, change.witness), decide(two, change.witness)
        if change.kind == "newly allowed":
            assert after.allowed
            assert not before.allowed
        elif change.kind == "newly refused":
            assert before.allowed
            assert not after.allowed
    if not found.changes:
        for request in asked:
            assert decide(one, request).allowed == decide(two, request).allowed


@settings(max_examples=60, deadline=None)
@given(policies(), policies(), st.lists(requests(), min_size=20, max_size=60))
def test_every_changed_request_has_a_change_whose_witness_is_no_longer(
    one: Policy, two: Policy, asked: list[Request]
) -> None:
    """Decide by brute force: no sampled request may be missed, or beat a shortest witness."""
    changes = diff(one, two).changes
    for request in asked:
        before, after = decide(one, request), decide(two, request)
        if before.allowed == after.allowed:
            continue
        kind = "newly allowed" if after.allowed else "newly refused"
        fitting = [
            change
            for change in changes
            if (change.kind, change.witness.role) == (kind, request.role)
            and (change.before.rule, change.after.rule) == (before.rule, after.rule)
        ]
        assert fitting, f"{request}: {before.rule} -> {after.rule} is not told"
        assert min(len(change.witness.path) for change in fitting) <= len(request.path)


def test_globs_without_measure_are_refused_and_do_not_hang() -> None:
    globs = [f"/*{a}*{b}*{a}{b}*" for a in "abcdef" for b in "uvwxyz"]
    listed = "[" + ", ".join(f'"{one}"' for one in globs) + "]"
    one, two = (
        parse_policy(HEAD + listed),
        parse_policy(HEAD + listed.replace("[", '["/*a*u*auz*", ')),
    )
    with pytest.raises(InvalidInput, match="cannot be compared"):
        diff(one, two)
