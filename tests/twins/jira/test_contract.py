"""Jira's contract: the stored table is what its documents compile to, and every route answers."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from tests.twins.google.calling import Caller

from unlit.twins.kit.contract import Contract
from unlit.twins.services.jira import compiling, generic, twin
from unlit.twins.universe import Universe

FOLDER = (
    Path(os.environ.get("UNLIT_RECORDINGS", "../shared/twins")) / "data/contracts/jira"
)  # where recordings lie


@pytest.mark.recordings
def test_the_stored_contract_is_compiled_from_the_documents() -> None:
    if not FOLDER.exists():
        pytest.skip("not exercised: no contracts")
    fresh = Contract.unpack(compiling.compiled(FOLDER))
    assert fresh.operations == generic.kernel_contract().operations


def test_every_route_of_the_contract_answers_in_the_vendors_form() -> None:
    universe = Universe(["jira"])
    seed = {"projects": [{"key": "PRJ"}], "issues": [{"project": "PRJ", "summary": "one"}]}
    call = Caller(universe, universe.create_world({"jira": seed}), "jira")
    broken: list[str] = []
    for route in twin.router:
        path = re.sub(r"\{issueIdOrKey\}", "PRJ-1", route.template)
        path = re.sub(r"\{projectIdOrKey\}", "PRJ", path)
        path = re.sub(r"\{[^}]*\}", "1", path)
        body: Any = {} if route.method in ("POST", "PUT", "PATCH") else None
        answer = call(route.method, path, body)
        if "x-twin-error" in answer.headers or answer.status == 500:
            broken.append(f"{route.method} {route.template} {answer.status}")
    assert broken == []
