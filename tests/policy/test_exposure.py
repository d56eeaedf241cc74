"""Which rules are a way out for data that a run has read."""

import pytest

from unlit.core.errors import InvalidInput
from unlit.policy import parse_policy
from unlit.policy.rules.exposure import ways_out

HEAD = """
version = 1
[credential.key]
source = {env = "KEY"}
inject = {header = "authorization"}
hosts = ["api.github.com", "api.anthropic.com", "tracker.example.com", "paste.example.org"]
"""


def _out(rules: str, more: str = "") -> bool:
    return bool(ways_out(parse_policy(HEAD + rules + more), "coder"))


@pytest.mark.parametrize(
    ("rule", "leads_out"),
    [
        ('host = "paste.example.org"', True),
        ('host = "paste.example.org"\nmethods = ["GET"]', True),
        ('host = "paste.example.org"\ntwin = "slack"', False),
        ('mirror = "pypi"', False),
        ('host = "api.github.com"\ncredential = "key"', True),
        ('host = "api.github.com"\ncredential = "key"\nmethods = ["GET", "HEAD"]', False),
        ('host = "api.github.com"\ncredential = "key"\nmethods = ["GET", "POST"]', True),
        ('host = "api.anthropic.com"\ncredential = "key"', False),
        ('host = "api.anthropic.com"', True),
        ('host = "tracker.example.com"\ncredential = "key"', True),
    ],
)
def test_a_route_leads_out_unless_nobody_else_reads_what_it_writes(
    rule: str, leads_out: bool
) -> None:
    assert _out(f'[[allow]]\nrole = "coder"\n{rule}\n') is leads_out


def test_a_host_that_the_policy_calls_closed_leads_nowhere() -> None:
    rule = '[[allow]]\nrole = "coder"\nhost = "tracker.example.com"\ncredential = "key"\n'
    assert not _out(rule, '[exposure]\nclosed = ["*.example.com", "tracker.example.com"]\n')
    assert _out(rule, '[exposure]\nclosed = ["other.example.com"]\n')


def test_other_roles_and_unknown_words_do_not_count() -> None:
    assert not _out('[[allow]]\nrole = "context"\nhost = "paste.example.org"\n')
    with pytest.raises(InvalidInput):
        parse_policy(HEAD + '[exposure]\nmeets = "perhaps"\n')
