"""The demonstration's stage: a repository, a vault, a scripted model server."""

import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from unlit.core.errors import InvalidInput, OutsideFailed
from unlit.core.ids import Ids
from unlit.fence import TwinRoute
from unlit.harness.git import run_git
from unlit.models.twin.app import ModelTwin
from unlit.models.twin.overlays import script_of
from unlit.models.twin.server import ModelTwinServer
from unlit.wiring.demo_product import CANDIDATES, PRODUCT

SPEC: Final = Path("specs/access-review.md")
_MODEL_HOSTS: Final = (
    "api.anthropic.com",
    "api.openai.com",
    "generativelanguage.googleapis.com",
)


@dataclass(frozen=True, slots=True)
class Stage:
    """Where one demonstration takes place."""

    repository: Path
    vault: Path


def set_stage(home: Path, ids: Ids) -> Stage:
    """Copy the built-in product into a fresh repository, and its vault beside it.

    Args:
        home: Folder of demonstrations; made if missing.
        ids: Names the folder.

    Raises:
        OutsideFailed: git is missing, or the disk does not take it.
    """
    root = home / ids.fresh("demo")
    try:
        (root / "vault").parent.mkdir(parents=True, mode=0o700)
        shutil.copytree(PRODUCT / "base", root / "repository", ignore=_not_caches)
        shutil.copytree(PRODUCT / "vault", root / "vault")
        (root / "vault").chmod(0o700)
    except OSError as error:
        raise OutsideFailed(
            "CLI-051",
            f"The demonstration's folder {root} cannot be made: {error.strerror}.",
            "it needs a few megabytes that may be written.",
            "free space, or set XDG_STATE_HOME to another folder.",
        ) from error
    repository = root / "repository"
    here = ["-C", str(repository)]
    run_git([*here, "init", "-q", "-b", "main"])
    run_git([*here, "add", "-A"])
    author = ["-c", "user.name=demo", "-c", "user.email=demo@example.com"]
    run_git([*here, *author, "commit", "-q", "-m", "access-review before the agent"])
    return Stage(repository, root / "vault")


def _not_caches(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if name in ("__pycache__", ".venv")}


@asynccontextmanager
async def scripted_model(agent: str) -> AsyncIterator[Mapping[str, tuple[TwinRoute, ...]]]:
    """Serve a scripted model at the vendors' names, for any agent but the scripted one.

    Yields:
        The routes that the coder's fences get.
    """
    if agent.partition(":")[0] == "scripted":
        yield {}
        return
    server = await ModelTwinServer.start(ModelTwin(script_of(CANDIDATES)))
    try:
        yield {"coder": (TwinRoute("model", _MODEL_HOSTS, server.address, ""),)}
    finally:
        await server.close()


def check_free_agent(agent: str) -> None:
    """Refuse an agent that the demonstration cannot play.

    Raises:
        InvalidInput: `agent` names overlays of its own.
    """
    if agent.startswith("scripted:"):
        raise InvalidInput(
            "CLI-052",
            f"The demonstration cannot use {agent}.",
            "it plays its own three candidates.",
            "leave --agent out, or name a real agent such as mini-swe-agent.",
        )
