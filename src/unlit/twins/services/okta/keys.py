"""Keys: real RSA keys with certificates, made once for the process and handed out by world."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from unlit.twins.kit.seeds import iso
from unlit.twins.kit.world import World
from unlit.twins.services.okta.org import stamp

_YEARS: Final = 10


@cache
def private_key() -> rsa.RSAPrivateKey:
    """Return the signing key; one for the process, since making one takes long."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def encoded(number: int) -> str:
    """Return a number as base64url, the way a JSON Web Key has it."""
    return url64(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def url64(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@cache
def certificate() -> str:
    """Return the DER certificate of the key in base64."""
    name = x509.Name([
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Okta"),
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "SSOProvider"),
        x509.NameAttribute(NameOID.COMMON_NAME, "twin"),
    ])  # fmt: skip
    start = datetime(2026, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(private_key().public_key())
        .serial_number(1).not_valid_before(start)
        .not_valid_after(start + timedelta(days=3650))
        .sign(private_key(), hashes.SHA256())
    )  # fmt: skip
    der = made.public_bytes(serialization.Encoding.DER)
    return base64.b64encode(der).decode()


def public_jwk() -> dict[str, str]:
    """Return the public numbers of the key."""
    numbers = private_key().public_key().public_numbers()
    return {"kty": "RSA", "e": encoded(numbers.e), "n": encoded(numbers.n)}


def for_app(world: World, app: str, *, years: int = _YEARS) -> str:
    """Add a signing key to an application and return its id."""
    row = made(world, years)
    world.table(f"okta.keys:{app}").put(row["kid"], row)
    return str(row["kid"])


def made(world: World, years: int) -> dict[str, Any]:
    """Return a fresh signing key with its certificate."""
    at = stamp(world)
    kid = world.text("okta.kid", 43)
    end = datetime.fromisoformat(at.replace("Z", "+00:00")) + timedelta(days=365 * years + 2)
    jwk = public_jwk()
    der = base64.b64decode(certificate())
    return {
        "kty": "RSA", "created": at, "lastUpdated": at, "expiresAt": iso(end), "kid": kid,
        "use": "sig", "x5c": [certificate()], "x5t#S256": url64(hashlib.sha256(der).digest()),
        "e": jwk["e"], "n": jwk["n"],
    }  # fmt: skip


def read_certificate(der: bytes) -> dict[str, Any] | None:
    """Return what an RSA certificate says of its key; `None` when it is none."""
    try:
        found = x509.load_der_x509_certificate(der)
    except ValueError:
        return None
    key = found.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        return None
    numbers = key.public_numbers()
    return {
        "expiresAt": iso(found.not_valid_after_utc), "x5c": [base64.b64encode(der).decode()],
        "x5t#S256": url64(hashlib.sha256(der).digest()), "e": encoded(numbers.e),
        "n": encoded(numbers.n),
    }  # fmt: skip


def of_app(world: World, app: str) -> list[dict[str, Any]]:
    """Return an application's keys, oldest first."""
    found = world.table(f"okta.at:/api/v1/apps/{app}/credentials/keys")
    return [*found.values(), *world.table(f"okta.keys:{app}").values()]
