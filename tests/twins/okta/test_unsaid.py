"""Creates without a body: refused as Okta does, believed only in a quick start, and said so."""

import pytest
from tests.twins.okta.calling import Org

from unlit.twins.kit.http import Reply, Request
from unlit.twins.universe import Universe

KINDS = [
    "/api/v1/users", "/api/v1/groups", "/api/v1/apps", "/api/v1/idps", "/api/v1/policies",
    "/api/v1/inlineHooks", "/api/v1/trustedOrigins", "/api/v1/zones", "/api/v1/realms",
    "/api/v1/authorizationServers", "/api/v1/eventHooks",
]  # fmt: skip


@pytest.mark.parametrize("path", KINDS)
def test_a_create_without_a_body_is_refused(path: str) -> None:
    org = Org()
    said = org("POST", path)
    assert said.status == 400
    assert said.code in ("E0000001", "E0000003")
    assert "x-twin-believed" not in said.headers


@pytest.mark.parametrize("body", [{}, {"profile": {}}, {"profile": {"name": ""}}])
def test_a_realm_without_a_name_is_refused(body: dict[str, object]) -> None:
    assert Org()("POST", "/api/v1/realms", body).status == 400


class Quick:
    """A quick start: the token is unknown, nothing is seeded."""

    def __init__(self) -> None:
        self.universe = Universe(["okta"], any_token=True)
        self.world = self.universe.create_world()

    def __call__(self, method: str, path: str, body: bytes = b"") -> Reply:
        headers = {"x-twin-world": self.world, "authorization": "SSWS fake-unknown"}
        return self.universe.answer("okta", Request(method, path, "", headers, body)).reply


@pytest.mark.parametrize("path", KINDS[:7])
def test_a_quick_start_believes_it_and_says_so(path: str) -> None:
    quick = Quick()
    made = quick("POST", path)
    assert made.status in (200, 201)
    assert made.header("x-twin-believed") == "body"
    listed = quick("GET", path)
    assert made.body
    assert listed.status == 200
    assert listed.header("x-twin-believed") is None


def test_two_lost_creates_are_two_things() -> None:
    quick = Quick()
    assert [quick("POST", "/api/v1/groups").status for _ in range(3)] == [200, 200, 200]
    assert quick("POST", "/api/v1/groups", b"{}").status == 400, "an empty object was sent"


def test_a_policy_for_applications_comes_with_its_catch_all_rule() -> None:
    org = Org()
    for kind in ("ACCESS_POLICY", "PROFILE_ENROLLMENT"):
        policy = org("POST", "/api/v1/policies", {"type": kind, "name": f"Own {kind}"}).body
        rules = org("GET", f"/api/v1/policies/{policy['id']}/rules").body
        assert [(rule["name"], rule["system"], rule["priority"]) for rule in rules] == [
            ("Catch-all Rule", True, 99)
        ]
        assert rules[0]["_links"]["self"]["href"].startswith("https://fake.okta.com/api/v1/")
        one = org("GET", f"/api/v1/policies/{policy['id']}/rules/{rules[0]['id']}")
        assert one.body == rules[0]


def test_the_connection_of_an_app_is_turned_on_and_off() -> None:
    org = Org()
    app = org("POST", "/api/v1/apps", {
        "name": "bookmark", "label": "Wiki", "signOnMode": "BOOKMARK",
        "settings": {"app": {"url": "https://example.com", "requestIntegration": False}},
    }).body  # fmt: skip
    at = f"/api/v1/apps/{app['id']}/connections/default"
    for move, status in (("activate", "ACTIVE"), ("deactivate", "INACTIVE")):
        assert org("POST", f"{at}/lifecycle/{move}").status == 204
        assert org("GET", at).body["status"] == status
    assert org("POST", "/api/v1/apps/0oa404/connections/default/lifecycle/activate").status == 404


def test_what_the_claim_of_an_id_token_says_is_kept() -> None:
    org = Org()
    app = org("POST", "/api/v1/apps", {
        "name": "oidc_client", "label": "Web", "signOnMode": "OPENID_CONNECT",
        "credentials": {"oauthClient": {"token_endpoint_auth_method": "client_secret_basic"}},
        "settings": {"oauthClient": {"application_type": "web", "response_types": ["code"],
                                     "grant_types": ["authorization_code"],
                                     "redirect_uris": ["https://example.com/back"]}},
    }).body  # fmt: skip
    at = f"/api/v1/internal/apps/{app['id']}/settings/oauth/idToken"
    claim = {"valueType": "EXPRESSION", "name": "groups", "value": "user.department"}
    assert org("POST", at, {"issuerMode": "ORG_URL", **claim}).status == 200
    assert org("GET", at).body.items() >= {**claim, "issuerMode": "ORG_URL"}.items()
