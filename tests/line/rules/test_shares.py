from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from unlit.core.ids import CandidateId, CriterionId, RunId
from unlit.core.states import Partition, Verdict
from unlit.line.rules.shares import by_criterion
from unlit.record.model import Cost, Evaluation

RUN = RunId("r-1")
NOW = datetime(2026, 3, 1, tzinfo=UTC)
COST = Cost("k", RUN, "build", "codex", "ann", "openai", "gpt", NOW, "2026-03-01",
            CandidateId("c1"), input_tokens=30, output_tokens=9, usd=Decimal(3))  # fmt: skip
LOOKED = Evaluation(
    RUN, CandidateId("c1"), Partition.VALIDATION, Verdict.NOT_YET, "b", "t", NOW,
    feedback=({"criterion": "AC-2", "bucket": "few"}, {"criterion": "AC-1", "bucket": "all"}),
)  # fmt: skip
ALL = {RUN: ("AC-1", "AC-2", "AC-3")}


def usd(costs: tuple[Cost, ...]) -> dict[str | None, Decimal | None]:
    return {cost.criterion: cost.usd for cost in costs}


def test_the_first_candidate_works_on_all_criteria_and_a_later_one_on_those_not_met() -> None:
    first = by_criterion([COST], [LOOKED], ALL)
    assert usd(first) == {"AC-1": Decimal(1), "AC-2": Decimal(1), "AC-3": Decimal(1)}
    assert [cost.input_tokens for cost in first] == [10, 10, 10]
    later = by_criterion([replace(COST, candidate=CandidateId("c2"))], [LOOKED], ALL)
    assert usd(later) == {"AC-2": Decimal(3)}
    third = [replace(COST, candidate=CandidateId("c3"))]
    second = replace(LOOKED, candidate=CandidateId("c2"), feedback=())
    assert set(usd(by_criterion(third, [LOOKED, second], ALL))) == {"AC-1", "AC-2", "AC-3"}


def test_what_says_its_criterion_keeps_it_and_what_is_about_none_stays_so() -> None:
    said = replace(COST, criterion=CriterionId("AC-9"))
    free = replace(COST, candidate=None)
    unknown = replace(COST, usd=None)
    found = by_criterion([said, free, unknown], [], ALL)
    assert found[0] == said
    assert found[1] == free
    assert {cost.usd for cost in found[2:]} == {None}
    assert by_criterion([COST], [], {}) == (COST,)


def test_shares_add_up_to_what_was_spent() -> None:
    shares = by_criterion([replace(COST, usd=Decimal("1.0000001"))], [], ALL)
    total = sum((cost.usd for cost in shares if cost.usd is not None), Decimal(0))
    assert abs(total - Decimal("1.0000001")) < Decimal("1e-20")


def test_calls_and_tokens_add_up_too() -> None:
    odd = replace(COST, calls=4, input_tokens=8, output_tokens=5, cache_read_tokens=1,
                  cache_write_tokens=2)  # fmt: skip
    for calls in (1, 4):
        shares = by_criterion([replace(odd, calls=calls)] * 7, [], ALL)
        assert sum(one.calls for one in shares) == 7 * calls
        assert sum(one.input_tokens for one in shares) == 7 * 8
        assert sum(one.output_tokens for one in shares) == 7 * 5
        assert sum(one.cache_read_tokens for one in shares) == 7
        assert sum(one.cache_write_tokens for one in shares) == 14
    assert [one.input_tokens for one in by_criterion([odd], [], ALL)] == [3, 3, 2]
    single = by_criterion([replace(odd, calls=1)] * 6, [], ALL)
    assert [sum(one.calls for one in single if one.criterion == name) for name in ALL[RUN]] == [
        2
    ] * 3
