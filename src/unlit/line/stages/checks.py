"""Checks of a candidate before grading: it builds, its own tests pass, no secret leaks."""

import asyncio
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from unlit.core.errors import OutcomeNotGoodEnough
from unlit.core.ids import CandidateId
from unlit.line.model import FenceOrder
from unlit.line.rules.secrets import Found, find_secrets
from unlit.line.stages.work import Work
from unlit.record.model import StageState

TEST_S: Final = 900.0
PATH: Final = "/deps/venv/bin:/usr/local/bin:/usr/bin:/bin"
_ASIDE: Final = "npm notice"  # said after everything else, and about npm alone
_SCAN_BYTES: Final = 5_000_000


async def check(
    work: Work, candidate: CandidateId, commit: str, base_passes: bool | None
) -> Mapping[str, Any]:
    """Build a candidate, run its own tests and look for secrets."""
    tree = await asyncio.to_thread(work.workspace.tree, commit)
    secrets = await asyncio.to_thread(scan, tree)
    if secrets:
        first = secrets[0]
        return _bad(f"{first.path}:{first.line} holds a {first.kind}", secrets=len(secrets))
    if work.request.product.test is None:
        mounts = await work.services.dependencies.prepare(
            work.request.product, tree, work.request.policy, work.place("checks")
        )
        builds = "it builds" if work.request.product.build else "no build is named"
        return {"detail": f"{builds}, no tests are named, no secret in it", "mounts": len(mounts)}
    try:
        passes, tail = await run_tests(work, commit, "checks", candidate)
    except OutcomeNotGoodEnough as error:
        return _bad(f"it does not build: {error.what}")
    if passes:
        return {"detail": "it builds, its own tests pass, no secret in it", "passes": True}
    if base_passes is False:
        return {
            "detail": f"its own tests fail, as on the base: {tail}",
            "passes": False,
            "as_on_base": True,
        }
    return _bad(f"its own tests fail: {tail}", passes=False)


async def run_tests(
    work: Work, commit: str, stage: str, candidate: CandidateId | None = None
) -> tuple[bool, str]:
    """Run the repository's own tests on a commit, in a fence.

    Returns:
        Whether they pass, and the last line they printed.

    Raises:
        OutcomeNotGoodEnough: The commit does not build.
        OutsideFailed: The fence or the package mirror failed.
    """
    command = work.request.product.test or "true"
    passes, text = await run_command(work, commit, stage, command, candidate)
    return passes, last_line(text)


def last_line(text: str) -> str:
    """Return the last line that says something of what ran."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith(_ASIDE)]
    return lines[-1].strip()[:200] if lines else "it said nothing"


async def run_command(
    work: Work, commit: str, stage: str, command: str, candidate: CandidateId | None = None
) -> tuple[bool, str]:
    """Run a command of the repository on a commit, in a fence of the coder.

    Returns:
        Whether it succeeds, and what it printed.

    Raises:
        OutcomeNotGoodEnough: The commit does not build.
        OutsideFailed: The fence or the package mirror failed.
    """
    product = work.request.product
    tree = await asyncio.to_thread(work.workspace.tree, commit)
    place = work.place(stage, candidate=candidate)
    mounts = await work.services.dependencies.prepare(product, tree, work.request.policy, place)
    env = {name: value for name, value in product.env.items() if not value.startswith("twin:")}
    order = FenceOrder(
        place, work.request.policy, tree, tuple(mounts), {"PATH": PATH, **env}, TEST_S
    )
    fence = await work.services.fences.open(order)
    try:
        done = await fence.run(["sh", "-c", command], timeout_s=TEST_S)
    finally:
        await work.services.fences.close(fence, place)
    if done.timed_out:
        return False, f"it did not end within {TEST_S:.0f} s"
    text = (done.stdout + b"\n" + done.stderr).decode(errors="replace").strip()
    return done.exit_code == 0, text or f"exit {done.exit_code}"


def scan(tree: Path, planted: tuple[bytes, ...] = ()) -> tuple[Found, ...]:
    """Look for secrets in every file of a tree, links not followed."""
    found: list[Found] = []
    for folder, _, names in os.walk(tree, followlinks=False):
        for name in names:
            path = Path(folder) / name
            status = path.lstat()
            if stat.S_ISREG(status.st_mode) and status.st_size <= _SCAN_BYTES:
                found += find_secrets(str(path.relative_to(tree)), path.read_bytes(), planted)
    return tuple(found)


def _bad(detail: str, **facts: Any) -> Mapping[str, Any]:
    return {"state": StageState.NOT_GOOD_ENOUGH.value, "detail": detail, **facts}
