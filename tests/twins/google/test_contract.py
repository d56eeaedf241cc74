"""Google's contract: the stored table is what its documents compile to, and every route answers."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from tests.twins.google.calling import Caller

from unlit.twins.kit.contract import Contract
from unlit.twins.services.google import compiling, schemas, twin
from unlit.twins.services.google.docs.routes import KNOWN, UNDONE
from unlit.twins.services.google.sheets import batch
from unlit.twins.services.google.sheets.edits.registry import KINDS
from unlit.twins.universe import Universe

BASE = os.environ.get("UNLIT_RECORDINGS", "../shared/twins")  # where they lie
FOLDER = Path(BASE) / "data/contracts/google"
BODIES: tuple[Any, ...] = (
    {},
    {"requests": [{}]},
    {"requests": 1, "values": 1, "data": [1]},
)


@pytest.mark.recordings
def test_the_stored_contract_is_compiled_from_the_documents() -> None:
    if not FOLDER.exists():
        pytest.skip("not exercised: no contracts")
    fresh = Contract.unpack(compiling.compiled(FOLDER))
    assert fresh.operations == schemas.contract().operations


@pytest.mark.parametrize(
    ("op", "done", "undone"),
    [
        ("docs.documents.batchUpdate", set(KNOWN) - UNDONE, set(UNDONE)),
        ("sheets.spreadsheets.batchUpdate", set(KINDS), set(batch.UNDONE)),
    ],
)
def test_every_kind_of_request_is_done_or_refused_by_name(
    op: str, done: set[str], undone: set[str]
) -> None:
    contract = schemas.contract()
    operation = next(o for o in contract.operations if o.op == op)
    requests = contract.schema(operation.request)["p"]["requests"]
    kinds = set(contract.schema(contract.schema(requests)["i"])["p"])
    assert kinds - done - undone == set()
    assert done & undone == set()


def test_every_route_of_the_contract_answers_in_the_vendors_form() -> None:
    universe = Universe(["docs", "drive", "sheets"])
    call = Caller(universe, universe.create_world({}), "drive")
    sheet = call("POST", "/v4/spreadsheets", {}).body["spreadsheetId"]
    document = call("POST", "/v1/documents", {}).body["documentId"]
    file = call("POST", "/drive/v3/files", {"name": "a"}).body["id"]
    broken: list[str] = []
    for route in twin.router:
        for body in BODIES:
            path = re.sub(r"\{spreadsheetId\}", sheet, route.template)
            path = re.sub(r"\{documentId\}", document, path)
            path = re.sub(r"\{fileId\}", file, path)
            path = re.sub(r"\{range\}", "A1", path)
            path = re.sub(r"\{[^}]*\}", "1", path)
            if route.method == "DELETE" and path.endswith(file):
                continue
            sent = body if route.method in ("POST", "PUT", "PATCH") else None
            answer = call(route.method, path, sent, valueInputOption="RAW")
            if "x-twin-error" in answer.headers or answer.status == 500:
                broken.append(f"{route.method} {route.template} {body} {answer.status}")
    assert broken == []
