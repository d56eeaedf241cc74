"""Policy simulation: the first policy and rule that match, and what cannot be told."""

from typing import Any

from tests.twins.okta.calling import Org

AT = "/api/v1/policies"


def app(org: Org) -> str:
    return str(org("POST", "/api/v1/apps", {
        "name": "bookmark", "label": "Wiki", "signOnMode": "BOOKMARK",
        "settings": {"app": {"url": "https://example.com", "requestIntegration": False}},
    }).body["id"])  # fmt: skip


def asked(org: Org, key: str, context: Any = None, expand: str = "") -> Any:
    body = {"appInstance": key, "policyTypes": ["OKTA_SIGN_ON"], "policyContext": context or {}}
    said = org("POST", f"{AT}/simulate", body, expand=expand)
    assert said.status == 200, said.body
    (found,) = said.body["evaluation"]
    return found


def names(part: Any) -> list[str]:
    return [row["name"] for row in part["policies"]]


def test_a_policy_of_a_group_comes_before_the_default_one() -> None:
    org = Org()
    key, user = app(org), org.user()
    group = org("POST", "/api/v1/groups", {"profile": {"name": "Finance"}}).body["id"]
    policy = org("POST", AT, {
        "type": "OKTA_SIGN_ON", "name": "Finance signs on", "status": "ACTIVE",
        "conditions": {"people": {"groups": {"include": [group]}}},
    }).body  # fmt: skip
    person = {"user": {"id": user["id"]}}
    assert names(asked(org, key, person)["result"]) == ["Default Policy"]
    assert org("PUT", f"/api/v1/groups/{group}/users/{user['id']}").status == 204
    found = asked(org, key, person)
    assert names(found["result"]) == ["Finance signs on"]
    assert found["result"]["policies"][0]["conditions"] == [
        {"type": "people.groups.include", "status": "MATCH"}
    ]
    assert names(asked(org, key, {"groups": {"ids": []}})["result"]) == ["Default Policy"]
    nobody = asked(org, key)
    assert policy["id"] in [row["id"] for row in nobody["undefined"]["policies"]]
    every = asked(org, key, {"groups": {"ids": []}}, expand="EVALUATED")["evaluated"]
    assert names(every) == ["Finance signs on", "Default Policy"]


def test_rules_say_which_of_them_matches() -> None:
    org = Org()
    key, user = app(org), org.user()
    default = next(row for row in org("GET", AT, type="OKTA_SIGN_ON").body if row["system"])
    at = f"{AT}/{default['id']}/rules"
    rule = {"type": "SIGN_ON", "name": "All but one", "actions": {"signon": {"access": "DENY"}},
            "conditions": {"people": {"users": {"exclude": [user["id"]]}}}}  # fmt: skip
    org("POST", at, rule)
    (policy,) = asked(org, key, {"user": {"id": user["id"]}})["result"]["policies"]
    assert [row["name"] for row in policy["rules"]] == ["Default Rule"]


def test_what_cannot_be_simulated_is_refused() -> None:
    org = Org()
    key = app(org)
    at = f"{AT}/simulate"
    assert org("POST", at, [{"appInstance": key}]).code == "E0000003"
    assert org("POST", at, {}).status == 400
    assert org("POST", at, {"appInstance": "0oa404"}).status == 404
    assert org("POST", at, {"appInstance": key, "policyTypes": ["NONE"]}).status == 400
    nobody = {"appInstance": key, "policyContext": {"user": {"id": "00u404"}}}
    assert org("POST", at, nobody).status == 404
