"""The look ledger: charged before the look, once for the same look, spent scenarios leave."""

import resource
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from unlit.core.errors import InvalidInput, OutsideFailed
from unlit.core.ids import CriterionId, ScenarioId
from unlit.core.states import Partition
from unlit.evaluation.ledger import Ledger, grading_key
from unlit.evaluation.model import EvaluationRequest, Product, ShipRule
from unlit.policy import Identity

NAMES = tuple(ScenarioId(f"s{n}") for n in range(30))


@pytest.fixture
def request_(tmp_path: Path) -> EvaluationRequest:
    return EvaluationRequest(
        spec=tmp_path, candidate=tmp_path, base=None, vault=tmp_path / "vault",
        partition=Partition.SEALED, product=Product(run="x"), ship=ShipRule(), seed=1,
        max_trajectories=40, parallel=1, look=None, artefacts=tmp_path, policy=tmp_path,
        identity=Identity("r", "sealed", "a", "product"), tree="sha256:1",
    )  # fmt: skip


def charge(ledger: Ledger, request: EvaluationRequest, *, kept: bool = False) -> float:
    key = grading_key(request, "v")
    return ledger.charge(key, request, NAMES, "v", "2026-01-01", kept=kept).alpha


def test_each_look_at_another_build_costs_more(request_: EvaluationRequest) -> None:
    ledger = Ledger(request_.vault)
    first = charge(ledger, request_)
    second = charge(ledger, replace(request_, tree="sha256:2"))
    assert (first, second) == (0.05, 0.025)
    assert len(ledger.looks()) == 2


def test_the_same_look_again_costs_nothing(request_: EvaluationRequest) -> None:
    ledger = Ledger(request_.vault)
    assert charge(ledger, request_) == 0.05
    charge(ledger, replace(request_, tree="sha256:2"))
    assert charge(ledger, request_, kept=True) == 0.05
    assert len(ledger.looks()) == 2


def test_a_look_whose_trajectories_are_gone_is_run_again_and_charged_again(
    request_: EvaluationRequest,
) -> None:
    ledger = Ledger(request_.vault)
    assert charge(ledger, request_) == 0.05
    assert charge(ledger, request_, kept=False) == 0.025
    assert charge(ledger, request_, kept=True) == 0.025, "the newest one is what is kept"


@pytest.mark.parametrize(
    "change",
    [{"product": Product(run="x --other")}, {"keep_going": True}, {"options": {"judge": {"n": 1}}}],
)
def test_whatever_would_be_run_for_real_is_another_look(
    request_: EvaluationRequest, change: dict[str, Any]
) -> None:
    ledger = Ledger(request_.vault)
    charge(ledger, request_)
    assert charge(ledger, replace(request_, **change), kept=True) == 0.025


def test_a_scenario_that_was_shown_before_the_first_look_is_spent_in_it(
    request_: EvaluationRequest,
) -> None:
    ledger = Ledger(request_.vault)
    ledger.disclose([NAMES[3]], "ada", "2026-01-01")
    key = grading_key(request_, "v")
    for kept in (False, True):
        found = ledger.charge(key, request_, NAMES, "v", "2026-01-01", kept=kept)
        assert NAMES[3] not in found.fresh
        ledger.disclose([NAMES[4]], "ada", "2026-01-02")
        assert NAMES[4] in found.fresh, "what it drew from is what it goes on with"
    assert ledger.standing(NAMES, request_.ship).fresh == tuple(
        sorted(set(NAMES) - {NAMES[3], NAMES[4]})
    )


def test_another_seed_is_another_look(request_: EvaluationRequest) -> None:
    ledger = Ledger(request_.vault)
    charge(ledger, request_)
    assert charge(ledger, replace(request_, seed=2)) == 0.025


def test_a_scenario_that_was_shown_is_spent(request_: EvaluationRequest) -> None:
    ledger = Ledger(request_.vault)
    charge(ledger, request_)
    ledger.disclose([NAMES[3]], "ada", "2026-01-02")
    standing = ledger.standing(NAMES, request_.ship)
    assert NAMES[3] not in standing.fresh
    assert len(standing.fresh) == 29


def test_the_ledger_lies_beside_the_vault_and_only_its_owner_opens_it(
    request_: EvaluationRequest,
) -> None:
    ledger = Ledger(request_.vault)
    charge(ledger, request_)
    assert ledger.path.parent.parent == request_.vault.parent
    assert ledger.path.parent.stat().st_mode & 0o077 == 0


def test_a_broken_ledger_stops_everything(request_: EvaluationRequest) -> None:
    ledger = Ledger(request_.vault)
    charge(ledger, request_)
    ledger.path.write_text(ledger.path.read_text(encoding="utf-8") + "{]\n", encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        charge(ledger, request_)
    assert caught.value.code == "EVA-125"


def test_a_full_disk_charges_nothing_and_leaves_the_ledger_whole(
    request_: EvaluationRequest,
) -> None:
    ledger = Ledger(request_.vault)
    charge(ledger, request_)
    before = ledger.path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 20, hard))
    try:
        with pytest.raises(OutsideFailed, match="EVA-143"):
            charge(ledger, replace(request_, tree="sha256:2"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert ledger.path.read_bytes() == before
    assert charge(ledger, replace(request_, tree="sha256:2")) == 0.025


def test_validation_wears_out_after_two_reports(request_: EvaluationRequest) -> None:
    ledger = Ledger(request_.vault)
    first, second = CriterionId("AC-1"), CriterionId("AC-2")
    ledger.report("k1", "sha256:1", [first, second], "2026-01-01")
    ledger.report("k1", "sha256:1", [first, second], "2026-01-02")
    assert ledger.used_up() == ()
    ledger.report("k2", "sha256:2", [first], "2026-01-03")
    assert ledger.used_up() == (first,)
    assert ledger.looks() == []
