"""Long-lived secrets turned into short-lived tokens, outside the fence.

Source: RFC 6749 section 6 (refresh), RFC 7523 (service accounts: a signed assertion).
"""

import base64
import json
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from unlit.core.canonical import canonical_json
from unlit.fence.gateway.body import body_of, read_all
from unlit.fence.gateway.channel import Gone, TimedOut
from unlit.fence.gateway.denial import Denial
from unlit.fence.gateway.head import LONGEST_HEAD, Malformed, parse_response
from unlit.fence.gateway.upstream import Dialler, Origin
from unlit.policy.model import CredentialRule, Exchange

ANSWER_S: Final = 30.0
_MOST_ANSWER: Final = 1 << 20
_USUAL_LIFE_S: Final = 300
_ASSERTION: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@dataclass(frozen=True, slots=True)
class Minted:
    """A token, how long it lives, and the refresh token that replaces the one used, if any."""

    access_token: str
    life_s: float
    refresh_token: str | None


async def mint(
    rule: CredentialRule, secret: str, client_secret: str, now_s: float, dialler: Dialler
) -> Minted:
    """Ask the identity provider for a token.

    Args:
        rule: The credential, with its exchange.
        secret: The refresh token, or the service account's JSON key.
        client_secret: The client's own secret, or nothing.
        now_s: Wall-clock seconds, for the assertion.
        dialler: Opens the connection; its address checks hold here too.

    Raises:
        Denial: The provider cannot be reached, or refuses.
    """
    exchange = rule.exchange
    if exchange is None:
        raise ValueError(f"{rule.name} is no credential to exchange")
    if exchange.kind == "service_account":
        asked = _assertion(rule.name, exchange, secret, int(now_s))
    else:
        asked = {"grant_type": "refresh_token", "refresh_token": secret}
        asked |= {"client_id": exchange.client_id} if exchange.client_id else {}
        asked |= {"client_secret": client_secret} if client_secret else {}
        asked |= {"scope": exchange.scope} if exchange.scope else {}
    answer = await _post(rule.name, exchange, asked, dialler)
    token = answer.get("access_token")
    if not isinstance(token, str) or len(token) < 8 or not token.isascii():
        raise _refused(rule.name, "its answer holds no token")
    life = answer.get("expires_in")
    fresh = answer.get("refresh_token")
    return Minted(
        token,
        float(life) if isinstance(life, int | float) and life > 0 else _USUAL_LIFE_S,
        fresh if isinstance(fresh, str) and fresh else None,
    )


def _assertion(name: str, exchange: Exchange, key: str, now_s: int) -> dict[str, str]:
    try:
        account: dict[str, Any] = json.loads(key)
        private = load_pem_private_key(str(account["private_key"]).encode(), None)
        issuer = str(account["client_email"])
    except (ValueError, KeyError, TypeError) as error:
        raise _refused(name, "its key is no service account key") from error
    if not isinstance(private, rsa.RSAPrivateKey):
        raise _refused(name, "its key is no RSA key")
    claims = {"iss": issuer, "aud": exchange.token_url, "iat": now_s, "exp": now_s + 3600}
    claims |= {"scope": exchange.scope} if exchange.scope else {}
    head = {"alg": "RS256", "typ": "JWT"} | (
        {"kid": str(account["private_key_id"])} if "private_key_id" in account else {}
    )
    signed = b".".join(_part(canonical_json(part)) for part in (head, claims))
    signature = private.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    assertion = (signed + b"." + _part(signature)).decode("ascii")
    return {"grant_type": _ASSERTION, "assertion": assertion}


def _part(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


async def _post(
    name: str, exchange: Exchange, asked: dict[str, str], dialler: Dialler
) -> dict[str, Any]:
    url = urlsplit(exchange.token_url)
    host, port = url.hostname or "", url.port or 443
    kind = "application/json" if exchange.send == "json" else "application/x-www-form-urlencoded"
    body = json.dumps(asked) if exchange.send == "json" else urlencode(asked)
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    head = (
        f"POST {target} HTTP/1.1\r\nhost: {url.netloc}\r\ncontent-type: {kind}\r\n"
        f"accept: application/json\r\naccept-encoding: identity\r\nconnection: close\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    channel = await dialler.dial(Origin(host, port, True))
    try:
        channel.write((head + body).encode("ascii"))
        raw = await channel.until(b"\r\n\r\n", LONGEST_HEAD, ANSWER_S)
        response = parse_response(raw or b"", "POST")
        data = await read_all(body_of(channel, response.length, ANSWER_S), _MOST_ANSWER)
    except (Malformed, Gone, TimedOut, OverflowError):
        raise _refused(name, "its answer cannot be read") from None
    finally:
        channel.close()
    if response.status != 200:
        raise _refused(name, f"it answered {response.status}")
    try:
        answer = json.loads(data)
    except ValueError:
        answer = None
    return answer if isinstance(answer, dict) else {}


def _refused(name: str, why: str) -> Denial:
    text = f"the identity provider did not give a token for {name}: {why}."
    return Denial(502, "FEN-513", name, text)
