"""Tokens: signed as Okta signs them, remembered by world, revoked, introspected."""

import base64
import binascii
import hashlib
import json
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from unlit.twins.kit.twin import Exchange
from unlit.twins.kit.world import World
from unlit.twins.model import Actor
from unlit.twins.services.okta import keys

ACCESS_S: Final = 3600
REFRESH_S: Final = 100 * 86_400


def kid(world: World) -> str:
    """Return the id of the key that signs in a world."""
    meta = world.table("okta.meta")
    found = meta.get("signing_kid")
    return str(found if found is not None else meta.put("signing_kid", world.text("okta.kid", 43)))


def sign(world: World, claims: dict[str, Any], kind: str = "JWT") -> str:
    """Return a JSON Web Token, RS256."""
    header = {"kid": kid(world), "alg": "RS256"} | ({} if kind == "JWT" else {"typ": kind})
    parts = [
        keys.url64(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims)
    ]
    text = ".".join(parts).encode()
    signature = keys.private_key().sign(text, padding.PKCS1v15(), hashes.SHA256())
    return f"{text.decode()}.{keys.url64(signature)}"


def decode(token: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Return header and claims of a token without checking its signature."""
    try:
        head, body, _ = token.split(".")
        return json.loads(_raw(head)), json.loads(_raw(body))
    except (ValueError, binascii.Error):
        return None


def _raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verify(token: str, jwks: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the claims of a token that one of the keys has signed; otherwise `None`."""
    found = decode(token)
    if found is None:
        return None
    header, claims = found
    for jwk in jwks:
        if header.get("kid") in (None, jwk.get("kid")) and _signed(token, header, jwk):
            return claims
    return None


def _signed(token: str, header: dict[str, Any], jwk: dict[str, Any]) -> bool:
    text, _, tail = token.rpartition(".")
    algorithm = str(header.get("alg", ""))
    sizes = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
    digest = sizes.get(algorithm[2:])
    if digest is None:
        return False
    try:
        if algorithm.startswith("RS"):
            public = rsa.RSAPublicNumbers(_number(jwk["e"]), _number(jwk["n"])).public_key()
            public.verify(_raw(tail), text.encode(), padding.PKCS1v15(), digest)
            return True
        if algorithm.startswith("ES"):
            curves = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
            curve = curves[jwk["crv"]]
            point = ec.EllipticCurvePublicNumbers(_number(jwk["x"]), _number(jwk["y"]), curve)
            raw = _raw(tail)
            half = len(raw) // 2
            signature = encode_dss_signature(
                int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big")
            )
            point.public_key().verify(signature, text.encode(), ec.ECDSA(digest))
            return True
    except (InvalidSignature, KeyError, ValueError):
        return False
    return False


def _number(text: str) -> int:
    return int.from_bytes(_raw(text), "big")


def thumbprint(jwk: dict[str, Any]) -> str:
    """Return the thumbprint of a key (RFC 7638)."""
    names = ("crv", "kty", "x", "y") if jwk.get("kty") == "EC" else ("e", "kty", "n")
    text = json.dumps({name: jwk.get(name) for name in names}, separators=(",", ":"))
    return keys.url64(hashlib.sha256(text.encode()).digest())


def remember(world: World, token: str, row: dict[str, Any]) -> None:
    """Keep a token, so that the world knows it again; one of the org is a credential of the API."""
    world.table("okta.issued").put(token, row)
    world.issue(token)
    if row["server"] is None and row["kind"] == "access_token":
        actor = Actor(
            row["uid"] or row["client_id"], "user" if row["uid"] else "client",
            frozenset(row["scope"]), {"client_id": row["client_id"]},
        )  # fmt: skip
        world.table("okta.tokens").put(token, actor)


def alive(world: World, token: str) -> dict[str, Any] | None:
    """Return what is known of a token that is neither expired nor revoked."""
    row = world.table("okta.issued").get(token)
    if row is None or row["exp"] <= world.now():
        return None
    return row  # type: ignore[no-any-return] # JSON


def revoke(world: World, token: str) -> None:
    """Forget a token."""
    row = world.table("okta.issued").get(token)
    if row is not None:
        world.table("okta.issued").put(token, {**row, "exp": 0.0})
        if token in world.table("okta.tokens"):
            world.table("okta.tokens").put(token, None)


def revoke_all(world: World, *, uid: str | None = None, client: str | None = None) -> int:
    """Forget the tokens of a user, of a client, or of both together; return how many."""
    found = [
        token
        for token, row in world.table("okta.issued").items()
        if uid in (None, row["uid"]) and client in (None, row["client_id"]) and row["exp"] > 0
    ]
    for token in found:
        revoke(world, token)
    return len(found)


def user_claims(user: dict[str, Any], scopes: list[str]) -> dict[str, Any]:
    """Return the standard claims of a user for scopes."""
    profile = user["profile"]
    out: dict[str, Any] = {"sub": user["id"]}
    names = {
        "profile": {
            "name": f"{profile.get('firstName') or ''} {profile.get('lastName') or ''}".strip(),
            "nickname": profile.get("nickName"), "given_name": profile.get("firstName"),
            "middle_name": profile.get("middleName"), "family_name": profile.get("lastName"),
            "profile": profile.get("profileUrl"), "preferred_username": profile.get("login"),
            "zoneinfo": profile.get("timezone") or "America/Los_Angeles",
            "locale": profile.get("locale") or "en_US",
        },
        "email": {"email": profile.get("email"), "email_verified": True},
        "phone": {"phone_number": profile.get("primaryPhone") or profile.get("mobilePhone")},
    }  # fmt: skip
    for scope, found in names.items():
        if scope in scopes:
            out |= {key: value for key, value in found.items() if value not in (None, "")}
    return out


def issuer(call: Exchange) -> str:
    """Return the issuer of the server that a call is for."""
    server = call.params.get("authorizationServerId")
    if server is None:
        return call.request.origin
    return f"{call.request.origin}/oauth2/{server}"
