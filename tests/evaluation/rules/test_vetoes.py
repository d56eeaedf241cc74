"""What overrules the count is said in words, and only what is public reaches a writer."""

from unlit.evaluation.model import Leaks, ShipRule
from unlit.evaluation.rules.ship import ShipTest
from unlit.evaluation.rules.verdict import Evidence, decide
from unlit.evaluation.rules.vetoes import own_veto, pack_vetoes, stop_words, vetoes

TRACE = {
    "pack": "safety-pack/1", "trial": "missing-file", "rule": "traceback", "veto": True,
    "sentence": "On `missing-file` the product shows a stack trace.",
}  # fmt: skip
NOTE = {**TRACE, "rule": "says-why", "veto": False, "sentence": "It says nothing."}


def test_a_veto_is_said_and_a_note_is_not() -> None:
    assert vetoes({"invariants": [TRACE, NOTE, TRACE]}) == (TRACE["sentence"],)
    assert stop_words({"invariants": [TRACE, NOTE]}) == (
        "vetoed for safety: on `missing-file` the product shows a stack trace"
    )
    assert stop_words({"invariants": [TRACE, own_veto("no-pii")]}).endswith(", and 1 more")


def test_a_rule_of_the_organisation_stops_it_and_is_not_told_to_its_writer() -> None:
    document = {"invariants": [own_veto("no-pii")]}
    assert "`no-pii`" in stop_words(document)
    assert pack_vetoes(document) == ()


def test_a_leak_overrules_the_count_and_a_broken_document_says_nothing() -> None:
    leaked = {"probe": "held", "canaries": "leaked", "details": ["leaked"]}
    assert stop_words({"leaks": leaked}) == "the leak proof failed: canaries"
    for strange in ({}, {"invariants": None}, {"invariants": ["x", 3]}, {"leaks": 4}):
        assert stop_words(strange) == ""


def test_undecided_says_how_many_more_would_decide() -> None:
    rule = ShipRule()
    green = decide(Evidence(ShipTest(rule, rule.alpha, 20, 20), (), Leaks(), 20)).reason
    assert green.startswith("Nothing failed, but 20 tries are too few to be sure: 20 more")
    assert "allow 40 or more with --trajectories" in green
    mixed = decide(Evidence(ShipTest(rule, rule.alpha, 20, 19), (), Leaks(), 20)).reason
    assert mixed.startswith("19 of 20 held, too few for a yes or a no")
