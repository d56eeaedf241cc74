"""What is told of tests that fail is what they said last, not what a package manager adds."""

import pytest

from unlit.line.stages.checks import last_line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 failed\n\nnpm notice\nnpm notice New major version\nnpm notice\n", "1 failed"),
        ("FAILED (errors=1)\n", "FAILED (errors=1)"),
        ("npm notice\n", "it said nothing"),
        ("", "it said nothing"),
        ("x" * 300, "x" * 200),
    ],
)
def test_the_last_line_that_says_something_is_told(text: str, said: str) -> None:
    assert last_line(text) == said
