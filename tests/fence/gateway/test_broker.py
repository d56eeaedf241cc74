"""Logins are brokered: the program inside holds a placeholder, tokens are minted outside."""

import asyncio
import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from tests.fence.gateway.lab import Lab, Seen, open_lab

from unlit.core.clock import FakeClock
from unlit.core.errors import InvalidInput
from unlit.fence.gateway.head import RequestHead
from unlit.fence.gateway.signers import sign_aws4

LOGIN = """
version = 1
[credential.login]
source = {SOURCE}
inject = {header = "authorization"}
env = "LOGIN_TOKEN"
hosts = ["api.vendor.test"]
paths = ["/v1/**"]
[credential.login.exchange]
kind = "KIND"
token_url = "https://login.vendor.test/oauth/token"
client_id = "fake-client"
[[allow]]
role = "coder"
host = "api.vendor.test"
methods = ["GET", "POST"]
paths = ["/v1/**"]
credential = "login"
"""


class Provider:
    """A fake identity provider and the vendor behind it, on one server."""

    def __init__(self, *, rotates: bool = False, life_s: int = 3600) -> None:
        self.asked: list[Seen] = []
        self.rotates = rotates
        self.life_s = life_s
        self.revoked: set[bytes] = set()

    async def answer(self, seen: Seen, writer: asyncio.StreamWriter) -> None:
        if b"host: login.vendor.test" in seen.head:
            self.asked.append(seen)
            told = {"access_token": self.token(), "expires_in": self.life_s}
            if self.rotates:
                told["refresh_token"] = f"fake-refresh-{len(self.asked)}"
            body = json.dumps(told).encode()
            status = b"200 OK"
        else:
            shown = next(
                line for line in seen.head.split(b"\r\n") if line.startswith(b"authorization")
            )
            body, status = b"you sent " + shown, b"200 OK"
            if any(token in shown for token in self.revoked):
                body, status = b"revoked", b"401 Unauthorized"
        writer.write(b"HTTP/1.1 %b\r\ncontent-length: %d\r\n\r\n" % (status, len(body)) + body)

    def token(self) -> str:
        return f"fake-minted-access-token-{len(self.asked)}"


def bearer(lab: Lab) -> str:
    return f"authorization: Bearer {lab.placeholders['login']}"


def env_policy() -> str:
    return LOGIN.replace("{SOURCE}", '{env = "REFRESH"}').replace("KIND", "oauth_refresh")


async def test_a_refresh_token_becomes_an_access_token_that_nobody_inside_sees(
    tmp_path: Path,
) -> None:
    provider = Provider()
    async with open_lab(tmp_path, env_policy(), env={"REFRESH": "fake-refresh-0"}) as lab:
        lab.vendor.answer = provider.answer
        for _ in range(3):
            answer = await lab.get("api.vendor.test", "/v1/me", bearer(lab))
            assert b"you sent authorization: Bearer ****" in answer
            assert b"fake-minted" not in answer
        (asked,) = provider.asked
        assert parse_qs(asked.body.decode()) == {
            "grant_type": ["refresh_token"],
            "refresh_token": ["fake-refresh-0"],
            "client_id": ["fake-client"],
        }
        sent = [seen.head for seen in lab.vendor.seen if b"api.vendor.test" in seen.head]
        assert all(b"Bearer fake-minted-access-token-1" in head for head in sent)
        assert len(lab.entries("credential.minted")) == 1
    log = (tmp_path / "audit" / "log.jsonl").read_bytes()
    assert b"fake-refresh-0" not in log
    assert b"fake-minted" not in log


async def test_a_rotated_refresh_token_goes_back_to_its_file(tmp_path: Path) -> None:
    login = tmp_path / "login.json"
    login.write_text(json.dumps({"oauth": {"refreshToken": "fake-refresh-0", "plan": "max"}}))
    login.chmod(0o600)
    source = f'{{file = "{login}", field = "oauth.refreshToken"}}'
    policy = LOGIN.replace("{SOURCE}", source).replace("KIND", "oauth_refresh")
    provider = Provider(rotates=True)
    async with open_lab(tmp_path, policy) as lab:
        lab.vendor.answer = provider.answer
        await lab.get("api.vendor.test", "/v1/me", bearer(lab))
        (entry,) = lab.entries("credential.rotated")
        assert entry.fields["saved"] is True
    kept = json.loads(login.read_text())
    assert kept == {"oauth": {"refreshToken": "fake-refresh-1", "plan": "max"}}
    assert login.stat().st_mode & 0o077 == 0


async def test_a_token_is_minted_anew_when_it_ends_or_is_refused(tmp_path: Path) -> None:
    provider, clock = Provider(life_s=600), FakeClock(datetime.now(UTC))
    env = {"REFRESH": "fake-refresh-0"}
    async with open_lab(tmp_path, env_policy(), env=env, clock=clock) as lab:
        lab.vendor.answer = provider.answer
        await lab.get("api.vendor.test", "/v1/me", bearer(lab))
        clock.advance(601)
        await lab.get("api.vendor.test", "/v1/me", bearer(lab))
        assert len(provider.asked) == 2
        provider.revoked.add(b"access-token-2")
        clock.advance(10)
        assert b" 401 " in await lab.get("api.vendor.test", "/v1/me", bearer(lab))
        assert b" 200 " in await lab.get("api.vendor.test", "/v1/me", bearer(lab))
        assert len(provider.asked) == 3


async def test_a_service_account_signs_for_its_token(tmp_path: Path) -> None:
    private = rsa.generate_private_key(65_537, 2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    account = {"client_email": "fake@robots.test", "private_key": pem, "private_key_id": "k1"}
    policy = LOGIN.replace("{SOURCE}", '{env = "ACCOUNT"}').replace("KIND", "service_account")
    provider = Provider()
    async with open_lab(tmp_path, policy, env={"ACCOUNT": json.dumps(account)}) as lab:
        lab.vendor.answer = provider.answer
        assert b" 200 " in await lab.get("api.vendor.test", "/v1/me", bearer(lab))
    asked = parse_qs(provider.asked[0].body.decode())
    assert asked["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    head, claims, signature = asked["assertion"][0].split(".")
    private.public_key().verify(
        base64.urlsafe_b64decode(signature + "=="),
        f"{head}.{claims}".encode(),
        padding.PKCS1v15(),
        hashes.SHA256(),
    )
    read = json.loads(base64.urlsafe_b64decode(claims + "=="))
    assert read["iss"] == "fake@robots.test"
    assert read["aud"] == "https://login.vendor.test/oauth/token"


async def test_a_provider_that_refuses_is_named(tmp_path: Path) -> None:
    async def refuse(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")

    async with open_lab(tmp_path, env_policy(), env={"REFRESH": "fake-refresh-0"}) as lab:
        lab.vendor.answer = refuse
        answer = await lab.get("api.vendor.test", "/v1/me", bearer(lab))
        assert b"FEN-513" in answer
        assert b"it answered 400" in answer


async def test_a_rotated_secret_is_used_without_a_restart(tmp_path: Path) -> None:
    clock = FakeClock(datetime.now(UTC))
    async with open_lab(tmp_path, clock=clock) as lab:
        key = f"x-api-key: {lab.placeholder}"
        await lab.get("api.vendor.test", "/v1/a", key)
        lab.gateway.rotate({"VENDOR_KEY": "fake-rotated-secret-1"})
        clock.advance(61)
        await lab.get("api.vendor.test", "/v1/b", key)
        assert b"fake-rotated-secret-1" in lab.vendor.seen[1].head
        (entry,) = lab.entries("credential.rotated")
        assert "fake-rotated" not in json.dumps(dict(entry.fields))


async def test_a_missing_credential_stops_the_session_before_it_starts(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        async with open_lab(tmp_path, env={}):
            pass
    assert caught.value.code == "POL-130"


PLACES = """
version = 1
[credential.basic]
source = {env = "BASIC"}
inject = {basic = true}
hosts = ["api.vendor.test"]
paths = ["/basic"]
[credential.query]
source = {env = "QUERY"}
inject = {query = "key"}
hosts = ["api.vendor.test"]
paths = ["/query"]
[credential.json]
source = {env = "JSON"}
inject = {json = "auth.token"}
hosts = ["api.vendor.test"]
paths = ["/json"]
[credential.aws]
source = {env = "AWS"}
inject = {sign = "aws4"}
hosts = ["api.vendor.test"]
paths = ["/aws"]
""" + "".join(
    f'[[allow]]\nrole = "coder"\nhost = "api.vendor.test"\npaths = ["/{name}"]\n'
    f'credential = "{name}"\n'
    for name in ("basic", "query", "json", "aws")
)
ENV = {
    "BASIC": "fake-basic-secret",
    "QUERY": "fake-query-secret",
    "JSON": 'fake-json"secret',
    "AWS": "AKIDEXAMPLE:fake-aws-secret-key",
}


async def test_each_declared_place_gets_its_secret(tmp_path: Path) -> None:
    async with open_lab(tmp_path, PLACES, env=ENV) as lab:
        places = lab.placeholders
        pair = base64.b64encode(f"user:{places['basic']}".encode()).decode()
        await lab.get("api.vendor.test", "/basic", f"authorization: Basic {pair}")
        await lab.get("api.vendor.test", f"/query?a=1&key={places['query']}")
        body = json.dumps({"auth": {"token": places["json"]}, "x": [1]}).encode()
        await lab.post("api.vendor.test", "/json", body)
        scope = f"{places['aws']}/20260301/eu-west-1/sts/aws4_request"
        signed = f"SignedHeaders=host;x-amz-date, Signature={'0' * 64}"
        asked = f"authorization: AWS4-HMAC-SHA256 Credential={scope}, {signed}"
        await lab.post("api.vendor.test", "/aws", b"Action=GetCallerIdentity", asked)
        basic, query, posted, aws = lab.vendor.seen
        wanted = base64.b64encode(b"user:fake-basic-secret")
        assert b"authorization: Basic " + wanted in basic.head
        assert query.head.startswith(b"GET /query?a=1&key=fake-query-secret HTTP/1.1")
        assert json.loads(posted.body) == {"auth": {"token": 'fake-json"secret'}, "x": [1]}
        assert b"Credential=AKIDEXAMPLE/" in aws.head
        assert b"/eu-west-1/sts/aws4_request" in aws.head
        assert aws.body == b"Action=GetCallerIdentity"


async def test_a_placeholder_in_the_wrong_json_field_is_refused(tmp_path: Path) -> None:
    async with open_lab(tmp_path, PLACES, env=ENV) as lab:
        for wrong in ({"other": lab.placeholders["json"]}, {"auth": {"token": "x"}}):
            body = json.dumps(wrong).encode()
            assert b"FEN-506" in await lab.post("api.vendor.test", "/json", body)
        assert lab.vendor.seen == []


def test_aws_signatures_are_those_of_the_vendors_example() -> None:
    # AWS General Reference, "Examples of the complete Signature Version 4 signing process"
    head = RequestHead(
        "GET", "iam.amazonaws.com", 443, "https", "/", b"Action=ListUsers&Version=2010-05-08",
        [(b"content-type", b"application/x-www-form-urlencoded; charset=utf-8")], 0,
    )  # fmt: skip
    secret = "AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    when = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
    sign_aws4(head, b"", secret, {"region": "us-east-1", "service": "iam"}, when)
    assert head.field(b"authorization").endswith(
        b"Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    )
