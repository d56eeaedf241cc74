"""Precision and recall of the hints on the shipped corpus."""

from tests.intent.corpus import entries, score


def test_the_corpus_is_as_large_as_it_claims() -> None:
    rows = list(entries())
    assert sum(bool(row.defects) for row in rows) >= 40
    assert sum(row.ambiguous is True for row in rows) >= 20
    assert all(len(row.programs) == 5 for row in rows if row.ambiguous is not None)


def test_hints_find_what_was_planted_and_little_else() -> None:
    found = score([row for row in entries() if not row.held_out])
    assert found.precision >= 0.95
    assert found.recall >= 0.95


def test_on_specs_that_no_rule_was_tuned_on_they_are_nearly_as_good() -> None:
    found = score([row for row in entries() if row.held_out])
    assert found.planted >= 30
    assert found.precision >= 0.90
    assert found.recall >= 0.85


def test_sound_specs_have_no_more_than_one_hint_in_all() -> None:
    found = score(list(entries("sound-*")))
    assert found.planted == 0
    assert found.extra <= 1
