"""Lists in tables, resource sets, and moves that are not called a lifecycle."""

import base64
from typing import Any

import pytest
from tests.twins.okta.calling import Org

from unlit.twins.services.okta import keys

GOVERNANCE = "/governance/api/v1"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (f"{GOVERNANCE}/campaigns", "data"),
        (f"{GOVERNANCE}/entitlements", "data"),
        ("/governance/api/v2/requests", "data"),
        ("/api/v1/domains", "domains"),
        ("/api/v1/email-servers", "email-servers"),
        ("/api/v1/iam/resource-sets", "resource-sets"),
        ("/api/v1/iam/governance/bundles", "bundles"),
    ],
)
def test_lists_stand_in_the_table_that_the_contract_has(path: str, name: str) -> None:
    said = Org()("GET", path)
    assert said.status == 200
    assert said.body[name] == []
    assert said.links == {}


def test_wrapped_lists_are_paged_by_links_inside() -> None:
    org = Org()
    for number in range(5):
        body = {"label": f"Set {number}", "description": "d", "resources": []}
        assert org("POST", "/api/v1/iam/resource-sets", body).status == 200
    labels: list[str] = []
    said = org("GET", "/api/v1/iam/resource-sets", limit=2)
    for _ in range(5):
        labels += [row["label"] for row in said.body["resource-sets"]]
        link = said.body["_links"].get("next")
        if link is None:
            break
        said = org.follow(link["href"])
    assert labels == [f"Set {number}" for number in range(5)]


def test_a_resource_set_keeps_its_resources_as_rows() -> None:
    org = Org()
    user = org.user()
    base = "https://fake.okta.com/api/v1"
    made = org("POST", "/api/v1/iam/resource-sets", {
        "label": "Finance", "description": "d", "resources": [f"{base}/groups"],
    }).body  # fmt: skip
    assert "resources" not in made
    at = "/api/v1/iam/resource-sets/Finance/resources"  # by label
    more = {"additions": [f"{base}/users/{user['id']}", f"{base}/groups"]}
    assert org("PATCH", at, more).body["id"] == made["id"]
    rows = org("GET", at).body["resources"]
    assert [row["_links"]["self"]["href"] for row in rows] == [
        f"{base}/groups", f"{base}/users/{user['id']}"
    ]  # fmt: skip
    assert rows[1]["orn"].endswith(f":users:{user['id']}")
    assert org("PATCH", at, {"additions": ["groups"]}).status == 400
    assert org("DELETE", f"{at}/{rows[0]['id']}").status == 204
    assert len(org("GET", at).body["resources"]) == 1
    assert org("DELETE", "/api/v1/iam/resource-sets/Finance").status == 204
    assert org("GET", at).status == 404


def campaign(org: Org) -> Any:
    said = org("POST", f"{GOVERNANCE}/campaigns", {
        "name": "Review", "campaignType": "RESOURCE",
        "scheduleSettings": {"startDate": "2030-01-01T00:00:00Z", "durationInDays": 7,
                             "timeZone": "UTC", "type": "ONE_OFF"},
        "resourceSettings": {"type": "GROUP", "targetResources": []},
        "reviewerSettings": {"type": "USER", "reviewerId": "00ufake"},
        "remediationSettings": {"accessApproved": "NO_ACTION", "accessRevoked": "NO_ACTION",
                                "noResponse": "NO_ACTION"},
    })  # fmt: skip
    assert said.status == 201, said.body
    return said.body


def test_a_campaign_is_launched_and_ended_once() -> None:
    org = Org()
    at = f"{GOVERNANCE}/campaigns/{campaign(org)['id']}"
    assert org("POST", f"{at}/end").status >= 400
    assert org("POST", f"{at}/launch").status == 202
    assert org("GET", at).body["status"] == "ACTIVE"
    assert org("POST", f"{at}/launch").status >= 400
    assert org("POST", f"{at}/end").status == 202
    assert org("GET", at).body["status"] == "COMPLETED"
    assert org("POST", f"{GOVERNANCE}/campaigns/none/launch").status == 404


def test_aerial_and_governance_are_granted_and_taken_back() -> None:
    org = Org()
    at = "/api/v1/org/privacy/aerial"
    assert org("GET", at).status == 404
    assert org("POST", f"{at}/grant", {}).status == 400
    granted = org("POST", f"{at}/grant", {"accountId": "0200fake"}).body
    assert org("GET", at).body == granted
    assert org("POST", f"{at}/revoke", {"accountId": "other"}).status == 404
    assert org("POST", f"{at}/revoke", {"accountId": "0200fake"}).status == 200
    assert org("GET", at).status == 404
    for word, status in (("optIn", "OPTED_IN"), ("optOut", "OPTED_OUT")):
        said = org("POST", f"/api/v1/iam/governance/{word}")
        assert said.body["optInStatus"] == status
        assert org("GET", "/api/v1/iam/governance/optIn").body == said.body


def test_a_certificate_for_a_request_becomes_a_key_of_the_app() -> None:
    org = Org()
    app = org("POST", "/api/v1/apps", {
        "name": "bookmark", "label": "Wiki", "signOnMode": "BOOKMARK",
        "settings": {"app": {"url": "https://example.com", "requestIntegration": False}},
    }).body  # fmt: skip
    at = f"/api/v1/apps/{app['id']}/credentials"
    csr = org("POST", f"{at}/csrs", {"subject": {"commonName": "Fake"}}).body
    publish = f"{at}/csrs/{csr['id']}/lifecycle/publish"
    assert org("POST", publish, b"no certificate").status == 400
    der = base64.b64decode(keys.certificate())
    made = org("POST", publish, der)
    assert made.status == 201
    assert made.body["x5c"] == [base64.b64encode(der).decode()]
    assert made.body["kid"] in {row["kid"] for row in org("GET", f"{at}/keys").body}
    assert org("POST", publish, der).status == 404


@pytest.mark.parametrize("kind", ["phone", "tac"])
def test_an_administrator_enrols_somebody(kind: str) -> None:
    org = Org()
    at = f"/api/v1/users/{org.user()['id']}/authenticator-enrollments"
    assert org("POST", f"{at}/{kind}", {}).status == 400
    body = {"authenticatorId": "autfake", "profile": {"phoneNumber": "+15555550100"}}
    made = org("POST", f"{at}/{kind}", body if kind == "phone" else {"authenticatorId": "aut"})
    assert made.status == 200
    assert org("GET", at).body == [made.body]
    assert org("DELETE", f"{at}/{made.body['id']}").status == 204
    assert org("GET", at).body == []


def test_a_role_without_targets_counts_for_every_app() -> None:
    org = Org()
    user = org.user()
    role = org("POST", f"/api/v1/users/{user['id']}/roles", {"type": "APP_ADMIN"}).body
    at = f"/api/v1/users/{user['id']}/roles/{role['id']}/targets/catalog/apps"
    assert org("PUT", f"{at}/facebook").status == 204
    assert len(org("GET", at).body) == 1
    assert org("PUT", at).status == 200
    assert org("GET", at).body == []
