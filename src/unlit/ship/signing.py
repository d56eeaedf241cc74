"""Signatures on commits and tags: git's own SSH and GPG forms, checked by `git verify-commit`."""

import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from unlit.core.errors import OutsideFailed
from unlit.ship.model import Signing


def git_options(sign: Signing | None) -> tuple[str, ...]:
    """Return what git is told before its verb, so that `-S` signs with this key."""
    if sign is None:
        return ()
    form = "ssh" if sign.kind == "ssh" else "openpgp"
    return ("-c", f"gpg.format={form}", "-c", f"user.signingKey={sign.key}")


def signing_env(sign: Signing | None, env: Mapping[str, str]) -> dict[str, str]:
    """Return what a signing program needs of the user's environment, and nothing else."""
    if sign is None:
        return {}
    kept = {name: env[name] for name in ("HOME", "SSH_AUTH_SOCK", "GNUPGHOME") if name in env}
    return {**kept, "GNUPGHOME": sign.home} if sign.home else kept


def signature(body: str, sign: Signing, env: Mapping[str, str]) -> str:
    """Return the armoured signature of the text of a tag.

    Raises:
        OutsideFailed: The key does not sign.
    """
    given = {"PATH": env.get("PATH", "/usr/bin:/bin"), **signing_env(sign, env)}
    if sign.kind == "gpg":
        words = ["gpg", "--batch", "--armor", "--detach-sign", "--local-user", sign.key]
        return _run(words, body.encode(), given, sign)
    with tempfile.TemporaryDirectory(prefix="unlit-sign-") as folder:
        path = Path(folder) / "body"
        path.write_bytes(body.encode())
        _run(["ssh-keygen", "-Y", "sign", "-n", "git", "-f", sign.key, str(path)], b"", given, sign)
        return path.with_suffix(".sig").read_text(encoding="utf-8")


def _run(words: list[str], body: bytes, env: Mapping[str, str], sign: Signing) -> str:
    try:
        done = subprocess.run(  # noqa: S603 # fixed programs, our arguments
            words, input=body, capture_output=True, env=dict(env), check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise not_signed(sign, str(error)) from error
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise not_signed(sign, lines[-1] if lines else f"exit code {done.returncode}")
    return done.stdout.decode()


def not_signed(sign: Signing, words: str) -> OutsideFailed:
    """Return the error for a key that does not sign."""
    return OutsideFailed(
        "SHP-025",
        f"The merge cannot be signed with the {sign.kind} key {sign.key}: {words}.",
        "this repository ships signed merges only ([ship] sign in unlit.toml); nothing was merged.",
        "see that the key is there and needs no passphrase (or its agent runs), then ship again.",
    )
