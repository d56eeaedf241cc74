"""What `unlit intent ask` says when readings break the spec's own examples."""

from unlit.cli.intent_programs import _report
from unlit.core.ids import CriterionId
from unlit.intent.ask import Asked
from unlit.intent.rules.divergence import Disagreement


def broken(name: str) -> Disagreement:
    return Disagreement(name, CriterionId("AC-1"), "two", "in", "a", "prints `bob\nann`, not `a`")


def test_readings_that_all_break_an_example_do_not_agree() -> None:
    asked = Asked("", (), 0, dropped=(broken("a/1"), broken("b/1")), readings=2, families=2)
    said = _report(asked, False)
    assert "nothing was compared" in said
    assert "All readings do the same" not in said
    assert "prints `bob\\nann`" in said  # a line of output never breaks the report's lines


def test_one_reading_that_is_left_is_not_called_agreement() -> None:
    asked = Asked("", (), 0, dropped=(broken("a/1"),), readings=2, families=2)
    assert "One reading alone keeps the spec's examples" in _report(asked, False)


def test_readings_that_keep_the_examples_and_agree_leave_nothing_to_ask() -> None:
    assert "nothing to ask" in _report(Asked("", (), 0, readings=2, families=2), False)
