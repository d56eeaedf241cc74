"""Credentials that sign requests instead of standing in them; others can be registered by name.

A signer gets the request as it will leave, with all that the program itself signed removed.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib import import_module
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from unlit.fence.gateway.head import Headers, Malformed, RequestHead

Signer = Callable[[RequestHead, bytes, str, Mapping[str, str], datetime], None]
"""Head (changed in place), body, secret, options and time."""

REGISTRY: Final[dict[str, str]] = {"aws4": "unlit.fence.gateway.signers:sign_aws4"}

_OURS: Final = (b"authorization", b"x-amz-date", b"x-amz-security-token", b"x-amz-content-sha256")
_SCOPE: Final = re.compile(
    rb"AWS4-HMAC-SHA256 Credential=([!-~]+?)/([0-9]{8})/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request, ?"
    rb"SignedHeaders=([a-z0-9;-]+), ?Signature=[0-9a-f]{64}"
)
_ALGORITHM: Final = "AWS4-HMAC-SHA256"


def load_signer(name: str) -> Signer:
    """Return a registered signer.

    Raises:
        Malformed: There is none of that name.
    """
    target = REGISTRY.get(name)
    if target is None:
        raise Malformed(501, f"there is no signer {name}")
    module, _, attribute = target.partition(":")
    found: Signer = getattr(import_module(module), attribute)
    return found


def sign_aws4(
    head: RequestHead, body: bytes, secret: str, options: Mapping[str, str], now: datetime
) -> None:
    """Sign with AWS Signature Version 4.

    The secret is ``KEY_ID:SECRET`` or ``KEY_ID:SECRET:SESSION_TOKEN``. Region and service come from
    the policy, else from what the program signed with its placeholder.

    Source: AWS General Reference, "Signature Version 4 signing process".

    Raises:
        Malformed: Region or service are not known.
    """
    key_id, _, rest = secret.partition(":")
    key, _, token = rest.partition(":")
    match = _SCOPE.fullmatch(head.field(b"authorization"))
    region = options.get("region") or (match.group(3).decode() if match else "")
    service = options.get("service") or (match.group(4).decode() if match else "")
    if not region or not service:
        raise Malformed(400, "the request says no region and service to sign for")
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(body).hexdigest()
    headers: Headers = [pair for pair in head.headers if pair[0] not in _OURS]
    headers.append((b"x-amz-date", stamp.encode()))
    if service == "s3":
        headers.append((b"x-amz-content-sha256", digest.encode()))
    if token:
        headers.append((b"x-amz-security-token", token.encode()))
    signed = sorted(
        [pair for pair in headers if pair[0] == b"content-type" or pair[0].startswith(b"x-amz-")]
        + [(b"host", head.authority.encode())]
    )
    names = ";".join(name.decode() for name, _ in signed)
    canonical = "\n".join(
        [
            head.method,
            _canonical_path(head.path, service),
            _canonical_query(head.query),
            *(
                f"{name.decode()}:{' '.join(value.decode('latin-1').split())}"
                for name, value in signed
            ),
            "",
            names,
            digest,
        ]
    )
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"{_ALGORITHM}\n{stamp}\n{scope}\n{hashed}"
    signature = _signing_key(key, stamp[:8], region, service)
    value = hmac.new(signature, text.encode(), hashlib.sha256).hexdigest()
    authorization = f"{_ALGORITHM} Credential={key_id}/{scope}, SignedHeaders={names}, "
    headers.append((b"authorization", f"{authorization}Signature={value}".encode()))
    head.headers = headers


def _signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def _canonical_path(path: str, service: str) -> str:
    # every service but S3 escapes what is already escaped once more
    return path if service == "s3" else quote(path, safe="/-_.~")


def _canonical_query(query: bytes | None) -> str:
    if not query:
        return ""
    pairs = []
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        pairs.append((_escape(name), _escape(value)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _escape(value: bytes) -> str:
    return quote(unquote_to_bytes(value), safe="-_.~")
