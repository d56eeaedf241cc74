"""Decisions: default deny, forbid wins, and a second, independent reading agrees."""

import fnmatch

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.policy.making import HOSTS, PATHS, policies, requests

from unlit.policy import Policy, Request, decide, parse_policy
from unlit.policy.model import Rule


def test_nothing_is_allowed_by_an_empty_policy() -> None:
    decision = decide(
        parse_policy("version = 1"), Request("coder", "https", "x.test", 443, "GET", "/")
    )
    assert not decision.allowed
    assert decision.rule == "default deny"
    assert decision.outcome == "deny"


def test_a_forbid_wins_wherever_it_stands() -> None:
    allow = '[[allow]]\nrole = "coder"\nhost = "x.test"\nmethods = ["GET"]\npaths = ["/**"]\n'
    forbid = '[[forbid]]\nhost = "*.test"\npaths = ["/secret/**"]\n'
    for text in (allow + forbid, forbid + allow):
        policy = parse_policy("version = 1\n" + text)
        assert decide(policy, Request("coder", "https", "x.test", 443, "GET", "/a")).allowed
        refused = decide(policy, Request("coder", "https", "x.test", 443, "GET", "/secret/a"))
        assert refused.rule == "forbid[1]"


def test_a_credential_limits_the_rule_that_grants_it() -> None:
    text = (
        'version = 1\n[credential.k]\nsource = {env = "K"}\ninject = {header = "a"}\n'
        'hosts = ["x.test"]\npaths = ["/v1/**"]\nmethods = ["POST"]\n'
        '[[allow]]\nrole = "coder"\nhost = "x.test"\ncredential = "k"\n'
    )
    policy = parse_policy(text)
    assert decide(policy, Request("coder", "https", "x.test", 443, "POST", "/v1/a")).allowed
    assert not decide(policy, Request("coder", "https", "x.test", 443, "POST", "/v2/a")).allowed
    assert not decide(policy, Request("coder", "https", "x.test", 443, "GET", "/v1/a")).allowed


def test_a_star_does_not_cross_a_slash_and_two_stars_do() -> None:
    head = 'version = 1\n[[allow]]\nrole = "coder"\nhost = "x.test"\nmethods = ["GET"]\npaths = '
    one, two = parse_policy(head + '["/a/*/b"]'), parse_policy(head + '["/a/**"]')
    deep = Request("coder", "https", "x.test", 443, "GET", "/a/x/y/b")
    assert not decide(one, deep).allowed
    assert decide(two, deep).allowed


def reference(policy: Policy, request: Request) -> bool:
    """Decide by the words of the documentation, without the table: slow and plain."""

    def covers(rule: Rule) -> bool:
        host = rule.host == "*" or rule.host == request.host
        if rule.host.startswith("*."):
            host = request.host.endswith(rule.host[1:]) and request.host != rule.host[2:]
        return (
            request.role in rule.roles
            and host
            and (not rule.ports or request.port in rule.ports)
            and request.scheme in rule.schemes
            and (not rule.methods or request.method in rule.methods)
            and (not rule.paths or any(glob(path, request.path) for path in rule.paths))
            and (not rule.within or any(glob(path, request.path) for path in rule.within))
        )

    def glob(pattern: str, path: str) -> bool:
        if "**" in pattern:
            return fnmatch.fnmatchcase(path, pattern.replace("**", "*").replace("[", "[[]"))
        parts, wanted = path.split("/"), pattern.split("/")
        return len(parts) == len(wanted) and all(map(fnmatch.fnmatchcase, parts, wanted))

    matching = [rule.effect for rule in policy.rules if covers(rule)]
    return "allow" in matching and "forbid" not in matching


@settings(max_examples=300)
@given(policies(), st.lists(requests(), min_size=1, max_size=20))
def test_the_table_agrees_with_a_plain_reading(policy: Policy, asked: list[Request]) -> None:
    for request in asked:
        assert decide(policy, request).allowed == reference(policy, request), request


@settings(max_examples=100)
@given(policies(), policies(), requests())
def test_a_further_forbid_never_permits_more(one: Policy, two: Policy, request: Request) -> None:
    from unlit.policy.rules.table import Table

    forbids = [rule for rule in two.rules if rule.effect == "forbid"]
    stricter = Table([*one.rules, *forbids])
    rows = stricter.rows(request.role, request.scheme, request.host, request.port)
    first = next((row for row in rows if row.fits(request.method, request.path)), None)
    allowed = first is not None and first.decision.allowed
    assert not allowed or decide(one, request).allowed


def test_the_samples_reach_both_answers() -> None:
    assert len(HOSTS) > 3
    assert len(PATHS) > 5
