"""Identity tokens signed with this process's own key, and the key as a JSON Web Key set."""

import base64
from functools import cache
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

KID: Final = "fake-key-1"


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def packed(value: Any) -> str:
    """Return JSON, or bytes, as base64url without padding."""
    data = value if isinstance(value, bytes) else msgspec.json.encode(value)
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(claims: Any) -> str:
    """Return a JSON Web Token of the claims, RS256."""
    head = packed({"alg": "RS256", "kid": KID, "typ": "JWT"})
    text = f"{head}.{packed(claims)}"
    signature = _key().sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{text}.{packed(signature)}"


def key_set() -> dict[str, Any]:
    """Return the public key in the form of ``jwks_uri``."""
    numbers = _key().public_key().public_numbers()

    def shown(number: int) -> str:
        return packed(number.to_bytes((number.bit_length() + 7) // 8, "big"))

    key = {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": KID}
    return {"keys": [{**key, "n": shown(numbers.n), "e": shown(numbers.e)}]}
