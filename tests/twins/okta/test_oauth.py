"""OAuth and OpenID Connect, with tokens checked by a third party's library."""

import base64
import hashlib
import json
import time
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from unlit.twins.kit.http import Request
from unlit.twins.services.okta import keys, tokens
from unlit.twins.universe import Universe

jwt = pytest.importorskip("jwt", reason="PyJWT is not installed")
BACK = "https://app.example/callback"
ORIGIN = "https://twin.okta.com"


class Org:
    """One organisation and a way to call it."""

    def __init__(self) -> None:
        self.universe = Universe(["okta"])
        self.world = self.universe.create_world(
            {"okta": {"users": [{"login": "ada@example.com", "firstName": "Ada"}]}}
        )

    def ask(
        self, method: str, path: str, body: Any = None, *, form: bool = False,
        token: str | None = None, **headers: str,
    ) -> Any:  # fmt: skip
        sent = {"x-twin-world": self.world, **{k.replace("_", "-"): v for k, v in headers.items()}}
        data = b""
        if form:
            data, sent["content-type"] = (
                urlencode(body).encode(),
                ("application/x-www-form-urlencoded"),
            )
        elif body is not None:
            data = json.dumps(body).encode()
        if token is not None:
            sent["authorization"] = token
        raw, _, query = path.partition("?")
        request = Request(method, raw, query, sent, data, ORIGIN)
        return self.universe.answer("okta", request).reply

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        token = f"SSWS {self.universe.tokens(self.world)['okta']}"
        reply = self.ask(method, path, body, token=token)
        assert reply.status < 300, reply.encoded()
        return json.loads(reply.encoded()) if reply.encoded() else None

    def app(self, grants: list[str], method: str = "client_secret_post", **client: Any) -> Any:
        return self.admin("POST", "/api/v1/apps", {
            "name": "oidc_client", "label": f"app {len(grants)} {method}",
            "signOnMode": "OPENID_CONNECT",
            "credentials": {"oauthClient": {"token_endpoint_auth_method": method}},
            "settings": {"oauthClient": {"redirect_uris": [BACK], "grant_types": grants,
                                         "response_types": ["code"], "application_type": "web",
                                         **client}},
        })  # fmt: skip


@pytest.fixture
def org() -> Org:
    return Org()


def body(reply: Any) -> Any:
    return json.loads(reply.encoded())


def code_for(org: Org, client: str, **extra: str) -> str:
    pairs = {
        "client_id": client,
        "response_type": "code",
        "redirect_uri": BACK,
        "state": "s",
        "scope": "openid profile email offline_access",
        "nonce": "n",
        "login_hint": "ada@example.com",
        **extra,
    }
    reply = org.ask("GET", "/oauth2/v1/authorize?" + urlencode(pairs))
    assert reply.status == 302, reply.encoded()
    found = parse_qs(urlsplit(reply.header("location")).query)
    assert found["state"] == ["s"]
    return str(found["code"][0])


def test_the_code_flow_with_pkce_gives_tokens_that_verify(org: Org) -> None:
    app = org.app(["authorization_code", "refresh_token"])
    client = app["credentials"]["oauthClient"]
    verifier = "v" * 50
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    code = code_for(
        org,
        client["client_id"],
        code_challenge=challenge.rstrip(b"=").decode(),
        code_challenge_method="S256",
    )
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": BACK,
        "client_id": client["client_id"],
        "client_secret": client["client_secret"],
    }
    wrong = org.ask("POST", "/oauth2/v1/token", {**form, "code_verifier": "x"}, form=True)
    assert (wrong.status, body(wrong)["error"]) == (400, "invalid_grant")
    code = code_for(
        org,
        client["client_id"],
        code_challenge=challenge.rstrip(b"=").decode(),
        code_challenge_method="S256",
    )
    form["code"] = code
    found = body(
        org.ask("POST", "/oauth2/v1/token", {**form, "code_verifier": verifier}, form=True)
    )
    key = jwt.PyJWK(body(org.ask("GET", "/oauth2/v1/keys"))["keys"][0])
    claims = jwt.decode(
        found["id_token"], key, algorithms=["RS256"], audience=client["client_id"], issuer=ORIGIN
    )
    assert (claims["email"], claims["nonce"]) == ("ada@example.com", "n")
    again = org.ask("POST", "/oauth2/v1/token", {**form, "code_verifier": verifier}, form=True)
    assert body(again)["error"] == "invalid_grant"
    info = org.ask("GET", "/oauth2/v1/userinfo", token=f"Bearer {found['access_token']}")
    assert body(info)["preferred_username"] == "ada@example.com"
    fresh = body(
        org.ask(
            "POST",
            "/oauth2/v1/token",
            {
                "grant_type": "refresh_token",
                "refresh_token": found["refresh_token"],
                "client_id": client["client_id"],
                "client_secret": client["client_secret"],
            },
            form=True,
        )
    )
    assert fresh["access_token"] != found["access_token"]


def test_a_revoked_token_is_no_longer_active(org: Org) -> None:
    client = org.app(["authorization_code"])["credentials"]["oauthClient"]
    form = {"client_id": client["client_id"], "client_secret": client["client_secret"]}
    found = body(
        org.ask(
            "POST",
            "/oauth2/v1/token",
            {
                **form,
                "grant_type": "authorization_code",
                "redirect_uri": BACK,
                "code": code_for(org, client["client_id"]),
            },
            form=True,
        )
    )
    ask = {**form, "token": found["access_token"]}
    assert body(org.ask("POST", "/oauth2/v1/introspect", ask, form=True))["active"] is True
    assert org.ask("POST", "/oauth2/v1/revoke", ask, form=True).status == 200
    assert body(org.ask("POST", "/oauth2/v1/introspect", ask, form=True)) == {"active": False}
    assert (
        org.ask("GET", "/oauth2/v1/userinfo", token=f"Bearer {found['access_token']}").status == 401
    )


def service_key() -> tuple[Any, dict[str, str]]:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    numbers = private.public_key().public_numbers()
    jwk = {
        "kty": "RSA",
        "kid": "k1",
        "use": "sig",
        "e": keys.encoded(numbers.e),
        "n": keys.encoded(numbers.n),
    }
    return private, jwk


def assertion(private: Any, client: str, audience: str) -> str:
    claims = {"iss": client, "sub": client, "aud": audience, "exp": int(time.time()) + 300}
    return str(jwt.encode(claims, private, algorithm="RS256", headers={"kid": "k1"}))


def test_a_service_with_a_key_gets_only_granted_scopes_and_they_bind(org: Org) -> None:
    private, jwk = service_key()
    app = org.app(["client_credentials"], "private_key_jwt", jwks={"keys": [jwk]})
    client = app["credentials"]["oauthClient"]["client_id"]
    form = {
        "grant_type": "client_credentials", "scope": "okta.users.read",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion(private, client, f"{ORIGIN}/oauth2/v1/token"),
    }  # fmt: skip
    refused = org.ask("POST", "/oauth2/v1/token", form, form=True)
    assert body(refused)["error"] == "invalid_scope"
    org.admin(
        "POST", f"/api/v1/apps/{app['id']}/grants", {"scopeId": "okta.users.read", "issuer": ORIGIN}
    )
    found = body(org.ask("POST", "/oauth2/v1/token", form, form=True))
    token = f"Bearer {found['access_token']}"
    assert org.ask("GET", "/api/v1/users", token=token).status == 200
    forbidden = org.ask("GET", "/api/v1/groups", token=token)
    assert (forbidden.status, body(forbidden)["errorCode"]) == (403, "E0000006")
    other, _ = service_key()
    form["client_assertion"] = assertion(other, client, f"{ORIGIN}/oauth2/v1/token")
    assert org.ask("POST", "/oauth2/v1/token", form, form=True).status == 401


def test_a_proof_of_possession_needs_a_nonce_first(org: Org) -> None:
    private, jwk = service_key()
    app = org.app(
        ["client_credentials"],
        "private_key_jwt",
        jwks={"keys": [jwk]},
        dpop_bound_access_tokens=True,
    )
    org.admin(
        "POST", f"/api/v1/apps/{app['id']}/grants", {"scopeId": "okta.users.read", "issuer": ORIGIN}
    )
    client = app["credentials"]["oauthClient"]["client_id"]
    form = {
        "grant_type": "client_credentials", "scope": "okta.users.read",
        "client_assertion": assertion(private, client, f"{ORIGIN}/oauth2/v1/token"),
    }  # fmt: skip
    public = {name: jwk[name] for name in ("kty", "e", "n")}

    def proof(**claims: Any) -> str:
        head = {"typ": "dpop+jwt", "jwk": public}
        return str(jwt.encode({"htm": "POST", **claims}, private, algorithm="RS256", headers=head))

    first = org.ask("POST", "/oauth2/v1/token", form, form=True, dpop=proof())
    assert (first.status, body(first)["error"]) == (400, "use_dpop_nonce")
    second = org.ask(
        "POST", "/oauth2/v1/token", form, form=True, dpop=proof(nonce=first.header("dpop-nonce"))
    )
    assert body(second)["token_type"] == "DPoP"
    claims = tokens.decode(body(second)["access_token"])
    assert claims is not None
    assert claims[1]["cnf"]["jkt"] == tokens.thumbprint(public)


def test_the_default_server_answers_to_its_name_and_to_its_id(org: Org) -> None:
    by_name = org.admin("GET", "/api/v1/authorizationServers/default")
    by_id = org.admin("GET", f"/api/v1/authorizationServers/{by_name['id']}")
    assert by_name["id"] == by_id["id"]
    scope = org.admin("POST", "/api/v1/authorizationServers/default/scopes", {"name": "pay"})
    names = [
        row["name"]
        for row in org.admin("GET", f"/api/v1/authorizationServers/{by_name['id']}/scopes")
    ]
    assert "openid" in names
    assert scope["name"] in names
    found = body(org.ask("GET", "/oauth2/default/.well-known/openid-configuration"))
    assert found["token_endpoint"] == f"{ORIGIN}/oauth2/default/v1/token"
    app = org.app(["client_credentials"])
    client = app["credentials"]["oauthClient"]
    form = {
        "grant_type": "client_credentials",
        "scope": "pay",
        "client_id": client["client_id"],
        "client_secret": client["client_secret"],
    }
    assert body(org.ask("POST", "/oauth2/default/v1/token", form, form=True))["scope"] == "pay"
    form["scope"] = "nope"
    assert body(org.ask("POST", "/oauth2/default/v1/token", form, form=True))["error"] == (
        "invalid_scope"
    )
