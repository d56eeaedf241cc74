"""Small readings of what services send."""

from unlit.context.model import Fact
from unlit.context.rules.reading import facts


def test_what_is_empty_is_no_fact_and_lists_are_told_by_commas() -> None:
    assert facts(type="Bug", priority=None, labels=["a", "", "b"], tags=[], points=0) == (
        Fact("type", "Bug"),
        Fact("labels", "a, b"),
        Fact("points", "0"),
    )
