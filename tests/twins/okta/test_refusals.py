"""Wrong calls: status, code and cause as Okta documents them; nothing is made by them."""

from typing import Any

import pytest
from tests.twins.okta.calling import Org

V1 = "/api/v1"
ADA = {"firstName": "Ada", "lastName": "Person", "email": "ada@example.com",
       "login": "ada@example.com"}  # fmt: skip
BO = {**ADA, "email": "bo@example.com", "login": "bo@example.com"}
BLANK = "The field cannot be left blank"

CALLS: list[tuple[str, str, Any, int, str, str]] = [
    ("POST", "/users", {"profile": ADA}, 400, "E0000001", "login: An object with this field"),
    ("POST", "/users", {"profile": {"firstName": "A"}}, 400, "E0000001", f"login: {BLANK}"),
    ("POST", "/users", {"profile": {**BO, "email": "x"}}, 400, "E0000001", "email: Does not match"),
    ("POST", "/users", {"profile": {**BO, "shoe": 1}}, 400, "E0000001", "'shoe' is not defined"),
    ("POST", "/users", {"profile": BO, "credentials": {"password": {"value": "x"}}},
     400, "E0000001", "password: Password requirements"),
    ("POST", "/users", b"{bad", 400, "E0000003", ""),
    ("POST", "/users", b"[]", 400, "E0000003", ""),
    ("POST", "/users", None, 400, "E0000003", ""),
    ("GET", "/users/00unone", None, 404, "E0000007", ""),
    ("DELETE", "/users", None, 405, "E0000022", ""),
    ("GET", "/nothing", None, 404, "E0000008", ""),
    ("GET", "/users?filter=nonsense", None, 400, "E0000031", "Invalid filter criteria"),
    ("GET", "/users?search=profile.x%20zz%20%22a%22", None, 400, "E0000031", "Invalid search"),
    ("GET", "/users?limit=abc", None, 400, "E0000001", "limit: must be a number"),
    ("GET", "/users?limit=-1", None, 400, "E0000001", "greater than or equal to 0"),
    ("GET", "/users?after=bogus", None, 400, "E0000029", "Invalid cursor"),
    ("GET", "/logs?since=yesterday", None, 400, "E0000030", ""),
    ("GET", "/logs?after=bogus", None, 400, "E0000029", "Invalid cursor"),
    ("POST", "/groups", {"profile": {"name": "Everyone"}}, 400, "E0000001", "name: An object"),
    ("POST", "/groups", {"profile": {}}, 400, "E0000001", f"name: {BLANK}"),
    ("POST", "/groups", {"profile": {"name": "x" * 300}}, 400, "E0000001", "name: The field is"),
    ("DELETE", "/groups/none", None, 404, "E0000007", ""),
    ("POST", "/users/ada@example.com/lifecycle/activate", None, 403, "E0000016", ""),
    ("POST", "/users/ada@example.com/lifecycle/unsuspend", None, 400, "E0000001", ""),
    ("POST", "/users/ada@example.com/lifecycle/bogus", None, 404, "E0000008", ""),
    ("POST", "/apps", {}, 400, "E0000001", f"label: {BLANK}"),
    ("POST", "/zones", {"name": "z"}, 400, "E0000001", f"type: {BLANK}"),
    ("POST", "/zones", {"type": "IP"}, 400, "E0000001", f"name: {BLANK}"),
    ("POST", "/zones", {"type": "QQ", "name": "z"}, 400, "E0000003", ""),
    ("POST", "/idps", {}, 400, "E0000001", f"type: {BLANK}"),
    ("POST", "/eventHooks", {"name": "n"}, 400, "E0000001", f"events: {BLANK}"),
    ("POST", "/authorizationServers", {}, 400, "E0000001", f"name: {BLANK}"),
    ("POST", "/trustedOrigins", {"name": 7}, 400, "E0000003", ""),
    ("POST", "/trustedOrigins", {}, 400, "E0000001", f"name: {BLANK}"),
    ("POST", "/behaviors", {"name": "b", "type": ""}, 400, "E0000001", f"type: {BLANK}"),
    ("POST", "/iam/roles", {}, 400, "E0000001", f"label: {BLANK}"),
    ("POST", "/authn", {"stateToken": "zz"}, 401, "E0000011", ""),
    ("POST", "/authn", {"username": "ada@example.com", "password": "no"}, 401, "E0000004", ""),
    ("POST", "/authn/factors/zz/verify", {"stateToken": "zz"}, 401, "E0000011", ""),
    ("POST", "/sessions", {"sessionToken": "zz"}, 401, "E0000004", ""),
    ("GET", "/sessions/zz", None, 404, "E0000007", ""),
]  # fmt: skip


@pytest.fixture(scope="module")
def org() -> Org:
    """An organisation with one person."""
    org = Org()
    org.user()
    return org


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code", "cause"),
    CALLS,
    ids=[f"{row[0]} {row[1]} {str(row[2])[:30]}" for row in CALLS],
)
def test_a_wrong_call_is_refused_as_okta_does(
    org: Org, method: str, path: str, body: Any, status: int, code: str, cause: str
) -> None:
    kind = V1 + path.partition("?")[0]
    before = org("GET", kind).body if method == "POST" else None
    said = org(method, V1 + path, body)
    assert (said.status, said.code) == (status, code)
    assert set(said.body) == {
        "errorCode", "errorSummary", "errorLink", "errorId", "errorCauses"}  # fmt: skip
    causes = [told["errorSummary"] for told in said.body["errorCauses"]]
    assert not cause or any(cause in told for told in causes), causes
    if isinstance(before, list):
        assert len(org("GET", kind).body) == len(before)


@pytest.mark.parametrize("token", ["bad", "a.b.c"])
def test_a_token_that_nobody_gave_is_refused(org: Org, token: str) -> None:
    said = org("GET", V1 + "/users", token=token)
    assert (said.status, said.code) == (401, "E0000011")
