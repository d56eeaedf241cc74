from unlit.core.ids import CandidateId
from unlit.core.states import Verdict
from unlit.line.rules.tournament import Entry, chosen_bits, rank


def entry(
    number: int,
    verdict: Verdict | None = Verdict.NOT_YET,
    lower: float | None = 0.5,
    estimate: float | None = 0.7,
    files: int = 3,
) -> Entry:
    return Entry(CandidateId(f"c{number}"), number, "a", verdict, lower, estimate, files)


def order(*entries: Entry) -> list[str]:
    return [row.candidate for row in rank(entries)]


def test_the_verdict_comes_before_every_number() -> None:
    assert order(entry(1, lower=0.9), entry(2, Verdict.SHIP, 0.1)) == ["c2", "c1"]
    assert order(entry(1), entry(2, Verdict.UNDECIDED, 0.1)) == ["c2", "c1"]


def test_then_the_lower_bound_the_estimate_the_files_and_the_number() -> None:
    assert order(entry(1), entry(2, lower=0.6)) == ["c2", "c1"]
    assert order(entry(1), entry(2, estimate=0.8)) == ["c2", "c1"]
    assert order(entry(1), entry(2, files=1)) == ["c2", "c1"]
    assert order(entry(2), entry(1)) == ["c1", "c2"]


def test_what_was_not_graded_comes_last_and_tells_no_bits() -> None:
    assert order(entry(1, None), entry(2, lower=None, estimate=None)) == ["c2", "c1"]
    assert chosen_bits([entry(1, None), entry(2)]) == 0.0
    assert chosen_bits([entry(n) for n in range(1, 5)]) == 2.0
