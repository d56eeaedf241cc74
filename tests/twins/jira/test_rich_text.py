"""Rich text: wiki markup and Atlassian Document Format, and JQL that always answers."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlit.twins.services.jira import adf
from unlit.twins.services.jira.jql.model import JqlError
from unlit.twins.services.jira.jql.parse import parse
from unlit.twins.services.jira.model import Rich

WORDS = st.text("abc xyz", min_size=1, max_size=12).map(str.strip).filter(bool)


@pytest.mark.parametrize(
    "wiki",
    [
        "plain",
        "*bold* and _slanted_ and {{code}}",
        "h2. Title",
        "[label|https://example.com]",
        "* one\n* two\n** deeper",
        "# first\n# second",
        "{code:python}\nx = 1\n{code}",
        "[~accountid:abc]",
        "one\n\ntwo",
        "line\nbreak",
    ],
)
def test_markup_comes_back_through_a_document(wiki: str) -> None:
    document = adf.to_adf(wiki)
    assert adf.is_document(document)
    assert adf.to_wiki(document) == wiki


@given(st.lists(WORDS, min_size=1, max_size=4))
def test_paragraphs_keep_their_text(lines: list[str]) -> None:
    wiki = "\n\n".join(lines)
    assert adf.as_text(Rich(adf=adf.to_adf(wiki))).split("\n") == lines
    assert adf.to_wiki(adf.to_adf(wiki)) == wiki


@given(st.text(max_size=40))
def test_any_text_is_a_query_or_a_named_mistake(text: str) -> None:
    with contextlib.suppress(JqlError):  # anything else is a mistake of the parser
        parse(text)


@pytest.mark.parametrize("value", [None, "text", {"type": "doc"}, {"type": "doc", "version": 2}])
def test_what_is_no_document_is_refused(value: object) -> None:
    assert not adf.is_document(value)
