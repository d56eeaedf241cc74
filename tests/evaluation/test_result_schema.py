"""The published schema of a result, against results of every verdict."""

import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from unlit.core.ids import CriterionId
from unlit.core.states import Partition
from unlit.core.system import SystemClock
from unlit.evaluation.assemble import Circumstances, assemble
from unlit.evaluation.fakes import FakeWorlds, LocalPool
from unlit.evaluation.leaks.proof import Proof
from unlit.evaluation.model import EvaluationRequest, Product, ShipRule
from unlit.evaluation.registry import driver
from unlit.evaluation.service import Parts, grade
from unlit.evaluation.spec import SpecFacts
from unlit.evaluation.store import ArtefactStore
from unlit.evaluation.vault import load_vault
from unlit.evaluation.wire import result_from_json
from unlit.policy import Identity

SCENARIO = """\
id: one
story: s
criterion: [AC-1]
partition: {partition}
oracle: {oracle}
author: {{by: person, name: ada}}
owner: o
because: b
when: [{{cli: {{run: [greet, ann]}}}}]
then: [{{stdout: {expected}}}{more}]
"""


def schema() -> dict[str, Any]:
    file = resources.files("unlit.evaluation").joinpath("result.schema.json")
    loaded: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return loaded


@pytest.fixture
def graded(tmp_path: Path, candidate: Path) -> Callable[..., Any]:
    async def run(**fields: str) -> dict[str, Any]:
        values = {"partition": "validation", "oracle": "contract", "expected": "hello ann",
                  "more": ""} | fields  # fmt: skip
        vault_folder = tmp_path / "vault"
        vault_folder.mkdir()
        (vault_folder / "a.yaml").write_text(SCENARIO.format(**values), encoding="utf-8")
        request = EvaluationRequest(
            spec=tmp_path, candidate=candidate, base=None, vault=vault_folder,
            partition=Partition.VALIDATION, product=Product(run="sh product.sh"),
            ship=ShipRule(0.8, 0.9), seed=1, max_trajectories=60, parallel=2, look=None,
            artefacts=tmp_path / "a", policy=tmp_path,
            identity=Identity("r", "s", "a", "product"),
        )  # fmt: skip
        parts = Parts(
            FakeWorlds(), LocalPool(), SystemClock(), driver, ArtefactStore(tmp_path / "a"),
            Proof([]),
        )  # fmt: skip
        vault = load_vault(vault_folder)
        counted = await grade(request, vault, parts, lambda event: None)
        spec = SpecFacts({CriterionId("AC-1"): "Greets", CriterionId("AC-2"): "Sings"}, "d", "ada")
        result = assemble(request, spec, vault, counted, Circumstances())
        document = result.to_json()
        assert result_from_json(json.loads(json.dumps(document))).to_json() == document
        return document

    return run


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({}, "ship"),
        ({"expected": "goodbye"}, "not_yet"),
        ({"partition": "sealed"}, "not_exercised"),
        ({"more": ", {judge: {ask: Nice?, evidence: stdout}}", "oracle": "model"}, "not_exercised"),
    ],
)
async def test_a_result_fits_the_published_schema(
    graded: Callable[..., Any], fields: dict[str, str], verdict: str
) -> None:
    document = await graded(**fields)
    errors = [error.message for error in Draft202012Validator(schema()).iter_errors(document)]
    assert errors == []
    assert document["verdict"] == verdict


async def test_what_nothing_exercised_is_never_zero_or_met(graded: Callable[..., Any]) -> None:
    document = await graded()
    silent = next(entry for entry in document["criteria"] if entry["id"] == "AC-2")
    assert (silent["state"], silent["estimate"]) == ("not_exercised", None)
    assert any("AC-2" in sentence for sentence in document["not_verified"])


def test_the_schema_refuses_a_merged_state() -> None:
    Draft202012Validator.check_schema(schema())
    assert not Draft202012Validator(schema()).is_valid({"verdict": "passed"})
