"""A vault that lies in a git repository elsewhere: cloned once, brought up to date each time."""

import asyncio
import re
from pathlib import Path
from typing import Final

from unlit.core.canonical import digest_bytes
from unlit.core.errors import OutsideFailed

_URL: Final = re.compile(r"(https?|ssh|git|file)://.+|[\w.-]+@[\w.-]+:.+")
_TIMEOUT_S: Final = 120


def is_url(vault: str) -> bool:
    """Say whether a vault is named by the URL of a git repository."""
    return bool(_URL.fullmatch(vault))


async def cloned(url: str, cache: Path) -> Path:
    """Return a folder with the repository's newest content.

    The evaluator's own store, with the look ledger, lies beside the clone and stays.

    Raises:
        OutsideFailed: git is missing, or the repository cannot be read.
    """
    home = cache / digest_bytes(url.encode()).removeprefix("sha256:")[:16]
    folder = home / "vault"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    if (folder / ".git").is_dir():
        await _git(url, "-C", str(folder), "fetch", "--quiet", "--depth", "1", "origin", "HEAD")
        await _git(url, "-C", str(folder), "reset", "--quiet", "--hard", "FETCH_HEAD")
        await _git(url, "-C", str(folder), "clean", "--quiet", "-fdx")
    else:
        await _git(url, "clone", "--quiet", "--depth", "1", url, str(folder))
    return folder


async def _git(url: str, *words: str) -> None:
    try:
        process = await asyncio.create_subprocess_exec(
            "git", "-c", "core.hooksPath=/dev/null", *words,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(_TIMEOUT_S):
            _, err = await process.communicate()
    except (OSError, TimeoutError) as error:
        raise _failed(url, str(error) or "it did not answer") from error
    if process.returncode != 0:
        raise _failed(url, err.decode("utf-8", "replace").strip().splitlines()[-1:] or "no word")


def _failed(url: str, why: object) -> OutsideFailed:
    shown = re.sub(r"//[^@/]*@", "//…@", url)
    return OutsideFailed(
        "EVA-129", f"The vault {shown} cannot be fetched.",
        f"git says: {why[0] if isinstance(why, list) else why}.",
        "check the address and git's own credentials, or name a folder.",
    )  # fmt: skip
