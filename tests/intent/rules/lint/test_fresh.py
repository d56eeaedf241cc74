"""What hints are worth on specs that were written without a look at the rules."""

from tests.intent.fresh import measure, read


def test_the_sets_hold_what_they_claim() -> None:
    names = [entry for name in ("tuned.txt", "second.txt", "holdout.txt") for entry in read(name)]
    assert sum(bool(entry.defects) for entry in names) >= 45
    assert sum(not entry.defects for entry in names) >= 20


def test_every_class_of_defect_is_found_and_little_else_is_said() -> None:
    result = measure("tuned.txt", "second.txt")
    assert result.recall >= 0.93, result.missed
    assert result.precision >= 0.95, result.extra
    assert all(result.found[kind] >= 0.75 * number for kind, number in result.planted.items())


def test_specs_written_after_the_rules_are_read_nearly_as_well() -> None:
    result = measure("holdout.txt")
    assert result.recall >= 0.85, result.missed
    assert result.precision >= 0.90, result.extra


def test_sound_specs_of_other_people_get_no_more_than_two_hints_in_all() -> None:
    result = measure("tuned.txt", "second.txt", "holdout.txt")
    assert len(result.on_sound) <= 2, result.on_sound
