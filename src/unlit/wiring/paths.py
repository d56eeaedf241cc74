"""Where things lie on disk: state outside the repository, the vault outside both."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from unlit.core.errors import InvalidInput
from unlit.wiring.settings import Settings

FILE_NAME: Final = "unlit.toml"
"""What makes a repository a factory."""


@dataclass(frozen=True, slots=True)
class StatePaths:
    """The state folder of one repository and what lies in it."""

    root: Path

    @property
    def database(self) -> Path:
        """The record, SQLite."""
        return self.root / "record.db"

    @property
    def workspaces(self) -> Path:
        """One repository per run."""
        return self.root / "workspaces"

    @property
    def artefacts(self) -> Path:
        """Content-addressed artefacts without scenario content."""
        return self.root / "artefacts"

    @property
    def audit(self) -> Path:
        """The audit log."""
        return self.root / "audit"

    def create(self) -> None:
        """Make the folders, readable by their owner alone."""
        for folder in (self.root, self.workspaces, self.artefacts, self.audit):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def state_home(env: Mapping[str, str], configured: Path | None) -> Path:
    """Return the folder that holds the state of all repositories."""
    if configured is not None:
        return configured
    base = env.get("XDG_STATE_HOME") or str(Path(env.get("HOME", "/")) / ".local" / "state")
    return Path(base) / "unlit"


def repository_id(repository: Path) -> str:
    """Return the name of a repository's state folder: its folder name and a digest of its path."""
    real = repository.resolve()
    return f"{real.name or 'root'}-{hashlib.sha256(str(real).encode()).hexdigest()[:10]}"


def state_paths(settings: Settings, repository: Path) -> StatePaths:
    """Return the state folder of `repository`.

    Raises:
        InvalidInput: The state folder would lie inside the repository.
    """
    home = state_home(settings.env, settings.path("state_home"))
    root = home / repository_id(repository)
    if root.resolve().is_relative_to(repository.resolve()):
        if not any((repository / name).exists() for name in (FILE_NAME, ".git")):
            raise InvalidInput(
                "CLI-023",
                f"{repository} is no repository of a factory.",
                f"neither it nor a folder above it has a {FILE_NAME} or a .git.",
                "go into your repository, or name it with --repository; `unlit init` there makes "
                "it a factory.",
            )
        raise InvalidInput(
            "CLI-021",
            f"The state folder {root} lies inside the repository {repository}.",
            "the record must be out of the agent's reach, and the repository is mounted for it.",
            "set state_home (or XDG_STATE_HOME) to a folder elsewhere.",
        )
    return StatePaths(root)


def vault_path(settings: Settings, repository: Path, default: Path | None = None) -> Path:
    """Return the vault of `repository`.

    The vault is named by flag, environment or settings; otherwise it is the folder
    `vaults/<repository id>` beside the settings file.

    Raises:
        InvalidInput: It lies inside the repository or the repository inside it.
    """
    named = settings.path("vault") or default or default_vault(settings, repository)
    vault, inside = named.resolve(), repository.resolve()
    if vault.is_relative_to(inside) or inside.is_relative_to(vault):
        raise InvalidInput(
            "CLI-022",
            f"The vault {named} and the repository {repository} lie inside one another.",
            "who writes must not reach what grades.",
            "move the vault elsewhere and name it with --vault or the setting `vault`.",
        )
    return named


def default_vault(settings: Settings, repository: Path) -> Path:
    """Return where `unlit init` puts the vault of `repository` unless told otherwise."""
    base = settings.env.get("XDG_DATA_HOME") or str(
        Path(settings.env.get("HOME", "/")) / ".local" / "share"
    )
    return Path(base) / "unlit" / "vaults" / repository_id(repository)


def evaluations_beside(vault: Path) -> Path:
    """Return the evaluator's own store of a vault: beside it, never in the state folder."""
    return vault.parent / f".{vault.name}-evaluations"
