"""From counted trajectories to a result: each rule gets what it needs to keep its promise."""

from pathlib import Path

import pytest

from unlit.core.ids import CriterionId, ScenarioId
from unlit.core.states import CriterionState, Partition, TrajectoryState
from unlit.evaluation.assemble import criterion_results
from unlit.evaluation.model import EvaluationRequest, Product, ShipRule, TrajectoryRecord
from unlit.evaluation.rules.ship import start
from unlit.evaluation.service import Counted
from unlit.evaluation.spec import SpecFacts
from unlit.policy import Identity


@pytest.mark.parametrize(("criteria", "state"), [(1, CriterionState.NOT_MET),
                                                 (12, CriterionState.UNDECIDED)])  # fmt: skip
def test_one_failure_among_many_criteria_is_no_verdict(
    tmp_path: Path, criteria: int, state: CriterionState
) -> None:
    """With beta = .10 one failure speaks 17 to 1 against 97 %: enough for one, not for twelve."""
    request = EvaluationRequest(
        spec=tmp_path, candidate=tmp_path, base=None, vault=tmp_path,
        partition=Partition.VALIDATION, product=Product(), ship=ShipRule(), seed=1,
        max_trajectories=9, parallel=1, look=None, artefacts=tmp_path, policy=tmp_path,
        identity=Identity("r", "s", "a", "product"),
    )  # fmt: skip
    spec = SpecFacts({CriterionId(f"AC-{n}"): "t" for n in range(1, criteria + 1)}, "d", "ada")
    failed = TrajectoryRecord(
        1, ScenarioId("s"), 1, TrajectoryState.NOT_SATISFIED, (CriterionId("AC-1"),),
        failed=(CriterionId("AC-1"),),
    )  # fmt: skip
    counted = Counted(start(request.ship), (failed,), (), "by hand")
    assert criterion_results(request, spec, counted)[0].state is state
