"""Governance that is kept, sign-in out of band, and what an organisation truly does not have."""

import base64
import json
from typing import Any

import pytest
from tests.twins.okta.calling import Org

GOVERNANCE = "/governance/api"
CIBA = "urn:openid:params:grant-type:ciba"
OOB = "urn:okta:params:oauth:grant-type:oob"
ADA = "ada@example.com"


@pytest.fixture
def org() -> Org:
    return Org({"users": [{"login": ADA, "firstName": "Ada"}]})


def client(org: Org, grant: str) -> dict[str, str]:
    """Register an application for one grant and return its credentials."""
    app = org("POST", "/api/v1/apps", {
        "name": "oidc_client", "label": "app", "signOnMode": "OPENID_CONNECT",
        "credentials": {"oauthClient": {"token_endpoint_auth_method": "client_secret_post"}},
        "settings": {"oauthClient": {"grant_types": [grant], "application_type": "service",
                                     "response_types": ["token"]}},
    }).body  # fmt: skip
    known = app["credentials"]["oauthClient"]
    return {"client_id": known["client_id"], "client_secret": known["client_secret"]}


def test_a_back_channel_waits_for_the_person(org: Org) -> None:
    known = client(org, CIBA)
    asked = {**known, "scope": "openid", "login_hint": ADA}
    key = org("POST", "/oauth2/v1/bc/authorize", form=asked).body["auth_req_id"]
    token = {**known, "grant_type": CIBA, "auth_req_id": key}
    assert org("POST", "/oauth2/v1/token", form=token).body["error"] == "authorization_pending"
    org.universe.emit(org.world, "okta", "push_answered", {"login": ADA})
    assert org("POST", "/oauth2/v1/token", form=token).body["id_token"].count(".") == 2
    assert org("POST", "/oauth2/v1/token", form=token).body["error"] == "invalid_grant"
    again = org("POST", "/oauth2/v1/bc/authorize", form=asked).body["auth_req_id"]
    org.universe.emit(org.world, "okta", "push_answered", {"login": ADA, "approve": False})
    late = {**token, "auth_req_id": again}
    assert org("POST", "/oauth2/v1/token", form=late).body["error"] == "access_denied"
    for change, error in (
        ({"scope": "x"}, "invalid_scope"),
        ({"login_hint": "zz"}, "unknown_user_id"),
        ({"request_expiry": "0"}, "invalid_request"),
    ):
        said = org("POST", "/oauth2/v1/bc/authorize", form={**asked, **change})
        assert (said.status, said.body["error"]) == (400, error)


def test_a_text_message_signs_in(org: Org) -> None:
    known = client(org, OOB)
    asked = {**known, "login_hint": ADA, "channel_hint": "sms", "challenge_hint": OOB}
    assert org("POST", "/oauth2/v1/primary-authenticate", form=asked).body["error"] == (
        "invalid_request"
    )
    uid = org("GET", f"/api/v1/users/{ADA}").body["id"]
    factor = {"factorType": "sms", "provider": "OKTA", "profile": {"phoneNumber": "+15555550123"}}
    org("POST", f"/api/v1/users/{uid}/factors?activate=true", factor)
    said = org("POST", "/oauth2/v1/primary-authenticate", form=asked).body
    assert said["binding_method"] == "prompt"
    code = org.universe.state(org.world)["okta.messages"][-1]["code"]
    token = {**known, "grant_type": OOB, "oob_code": said["oob_code"], "scope": "openid"}
    wrong = org("POST", "/oauth2/v1/token", form={**token, "binding_code": "no"})
    assert wrong.body["error"] == "invalid_grant"
    assert "access_token" in org("POST", "/oauth2/v1/token",
                                 form={**token, "binding_code": code}).body  # fmt: skip
    said = org("POST", "/oauth2/v1/challenge", form={**known, "mfa_token": "x"})
    assert said.body["error"] == "invalid_grant"


def test_labels_are_put_on_resources_and_taken_off(org: Org) -> None:
    group = org("POST", "/api/v1/groups", {"profile": {"name": "G"}}).body["id"]
    orn = f"orn:okta:directory:fake:groups:{group}"
    label = org("POST", f"{GOVERNANCE}/v1/labels", {"name": "L", "values": [{"name": "v"}]}).body
    value = label["values"][0].get("labelValueId")
    if value is None:
        pytest.fail(f"a label's value has no id: {label}")
    sent = {"resourceOrns": [orn], "labelValueIds": [value]}
    said = org("POST", f"{GOVERNANCE}/v1/resource-labels/assign", sent)
    assert said.body["data"][0]["labels"][0]["values"][0]["labelValueId"] == value
    listed = org("GET", f"{GOVERNANCE}/v1/resource-labels").body["data"]
    assert [row["orn"] for row in listed] == [orn]
    assert org("POST", f"{GOVERNANCE}/v1/resource-labels/unassign", sent).status == 204
    assert org("GET", f"{GOVERNANCE}/v1/resource-labels").body["data"] == []
    wrong = {**sent, "labelValueIds": ["no"]}
    assert org("POST", f"{GOVERNANCE}/v1/resource-labels/assign", wrong).code == "E0000007"


def test_access_is_revoked_where_it_was_given(org: Org) -> None:
    uid = org("GET", f"/api/v1/users/{ADA}").body["id"]
    group = org("POST", "/api/v1/groups", {"profile": {"name": "G"}}).body["id"]
    org("PUT", f"/api/v1/groups/{group}/users/{uid}")
    sent = {"principalOrn": f"orn:okta:directory:fake:users:{uid}",
            "revokeOrns": [f"orn:okta:directory:fake:groups:{group}"]}  # fmt: skip
    path = f"{GOVERNANCE}/v2/revoke-principal-access"
    assert len(org("POST", path, sent).body["data"]) == 1
    assert org("GET", f"/api/v1/groups/{group}/users").body == []
    assert org("POST", path, {**sent, "revokeOrns": ["orn:okta:x:y:groups:no"]}).status == 404
    assert org("POST", path, {}).code == "E0000001"
    risk = {"principalOrn": sent["principalOrn"]}
    assert org("POST", f"{GOVERNANCE}/v1/risk-rule-assessments", risk).body == {"data": []}


def test_requests_and_reviews_must_be_there(org: Org) -> None:
    body = {"requestTypeId": "t", "subject": "s", "requesterUserIds": ["u"]}
    made = org("POST", f"{GOVERNANCE}/v1/requests", body)
    assert org("POST", f"{GOVERNANCE}/v1/requests/{made.body['id']}/messages",
               {"message": "m"}).status == 201  # fmt: skip
    for path, sent in (
        ("v1/requests/no/messages", {"message": "m"}),
        ("v2/tasks/no/resolve", {"value": "APPROVED"}),
        ("v2/my/tasks/no/resolve", {"value": "APPROVED"}),
        ("v1/campaigns/no/reviews/reassign", {}),
        ("v1/my/campaigns/no/reviews/bulk-decisions", {}),
        ("v2/security-access-reviews/no/comment", {"comment": "c"}),
        ("v2/my/security-access-reviews/no/accesses/no/actions", {"type": "REVOKE_ACCESS"}),
    ):
        said = org("POST", f"{GOVERNANCE}/{path}", sent)
        assert (said.status, said.code) == (404, "E0000007"), path


MISSING: list[tuple[str, str, Any, int, str]] = [
    ("POST", "/api/v1/dr/failover", {}, 401, "E0000015"),
    ("GET", "/api/v1/dr/status", None, 401, "E0000015"),
    ("POST", "/api/v1/orgs", {}, 401, "E0000015"),
    ("PUT", "/okta-personal-settings/api/v1/edit-feature", {}, 401, "E0000015"),
    (
        "POST",
        "/api/v1/directories/no/groups/modify",
        {"id": "g", "parameters": {"action": "ADD"}},
        404,
        "E0000007",
    ),
    ("POST", "/api/v1/ssf/stream/verification", {"stream_id": "no"}, 404, "E0000007"),
    ("POST", "/webauthn-registration/api/v1/send-pin", {"userId": ADA}, 404, "E0000007"),
    ("POST", "/api/v1/apps/google/no/oauth2/callback", None, 404, "E0000007"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "code"), MISSING)
def test_what_is_not_there(
    org: Org, method: str, path: str, body: Any, status: int, code: str
) -> None:
    said = org(method, path, body)
    assert (said.status, said.code) == (status, code)


def test_no_agent_is_connected(org: Org) -> None:
    app = org("POST", "/api/v1/apps", {"name": "bookmark", "label": "b", "signOnMode": "BOOKMARK",
              "settings": {"app": {"url": "https://example.com"}}}).body["id"]  # fmt: skip
    sent = {"id": "g", "parameters": {"action": "ADD", "attribute": "member", "values": ["x"]}}
    said = org("POST", f"/api/v1/directories/{app}/groups/modify", sent)
    assert (said.status, said.code) == (502, "E0000236")


def test_bounces_and_events_of_others(org: Org) -> None:
    path = "/api/v1/org/email/bounces/remove-list"
    said = org("POST", path, {"emailAddresses": [ADA, "no"]})
    assert [one["emailAddress"] for one in said.body["errors"]] == ["no"]
    assert org("POST", path, {}).code == "E0000001"
    org(
        "POST",
        "/api/v1/security-events-providers",
        {
            "name": "p",
            "type": "okta",
            "settings": {"issuer": "https://fake.example", "jwks_url": "https://fake.example/k"},
        },
    )
    claims = {"iss": "https://fake.example", "events": {"https://schemas.example/event": {}}}
    place = "/security/api/v1/security-events"
    assert org("POST", place, _signed(claims)).status == 202
    kinds = [row["eventType"] for row in org("GET", "/api/v1/logs").body]
    assert "security.events.provider.receive_event" in kinds
    assert org("POST", place, _signed({**claims, "iss": "x"})).body["err"] == "invalid_issuer"
    assert org("POST", place, b"no").body["err"] == "invalid_request"


def _signed(claims: dict[str, Any]) -> bytes:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
             for part in ({"alg": "RS256"}, claims)]  # fmt: skip
    return b".".join([*parts, b"fake"])
