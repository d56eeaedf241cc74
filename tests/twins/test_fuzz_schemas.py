"""Bodies made from the contracts' own schemas, on objects that are there: no failure of the twin.

Most leaves are of the type that the contract wants, some are not; ids name real things as often as
not. Batches of Docs and Sheets meet every kind of request.
"""

import json
import os
import random
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from unlit.twins.kit.contract import Contract
from unlit.twins.kit.http import Request
from unlit.twins.universe import Universe

ROUNDS = int(os.environ.get("UNLIT_FUZZ", "3"))
ODD: list[Any] = [None, "", "x", "é\N{WINKING FACE}", 0, -1, 1, 2, 7, 10**12, 1.5, True, False, [],
                  {}, [1], {"a": 1}, "2026-01-01", "A1:B2", "#REF!", "{", "10000"]  # fmt: skip
PLAIN: dict[str, list[Any]] = {
    "string": ["", "x", "A1", "*", "fields", "2026-01-01", "10000", "=A1+1", "SEC-1", "a\nb"],
    "integer": [0, 1, 2, 3, 5, 100, -1],
    "number": [0, 1, 0.5, 2, 100, -1],
    "boolean": [True, False],
}


class Maker:
    """Makes values by a contract's schemas."""

    def __init__(self, contract: Contract, draw: random.Random, known: dict[str, Any]) -> None:
        self.contract = contract
        self.draw = draw
        self.known = known

    def value(self, number: Any, name: str = "", depth: int = 0) -> Any:
        """Return a value for a schema, now and then another one."""
        if self.draw.random() < 0.06:
            return self.draw.choice(ODD)
        if name in self.known and self.draw.random() < 0.7:
            return self.known[name]
        schema = self.contract.schema(number)
        kind = schema.get("t")
        if schema.get("e") and self.draw.random() < 0.9:
            return self.draw.choice(list(schema["e"]))
        if kind == "array":
            count = 0 if depth > 7 else self.draw.choice([0, 1, 1, 2])
            return [self.value(schema.get("i"), "", depth + 1) for _ in range(count)]
        if kind == "object" or schema.get("p"):
            names = list(schema.get("p") or {})
            chance = 0.9 if len(names) < 5 else 0.4 if depth < 3 else 0.15
            kept = [] if depth > 7 else [n for n in names if self.draw.random() < chance]
            return {n: self.value(schema["p"][n], n, depth + 1) for n in kept}
        return self.draw.choice(PLAIN.get(str(kind), ODD))


def ask(universe: Universe, service: str, method: str, path: str, body: Any = None,
        query: str = "") -> tuple[int, Any, str | None]:  # fmt: skip
    scheme = "SSWS" if service == "okta" else "Bearer"
    token = universe.tokens(str(universe.default))[service]
    headers = {"authorization": f"{scheme} {token}", "content-type": "application/json"}
    data = b"" if body is None else json.dumps(body).encode()
    reply = universe.answer(service, Request(method, path, query, headers, data)).reply
    raw = reply.encoded()
    found = json.loads(raw) if raw[:1] in (b"{", b"[") else None
    return reply.status, found, reply.header("x-twin-error")


def _google(service: str) -> tuple[Contract, dict[str, Any], Universe]:
    from unlit.twins.services.google.schemas import contract

    universe = Universe([service])
    universe.default = universe.create_world()
    return contract(), {}, universe


@pytest.mark.parametrize("service", ["docs", "sheets"])
def test_every_kind_of_request_takes_odd_bodies(service: str) -> None:
    contract, known, universe = _google(service)
    op = f"{service}.{'documents' if service == 'docs' else 'spreadsheets'}.batchUpdate"
    operation = next(o for o in contract.operations if o.op == op)
    requests = contract.schema(contract.schema(operation.request)["p"]["requests"])
    kinds = contract.schema(requests["i"])["p"]
    draw = random.Random(5)
    failed: list[Any] = []
    for kind, number in kinds.items():
        path, known = _filled(universe, service)
        maker = Maker(contract, draw, known)
        for _ in range(ROUNDS * 8):
            sent = {"requests": [{kind: maker.value(number)}]}
            status, _, error = ask(universe, service, "POST", f"{path}:batchUpdate", sent)
            if error == "TWN-500":
                failed.append(sent)
            assert status in (200, 400, 403, 404, 501), (status, sent)
            read, _, error = ask(universe, service, "GET", path)
            assert (read, error) == (200, None), sent
    assert failed == []


def _filled(universe: Universe, service: str) -> tuple[str, dict[str, Any]]:
    if service == "docs":
        made = ask(universe, "docs", "POST", "/v1/documents", {"title": "D"})[1]
        path = f"/v1/documents/{made['documentId']}"
        requests = [
            {"insertText": {"location": {"index": 1}, "text": "One\nTwo\N{WINKING FACE}\nThree"}},
            {"insertTable": {"rows": 2, "columns": 2, "location": {"index": 5}}},
            {"createNamedRange": {"name": "n", "range": {"startIndex": 1, "endIndex": 3}}},
        ]
        done = ask(universe, "docs", "POST", f"{path}:batchUpdate", {"requests": requests})
        assert done[0] == 200, done
        start = {"index": 6}
        return path, {"tableStartLocation": start, "tabId": "t.0", "fields": "*", "segmentId": ""}
    made = ask(universe, "sheets", "POST", "/v4/spreadsheets", {})[1]
    path = f"/v4/spreadsheets/{made['spreadsheetId']}"
    rows = [["n", "v"], ["a", 1], ["b", "=B2+1"]]
    query = "valueInputOption=USER_ENTERED"
    ask(universe, "sheets", "PUT", f"{path}/values/A1", {"values": rows}, query)
    return path, {"sheetId": 0, "fields": "*"}


def _jira() -> tuple[Contract, dict[str, Any], dict[str, str], Universe]:
    from unlit.twins.services.jira.generic import kernel_contract

    universe = Universe(["jira"])
    universe.default = universe.create_world(
        {"jira": {"projects": [{"key": "SEC", "components": ["c"], "versions": ["1"]}],
                  "issues": [{"count": 3, "project": "SEC", "summary": "s {n}"}]}}
    )  # fmt: skip
    me = ask(universe, "jira", "GET", "/rest/api/3/myself")[1]["accountId"]
    known = {"issueIdOrKey": "SEC-1", "project": {"key": "SEC"}, "issuetype": {"name": "Task"},
             "accountId": me, "projectId": 10000, "key": "SEC", "summary": "s"}  # fmt: skip
    params = {"issueIdOrKey": "SEC-1", "projectIdOrKey": "SEC", "id": "10000", "version": "1"}
    return kernel_contract(), known, params, universe


def _okta() -> tuple[Contract, dict[str, Any], dict[str, str], Universe]:
    universe = Universe(["okta"])
    universe.default = universe.create_world()
    contract: Contract = universe.by_service["okta"].crud.maker.contract  # type: ignore[attr-defined] # Okta's
    users = ask(universe, "okta", "GET", "/api/v1/users")[1]
    groups = ask(universe, "okta", "GET", "/api/v1/groups")[1]
    policies = ask(universe, "okta", "GET", "/api/v1/policies")[1]
    sent = {"name": "bookmark", "label": "B", "signOnMode": "BOOKMARK"}
    app = ask(universe, "okta", "POST", "/api/v1/apps", sent)[1]
    known = {"login": "x@example.com", "email": "x@example.com", "name": "n"}
    params = {"id": users[0]["id"], "userId": users[0]["id"], "groupId": groups[0]["id"],
              "policyId": policies[0]["id"], "appId": app["id"],
              "authServerId": "default"}  # fmt: skip
    return contract, known, params, universe


def _drive() -> tuple[Contract, dict[str, Any], dict[str, str], Universe]:
    contract, _, universe = _google("drive")
    made = ask(universe, "drive", "POST", "/drive/v3/files", {"name": "a"})[1]
    params = {"fileId": made["id"], "folderId": "root"}
    return contract, {"fields": "*"}, params, universe


def _github() -> tuple[Contract, dict[str, Any], dict[str, str], Universe]:
    universe = Universe(["github"])
    universe.default = universe.create_world({"github": {"repos": [{"name": "acme/app"}]}})
    contract: Contract = universe.by_service["github"].crud.maker.contract  # type: ignore[attr-defined] # grown from it
    ask(universe, "github", "POST", "/repos/acme/app/issues", {"title": "t"})
    params = {"owner": "acme", "repo": "app", "issue_number": "1", "ref": "main"}
    return contract, {"title": "t"}, params, universe


STARTS: dict[str, Callable[[], tuple[Contract, dict[str, Any], dict[str, str], Universe]]] = {
    "jira": _jira,
    "okta": _okta,
    "drive": _drive,
    "github": _github,
}


@pytest.mark.parametrize("service", sorted(STARTS))
def test_every_route_takes_bodies_of_its_contract(service: str) -> None:
    contract, known, params, universe = STARTS[service]()
    draw, failed = random.Random(3), []
    maker = Maker(contract, draw, known)
    kept = universe.snapshot(str(universe.default))
    for operation in contract.operations:
        universe.restore(str(universe.default), kept)
        for _ in range(ROUNDS):
            path = "/".join(
                params.get(part[1:-1], draw.choice(["1", "x", "10000", "default"]))
                if part.startswith("{") else part
                for part in operation.template.split("/")
            )  # fmt: skip
            query = urlencode({
                name: draw.choice(["1", "0", "x", "-1", "true", "a,b", "SEC-1", "project = SEC"])
                for name in operation.query if draw.random() < 0.3
            })  # fmt: skip
            body = maker.value(operation.request) if operation.request is not None else None
            headers = (operation.method, path, query)
            status, _, error = ask(universe, service, *headers[:2], body, query)
            if error == "TWN-500":
                failed.append((*headers, json.dumps(body)[:300]))
            assert status in range(200, 600)
    assert failed == [], len(failed)
