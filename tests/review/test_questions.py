from tests.review.sample import fill

from unlit.core.ids import CriterionId
from unlit.core.states import CriterionState
from unlit.record.store import Store
from unlit.review.labels import example_of, labels
from unlit.review.model import CriterionLine
from unlit.review.rules.questions import questions_of, spot_check


def line(
    name: str, state: CriterionState, *, asks: bool, source: str | None = None
) -> CriterionLine:
    return CriterionLine(
        CriterionId(name), f"{name} holds", state, 5, 5, 1.0, 0.5, 1.0, source, "nothing", asks
    )


def test_what_an_independent_check_settled_is_never_asked() -> None:
    met = line("AC-1", CriterionState.MET, asks=False, source="oracle")
    assert questions_of([met]) == ()


def test_what_the_machines_found_broken_is_not_asked() -> None:
    assert questions_of([line("AC-1", CriterionState.NOT_MET, asks=True)]) == ()


def test_the_most_doubtful_is_asked_first() -> None:
    asked = questions_of(
        [
            line("AC-1", CriterionState.MET, asks=True, source="oracle"),
            line("AC-2", CriterionState.NOT_EXERCISED, asks=True),
            line("AC-3", CriterionState.UNDECIDED, asks=True),
        ]
    )
    assert [question.criterion for question in asked] == ["AC-2", "AC-3", "AC-1"]
    assert [question.number for question in asked] == [1, 2, 3]


def test_attention_is_not_overspent_and_the_first_is_always_asked() -> None:
    many = [line(f"AC-{n}", CriterionState.UNDECIDED, asks=True) for n in range(1, 20)]
    assert len(questions_of(many, budget_minutes=7)) == 3
    assert len(questions_of(many, budget_minutes=0)) == 1


def test_spot_checks_happen_at_their_rate_and_the_same_run_asks_the_same() -> None:
    settled = [line(f"AC-{n}", CriterionState.MET, asks=False, source="oracle") for n in (1, 2, 3)]
    found = [spot_check(settled, f"r-{n}") for n in range(2000)]
    asked = [question for question in found if question is not None]
    assert 150 < len(asked) < 250
    assert {question.criterion for question in asked} == {"AC-1", "AC-2", "AC-3"}
    assert spot_check(settled, "r-7") == spot_check(settled, "r-7")


def test_an_answer_becomes_a_label_and_a_no_an_example(store: Store) -> None:
    run = fill(store)
    store.answer_question(run, 1, "no: it does not say by when", "dana", store.runs()[0].created_at)
    (row,) = labels(store)
    assert (row["label"], row["criterion"], row["person"]) == (False, "AC-7", "dana")
    assert "it does not say by when" in (example_of(row) or "")
