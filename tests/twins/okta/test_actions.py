"""What is done rather than kept: each action's effect is seen by another route."""

import base64
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from unlit.twins.kit.http import Request
from unlit.twins.model import Fact
from unlit.twins.services.okta.factors import totp
from unlit.twins.universe import Universe


class Org:
    """An organisation with one person who has a password."""

    def __init__(self) -> None:
        self.universe = Universe(["okta"])
        self.world = self.universe.create_world()
        self.token = self.universe.tokens(self.world)["okta"]
        _, user = self.ask("POST", "/api/v1/users", {
            "profile": {"firstName": "Ada", "lastName": "Person", "login": "ada@example.com",
                        "email": "ada@example.com"},
            "credentials": {"password": {"value": "Fake-Pass-1"},
                            "recovery_question": {"question": "Pet?", "answer": "Tortoise"}},
        })  # fmt: skip
        self.user = f"/api/v1/users/{user['id']}"
        self.uid = user["id"]

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        path, _, query = path.partition("?")
        headers = {"x-twin-world": self.world, "host": "fake.okta.com", **more.get("headers", {})}
        if not more.get("open"):
            headers.setdefault("authorization", f"SSWS {self.token}")
        data = b""
        if "form" in more:
            headers["content-type"] = "application/x-www-form-urlencoded"
            data = urlencode(more["form"]).encode()
        elif body is not None:
            headers["content-type"] = "application/json"
            data = json.dumps(body).encode()
        reply = self.universe.answer("okta", Request(method, path, query, headers, data)).reply
        raw = reply.encoded()
        return reply.status, json.loads(raw) if raw[:1] in (b"{", b"[") else raw.decode()

    def code(self) -> str:
        return str(self.universe.state(self.world)["okta.messages"][-1]["code"])


@pytest.fixture
def org() -> Org:
    return Org()


@pytest.mark.parametrize("kind", ["sms", "call", "email"])
def test_a_sent_code_enrols_and_verifies_once(org: Org, kind: str) -> None:
    profile = {} if kind == "email" else {"phoneNumber": "+15550100"}
    status, made = org.ask("POST", f"{org.user}/factors", {
        "factorType": kind, "provider": "OKTA", "profile": profile})  # fmt: skip
    assert (status, made["status"]) == (200, "PENDING_ACTIVATION")
    one = f"{org.user}/factors/{made['id']}"
    first = org.code()
    assert org.ask("POST", f"{one}/resend", {})[0] == 200
    assert org.ask("POST", f"{one}/lifecycle/activate", {"passCode": first})[0] == (
        200 if org.code() == first else 403
    )
    assert org.ask("POST", f"{one}/lifecycle/activate", {"passCode": org.code()})[0] == 200
    assert org.ask("GET", one)[1]["status"] == "ACTIVE"
    assert org.ask("POST", f"{one}/verify", {})[1]["factorResult"] == "CHALLENGE"
    code = org.code()
    assert org.ask("POST", f"{one}/verify", {"passCode": code})[1] == {"factorResult": "SUCCESS"}
    status, again = org.ask("POST", f"{one}/verify", {"passCode": code})
    assert (status, again["errorCode"]) == (403, "E0000068")
    assert org.ask("DELETE", one)[0] == 204
    assert org.ask("GET", one)[0] == 404
    assert org.ask("GET", f"{org.user}/factors")[1] == []


def test_a_one_time_code_follows_the_clock(org: Org) -> None:
    sent = {"factorType": "token:software:totp", "provider": "GOOGLE"}
    made = org.ask("POST", f"{org.user}/factors", sent)[1]
    shared = made["_embedded"]["activation"]["sharedSecret"]
    one = f"{org.user}/factors/{made['id']}"
    world = org.universe.world(org.world)
    assert org.ask("POST", f"{one}/lifecycle/activate", {"passCode": "000000"})[0] in (200, 403)
    right = {"passCode": totp(shared, world.now())}
    assert org.ask("POST", f"{one}/lifecycle/activate", right)[1]["status"] == "ACTIVE"
    old = totp(shared, world.now())
    org.universe.advance(org.world, 600)
    if totp(shared, world.now()) != old:
        assert org.ask("POST", f"{one}/verify", {"passCode": old})[0] == 403
    now = {"passCode": totp(shared, world.now())}
    assert org.ask("POST", f"{one}/verify", now)[1]["factorResult"] == "SUCCESS"
    assert "sharedSecret" not in json.dumps(org.ask("GET", one)[1])


def test_the_codes_are_those_of_rfc_6238() -> None:
    secret = base64.b32encode(b"12345678901234567890").decode()
    assert [totp(secret, at) for at in (59, 1111111109, 20000000000)] == [
        "287082", "081804", "353130"]  # fmt: skip


@pytest.mark.parametrize("approve", [True, False])
def test_a_push_waits_for_its_device(org: Org, *, approve: bool) -> None:
    made = org.ask("POST", f"{org.user}/factors", {"factorType": "push", "provider": "OKTA"})[1]
    org.universe.emit(org.world, "okta", "push_answered", {"login": "ada@example.com"})
    one = f"{org.user}/factors/{made['id']}"
    status, asked = org.ask("POST", f"{one}/verify", {})
    assert (status, asked["factorResult"]) == (201, "WAITING")
    poll = asked["_links"]["poll"]["href"].partition("fake.okta.com")[2] or (
        "/api" + asked["_links"]["poll"]["href"].partition("/api")[2]
    )
    assert org.ask("GET", poll)[1]["factorResult"] == "WAITING"
    org.universe.emit(org.world, "okta", "push_answered",
                      {"login": "ada@example.com", "approve": approve})  # fmt: skip
    assert org.ask("GET", poll)[1]["factorResult"] == ("SUCCESS" if approve else "REJECTED")


def test_a_question_is_asked_and_factors_are_reset(org: Org) -> None:
    sent = {"factorType": "question", "provider": "OKTA",
            "profile": {"question": "favorite_toy", "answer": "A red kite"}}  # fmt: skip
    made = org.ask("POST", f"{org.user}/factors", sent)[1]
    one = f"{org.user}/factors/{made['id']}"
    assert "answer" not in made["profile"]
    assert org.ask("POST", f"{one}/verify", {"answer": "a red KITE"})[0] == 200
    assert org.ask("POST", f"{one}/verify", {"answer": "a ball"})[0] == 403
    assert org.ask("POST", f"{org.user}/lifecycle/reset_factors", {})[0] == 200
    assert org.ask("GET", f"{org.user}/factors")[1] == []


def test_a_session_lives_until_it_is_closed(org: Org) -> None:
    assert org.ask("POST", "/api/v1/authn", {"username": "ada@example.com", "password": "no"},
                   open=True)[0] == 401  # fmt: skip
    known = {"username": "ada@example.com", "password": "Fake-Pass-1"}
    token = org.ask("POST", "/api/v1/authn", known, open=True)[1]["sessionToken"]
    session = org.ask("POST", "/api/v1/sessions", {"sessionToken": token})[1]
    assert org.ask("POST", "/api/v1/sessions", {"sessionToken": token})[0] == 401
    one = f"/api/v1/sessions/{session['id']}"
    assert org.ask("GET", one)[1]["userId"] == org.uid
    cookie = {"cookie": f"sid={session['id']}"}
    mine = org.ask("GET", "/api/v1/sessions/me", open=True, headers=cookie)[1]
    assert mine["login"] == "ada@example.com"
    org.universe.advance(org.world, 3600)
    later = org.ask("POST", f"{one}/lifecycle/refresh", {})[1]
    assert later["expiresAt"] > session["expiresAt"]
    assert org.ask("DELETE", f"{org.user}/sessions")[0] == 204
    assert org.ask("GET", one)[0] == 404


def _client(org: Org, *grants: str) -> dict[str, Any]:
    made = org.ask("POST", "/api/v1/apps", {
        "name": "oidc_client", "label": "Device", "signOnMode": "OPENID_CONNECT",
        "credentials": {"oauthClient": {"token_endpoint_auth_method": "client_secret_post"}},
        "settings": {"oauthClient": {"application_type": "web", "grant_types": list(grants),
                                     "response_types": ["code"],
                                     "redirect_uris": ["https://app.example.com/cb"]}},
    })[1]["credentials"]["oauthClient"]  # fmt: skip
    return {"client_id": made["client_id"], "client_secret": made["client_secret"]}


DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


def test_a_device_gets_its_token_when_a_person_agrees(org: Org) -> None:
    client = _client(org, DEVICE)
    path = "/oauth2/v1/device/authorize"
    asked = org.ask("POST", path, form={**client, "scope": "openid"}, open=True)[1]
    form = {**client, "grant_type": DEVICE, "device_code": asked["device_code"]}
    told = org.ask("POST", "/oauth2/v1/token", form=form, open=True)
    assert (told[0], told[1]["error"]) == (400, "authorization_pending")
    org.universe.emit(org.world, "okta", "device_answered",
                      {"login": "ada@example.com", "user_code": asked["user_code"]})  # fmt: skip
    status, grant = org.ask("POST", "/oauth2/v1/token", form=form, open=True)
    assert status == 200
    assert org.ask("POST", "/oauth2/v1/token", form=form, open=True)[0] == 400
    form = {**client, "token": grant["access_token"]}
    seen = org.ask("POST", "/oauth2/v1/introspect", form=form, open=True)[1]
    assert (seen["active"], seen["uid"]) == (True, org.uid)
    assert org.ask("POST", "/oauth2/v1/global-token-revocation",
                   {"subject": {"format": "opaque", "id": org.uid}})[0] == 204  # fmt: skip
    seen = org.ask("POST", "/oauth2/v1/introspect", form=form, open=True)[1]
    assert seen == {"active": False}


def test_a_pushed_request_is_authorised_once_and_a_new_secret_replaces_the_old(org: Org) -> None:
    client = _client(org, "authorization_code")
    asked = {**client, "scope": "openid", "response_type": "code", "state": "s",
             "redirect_uri": "https://app.example.com/cb"}  # fmt: skip
    status, kept = org.ask("POST", "/oauth2/v1/par", form=asked, open=True)
    assert status == 201
    query = urlencode({"client_id": client["client_id"], "request_uri": kept["request_uri"]})
    assert org.ask("GET", f"/oauth2/v1/authorize?{query}", open=True)[0] == 302
    assert org.ask("GET", f"/oauth2/v1/authorize?{query}", open=True)[0] == 400
    path = f"/oauth2/v1/clients/{client['client_id']}/lifecycle/newSecret"
    fresh = org.ask("POST", path)[1]["client_secret"]
    assert org.ask("POST", "/oauth2/v1/par", form=asked, open=True)[0] == 401
    assert org.ask("POST", "/oauth2/v1/par", form={**asked, "client_secret": fresh},
                   open=True)[0] == 201  # fmt: skip


def test_keys_of_a_server_rotate(org: Org) -> None:
    base = "/api/v1/authorizationServers/default/credentials"
    before = {key["status"]: key["kid"] for key in org.ask("GET", f"{base}/keys")[1]}
    after = org.ask("POST", f"{base}/lifecycle/keyRotate", {"use": "sig"})[1]
    rotated = {key["status"]: key["kid"] for key in after}
    assert rotated["ACTIVE"] == before["NEXT"]
    assert rotated["EXPIRED"] == before["ACTIVE"]
    assert org.ask("GET", f"{base}/keys")[1] == after
    server = org.ask("GET", "/api/v1/authorizationServers/default")[1]
    assert server["credentials"]["signing"]["kid"] == rotated["ACTIVE"]


@pytest.mark.parametrize(
    ("read", "do", "undo", "name"),
    [
        ("/org/privacy/oktaSupport", "/grant", "/revoke", "support"),
        ("/org/privacy/oktaCommunication", "/optOut", "/optIn", "optOutEmailUsers"),
        ("/org/preferences", "/hideEndUserFooter", "/showEndUserFooter", "showEndUserFooter"),
        ("/roles/SUPER_ADMIN/subscriptions/APP_IMPORT", "/subscribe", "/unsubscribe", "status"),
    ],
)
def test_what_is_switched_stays_switched(
    org: Org, read: str, do: str, undo: str, name: str
) -> None:
    before = org.ask("GET", f"/api/v1{read}")[1][name]
    assert org.ask("POST", f"/api/v1{read}{do}")[0] == 200
    assert org.ask("GET", f"/api/v1{read}")[1][name] != before
    assert org.ask("POST", f"/api/v1{read}{undo}")[0] == 200
    assert org.ask("GET", f"/api/v1{read}")[1][name] == before


def test_a_domain_is_verified_only_when_the_dns_says_so(org: Org) -> None:
    made = org.ask("POST", "/api/v1/domains", {"domain": "login.example.com",
                                               "certificateSourceType": "MANUAL"})[1]  # fmt: skip
    one = f"/api/v1/domains/{made['id']}"
    assert org.ask("POST", f"{one}/verify")[1]["validationStatus"] == "IN_PROGRESS"
    sent = {"type": "PEM", "certificate": "fake", "privateKey": "fake"}
    assert org.ask("PUT", f"{one}/certificate", sent)[0] == 403
    org.universe.emit(org.world, "okta", "dns_published", {"domain": "login.example.com"})
    assert org.ask("POST", f"{one}/verify")[1]["validationStatus"] == "VERIFIED"
    assert org.ask("PUT", f"{one}/certificate", sent)[0] == 204
    assert org.ask("GET", one)[1]["validationStatus"] == "COMPLETED"


def test_a_picture_is_linked_and_taken_away(org: Org) -> None:
    brand = org.ask("GET", "/api/v1/brands")[1]
    bid = (brand or [org.ask("POST", "/api/v1/brands", {"name": "B"})[1]])[0]["id"]
    themes = org.ask("GET", f"/api/v1/brands/{bid}/themes")[1]
    one = f"/api/v1/brands/{bid}/themes/{themes[0]['id']}"
    status, made = org.ask("POST", f"{one}/background-image", {"file": "x"})
    assert status == 201
    assert org.ask("GET", one)[1]["backgroundImage"] == made["url"]
    assert org.ask("DELETE", f"{one}/background-image")[0] == 204
    assert org.ask("GET", one)[1]["backgroundImage"] is None


def test_a_forgotten_password_needs_the_answer(org: Org) -> None:
    path = f"{org.user}/credentials/forgot_password_recovery_question"
    sent = {"password": {"value": "Fake-Pass-2"}, "recovery_question": {"answer": "Cat"}}
    assert org.ask("POST", path, sent)[1]["errorCode"] == "E0000087"
    sent["recovery_question"]["answer"] = "tortoise"
    assert org.ask("POST", path, sent)[0] == 200
    known = {"username": "ada@example.com", "password": "Fake-Pass-2"}
    assert org.ask("POST", "/api/v1/authn", known, open=True)[1]["status"] == "SUCCESS"


def test_a_token_that_revokes_itself_is_worth_nothing(org: Org) -> None:
    assert org.ask("DELETE", "/api/v1/api-tokens/current")[0] == 204
    assert org.ask("GET", "/api/v1/users/me")[0] == 401


def test_an_organisation_answers_as_it_did_on_the_day_it_was_read(org: Org) -> None:
    def read(date: str) -> Any:
        universe = Universe(["okta"])
        world = universe.create_world()
        fact = Fact("okta", "GET", "/api/v1/zones", (), None, [], {"date": date})
        universe.believe(world, [fact])
        org.universe, org.world = universe, world
        org.token = universe.tokens(world)["okta"]
        return org.ask("POST", "/api/v1/groups", {"profile": {"name": "G"}})[1]["_links"]

    assert "owners" not in read("Fri, 14 Mar 2025 03:08:11 GMT")
    assert "owners" in read("Mon, 06 Apr 2026 10:00:00 GMT")
