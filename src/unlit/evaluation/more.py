"""Trajectories beyond the ship test: for undecided criteria, and with values that may be known."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from unlit.core.ids import CriterionId
from unlit.core.states import TrajectoryState
from unlit.evaluation.grading import Slot
from unlit.evaluation.model import EvaluationRequest, TrajectoryRecord
from unlit.evaluation.records import record_of
from unlit.evaluation.rules.criteria import CriterionCount, most_undecided
from unlit.evaluation.rules.freshness import Freshness, Pair, freshness
from unlit.evaluation.scenarios.model import Draw, Scenario
from unlit.evaluation.scenarios.sample import draw_seed, sample
from unlit.evaluation.trajectory import Setting


@dataclass(frozen=True, slots=True)
class Extra:
    """What was learnt beyond the ship test."""

    settled: tuple[TrajectoryRecord, ...] = ()
    freshness: Freshness | None = None


@dataclass(frozen=True, slots=True)
class More:
    """Runs further trajectories in one fence, one after the other."""

    request: EvaluationRequest
    scenarios: Sequence[Scenario]
    lists: Mapping[str, Sequence[str]]
    slot: Slot
    setting: Setting

    async def settle(
        self, counted: Sequence[TrajectoryRecord], budget: int
    ) -> tuple[TrajectoryRecord, ...]:
        """Spend `budget` trajectories on the criteria that are nearest to a decision.

        They count for that criterion alone, whose scenarios are drawn by weight: the draws of the
        ship test, and of other criteria that a scenario also speaks for, follow another profile.
        """
        records: list[TrajectoryRecord] = []
        first = len(counted)
        for number in range(1, budget + 1):
            counts = _counts([*counted, *records])
            wanted = most_undecided(counts, self.request.ship)
            found = next(((name, s) for name in wanted for s in self._of(name, number)), None)
            if found is None:
                break
            name, about = found
            seed = draw_seed(self.request.seed, f"settle:{about.id}", number)
            draw = Draw(first + number, about.id, seed, sample(about, seed, self.lists))
            outcome = await self.slot.run(about, draw, self.setting)
            record = record_of(outcome, about)
            failed = tuple(each for each in record.failed if each == name)
            records.append(replace(record, criteria=(name,), failed=failed))
        return tuple(records)

    def _of(self, criterion: CriterionId, number: int) -> list[Scenario]:
        """Return one of a criterion's scenarios, drawn by weight; none where it has none."""
        about = [scenario for scenario in self.scenarios if criterion in scenario.criteria]
        if not about:
            return []
        seed = draw_seed(self.request.seed, f"settle:{criterion}", number)
        source = random.Random(seed)  # noqa: S311 # replay, not secrecy
        return source.choices(about, [scenario.effective_weight for scenario in about])

    async def known_values(self, counted: Sequence[TrajectoryRecord]) -> Freshness:
        """Run each scenario once with the values that every grading of the vault would know.

        Compared with the first trajectory of the same scenario, whose values are this grading's
        own: a product that learnt answers does better on the known ones.
        """
        first: dict[str, bool] = {}
        for record in counted:
            first.setdefault(record.scenario, record.state is TrajectoryState.SATISFIED)
        pairs = []
        for scenario in self.scenarios:
            if not scenario.vary or scenario.id not in first:
                continue
            seed = draw_seed(0, f"known:{scenario.id}", 0)
            draw = Draw(0, scenario.id, seed, sample(scenario, seed, self.lists))
            outcome = await self.slot.run(scenario, draw, self.setting)
            known = outcome.state is TrajectoryState.SATISFIED
            pairs.append(Pair(scenario.id, known, first[scenario.id]))
        return freshness(pairs)


def _counts(records: Sequence[TrajectoryRecord]) -> dict[CriterionId, CriterionCount]:
    counts: dict[CriterionId, list[bool]] = {}
    for record in records:
        if not record.state.is_evidence:
            continue
        for name in record.criteria:
            good = name not in record.failed and record.state is not TrajectoryState.HARNESS_FAULT
            counts.setdefault(name, []).append(good)
    return {
        name: CriterionCount(name, "", (), len(seen), sum(seen)) for name, seen in counts.items()
    }
