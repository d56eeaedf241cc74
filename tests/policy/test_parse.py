"""A policy file is read strictly: what is not understood is refused with its place."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unlit.core.errors import InvalidInput
from unlit.policy import Request, decide, parse_policy

GOOD = """\
version = 1
[credential.key]
source = {env = "KEY"}
inject = {header = "x-api-key"}
hosts = ["api.example.com"]
paths = ["/v1/**"]
[[allow]]
role = "coder"
host = "api.example.com"
methods = ["POST"]
paths = ["/v1/messages"]
credential = "key"
[[forbid]]
host = "*.example.com"
paths = ["/v1/admin/**"]
[files.coder]
hide = [".env"]
[limits.coder]
wall_s = 60
[budget.coder]
usd = 5
[[test]]
role = "coder"
request = "POST https://api.example.com/v1/messages"
expect = "allow"
"""


def test_a_good_policy_is_read_whole() -> None:
    policy = parse_policy(GOOD)
    assert policy.files("coder").hide == (".env",)
    assert policy.limits("coder").wall_s == 60
    assert policy.budget("coder").usd == "5"
    assert [rule.name for rule in policy.granted("coder")] == ["key"]
    assert policy.credentials["key"].env == "KEY"
    assert policy.warnings == ()


@pytest.mark.parametrize(
    ("text", "place", "code"),
    [
        ("version = 1\nversoin = 2\n", "2:1", "POL-101"),
        ("version = 1\n[[alow]]\nhost = 'x.test'\n", "2:1", "POL-101"),
        ("version = 1\n\n[credentail.vendor]\nhosts = ['x.test']\n", "3:1", "POL-101"),
        ("version = 2\n", "1:1", "POL-104"),
        (
            "version = 1\n[[allow]]\nrole = 'coder'\nhost = 'x.test'\nmethds = []\n",
            "5:1",
            "POL-101",
        ),
        ("version = 1\n[[allow]]\nrole = 'codr'\nhost = 'x.test'\n", "3:1", "POL-105"),
        ("version = 1\n[[allow]]\nrole = 'coder'\nhost = 'https://x'\n", "4:1", "POL-102"),
        ("version = 1\n[[allow]]\nrole = 'coder'\n", "2:1", "POL-103"),
        ("version = 1\n[[allow]]\nrole = 'coder'\nhots = 'x.test'\n", "4:1", "POL-101"),
        (
            "version = 1\n[[allow]]\nrole = 'coder'\nhost = 'x.test'\npaths = ['v1']\n",
            "5:1",
            "POL-102",
        ),
        (
            "version = 1\n[[allow]]\nrole = 'coder'\nhost = 'x.test'\ncredential = 'k'\n",
            "2:1",
            "POL-110",
        ),
        ("version = 1\n[limits.coder]\nwall_s = -1\n", "3:1", "POL-102"),
        ("version = 1\nfoo = [\n", "3:1", "POL-100"),
        (
            GOOD.replace('source = {env = "KEY"}', 'source = {env = "KEY", fiel = "x"}'),
            "3:24",
            "POL-101",
        ),
        (GOOD.replace('host = "api.example.com"', 'host = "*.example.com"'), "7:1", "POL-113"),
        (GOOD.replace('host = "api.example.com"', 'host = "b.example.com"'), "7:1", "POL-114"),
        (GOOD.replace('paths = ["/v1/admin/**"]', ""), "7:1", "POL-123"),
    ],
)
def test_a_mistake_is_named_with_line_and_column(text: str, place: str, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_policy(text, "p.toml")
    assert caught.value.code == code
    assert caught.value.what.startswith(f"p.toml:{place}: ")


def test_a_rule_behind_a_wider_one_is_named() -> None:
    rule = "[[allow]]\nrole = 'coder'\nhost = 'x.test'\nmethods = ['GET']\npaths = ['/a/**']\n"
    with pytest.raises(InvalidInput, match="can never match"):
        parse_policy("version = 1\n" + rule + rule.replace("/a/**", "/a/b"))


def test_a_wide_grant_is_a_warning_with_its_place() -> None:
    policy = parse_policy("version = 1\n\n[[allow]]\nrole = 'coder'\nhost = 'x.test'\n")
    (finding,) = policy.warnings
    assert str(finding).startswith("3:1 POL-122 ")


def test_a_mirror_is_read_only_and_may_be_private() -> None:
    policy = parse_policy(
        'version = 1\n[[allow]]\nrole = "coder"\nmirror = "pypi"\n',
        mirrors={"pypi": "http://mirror.internal:3141/team/pypi"},
    )
    allowed = Request("coder", "http", "mirror.internal", 3141, "GET", "/team/pypi/x/")
    decision = decide(policy, allowed)
    assert decision.allowed
    assert decision.grant is not None
    assert decision.grant.allow_private
    post = Request("coder", "http", "mirror.internal", 3141, "POST", "/team/pypi/x/")
    assert not decide(policy, post).allowed


def code_of(text: str) -> str:
    try:
        parse_policy(text)
    except InvalidInput as refusal:
        return refusal.code
    return "POL-none"


@given(st.text(max_size=300))
def test_any_text_is_a_policy_or_a_refusal(text: str) -> None:
    assert code_of(text).startswith("POL-")


@settings(max_examples=300)
@given(st.data())
def test_a_changed_policy_is_a_policy_or_a_refusal(data: st.DataObject) -> None:
    lines = GOOD.splitlines(keepends=True)
    for _ in range(data.draw(st.integers(1, 3))):
        number = data.draw(st.integers(0, len(lines) - 1))
        kind = data.draw(st.sampled_from(["drop", "twice", "swap", "text"]))
        if kind == "drop":
            lines[number] = ""
        elif kind == "twice":
            lines.insert(number, lines[number])
        elif kind == "swap":
            other = data.draw(st.integers(0, len(lines) - 1))
            lines[number], lines[other] = lines[other], lines[number]
        else:
            at = data.draw(st.integers(0, len(lines[number])))
            extra = data.draw(st.text(max_size=4))
            lines[number] = lines[number][:at] + extra + lines[number][at:]
    assert code_of("".join(lines)).startswith("POL-")


def test_a_policy_that_only_watches_may_not_grant_a_credential() -> None:
    with pytest.raises(InvalidInput, match="only watches"):
        parse_policy(GOOD.replace("version = 1", 'version = 1\nmode = "shadow"'))


@pytest.mark.parametrize(
    ("rule", "meant"),
    [("hots = 'x.test'", "host"), ("host = 'x.test'\nmethds = ['GET']", "methods")],
)
def test_a_slip_is_told_what_was_meant(rule: str, meant: str) -> None:
    with pytest.raises(InvalidInput) as found:
        parse_policy(f"version = 1\n[[allow]]\nrole = 'coder'\n{rule}\n")
    assert f"Did you mean {meant}?" in found.value.remedy
