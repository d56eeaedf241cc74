"""Login with an identity provider: the Okta twin is the provider."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from starlette.testclient import TestClient
from tests.console.conftest import HOST, Bench

from unlit.console.app import create_app
from unlit.console.model import Role
from unlit.console.oidc import Provider, verify
from unlit.core.errors import RefusedByPolicy
from unlit.twins.kit.http import Request
from unlit.twins.universe import Universe

ORIGIN = "https://twin.okta.com"
BACK = f"http://{HOST}/login/callback"


class Okta:
    """One organisation with one web application and one person."""

    def __init__(self, bench: Bench) -> None:
        self.universe = Universe(["okta"])
        self.world = self.universe.create_world(
            {"okta": {"users": [{"login": "ada@example.com", "firstName": "Ada"}]}},
            now=bench.clock.now(),
        )
        app = self._admin({
            "name": "oidc_client", "label": "Unlit", "signOnMode": "OPENID_CONNECT",
            "credentials": {"oauthClient": {"token_endpoint_auth_method": "client_secret_post"}},
            "settings": {"oauthClient": {
                "redirect_uris": [BACK], "grant_types": ["authorization_code"],
                "response_types": ["code"], "application_type": "web"}},
        })  # fmt: skip
        client = app["credentials"]["oauthClient"]
        self.provider = Provider(
            ORIGIN, client["client_id"], client["client_secret"], BACK,
            {"ada@example.com": frozenset({Role.READER, Role.DECIDER})}, self.fetch,
        )  # fmt: skip

    def _admin(self, body: Mapping[str, Any]) -> Any:
        token = {"authorization": f"SSWS {self.universe.tokens(self.world)['okta']}"}
        return self._ask("POST", "/api/v1/apps", "", json.dumps(body).encode(), token)[1]

    def _ask(
        self, method: str, path: str, query: str, data: bytes, headers: Mapping[str, str]
    ) -> tuple[int, Any, Any]:
        sent = {"x-twin-world": self.world, **headers}
        reply = self.universe.answer("okta", Request(method, path, query, sent, data, ORIGIN)).reply
        text = reply.encoded()
        try:
            return reply.status, json.loads(text) if text else None, reply
        except ValueError:
            return reply.status, None, reply

    def fetch(self, method: str, url: str, form: Mapping[str, str] | None) -> tuple[int, Any]:
        parts = urlsplit(url)
        kind = {"content-type": "application/x-www-form-urlencoded"} if form else {}
        data = urlencode(form).encode() if form else b""
        status, found, _ = self._ask(method, parts.path, parts.query, data, kind)
        return status, found

    def sign_in(self, url: str, login: str = "ada@example.com") -> Mapping[str, str]:
        """Do what the browser and the person do there; return what comes back."""
        parts = urlsplit(url)
        query = f"{parts.query}&{urlencode({'login_hint': login})}"
        status, _, reply = self._ask("GET", parts.path, query, b"", {})
        assert status == 302, reply.encoded()
        found = parse_qs(urlsplit(reply.header("location")).query)
        return {name: values[0] for name, values in found.items()}


@pytest.fixture
def okta(bench: Bench) -> Okta:
    return Okta(bench)


@pytest.fixture
def client(bench: Bench, okta: Okta) -> TestClient:
    console = replace(bench.console, provider=okta.provider)
    return TestClient(create_app(console), base_url=f"http://{HOST}", follow_redirects=False)


def test_a_person_logs_in_with_their_own_roles(client: TestClient, okta: Okta) -> None:
    begun = client.get("/login/oidc")
    assert begun.status_code == 303
    back = okta.sign_in(begun.headers["location"])
    done = client.get("/login/callback", params=back)
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert "ada@example.com" in client.get("/settings").text
    assert client.get("/scenarios").status_code == 403


def test_an_answer_to_another_login_is_refused(client: TestClient, okta: Okta) -> None:
    back = okta.sign_in(client.get("/login/oidc").headers["location"])
    assert client.get("/login/callback", params={**back, "state": "x"}).status_code == 401
    client.cookies.clear()
    assert client.get("/login/callback", params=back).status_code == 401
    assert client.get("/").status_code == 401


def test_a_code_is_worth_nothing_in_another_browser(
    client: TestClient, okta: Okta, bench: Bench
) -> None:
    back = okta.sign_in(client.get("/login/oidc").headers["location"])
    console = replace(bench.console, provider=okta.provider)
    other = TestClient(create_app(console), base_url=f"http://{HOST}", follow_redirects=False)
    other.get("/login/oidc")
    assert other.get("/login/callback", params=back).status_code == 401


def test_a_person_without_a_role_is_refused(bench: Bench, okta: Okta) -> None:
    provider = replace(okta.provider, roles={})
    app = create_app(replace(bench.console, provider=provider))
    client = TestClient(app, base_url=f"http://{HOST}", follow_redirects=False)
    back = okta.sign_in(client.get("/login/oidc").headers["location"])
    answer = client.get("/login/callback", params=back)
    assert answer.status_code == 401
    assert "has no role in this console" in answer.text


def test_a_provider_that_is_down_is_said(bench: Bench, okta: Okta) -> None:
    provider = replace(okta.provider, fetch=lambda method, url, form: (0, None))
    app = create_app(replace(bench.console, provider=provider))
    client = TestClient(app, base_url=f"http://{HOST}", follow_redirects=False)
    answer = client.get("/login/oidc")
    assert answer.status_code == 401
    assert "does not describe itself" in answer.text


def _forge(change: Callable[[dict[str, Any], dict[str, Any]], None], token: str) -> str:
    head, body, signature = token.split(".")
    header, claims = (
        json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in (head, body)
    )
    change(header, claims)
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in (header, claims)
    ]
    return ".".join([*parts, signature])


def test_a_token_that_is_not_exactly_ours_is_refused(client: TestClient, okta: Okta) -> None:
    tokens: list[str] = []

    def watch(method: str, url: str, form: Mapping[str, str] | None) -> tuple[int, Any]:
        status, found = okta.fetch(method, url, form)
        if isinstance(found, dict) and "id_token" in found:
            tokens.append(found["id_token"])
        return status, found

    provider = replace(okta.provider, fetch=watch)
    from unlit.console.oidc import begin, finish

    url, cookie = begin(provider, b"k" * 32, 0)
    nonce = parse_qs(urlsplit(url).query)["nonce"][0]
    back = okta.sign_in(url)
    person, _ = finish(provider, b"k" * 32, 0, cookie, back["state"], back["code"])
    assert person == "ada@example.com"
    (token,) = tokens
    keys = okta.fetch("GET", f"{ORIGIN}/oauth2/v1/keys", None)[1]
    assert verify(token, keys, provider, nonce, 0)["nonce"] == nonce
    forged = [
        _forge(lambda header, claims: header.update(alg="none"), token),
        _forge(lambda header, claims: header.update(alg="HS256"), token),
        _forge(lambda header, claims: header.update(kid="other"), token),
        _forge(lambda header, claims: claims.update(preferred_username="root"), token),
        token.rpartition(".")[0] + ".",
        "a.b.c",
        "",
    ]
    for bad in forged:
        with pytest.raises(RefusedByPolicy, match="CON-041"):
            verify(bad, keys, provider, nonce, 0)
    for changed in (
        (replace(provider, client_id="other"), nonce, 0),
        (replace(provider, issuer="https://evil.example"), nonce, 0),
        (provider, "other", 0),
        (provider, nonce, 2**40),
    ):
        with pytest.raises(RefusedByPolicy, match="CON-041"):
            verify(token, keys, *changed)
