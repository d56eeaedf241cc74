"""Signing in step by step, as the sign-on policy of a user's groups asks for it."""

from typing import Any

import pytest
from tests.twins.okta.calling import Org, Said

from unlit.twins.services.okta.factors import totp

KNOWN = {"username": "ada@example.com", "password": "Fake-Pass-1"}


@pytest.fixture
def org() -> Org:
    """An organisation whose group `second` needs a factor beside the password."""
    org = Org()
    user = org.user(credentials={"password": {"value": KNOWN["password"]}})
    group = org("POST", "/api/v1/groups", {"profile": {"name": "second"}}).body
    policy = org("POST", "/api/v1/policies", {
        "type": "OKTA_SIGN_ON", "name": "second", "status": "ACTIVE",
        "conditions": {"people": {"groups": {"include": [group["id"]]}}},
    }).body  # fmt: skip
    rule = {"type": "SIGN_ON", "name": "always", "conditions": {},
            "actions": {"signon": {"access": "ALLOW", "requireFactor": True,
                                   "factorPromptMode": "ALWAYS"}}}  # fmt: skip
    made = org("POST", f"/api/v1/policies/{policy['id']}/rules", rule)
    assert made.status == 200, made.body
    org.factors = f"/api/v1/users/{user['id']}/factors"  # type: ignore[attr-defined]
    org.join = lambda: org("PUT", f"/api/v1/groups/{group['id']}/users/{user['id']}")  # type: ignore[attr-defined]
    org.rule = f"/api/v1/policies/{policy['id']}/rules/{made.body['id']}"  # type: ignore[attr-defined]
    org.policy = rule  # type: ignore[attr-defined]
    return org


def _authn(org: Org, path: str = "", **body: Any) -> Said:
    return org("POST", f"/api/v1/authn{path}", body or KNOWN)


def _signed_in(org: Org, said: Said) -> Any:
    assert (said.status, said.body["status"]) == (200, "SUCCESS")
    assert "stateToken" not in said.body
    return org("POST", "/api/v1/sessions", {"sessionToken": said.body["sessionToken"]}).body


def test_who_no_policy_asks_needs_the_password_only(org: Org) -> None:
    session = _signed_in(org, _authn(org))
    assert (session["amr"], session["mfaActive"]) == (["pwd"], False)


def test_a_code_of_an_app_ends_the_sign_in(org: Org) -> None:
    org.join()  # type: ignore[attr-defined]
    sent = {"factorType": "token:software:totp", "provider": "OKTA"}
    made = org("POST", org.factors, sent).body  # type: ignore[attr-defined]
    secret = made["_embedded"]["activation"]["sharedSecret"]
    now = org.universe.world(org.world).now()
    one = f"{org.factors}/{made['id']}"  # type: ignore[attr-defined]
    org("POST", f"{one}/lifecycle/activate", {"passCode": totp(secret, now)})
    asked = _authn(org)
    assert asked.body["status"] == "MFA_REQUIRED"
    assert "sessionToken" not in asked.body
    state = asked.body["stateToken"]
    shown = asked.body["_embedded"]["factors"]
    assert [factor["id"] for factor in shown] == [made["id"]]
    path = shown[0]["_links"]["verify"]["href"].partition("/api/v1/authn")[2]
    wrong = _authn(org, path, stateToken=state, passCode="x")
    assert (wrong.status, wrong.code) == (403, "E0000068")
    session = _signed_in(org, _authn(org, path, stateToken=state, passCode=totp(secret, now)))
    assert (session["amr"], session["mfaActive"]) == (["pwd", "mfa"], True)
    again = _authn(org, path, stateToken=state, passCode=totp(secret, now))
    assert (again.status, again.code) == (401, "E0000011")


def test_a_text_is_a_challenge_that_can_be_sent_again_and_gone_back_from(org: Org) -> None:
    org.join()  # type: ignore[attr-defined]
    sent = {"factorType": "sms", "provider": "OKTA", "profile": {"phoneNumber": "+15551230000"}}
    made = org("POST", f"{org.factors}?activate=true", sent).body  # type: ignore[attr-defined]
    state = _authn(org).body["stateToken"]
    one = f"/factors/{made['id']}/verify"
    challenge = _authn(org, one, stateToken=state).body
    assert challenge["status"] == "MFA_CHALLENGE"
    assert challenge["_embedded"]["factor"]["profile"]["phoneNumber"] == "+1 XXX-XXX-0000"
    first = _sent(org)
    assert _authn(org, f"{one}/resend", stateToken=state).status == 200
    assert _authn(org, one, stateToken=state, passCode=first).code == "E0000068"
    assert _authn(org, "/previous", stateToken=state).body["status"] == "MFA_REQUIRED"
    assert _authn(org, "/previous", stateToken=state).code == "E0000044"
    _authn(org, one, stateToken=state)
    _signed_in(org, _authn(org, one, stateToken=state, passCode=_sent(org)))


def _sent(org: Org) -> str:
    return str(list(org.universe.world(org.world).table("okta.messages").values())[-1]["code"])


@pytest.mark.parametrize("approve", [True, False])
def test_a_push_is_polled_until_it_is_answered(org: Org, *, approve: bool) -> None:
    org.join()  # type: ignore[attr-defined]
    sent = {"factorType": "push", "provider": "OKTA"}
    made = org("POST", org.factors, sent).body  # type: ignore[attr-defined]
    org.universe.emit(org.world, "okta", "push_answered", {"login": KNOWN["username"]})
    state, one = _authn(org).body["stateToken"], f"/factors/{made['id']}/verify"
    for _ in range(2):
        assert _authn(org, one, stateToken=state).body["factorResult"] == "WAITING"
    answer = {"login": KNOWN["username"], "approve": approve}
    org.universe.emit(org.world, "okta", "push_answered", answer)
    said = _authn(org, one, stateToken=state)
    if approve:
        _signed_in(org, said)
    else:
        assert (said.body["status"], said.body["factorResult"]) == ("MFA_CHALLENGE", "REJECTED")


def test_who_has_no_factor_enrols_one_on_the_way(org: Org) -> None:
    org.join()  # type: ignore[attr-defined]
    asked = _authn(org).body
    assert asked["status"] == "MFA_ENROLL"
    state = asked["stateToken"]
    assert "sms" in {factor["factorType"] for factor in asked["_embedded"]["factors"]}
    made = _authn(org, "/factors", stateToken=state, factorType="sms", provider="OKTA",
                  profile={"phoneNumber": "+15551230000"}).body  # fmt: skip
    assert made["status"] == "MFA_ENROLL_ACTIVATE"
    path = f"/factors/{made['_embedded']['factor']['id']}/lifecycle/activate"
    _signed_in(org, _authn(org, path, stateToken=state, passCode=_sent(org)))
    assert _authn(org).body["status"] == "MFA_REQUIRED"


def test_a_sign_in_is_over_when_it_is_cancelled_or_late(org: Org) -> None:
    org.join()  # type: ignore[attr-defined]
    for late in (False, True):
        state = _authn(org).body["stateToken"]
        assert _authn(org, stateToken=state).body["status"] == "MFA_ENROLL"
        if late:
            org.universe.advance(org.world, 301)
        else:
            assert _authn(org, "/cancel", stateToken=state).status == 200
        assert _authn(org, stateToken=state).code == "E0000011"


def test_a_rule_may_deny_whom_it_does_not_exclude(org: Org) -> None:
    org.join()  # type: ignore[attr-defined]
    rule = org.policy  # type: ignore[attr-defined]
    rule = {**rule, "actions": {"signon": {"access": "DENY"}}}
    assert org("PUT", org.rule, rule).status == 200  # type: ignore[attr-defined]
    assert _authn(org).code == "E0000004"
    user = org("GET", f"/api/v1/users/{KNOWN['username']}").body["id"]
    rule["conditions"] = {"people": {"users": {"exclude": [user]}}}
    assert org("PUT", org.rule, rule).status == 200  # type: ignore[attr-defined]
    assert _authn(org).body["status"] == "SUCCESS"


def test_an_expired_password_is_changed_before_anything_else(org: Org) -> None:
    user = org("GET", f"/api/v1/users/{KNOWN['username']}").body["id"]
    assert org("POST", f"/api/v1/users/{user}/lifecycle/expire_password").status == 200
    asked = _authn(org).body
    assert asked["status"] == "PASSWORD_EXPIRED"
    path, state = "/credentials/change_password", asked["stateToken"]
    wrong = _authn(org, path, stateToken=state, oldPassword="no", newPassword="Fake-Pass-2")
    assert wrong.code == "E0000014"
    said = _authn(org, path, stateToken=state, oldPassword=KNOWN["password"],
                  newPassword="Fake-Pass-2")  # fmt: skip
    _signed_in(org, said)
    assert _authn(org).code == "E0000004"
