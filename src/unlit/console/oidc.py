"""Log in by OpenID Connect: code flow with PKCE, state and nonce; the ID token is verified here.

Source: OpenID Connect Core 1.0 section 3.1, RFC 7636. Only RS256 is accepted, and only keys that
the issuer publishes now.
"""

import base64
import binascii
import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from unlit.console.model import Role
from unlit.console.security import sign
from unlit.core.errors import OutsideFailed, RefusedByPolicy

COOKIE: Final = "unlit_login"
LOGIN_S: Final = 600
_SKEW_S: Final = 60
_LEAST_BITS: Final = 2048

Fetch = Callable[[str, str, Mapping[str, str] | None], tuple[int, Any]]
"""Sends a request (method, URL, form) and returns status and decoded JSON."""


@dataclass(frozen=True, slots=True)
class Provider:
    """The identity provider and what its people may do here.

    Attributes:
        roles: Login or group to the roles it has; who has none is refused.
        redirect: Our own callback address, as registered there.
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect: str
    roles: Mapping[str, frozenset[Role]]
    fetch: Fetch


def begin(provider: Provider, key: bytes, now_s: int) -> tuple[str, str]:
    """Return where to send the browser, and the cookie that the callback needs."""
    found = _discover(provider)
    verifier = secrets.token_urlsafe(48)
    plain = {
        "s": secrets.token_urlsafe(16),
        "n": secrets.token_urlsafe(16),
        "v": verifier,
        "e": now_s + LOGIN_S,
    }
    challenge = hashlib.sha256(verifier.encode()).digest()
    query = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": provider.redirect,
        "scope": "openid profile email groups",
        "state": str(plain["s"]),
        "nonce": str(plain["n"]),
        "code_challenge": _encode(challenge),
        "code_challenge_method": "S256",
    }
    body = _encode(json.dumps(plain).encode())
    cookie = f"{body}.{sign(key, b'login:' + body.encode())}"
    return f"{found['authorization_endpoint']}?{urlencode(query)}", cookie


def finish(
    provider: Provider, key: bytes, now_s: int, cookie: str, state: str, code: str
) -> tuple[str, frozenset[Role]]:
    """Return who has logged in, and their roles.

    Raises:
        RefusedByPolicy: The answer is not to our question, the token does not verify, or the
            person has no role here.
        OutsideFailed: The provider does not answer as the standard says.
    """
    plain = _unseal(cookie, key, now_s)
    if plain is None or not secrets.compare_digest(str(plain["s"]), state):
        raise _refused("the answer does not belong to a login that was begun here")
    found = _discover(provider)
    status, answer = provider.fetch(
        "POST",
        found["token_endpoint"],
        {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": provider.redirect,
            "client_id": provider.client_id,
            "client_secret": provider.client_secret,
            "code_verifier": str(plain["v"]),
        },
    )
    if status != 200 or not isinstance(answer, Mapping) or "id_token" not in answer:
        raise _refused("the provider did not accept the code")
    _, keys = provider.fetch("GET", found["jwks_uri"], None)
    claims = verify(str(answer["id_token"]), keys, provider, str(plain["n"]), now_s)
    return _person(provider, claims)


def verify(token: str, keys: Any, provider: Provider, nonce: str, now_s: int) -> Mapping[str, Any]:
    """Return the claims of an ID token that is signed, ours, fresh and for this login.

    Raises:
        RefusedByPolicy: It is not.
    """
    try:
        head, body, signature = token.split(".")
        header, claims = json.loads(_decode(head)), json.loads(_decode(body))
        if header.get("alg") != "RS256":
            raise _refused("the token is not signed with RS256")
        known = [item for item in keys["keys"] if item["kty"] == "RSA"]
        public = next(item for item in known if item.get("kid") == header.get("kid"))
        numbers = RSAPublicNumbers(_number(public["e"]), _number(public["n"]))
        made = numbers.public_key()
        if made.key_size < _LEAST_BITS:
            raise _refused("the provider's key is too short")
        made.verify(_decode(signature), f"{head}.{body}".encode(), PKCS1v15(), SHA256())
    except (ValueError, KeyError, TypeError, StopIteration, InvalidSignature, binascii.Error) as e:
        raise _refused("the token is not signed by the provider") from e
    audience = claims.get("aud")
    ours = provider.client_id == audience or audience == [provider.client_id]
    if claims.get("iss") != provider.issuer or not ours:
        raise _refused("the token is for somebody else")
    expires = claims.get("exp")
    if not isinstance(expires, int | float) or expires < now_s - _SKEW_S:
        raise _refused("the token has expired")
    if claims.get("nonce") != nonce:
        raise _refused("the token belongs to another login")
    found: Mapping[str, Any] = claims
    return found


def _person(provider: Provider, claims: Mapping[str, Any]) -> tuple[str, frozenset[Role]]:
    person = str(claims.get("preferred_username") or claims.get("email") or claims.get("sub"))
    groups = claims.get("groups")
    names = [person, *(str(group) for group in (groups if isinstance(groups, list) else ()))]
    roles = frozenset[Role]().union(*(provider.roles.get(name, frozenset()) for name in names))
    if not roles:
        raise _refused(f"{person} has no role in this console")
    return person, roles


def _discover(provider: Provider) -> Mapping[str, str]:
    url = f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration"
    status, found = provider.fetch("GET", url, None)
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    good = status == 200 and isinstance(found, Mapping) and all(name in found for name in names)
    if not good or found.get("issuer") != provider.issuer:
        raise OutsideFailed(
            "CON-042",
            f"The identity provider {provider.issuer} does not describe itself.",
            "its addresses are read from .well-known/openid-configuration; its name must agree.",
            "check --oidc-issuer.",
        )
    return {name: str(found[name]) for name in names}


def _unseal(cookie: str, key: bytes, now_s: int) -> Mapping[str, Any] | None:
    body, _, signature = cookie.partition(".")
    expected = sign(key, b"login:" + body.encode())
    if not signature or not secrets.compare_digest(signature.encode(), expected.encode()):
        return None
    try:
        plain: Mapping[str, Any] = json.loads(_decode(body))
    except ValueError:
        return None
    return plain if plain.get("e", 0) > now_s else None


def _refused(why: str) -> RefusedByPolicy:
    return RefusedByPolicy(
        "CON-041", f"You are not logged in: {why}.", "a session needs a person who may be here.",
        "try again, or ask who runs this console.",
    )  # fmt: skip


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _number(text: str) -> int:
    return int.from_bytes(_decode(text), "big")
