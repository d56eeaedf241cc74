"""Keys of identity providers, features, and what has its own way to be switched."""

import base64
import hashlib
from typing import Any, Final

from cryptography import x509

from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Route
from unlit.twins.kit.seeds import iso
from unlit.twins.kit.twin import Exchange
from unlit.twins.services.okta import events, keys, sessions, users
from unlit.twins.services.okta.errors import failure, invalid, missing
from unlit.twins.services.okta.org import link, stamp

_KEYS: Final = "okta.at:/api/v1/idps/credentials/keys"


def add_key(call: Exchange) -> Reply:
    """``POST /api/v1/idps/credentials/keys``: a certificate becomes a key."""
    chain = call.fields().get("x5c")
    if not isinstance(chain, list) or not chain:
        raise invalid("x5c", "x5c: The field cannot be left blank")
    try:
        der = base64.b64decode("".join(str(chain[0]).split()))
        found = x509.load_der_x509_certificate(der)
        numbers = found.public_key().public_numbers()  # type: ignore[union-attr] # RSA, or below
        modulus, exponent = keys.encoded(numbers.n), keys.encoded(numbers.e)  # type: ignore[union-attr] # same
    except (ValueError, AttributeError) as error:
        raise invalid("x5c", "x5c: Invalid X.509 certificate") from error
    digest = keys.url64(hashlib.sha256(der).digest())
    table = call.world.table(_KEYS)
    for row in table.values():
        if row.get("x5t#S256") == digest:
            raise invalid("kid", f"The key already exists with kid {row['kid']}.")
    at = stamp(call.world)
    raw = call.world.text("okta.kid", 32, "0123456789abcdef")
    kid = "-".join((raw[:8], raw[8:12], "4" + raw[13:16], "a" + raw[17:20], raw[20:]))
    row = {
        "kty": "RSA", "created": at, "lastUpdated": at,
        "expiresAt": iso(found.not_valid_after_utc), "alg": "RSA", "kid": kid, "use": "sig",
        "x5c": chain, "x5t#S256": digest, "e": exponent, "n": modulus,
    }  # fmt: skip
    table.put(kid, row)
    return Reply(200, row)


def one_key(call: Exchange) -> Reply:
    """``GET``/``DELETE /api/v1/idps/credentials/keys/{kid}``."""
    kid = call.params["kid"]
    table = call.world.table(_KEYS)
    if kid not in table:
        raise missing(kid, "IdpTrust")
    if call.request.method == "DELETE":
        used = [
            row
            for row in call.world.table("okta.at:/api/v1/idps").values()
            if kid in str(row.get("protocol", {}).get("credentials", {}))
        ]
        if used:
            raise failure("E0000001", "Key is in use by an identity provider.", about="kid")
        table.drop(kid)
        return Reply(204)
    return Reply(200, table[kid])


def switch_feature(call: Exchange) -> Reply:
    """``POST /api/v1/features/{featureId}/{lifecycle}``."""
    key, verb = call.params["featureId"], call.params["lifecycle"].lower()
    table = call.world.table("okta.at:/api/v1/features")
    row = table.get(key)
    if row is None:
        raise missing(key, "Feature")
    if verb not in ("enable", "disable"):
        raise invalid("lifecycle", "lifecycle: must be ENABLE or DISABLE")
    other = "disable" if verb == "enable" else "enable"
    links: dict[str, Any] = {}
    for name, value in row.get("_links", {}).items():
        if name in ("enable", "disable"):
            links[other] = link(call, f"/features/{key}/{other}", "POST")
        else:
            links[name] = value
    row = {**row, "status": "ENABLED" if verb == "enable" else "DISABLED", "_links": links}
    return Reply(200, table.put(key, row))


def generate_key(call: Exchange) -> Reply:
    """``POST /api/v1/idps/{idpId}/credentials/keys/generate?validityYears=N``."""
    key = call.params["idpId"]
    if key not in call.world.table("okta.at:/api/v1/idps"):
        raise missing(key, "IdpTrust")
    years = call.request.arg("validityYears") or ""
    if not years.isdigit() or not 2 <= int(years) <= 10:
        raise invalid("validityYears", "Validity years must be between 2 and 10.")
    table = call.world.table(f"okta.at:/api/v1/idps/{key}/credentials/keys")
    row = keys.made(call.world, int(years))
    return Reply(201, table.put(row["kid"], row))


def clone_key(call: Exchange) -> Reply:
    """``POST /api/v1/idps/{idpId}/credentials/keys/{kid}/clone?targetIdpId=…``."""
    kid, target = call.params["kid"], call.request.arg("targetIdpId") or ""
    row = call.world.table(f"okta.at:/api/v1/idps/{call.params['idpId']}/credentials/keys").get(kid)
    if row is None:
        raise missing(kid, "JsonWebKey")
    if target not in call.world.table("okta.at:/api/v1/idps"):
        raise missing(target, "IdpTrust")
    table = call.world.table(f"okta.at:/api/v1/idps/{target}/credentials/keys")
    return Reply(201, table.put(kid, row))


def close_sessions(call: Exchange) -> Reply:
    """``DELETE /api/v1/users/{userId}/sessions``."""
    row = users.user_of(call)
    sessions.close_all(call.world, row["id"])
    events.record(call, "user.session.clear", events.user_target(row))
    return Reply(204)


_AT: Final = "/api/v1/idps/credentials/keys"
_OWN: Final = "/api/v1/idps/{idpId}/credentials/keys"
ROUTES: Final = (
    Route("POST", _AT, add_key, "createIdentityProviderKey", scopes=("okta.idps.manage",)),
    Route("GET", _AT + "/{kid}", one_key, "getIdentityProviderKey", scopes=("okta.idps.read",)),
    Route("DELETE", _AT + "/{kid}", one_key, "deleteIdentityProviderKey",
          scopes=("okta.idps.manage",)),
    Route("POST", _OWN + "/generate", generate_key, "generateIdentityProviderSigningKey",
          scopes=("okta.idps.manage",)),
    Route("POST", _OWN + "/{kid}/clone", clone_key, "cloneIdentityProviderKey",
          scopes=("okta.idps.manage",)),
    Route("DELETE", "/api/v1/users/{userId}/sessions", close_sessions, "revokeUserSessions",
          scopes=("okta.users.manage",)),
    Route("POST", "/api/v1/features/{featureId}/{lifecycle}", switch_feature,
          "updateFeatureLifecycle", scopes=("okta.features.manage",)),
)  # fmt: skip
