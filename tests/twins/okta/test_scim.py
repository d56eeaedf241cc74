"""Filter expressions: they mean what they say, and what is none is refused, never a crash."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlit.twins.services.okta.scim import FilterError, parse

ROW = {
    "status": "ACTIVE", "created": "2026-03-01T09:00:00.000Z", "count": 3, "flag": True,
    "profile": {"login": "Ada@Example.com", "lastName": "Lovelace", "nick": None},
    "emails": [{"value": "a@x.test", "type": "PRIMARY"}, {"value": "b@x.test", "type": "OTHER"}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ('status eq "ACTIVE"', True),
        ('status eq "active"', True),
        ('status ne "ACTIVE"', False),
        ('profile.login sw "ada@"', True),
        ('profile.login ew ".com" and count gt 2', True),
        ("count ge 3 and count le 3 and count lt 4", True),
        ('created gt "2026-02-28T00:00:00.000Z"', True),
        ('created lt "2026-03-01T10:00:00+01:00"', False),
        ('profile.lastName co "LACE"', True),
        ("profile.nick pr", False),
        ("profile.nick eq null", True),
        ("flag eq true", True),
        ('status eq "X" or status eq "ACTIVE"', True),
        ('status eq "ACTIVE" and status eq "X" or flag eq true', True),
        ('status eq "ACTIVE" and (status eq "X" or flag eq false)', False),
        ('not (status eq "X")', True),
        ('emails[type eq "PRIMARY" and value sw "a"]', True),
        ('emails[type eq "PRIMARY" and value sw "b"]', False),
        ('emails.value eq "b@x.test"', True),
        ('missing eq "x"', False),
        ('profile.lastName eq "Love\\"lace"', False),
    ],
)
def test_an_expression_means_what_it_says(text: str, holds: bool) -> None:
    assert parse(text)(ROW) is holds


@pytest.mark.parametrize(
    "text",
    ["", "status", "status eq", 'status is "x"', "status eq ACTIVE", '(status eq "x"', 'and',
     'status eq "x" and', '"a" eq "b"', 'status eq "x" "y"', "emails[type", "not"],
)  # fmt: skip
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(FilterError):
        parse(text)


@given(st.text(st.sampled_from('ab. "()[]\\eqandorpr1-'), max_size=30))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    try:
        found: Any = parse(text)
    except FilterError:
        return
    assert found(ROW) in (True, False)
