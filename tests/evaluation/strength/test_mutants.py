"""Planted defects: each changes one place and what it compiles to."""

import ast

from hypothesis import given
from hypothesis import strategies as st

from unlit.evaluation.strength.python_mutants import plant
from unlit.evaluation.strength.sampling import choose, reachable
from unlit.evaluation.strength.text_mutants import plant_by_text

SOURCE = '''"""Fees."""
LIMIT = 90

def fee(days, paid):
    """Return the fee."""
    if days >= LIMIT and not paid:
        log("late")
        return days * 2 + 1
    for n in range(3):
        if n == 2:
            break
    return 0
'''


def test_each_kind_of_defect_is_planted() -> None:
    words = {mutant.what for mutant in plant(SOURCE, "fee.py")}
    assert {
        "GtE becomes Gt", "GtE becomes Lt", "And becomes Or", "not is left out",
        "condition is negated", "90 becomes 91", "returns nothing", "call is left out",
        "Mult becomes Add", "Add becomes Sub", "break is left out", "text is changed",
    } <= words  # fmt: skip


def test_a_mutant_parses_and_differs_and_knows_its_line() -> None:
    mutants = list(plant(SOURCE, "fee.py"))
    for mutant in mutants:
        ast.parse(mutant.text)
    assert len({mutant.text for mutant in mutants}) == len(mutants)
    assert {m.line for m in mutants if m.what == "90 becomes 91"} == {2}


def test_docstrings_are_left_alone() -> None:
    assert not any("XXReturn the fee" in m.text or "XXFees" in m.text for m in plant(SOURCE, "f"))


def test_what_changes_nothing_is_not_planted() -> None:
    assert (
        list(plant("x = 1\n1 + 1\n", "f.py"))
        == [m for m in plant("x = 1\n1 + 1\n", "f.py") if m.what == "1 becomes 2"][:1]
    )


def test_a_file_that_does_not_parse_has_no_mutants() -> None:
    assert list(plant("def (", "f.py")) == []


@given(st.text(max_size=200))
def test_planting_never_raises(text: str) -> None:
    list(plant(text, "f.py"))
    list(plant_by_text(text, "f.js"))


def test_other_languages_are_mutated_line_by_line() -> None:
    code = 'if (a == b && c < 1) {\n  // a == b\n  return "yes";\n}\n'
    mutants = list(plant_by_text(code, "f.js"))
    assert {1, 3} == {mutant.line for mutant in mutants}
    assert any("a != b &&" in mutant.text for mutant in mutants)
    assert any("a == b ||" in mutant.text for mutant in mutants)


def test_only_reached_lines_count_and_the_sample_is_seeded() -> None:
    mutants = list(plant(SOURCE, "fee.py"))
    reached = reachable(mutants, {"fee.py": frozenset({6})})
    assert {mutant.line for mutant in reached} == {6}
    assert reachable(mutants, None) == mutants
    assert choose(mutants, 5, 1) == choose(mutants, 5, 1)
    assert choose(mutants, 5, 1) != choose(mutants, 5, 2)
    assert len(choose(mutants, 5, 1)) == 5
