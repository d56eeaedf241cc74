"""The key that signs checkpoints: made once, kept outside the log's folder, owner-only."""

import base64
import os
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from unlit.core.errors import InvalidInput

KEY_NAME: Final = "ed25519"


def signing_key(folder: Path) -> Ed25519PrivateKey:
    """Read the key in `folder`, or make it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / KEY_NAME
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return Ed25519PrivateKey.from_private_bytes(path.read_bytes())
    key = Ed25519PrivateKey.generate()
    with os.fdopen(descriptor, "wb") as file:
        file.write(key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))
        file.flush()
        os.fsync(file.fileno())
    return key


def known_key(folder: Path) -> Ed25519PrivateKey:
    """Read the key in `folder`.

    Raises:
        InvalidInput: It is not there.
    """
    try:
        return Ed25519PrivateKey.from_private_bytes((folder / KEY_NAME).read_bytes())
    except (OSError, ValueError) as error:
        raise InvalidInput(
            "POL-143",
            f"The audit log's key is not in {folder}.",
            "only who holds the key can sign a statement about the log",
            "Export on the machine that wrote the log.",
        ) from error


def public_text(key: Ed25519PrivateKey) -> str:
    """Return the public half as base64."""
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return base64.b64encode(raw).decode()


def is_signed(public: str, text: bytes, signature: bytes) -> bool:
    """Say whether `signature` over `text` was made by the key with this public half."""
    try:
        raw = base64.b64decode(public, validate=True)
        Ed25519PublicKey.from_public_bytes(raw).verify(signature, text)
    except (InvalidSignature, ValueError):
        return False
    return True
