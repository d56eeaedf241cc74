"""A person's signature beside a policy: who looked at exactly these bytes, and why they are right.

A policy without one works; one that was changed after it was signed is refused until it is signed
again, so that no edit slips in between review and use. The form is a DSSE envelope.
"""

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from unlit.core.canonical import canonical_json, digest_bytes
from unlit.core.clock import Clock
from unlit.core.errors import InvalidInput, RefusedByPolicy
from unlit.policy.audit.export import pre_authentication
from unlit.policy.audit.keys import is_signed, public_text, signing_key

SUFFIX: Final = ".signed"
_TYPE: Final = "application/vnd.unlit.policy+json"
_LONGEST_REASON: Final = 2000


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature that is good for the file as it is.

    Attributes:
        key: The signer's public key, base64; whose it is, the reader must know.
    """

    person: str
    reason: str
    at: datetime
    key: str


def sign_policy(path: Path, person: str, reason: str, key_dir: Path, clock: Clock) -> Signed:
    """Sign the policy as it is now, with the person's key; the signature lies beside the file.

    Raises:
        InvalidInput: The file cannot be read, or person or reason is missing or too long.
    """
    person, reason = " ".join(person.split()), " ".join(reason.split())
    if not person or person == "unknown" or not reason or len(reason) > _LONGEST_REASON:
        raise InvalidInput(
            "POL-162",
            "The policy is not signed: a name and a reason are needed.",
            "a signature says who looked, and why it is right",
            'Add --reason "…", and set `person` in the settings.',
        )
    key = signing_key(key_dir)
    made = Signed(person, reason, clock.now(), public_text(key))
    payload = canonical_json(
        {
            "policy": digest_bytes(_bytes(path)),
            "person": made.person,
            "reason": made.reason,
            "at": made.at.isoformat(),
        }
    )
    signature = key.sign(pre_authentication(_TYPE, payload))
    envelope = {
        "payloadType": _TYPE,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": made.key, "sig": base64.b64encode(signature).decode()}],
    }
    place = signature_file(path)
    part = place.with_name(f"{place.name}.partial")
    part.write_text(json.dumps(envelope, indent=1) + "\n", encoding="utf-8")
    part.replace(place)
    return made


def signature_file(path: Path) -> Path:
    """Return where the signature of a policy lies."""
    return path.with_name(path.name + SUFFIX)


def signature_of(path: Path) -> Signed | None:
    """Return the signature of a policy, or `None` when nobody signed it.

    Raises:
        InvalidInput: The signature is broken.
        RefusedByPolicy: The policy was changed after it was signed.
    """
    place = signature_file(path)
    try:
        text = place.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise _broken(place) from error
    said, key = _opened(place, text)
    made = Signed(str(said["person"]), str(said["reason"]), _time(place, said["at"]), key)
    if said["policy"] != digest_bytes(_bytes(path)):
        raise RefusedByPolicy(
            "POL-160",
            f"The policy {path} was changed after {made.person} signed it.",
            "what was signed is not what would be enforced",
            f"Look at it, then `unlit policy sign {path}`; or remove {place.name}.",
        )
    return made


def _opened(place: Path, text: str) -> tuple[dict[str, Any], str]:
    try:
        envelope = json.loads(text)
        payload = base64.b64decode(envelope["payload"], validate=True)
        (signature,) = envelope["signatures"]
        key, signed = str(signature["keyid"]), base64.b64decode(signature["sig"], validate=True)
        said: dict[str, Any] = json.loads(payload)
        complete = {"policy", "person", "reason", "at"} <= set(said)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _broken(place) from error
    if not complete or not is_signed(key, pre_authentication(_TYPE, payload), signed):
        raise _broken(place)
    return said, key


def _time(place: Path, text: Any) -> datetime:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError as error:
        raise _broken(place) from error


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(
            "POL-106",
            f"Cannot read the policy {path}: {error.strerror}.",
            "nothing is allowed without it",
            "Name a readable policy file.",
        ) from error


def _broken(place: Path) -> InvalidInput:
    return InvalidInput(
        "POL-161",
        f"The signature {place} is broken.",
        "it is no signature by the key that it names, so it says nothing about the policy",
        "Sign again with `unlit policy sign`, or remove it.",
    )
