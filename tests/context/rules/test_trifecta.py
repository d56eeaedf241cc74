"""Private data, text from anybody and a way out must not meet."""

from itertools import product

import pytest

from unlit.context.rules.trifecta import exposure


@pytest.mark.parametrize(("private", "untrusted", "out"), list(product([False, True], repeat=3)))
def test_only_all_three_together_are_lethal(private: bool, untrusted: bool, out: bool) -> None:
    taint = ["docs:internal"] * private + ["github:public"] * untrusted + ["specs:intent"]
    found = exposure(taint, ["coder may GET on example.com."] * out)
    assert found.is_lethal is (private and untrusted and out)


def test_the_sentence_names_each_of_them() -> None:
    found = exposure(["jira:internal", "github:public"], ["coder may POST on paste.example."])
    assert all(word in found.sentence for word in ("jira", "github", "paste.example"))
