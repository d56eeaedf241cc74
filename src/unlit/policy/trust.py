"""Whose signatures under a policy count: keys in a list that lies outside every repository.

The list lies beside the user's settings. A policy must be signed by one of its keys where the list
says so, or where `[factory] require_signed = true` stands in the `unlit.toml` beside the policy.
"""

import base64
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from unlit.core.clock import Clock
from unlit.core.errors import InvalidInput, RefusedByPolicy
from unlit.policy.signing import Signed, signature_of

NAME: Final = "trusted-policy-keys.json"
SCHEMA: Final = "unlit.policy-trust/1"
_KEY_BYTES: Final = 32
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A key, whose it is, and when it was taken into the list."""

    key: str
    person: str
    added: str


@dataclass(frozen=True, slots=True)
class Trust:
    """The keys of people whose policies are used; with `required`, no other policy is."""

    keys: tuple[TrustedKey, ...] = ()
    required: bool = False

    def find(self, key: str) -> TrustedKey | None:
        """Return the entry of a key."""
        return next((one for one in self.keys if one.key == key), None)


def trust_file(env: Mapping[str, str]) -> Path:
    """Return where the list lies; it need not exist."""
    if named := env.get("UNLIT_POLICY_TRUST"):
        return Path(named)
    base = env.get("XDG_CONFIG_HOME") or str(Path(env.get("HOME", "/")) / ".config")
    return Path(base) / "unlit" / NAME


def read_trust(path: Path) -> Trust:
    """Read the list; an empty one when there is none.

    Raises:
        InvalidInput: It is broken, so nobody knows who is trusted.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Trust()
    except (OSError, UnicodeDecodeError) as error:
        raise _broken(path) from error
    try:
        said = json.loads(text)
        keys = tuple(TrustedKey(**{k: str(v) for k, v in row.items()}) for row in said["keys"])
        required = said["required"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _broken(path) from error
    if said.get("schema") != SCHEMA or not isinstance(required, bool):
        raise _broken(path)
    return Trust(keys, required)


def add_key(path: Path, key: str, person: str, clock: Clock) -> Trust:
    """Take a key into the list.

    Raises:
        InvalidInput: It is no key, has no name, or is another person's already.
    """
    person = " ".join(person.split())
    if not _is_key(key) or not person or len(person) > _LONGEST or not person.isprintable():
        raise InvalidInput(
            "POL-166",
            "The key is not taken: a public key and its owner's name are needed.",
            "an Ed25519 public key is 32 bytes in base64, as `unlit policy sign --json` prints it",
            "`unlit policy trust add KEY --person NAME`; compare the key with its owner.",
        )
    trust = read_trust(path)
    known = trust.find(key)
    if known is not None and known.person != person:
        raise InvalidInput(
            "POL-166",
            f"The key is in the list already, as {known.person}'s.",
            "a key has one owner",
            "`unlit policy trust remove KEY` first, if it was wrong.",
        )
    if known is None:
        entry = TrustedKey(key, person, clock.now().isoformat(timespec="seconds"))
        trust = replace(trust, keys=(*trust.keys, entry))
        write_trust(path, trust)
    return trust


def remove_key(path: Path, key: str) -> Trust:
    """Take a key, or all keys of a person, off the list.

    Raises:
        InvalidInput: The list has none of them.
    """
    trust = read_trust(path)
    left = tuple(one for one in trust.keys if key not in (one.key, one.person))
    if len(left) == len(trust.keys):
        raise InvalidInput(
            "POL-166",
            f"The list has no key {key!r}, and nobody of that name.",
            "nothing was changed",
            "`unlit policy trust list` shows whom it has.",
        )
    made = replace(trust, keys=left)
    write_trust(path, made)
    return made


def write_trust(path: Path, trust: Trust) -> None:
    """Write the list, for its owner alone to change."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    rows = [asdict(one) for one in trust.keys]
    said = {"schema": SCHEMA, "required": trust.required, "keys": rows}
    part = path.with_name(f"{path.name}.partial")
    part.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    part.chmod(0o600)
    part.replace(path)


def require_trusted(policy: Path, env: Mapping[str, str]) -> Signed | None:
    """Return who signed a policy; refuse it where a trusted signature is needed and is not there.

    Raises:
        InvalidInput: The signature or the list is broken.
        RefusedByPolicy: It was changed after it was signed, or who signed it is not trusted.
    """
    signed = signature_of(policy)
    place = trust_file(env)
    by_factory = wants_signed(policy)
    trust = read_trust(place)
    if not (trust.required or by_factory):
        return signed
    who = "unlit.toml asks for it" if by_factory else f"{place} asks for it"
    if signed is None:
        raise _refused(policy, "nobody signed it", who)
    known = trust.find(signed.key)
    if known is None:
        raise _refused(policy, f"{signed.person} signed it with a key that is not trusted", who)
    if known.person != signed.person:
        why = f"it is signed as {signed.person}, but with the key of {known.person}"
        raise _refused(policy, why, who)
    return signed


def wants_signed(policy: Path) -> bool:
    """Say whether the factory beside a policy uses signed policies only.

    What is no valid `unlit.toml` is refused elsewhere, with its line; here it asks for nothing.
    """
    try:
        table: dict[str, Any] = tomllib.loads((policy.parent / "unlit.toml").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    factory = table.get("factory")
    return isinstance(factory, dict) and factory.get("require_signed") is True


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == _KEY_BYTES
    except ValueError:
        return False


def _refused(policy: Path, why: str, who: str) -> RefusedByPolicy:
    return RefusedByPolicy(
        "POL-165",
        f"The policy {policy} is not used: {why}.",
        f"only policies signed by a trusted key are used here; {who}",
        "`unlit policy sign`; who keeps the list does `unlit policy trust add KEY --person NAME`.",
    )


def _broken(path: Path) -> InvalidInput:
    return InvalidInput(
        "POL-167",
        f"The list of trusted keys {path} is broken.",
        "while nobody knows who is trusted, no policy is used",
        "Correct it, or remove it and add the keys again.",
    )
