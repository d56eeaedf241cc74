"""Every route, odd bodies and odd parameters: the vendor's errors, never a failure of the twin."""

import json
import os
import random
from typing import Any

import pytest

from unlit.twins.kit.http import Request
from unlit.twins.universe import Universe

ODD: list[Any] = [
    None, {}, [], "text", 0, True, {"profile": None}, {"profile": []}, {"profile": "x"},
    {"profile": {"login": 3, "email": {}}}, {"name": 1, "type": [], "status": {}},
    {"credentials": "x", "settings": 3, "label": None}, {"settings": {"oauthClient": []}},
    {"definitions": {"custom": {"properties": [1]}}}, {"id": {"a": 1}, "priority": "high"},
    {"channel": {"config": None}}, {"events": {"items": 3}}, {"conditions": "none"},
    {"x" * 50: "y" * 500}, {"a": {"b": {"c": {"d": [[[[1]]]]}}}},
]  # fmt: skip
RAW = [b"{", b"\xff\xfe", b"[1,", b'"', b"a=1&b=2", b"%%%"]
QUERIES = ["", "limit=x", "limit=-1", "limit=99999", "after=zzz", "filter=(", "search=a+eq",
           'search=id+eq+"x"', "q=%00", "expand=x", "cursor=%F0%9F", "activate=maybe"]  # fmt: skip
VALUES = ["x", "00uNONE", "default", "me", "a%2Fb", "%00", "é", "0", "..", "x" * 300]


def cases(service: str, per_route: int) -> Any:
    universe = Universe([service])
    universe.default = universe.create_world()
    token = universe.tokens(universe.default)[service]
    draw = random.Random(7)
    scheme = "SSWS" if service == "okta" else "Bearer"
    for route in universe.by_service[service].router:
        for _ in range(per_route):
            path = "/".join(
                draw.choice(VALUES) if part.startswith("{") else part
                for part in route.template.split("/")
            )
            body = draw.choice(RAW) if draw.random() < 0.15 else _encoded(draw.choice(ODD))
            kinds = [
                "application/json",
                "application/x-www-form-urlencoded",
                "text/plain",
                "multipart/form-data; boundary=x",
                "",
            ]
            kind = kinds[0] if draw.random() < 0.7 else draw.choice(kinds)
            headers = {"authorization": f"{scheme} {token}", "content-type": kind}
            yield universe, Request(route.method, path, draw.choice(QUERIES), headers, body)


def _encoded(value: Any) -> bytes:
    return b"" if value is None else json.dumps(value).encode()


@pytest.mark.parametrize("service", ["okta", "slack", "github", "jira", "drive"])
def test_no_route_fails_on_anything(service: str) -> None:
    failed = []
    for universe, request in cases(service, int(os.environ.get("UNLIT_FUZZ", "4"))):
        reply = universe.answer(service, request).reply
        if reply.header("x-twin-error") == "TWN-500":
            failed.append((request.method, request.raw_path, request.raw_query, request.body))
        assert reply.status in range(200, 600)
    assert failed == []


def args(universe: Universe, method: str, sent: dict[str, Any]) -> dict[str, Any]:
    headers = {
        "authorization": f"Bearer {universe.tokens(str(universe.default))['slack']}",
        "content-type": "application/json; charset=utf-8",
    }
    request = Request("POST", f"/api/{method}", "", headers, json.dumps(sent).encode())
    reply = universe.answer("slack", request).reply
    assert reply.header("x-twin-error") is None, (method, sent)
    found: dict[str, Any] = json.loads(reply.encoded())
    return found


def test_slacks_methods_take_odd_arguments_by_name() -> None:
    from unlit.twins.services.slack.generic import contract

    universe = Universe(["slack"])
    universe.default = universe.create_world()
    channels = args(universe, "conversations.list", {})["channels"]
    known = {"channel": channels[0]["id"], "ts": "1.1", "user": "USLACKBOT", "users": "USLACKBOT"}
    draw = random.Random(11)
    odd: list[Any] = ["", "x", 3, -1, True, [], {}, [1], {"a": 1}, "[{]", "null", "9" * 40, "é" * 9]
    for method, entry in contract()["methods"].items():
        for _ in range(4):
            sent = {
                name: known[name] if name in known and draw.random() < 0.6 else draw.choice(odd)
                for name in entry["args"]
                if name != "token" and draw.random() < 0.8
            }
            assert args(universe, method, sent)["ok"] in (True, False)
