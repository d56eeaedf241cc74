"""The ranked list of what applications use of Okta, point by point, in process."""

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.twins.okta.calling import Org

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
BOOKMARK = {
    "name": "bookmark", "label": "Wiki", "signOnMode": "BOOKMARK",
    "settings": {"app": {"url": "https://wiki.example.com", "requestIntegration": False}},
}  # fmt: skip
PASSWORD = {"password": {"value": "Fake-Pass-1"}}


@pytest.fixture
def org() -> Org:
    return Org()


# --- 1: verbs and statuses
def test_creating_is_200_or_201_and_deleting_204(org: Org) -> None:
    group = org("POST", "/api/v1/groups", {"profile": {"name": "Finance"}})
    assert group.status == 200
    assert org("POST", "/api/v1/apps", BOOKMARK).status == 200
    mapping = {"name": "x", "type": "IP", "gateways": [{"type": "CIDR", "value": "192.0.2.0/24"}]}
    assert org("POST", "/api/v1/zones", mapping).status == 200
    role = {"label": "Helper", "description": "d", "permissions": ["okta.users.read"]}
    assert org("POST", "/api/v1/iam/roles", role).status == 200
    assert org("POST", "/api/v1/brands", {"name": "Second"}).status == 201
    assert org("DELETE", f"/api/v1/groups/{group.body['id']}").status == 204
    assert org("GET", f"/api/v1/groups/{group.body['id']}").status == 404


def test_post_changes_in_part_and_put_replaces(org: Org) -> None:
    user = org.user()
    path = f"/api/v1/users/{user['id']}"
    assert org("POST", path, {"profile": {"title": "Engineer"}}).body["profile"]["title"]
    assert org("GET", path).body["profile"]["lastName"] == "Person"
    whole = {key: user["profile"][key] for key in ("firstName", "lastName", "login", "email")}
    put = org("PUT", path, {"profile": whole})
    assert put.status == 200
    assert put.body["profile"].get("title") is None
    assert org("GET", path).body["profile"].get("title") is None
    refused = org("PUT", path, {"profile": {"firstName": "Only"}})
    assert (refused.status, refused.code) == (400, "E0000001")


def test_a_user_is_deactivated_before_it_is_deleted(org: Org) -> None:
    path = f"/api/v1/users/{org.user()['id']}"
    assert org("DELETE", path).status == 204
    assert org("GET", path).body["status"] == "DEPROVISIONED"
    assert org("DELETE", path).status == 204
    gone = org("GET", path)
    assert (gone.status, gone.code) == (404, "E0000007")


def test_an_active_application_is_not_deleted(org: Org) -> None:
    path = f"/api/v1/apps/{org('POST', '/api/v1/apps', BOOKMARK).body['id']}"
    refused = org("DELETE", path)
    assert (refused.status, refused.code) == (403, "E0000056")
    assert "must be deactivated" in refused.body["errorSummary"] + str(refused.body["errorCauses"])
    assert org("POST", f"{path}/lifecycle/deactivate").status == 200
    assert org("DELETE", path).status == 204


# --- 2: errors
def test_every_refusal_has_five_fields(org: Org) -> None:
    said = org("GET", "/api/v1/users/00uNOBODY0000000000")
    assert set(said.body) == {
        "errorCode", "errorSummary", "errorLink", "errorId", "errorCauses",
    }  # fmt: skip
    assert said.body["errorLink"] == said.code == "E0000007"
    assert said.body["errorSummary"] == (
        "Not found: Resource not found: 00uNOBODY0000000000 (User)"
    )
    assert org("GET", "/api/v1/groups/none").body["errorSummary"].endswith("none (UserGroup)")
    assert org("GET", "/api/v1/apps/none").body["errorSummary"].endswith("none (AppInstance)")


def test_what_is_missing_is_named_as_a_cause(org: Org) -> None:
    said = org("POST", "/api/v1/users", {"profile": {"firstName": "Ada"}})
    assert (said.status, said.code) == (400, "E0000001")
    assert said.body["errorSummary"].startswith("Api validation failed: ")
    causes = [cause["errorSummary"] for cause in said.body["errorCauses"]]
    assert any(cause.startswith("login: ") for cause in causes)
    assert any(cause.startswith("email: ") for cause in causes)
    assert org("POST", "/api/v1/groups", {"profile": {"name": ""}}).code == "E0000001"


def test_names_are_unique(org: Org) -> None:
    org.user()
    profile = {"firstName": "B", "lastName": "C", "login": "ada@example.com",
               "email": "b@example.com"}  # fmt: skip
    again = org("POST", "/api/v1/users", {"profile": profile})
    assert (again.status, again.code) == (400, "E0000001")
    assert "already exists" in str(again.body["errorCauses"])
    org("POST", "/api/v1/groups", {"profile": {"name": "Finance"}})
    twice = org("POST", "/api/v1/groups", {"profile": {"name": "Finance"}})
    assert (twice.status, twice.code) == (400, "E0000001")


def test_tokens_bodies_and_verbs_that_are_wrong(org: Org) -> None:
    bad = org("GET", "/api/v1/users", token="fake-wrong")  # no secret
    assert (bad.status, bad.code) == (401, "E0000011")
    broken = org("POST", "/api/v1/users", b"{")
    assert (broken.status, broken.code) == (400, "E0000003")
    verb = org("PATCH", "/api/v1/users")
    assert (verb.status, verb.code) == (405, "E0000022")
    path = org("GET", "/api/v1/nothing")
    assert (path.status, path.code) == (404, "E0000022") or path.status == 404


# --- 3: paging
def test_lists_are_walked_by_links_without_a_total() -> None:
    org = Org({"users": [{"count": 25, "login": "user{n}@example.com"}]})
    said, seen, pages = org("GET", "/api/v1/users", limit=10), [], 0
    while True:
        pages += 1
        seen += [user["profile"]["login"] for user in said.body]
        assert "self" in said.links
        if "next" not in said.links:
            break
        assert "after=" in said.links["next"]
        assert "limit=10" in said.links["next"]
        said = org.follow(said.links["next"])
    people = [login for login in seen if login.startswith("user")]
    assert len(people) == len(set(people)) == 25
    assert pages == 3


def test_a_limit_that_is_none_is_refused(org: Org) -> None:
    assert org("GET", "/api/v1/users", limit="many").status == 400
    assert org("GET", "/api/v1/groups", limit="-1").status == 400


# --- 4: links and embedded objects
def test_links_follow_the_state(org: Org) -> None:
    path = f"/api/v1/users/{org.user(credentials=PASSWORD)['id']}"
    active = org("GET", path).body["_links"]
    assert {"suspend", "deactivate", "resetPassword", "self"} <= set(active)
    org("POST", f"{path}/lifecycle/suspend")
    suspended = org("GET", path).body["_links"]
    assert "unsuspend" in suspended
    assert "suspend" not in suspended
    org("POST", f"{path}/lifecycle/unsuspend")
    org("POST", f"{path}/lifecycle/deactivate")
    gone = org("GET", path).body["_links"]
    assert {"activate", "delete"} & set(gone)
    app = org("POST", "/api/v1/apps", BOOKMARK).body
    assert "deactivate" in app["_links"]
    org("POST", f"/api/v1/apps/{app['id']}/lifecycle/deactivate")
    assert "activate" in org("GET", f"/api/v1/apps/{app['id']}").body["_links"]


def test_expand_embeds(org: Org) -> None:
    user, group = org.user(), org("POST", "/api/v1/groups", {"profile": {"name": "F"}}).body
    org("PUT", f"/api/v1/groups/{group['id']}/users/{user['id']}")
    listed = org("GET", "/api/v1/groups", expand="stats", q="F").body[0]
    assert listed["_embedded"]["stats"]["usersCount"] == 1
    app = org("POST", "/api/v1/apps", BOOKMARK).body
    org("POST", f"/api/v1/apps/{app['id']}/users", {"id": user["id"], "scope": "USER"})
    one = org("GET", f"/api/v1/apps/{app['id']}/users/{user['id']}").body
    assert (one["id"], one["credentials"]["userName"]) == (user["id"], "ada@example.com")
    assert org("POST", f"/api/v1/apps/{app['id']}/users", {"id": "00uNONE"}).status == 404
    owner = {"id": user["id"], "type": "USER"}
    assert org("POST", f"/api/v1/groups/{group['id']}/owners", owner).body["id"] == user["id"]
    assert org("GET", f"/api/v1/groups/{group['id']}/owners").body[0]["id"] == user["id"]
    assert org("DELETE", f"/api/v1/groups/{group['id']}/owners/{user['id']}").status == 204
    found = org("GET", "/api/v1/apps", expand=f"user/{user['id']}",
                filter=f'user.id eq "{user["id"]}"').body  # fmt: skip
    assert found[0]["_embedded"]["user"]["id"] == user["id"]


# --- 5: queries
def test_q_is_a_prefix_and_filters_are_scim() -> None:
    org = Org({"users": [
        {"login": "ada@example.com", "firstName": "Ada", "lastName": "Love"},
        {"login": "grace@example.com", "firstName": "Grace", "lastName": "Hop"},
    ]})  # fmt: skip

    def logins(**query: Any) -> list[str]:
        return [row["profile"]["login"] for row in org("GET", "/api/v1/users", **query).body]

    assert logins(q="ada") == ["ada@example.com"]
    assert logins(q="da") == []
    assert logins(filter='profile.lastName eq "Hop"') == ["grace@example.com"]
    assert logins(search='profile.firstName sw "Gr"') == ["grace@example.com"]
    either = 'profile.firstName sw "Gr" or profile.lastName eq "Love"'
    assert logins(search=either, sortBy="profile.login", sortOrder="desc") == [
        "grace@example.com", "ada@example.com",
    ]  # fmt: skip
    assert "ada@example.com" in logins(search='created gt "2020-01-01T00:00:00.000Z"')
    assert logins(search='created gt "2090-01-01T00:00:00.000Z"') == []
    assert len(logins(filter='status eq "ACTIVE" and (profile.lastName eq "Hop")')) == 1
    bad = org("GET", "/api/v1/users", search="profile.lastName is Hop")
    assert (bad.status, bad.code) == (400, "E0000031")


def test_switches_of_the_query_are_heard(org: Org) -> None:
    staged = org.user(activate=False)
    assert staged["status"] == "STAGED"
    path = "/api/v1/apps?activate=false"
    assert org("POST", path, BOOKMARK).body["status"] == "INACTIVE"
    group = org("POST", "/api/v1/groups", {"profile": {"name": "F"}}).body["id"]
    rule = org("POST", "/api/v1/groups/rules", {
        "type": "group_rule", "name": "all of finance",
        "conditions": {"expression": {"type": "urn:okta:expression:1.0",
                                      "value": 'user.department=="Finance"'}},
        "actions": {"assignUserToGroups": {"groupIds": [group]}},
    }).body["id"]  # fmt: skip
    assert org("POST", f"/api/v1/groups/rules/{rule}/lifecycle/activate").status == 204
    user = org.user("fin@example.com")
    org("POST", f"/api/v1/users/{user['id']}", {"profile": {"department": "Finance"}})
    assert [row["id"] for row in org("GET", f"/api/v1/groups/{group}/users").body] == [user["id"]]
    org("POST", f"/api/v1/groups/rules/{rule}/lifecycle/deactivate")
    assert org("DELETE", f"/api/v1/groups/rules/{rule}", removeUsers="true").status == 202
    assert org("GET", f"/api/v1/groups/{group}/users").body == []


# --- 6: rate limits
def test_every_answer_counts_and_the_last_refuses_when_limits_are_on(org: Org) -> None:
    said = org("GET", "/api/v1/users")
    names = {"x-rate-limit-limit", "x-rate-limit-remaining", "x-rate-limit-reset"}
    assert names <= set(said.headers)
    org.universe.world(org.world).limits = True
    most = int(said.headers["x-rate-limit-limit"])
    for _ in range(most + 1):
        said = org("GET", "/api/v1/users", limit=1)
        if said.status == 429:
            break
    assert (said.status, said.code) == (429, "E0000047")
    assert said.headers["x-rate-limit-remaining"] == "0"
    assert "retry-after" not in said.headers


# --- 7: the lifecycle machine
def test_people_live_through_every_state(org: Org) -> None:
    path = f"/api/v1/users/{org.user(activate=False)['id']}"
    other = f"/api/v1/users/{org.user('b@example.com', activate=False)['id']}"
    assert org("POST", f"{other}/lifecycle/activate", sendEmail="false").status == 200
    assert org("GET", other).body["status"] == "PROVISIONED"

    def status() -> str:
        return str(org("GET", path).body["status"])

    def act(name: str, **query: Any) -> int:
        return org("POST", f"{path}/lifecycle/{name}", **query).status

    assert status() == "STAGED"
    assert act("suspend") == 400
    assert org("POST", path, {"credentials": PASSWORD}).status == 200
    assert act("activate", sendEmail="false") == 200
    assert status() == "ACTIVE"
    assert act("suspend") == 200
    assert status() == "SUSPENDED"
    assert act("unsuspend") == 200
    assert act("expire_password") == 200
    assert status() == "PASSWORD_EXPIRED"
    assert act("reset_password", sendEmail="false") == 200
    assert status() == "RECOVERY"
    org("POST", path, {"credentials": PASSWORD})
    assert status() == "ACTIVE"
    org.universe.emit(org.world, "okta", "lock_out", {"login": "ada@example.com"})
    assert status() == "LOCKED_OUT"
    assert act("unlock") == 200
    assert status() == "ACTIVE"
    assert act("deactivate") == 200
    assert status() == "DEPROVISIONED"
    assert act("reactivate") in (400, 403)
    assert act("activate", sendEmail="false") == 200


def test_policies_and_rules_are_numbered_without_gaps(org: Org) -> None:
    made = [
        org("POST", "/api/v1/policies", {
            "type": "OKTA_SIGN_ON", "name": f"P{number}", "status": "ACTIVE", "priority": 1,
            "system": True,
            "conditions": {"people": {"groups": {"include": []}}}}).body["id"]
        for number in (1, 2, 3)
    ]  # fmt: skip
    rows = org("GET", "/api/v1/policies", type="OKTA_SIGN_ON").body
    assert [row["priority"] for row in rows] == list(range(1, len(rows) + 1))
    assert rows[0]["id"] == made[-1]
    assert org("POST", f"/api/v1/policies/{made[0]}/lifecycle/deactivate").status == 204
    assert org("GET", f"/api/v1/policies/{made[0]}").body["status"] == "INACTIVE"
    org("DELETE", f"/api/v1/policies/{made[1]}")
    rows = org("GET", "/api/v1/policies", type="OKTA_SIGN_ON").body
    assert [row["priority"] for row in rows] == list(range(1, len(rows) + 1))


# --- 8: custom profiles
def test_only_defined_properties_are_kept(org: Org) -> None:
    path = f"/api/v1/users/{org.user()['id']}"
    refused = org("POST", path, {"profile": {"shoeSize": "44"}})
    assert (refused.status, refused.code) == (400, "E0000001")
    assert "shoeSize" in str(refused.body["errorCauses"]) + refused.body["errorSummary"]
    schema = {"definitions": {"custom": {"id": "#custom", "type": "object", "properties": {
        "shoeSize": {"title": "Shoe", "type": "string", "maxLength": 3}}}}}  # fmt: skip
    assert org("POST", "/api/v1/meta/schemas/user/default", schema).status == 200
    assert org("POST", path, {"profile": {"shoeSize": "44"}}).status == 200
    assert org("GET", path).body["profile"]["shoeSize"] == "44"
    assert org("POST", path, {"profile": {"shoeSize": "4444"}}).status == 400
    assert org("GET", "/api/v1/users", search='profile.shoeSize eq "44"').body[0]["status"]


# --- 9: OAuth (see test_oauth for the whole flows)
def test_servers_claims_scopes_and_keys(org: Org) -> None:
    server = org("POST", "/api/v1/authorizationServers", {
        "name": "S", "description": "d", "audiences": ["api://s"]})  # fmt: skip
    assert server.status == 201
    path = f"/api/v1/authorizationServers/{server.body['id']}"
    scope = org("POST", f"{path}/scopes", {"name": "cars:read"})
    assert scope.status == 201
    claim = org("POST", f"{path}/claims", {
        "name": "shoe", "status": "ACTIVE", "claimType": "RESOURCE", "valueType": "EXPRESSION",
        "value": '"44"', "conditions": {"scopes": []}})  # fmt: skip
    assert claim.status == 201
    assert "cars:read" in {row["name"] for row in org("GET", f"{path}/scopes").body}
    assert "shoe" in {row["name"] for row in org("GET", f"{path}/claims").body}
    keys = org("GET", f"/oauth2/{server.body['id']}/v1/keys").body["keys"]
    assert keys
    assert keys[0]["kty"] == "RSA"
    known = org("GET", f"/oauth2/{server.body['id']}/.well-known/openid-configuration").body
    assert known["issuer"].endswith(server.body["id"])


def test_a_client_registers_itself_and_is_an_application(org: Org) -> None:
    path = "/oauth2/v1/clients"
    said = org("POST", path, {"client_name": "Robot", "grant_types": ["client_credentials"],
                              "response_types": ["token"]})  # fmt: skip
    assert said.status == 201, said.body
    key, secret = said.body["client_id"], said.body["client_secret"]
    read = org("GET", f"{path}/{key}").body
    assert (read["client_name"], "client_secret" in read) == ("Robot", False)
    assert [row["client_id"] for row in org("GET", path, q="rob").body] == [key]
    assert [row["label"] for row in org("GET", "/api/v1/apps").body] == ["Robot"]
    token = org("POST", "/oauth2/default/v1/token", form={
        "grant_type": "client_credentials", "client_id": key, "client_secret": secret,
        "scope": "x"})  # fmt: skip
    assert token.body.get("error") in (None, "invalid_scope"), token.body
    wrong = org("POST", path, {"client_name": "W", "grant_types": ["authorization_code"]})
    assert (wrong.status, wrong.body["error"]) == (400, "invalid_redirect_uri")
    new = org("PUT", f"{path}/{key}", {"client_name": "Renamed", "response_types": ["token"],
                                       "grant_types": ["client_credentials"]})  # fmt: skip
    assert new.status == 200, new.body
    assert org("GET", f"{path}/{key}").body["client_name"] == "Renamed"
    assert org("DELETE", f"{path}/{key}").status == 204
    assert org("GET", f"{path}/{key}").status == 404
    assert org("GET", "/api/v1/apps").body == []


def test_a_role_is_bound_to_people_over_a_resource_set(org: Org) -> None:
    user, group = org.user(), org("POST", "/api/v1/groups", {"profile": {"name": "F"}}).body
    role = org(
        "POST",
        "/api/v1/iam/roles",
        {"label": "Helper", "description": "d", "permissions": ["okta.users.read"]},
    ).body
    made = org(
        "POST",
        "/api/v1/iam/resource-sets",
        {"label": "Set", "description": "d", "resources": ["https://fake.okta.com/api/v1/users"]},
    )
    path = f"/api/v1/iam/resource-sets/{made.body['id']}/bindings"
    who = f"https://fake.okta.com/api/v1/users/{user['id']}"
    said = org("POST", path, {"role": role["id"], "members": [who]})
    assert said.status == 200, said.body
    assert said.body["_links"]["self"]["href"].endswith(f"/bindings/{role['id']}")
    assert org("POST", path, {"role": "none", "members": [who]}).status == 404
    assert org("POST", path, {"role": role["id"], "members": [who + "x"]}).status == 400
    assert [row["id"] for row in org("GET", path).body["roles"]] == [role["id"]]
    one = f"{path}/Helper"
    assert org("GET", one).body["id"] == role["id"]
    also = f"https://fake.okta.com/api/v1/groups/{group['id']}"
    assert org("PATCH", f"{one}/members", {"additions": [also, who]}).status == 200
    rows = org("GET", f"{one}/members").body["members"]
    assert [row["_links"]["self"]["href"] for row in rows] == [who, also]
    assert org("DELETE", f"{one}/members/{rows[0]['id']}").status == 204
    assert org("GET", f"{one}/members/{rows[0]['id']}").status == 404
    assert org("DELETE", one).status == 204
    assert org("GET", path).body["roles"] == []


# --- 10: the log
def test_the_log_has_what_happened_in_pages_and_windows() -> None:
    org = Org(now=NOW)
    before = len(org("GET", "/api/v1/logs").body)
    path = f"/api/v1/users/{org.user()['id']}"
    org.universe.advance(org.world, 3600)
    org("POST", f"{path}/lifecycle/suspend")
    rows = org("GET", "/api/v1/logs").body[before:]
    kinds = [row["eventType"] for row in rows]
    assert "user.lifecycle.create" in kinds
    assert kinds[-1] == "user.lifecycle.suspend"
    later = org("GET", "/api/v1/logs", since="2026-03-01T09:30:00.000Z").body
    assert {row["eventType"] for row in later} == {"user.lifecycle.suspend"}
    found = org("GET", "/api/v1/logs", filter='eventType eq "user.lifecycle.create"').body
    assert len(found) == 1
    first = org("GET", "/api/v1/logs", limit=1)
    assert len(first.body) == 1
    assert org.follow(first.links["next"]).body[0]["uuid"] != first.body[0]["uuid"]


# --- 12: what every organisation has
def test_an_organisation_starts_with_its_presets(org: Org) -> None:
    everyone = org("GET", "/api/v1/groups", q="Everyone").body
    assert [row["type"] for row in everyone] == ["BUILT_IN"]
    user = org.user()
    members = org("GET", f"/api/v1/groups/{everyone[0]['id']}/users").body
    assert user["id"] in {row["id"] for row in members}
    for kind in ("OKTA_SIGN_ON", "PASSWORD", "MFA_ENROLL"):
        rows: list[dict[str, Any]] = org("GET", "/api/v1/policies", type=kind).body
        assert any(row["system"] for row in rows), kind
    assert org("GET", "/api/v1/authorizationServers/default").body["name"] == "default"
    assert any(row["isDefault"] for row in org("GET", "/api/v1/brands").body)
    assert org("DELETE", f"/api/v1/groups/{everyone[0]['id']}").status in (400, 403)
