"""Secrets: read from where they are kept, held in a box that does not print, never copied in."""

import json
import os
import secrets as randomness
import stat
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from typing_extensions import override

from unlit.core.errors import InvalidInput, OutsideFailed
from unlit.policy.model import CredentialRule

PLACEHOLDER_MARK: Final = "unlitph"
_LONGEST_SECRET: Final = 65_536
_COMMAND_TIMEOUT_S: Final = 30.0
_KNOWN_PREFIXES: Final = {
    "api.anthropic.com": "sk-ant-api03-",
    "api.openai.com": "sk-proj-",
    "generativelanguage.googleapis.com": "AIza",
    "api.github.com": "ghp_",
    "slack.com": "xoxb-",
}
_WHY: Final = "a credential must be there before a run that was granted it"


class Secret:
    """A secret that shows itself only to `reveal`; it cannot be printed, pickled or compared."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret itself; only the gateway calls this."""
        return self._value

    @override
    def __repr__(self) -> str:
        return "Secret(…)"

    @override
    def __str__(self) -> str:
        return "…"

    @override
    def __reduce__(self) -> str:
        raise TypeError("a secret is never written down")


def resolve_credential(rule: CredentialRule, *, env: Mapping[str, str]) -> Secret:
    """Read a secret from its source.

    Args:
        rule: The credential's rule.
        env: Environment of the factory, for sources of kind `env` and for the command's own.

    Raises:
        InvalidInput: The secret is not there, empty, or no single line of printable text.
        OutsideFailed: The keyring or the command failed.
    """
    readers: dict[str, Callable[[tuple[str, ...]], str]] = {
        "env": lambda words: _from_env(rule.name, words[0], env),
        "file": lambda words: _from_file(rule.name, words[0], env),
        "keyring": lambda words: _from_keyring(rule.name, words[0], words[1]),
        "command": lambda words: _from_command(rule.name, words, env),
    }
    value = readers[rule.source.kind](rule.source.words)
    if rule.source.field:
        value = _field(rule.name, value, rule.source.field)
    if rule.exchange is None or rule.exchange.kind != "service_account":
        value = value.strip()
        if any(char < "!" or char > "~" for char in value):
            raise _missing(
                rule.name, "is not one line of printable ASCII", "Store the bare secret."
            )
    if len(value) < 8:
        raise _missing(rule.name, "has fewer than 8 characters", "Store the real secret.")
    return Secret(value)


def mint_placeholder(rule: CredentialRule) -> str:
    """Make the text that stands for a credential inside one fence: the vendor's shape, no value."""
    prefix = rule.prefix
    for host, known in _KNOWN_PREFIXES.items():
        if not prefix and host in rule.hosts:
            prefix = known
    return f"{prefix}{PLACEHOLDER_MARK}{randomness.token_hex(20)}"


def _field(name: str, text: str, field: str) -> str:
    try:
        value = json.loads(text)
        for part in field.split("."):
            value = value[part]
    except (ValueError, KeyError, TypeError, RecursionError):
        value = None
    if not isinstance(value, str):
        raise _missing(name, f"has no {field} in its JSON", "Log in again, or correct field.")
    return value


def store_field(path: Path, field: str, value: str) -> bool:
    """Put a rotated secret back into the JSON file that it came from, whole or not at all.

    A login whose refresh token was used up by us must stay usable for its owner.
    """
    try:
        text = json.loads(path.read_text(encoding="utf-8"))
        holder = text
        *way, last = field.split(".")
        for part in way:
            holder = holder[part]
        holder[last] = value
        fresh = path.with_name(path.name + ".unlit")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(text, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return True


def _missing(name: str, what: str, remedy: str) -> InvalidInput:
    return InvalidInput("POL-130", f"The credential {name} {what}.", _WHY, remedy)


def _from_env(name: str, variable: str, env: Mapping[str, str]) -> str:
    value = env.get(variable, "")
    if not value:
        raise _missing(name, f"is not set: {variable} is empty", f"Export {variable} and retry.")
    return value


def _from_file(name: str, place: str, env: Mapping[str, str]) -> str:
    home = env.get("HOME", "/")
    path = Path(home + place[1:] if place.startswith("~/") else place)
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise _missing(name, f"is kept in {path}, which is no regular file", "Name a file.")
        if mode & (stat.S_IWOTH | stat.S_IROTH):
            raise _missing(
                name, f"is kept in {path}, which everybody can read", f"chmod 600 {path}"
            )
        with path.open(encoding="utf-8") as file:
            return file.read(_LONGEST_SECRET)
    except (OSError, UnicodeDecodeError) as error:
        remedy = "Correct source.file; if it is a login, log in with that client first."
        raise _missing(name, f"cannot be read from {path}", remedy) from error


def _from_keyring(name: str, service: str, user: str) -> str:
    try:
        import keyring
    except ImportError as error:
        raise OutsideFailed(
            "POL-131",
            f"The credential {name} is in the keyring, but keyring is not installed.",
            _WHY,
            "Install unlit[keyring].",
        ) from error
    try:
        value = keyring.get_password(service, user)
    except Exception as error:  # keyring back ends raise what they like
        raise OutsideFailed(
            "POL-131",
            f"The keyring did not give {name}: {type(error).__name__}.",
            _WHY,
            "Unlock the keyring, or use another source.",
        ) from error
    if not value:
        raise _missing(name, f"is not in the keyring as {service}/{user}", "Store it there.")
    return str(value)


def _from_command(name: str, words: tuple[str, ...], env: Mapping[str, str]) -> str:
    try:
        done = subprocess.run(  # noqa: S603 # the policy's author names the command
            words,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_COMMAND_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OutsideFailed(
            "POL-131",
            f"The command for {name} ({words[0]}) failed: {type(error).__name__}.",
            _WHY,
            "Run the command by hand and correct it.",
        ) from error
    if done.returncode != 0:
        raise OutsideFailed(
            "POL-131",
            f"The command for {name} ({words[0]}) ended with {done.returncode}.",
            _WHY,
            "Run the command by hand; you may have to log in.",
        )
    return done.stdout[:_LONGEST_SECRET].decode("utf-8", "replace")
