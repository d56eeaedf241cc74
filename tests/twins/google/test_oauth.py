"""Google's token endpoint, by google-auth; scopes, expiry and quotas enforced."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from google.oauth2 import service_account
from google.oauth2.credentials import Credentials
from tests.twins.google.calling import Caller
from tests.twins.serving import serving

from unlit.twins.services.google import oauth
from unlit.twins.universe import Universe

STEM = "https://www.googleapis.com/auth/"
READ_SHEETS = f"{STEM}spreadsheets.readonly"


def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(private: rsa.RSAPrivateKey) -> str:
    return private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def public(private: rsa.RSAPrivateKey) -> str:
    return (
        private.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


@pytest.fixture
def universe() -> Universe:
    return Universe(["docs", "drive", "sheets"])


@pytest.fixture
def base(universe: Universe) -> Iterator[str]:
    with serving(universe, "drive") as url:
        yield url


def test_a_refresh_token_brings_access_that_ends(universe: Universe, base: str) -> None:
    token = {"token": "fake-refresh", "scopes": [f"{STEM}drive"]}
    world = universe.create_world({"google": {"refresh_tokens": [token]}})
    credentials = Credentials(
        None,
        refresh_token="fake-refresh",
        token_uri=f"{base}/token",
        client_id=oauth.CLIENT_ID,
        client_secret=oauth.CLIENT_SECRET,
    )
    credentials.refresh(Request())
    call = Caller(universe, world, "drive", credentials.token)
    assert call("GET", "/drive/v3/files").status == 200
    universe.advance(world, 3700)
    answer = call("GET", "/drive/v3/files")
    assert answer.status == 401
    assert answer.body["error"]["errors"][0]["reason"] == "authError"


def test_a_service_account_needs_the_right_key(universe: Universe, base: str) -> None:
    good, wrong = key(), key()
    account = {"email": "robot@fake.iam.gserviceaccount.com", "public_key": public(good)}
    world = universe.create_world({"google": {"service_accounts": [account]}})
    universe.default = world

    def credentials(private: rsa.RSAPrivateKey) -> Any:
        info = {
            "client_email": account["email"],
            "private_key": pem(private),
            "token_uri": f"{base}/token",
        }
        return service_account.Credentials.from_service_account_info(info, scopes=[READ_SHEETS])

    made = credentials(good)
    made.refresh(Request())
    call = Caller(universe, world, "sheets", made.token)
    refused = call("POST", "/v4/spreadsheets", {})
    assert refused.status == 403
    reason = refused.body["error"]["details"][0]["reason"]
    assert reason == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
    info = requests.get(f"{base}/tokeninfo", params={"access_token": made.token}, timeout=10)
    assert info.json()["scope"] == READ_SHEETS
    with pytest.raises(RefreshError, match="Invalid JWT Signature"):
        credentials(wrong).refresh(Request())


def test_a_code_is_exchanged_once_and_only_with_its_verifier(universe: Universe) -> None:
    world = universe.create_world({})
    call = Caller(universe, world, "drive", "")
    asked: dict[str, Any] = {
        "client_id": oauth.CLIENT_ID,
        "redirect_uri": "http://localhost/back",
        "response_type": "code",
        "scope": "openid email",
        "access_type": "offline",
        "code_challenge": "secret-verifier",
        "state": "s",
    }
    back = call("GET", "/o/oauth2/v2/auth", **asked).headers["location"]
    code = back.partition("code=")[2].partition("&")[0].replace("%2F", "/")
    form = (
        f"grant_type=authorization_code&code={code}&client_id={oauth.CLIENT_ID}"
        f"&client_secret={oauth.CLIENT_SECRET}&redirect_uri=http://localhost/back"
    )
    kind = {"content-type": "application/x-www-form-urlencoded"}
    good = f"{form}&code_verifier=secret-verifier".encode()
    answer = call("POST", "/token", good, kind)
    assert {"access_token", "refresh_token", "id_token"} <= set(answer.body)
    assert call("POST", "/token", good, kind).body["error"] == "invalid_grant"


def test_a_file_scope_sees_only_its_own_files(universe: Universe) -> None:
    token = {"token": "fake-file", "scopes": [f"{STEM}drive.file"]}
    seed = {"tokens": [token], "files": [{"name": "old", "content": "x"}]}
    world = universe.create_world({"google": seed})
    call = Caller(universe, world, "drive", "fake-file")
    made = call("POST", "/drive/v3/files", {"name": "mine"}).body["id"]
    listed = call("GET", "/drive/v3/files").body["files"]
    assert [f["id"] for f in listed] == [made]
    every = Caller(universe, world, "drive")("GET", "/drive/v3/files").body["files"]
    assert len(every) == 2


def test_quotas_count_only_when_they_are_on(universe: Universe) -> None:
    world = universe.create_world({})
    call = Caller(universe, world, "sheets")
    ident = call("POST", "/v4/spreadsheets", {}).body["spreadsheetId"]
    path = f"/v4/spreadsheets/{ident}"
    assert {call("GET", path).status for _ in range(70)} == {200}
    universe.world(world).limits = True
    statuses = [call("GET", path).status for _ in range(61)]
    assert statuses == [200] * 60 + [429]
    universe.advance(world, 60)
    assert call("GET", path).status == 200


def test_no_token_and_a_wrong_token_are_told_apart(universe: Universe) -> None:
    world = universe.create_world({})
    wrong = Caller(universe, world, "docs", "fake-wrong")("GET", "/v1/documents/x")
    assert wrong.body["error"]["status"] == "UNAUTHENTICATED"
    assert "www-authenticate" in wrong.headers
    missing = Caller(universe, world, "drive", "")("GET", "/drive/v3/files")
    assert missing.body["error"]["errors"][0]["message"] == "Login Required."
