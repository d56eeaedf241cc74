"""Carry a run between machines: base, candidates and pinned files travel in the record."""

from pathlib import Path
from typing import Final

from unlit.core.errors import OutsideFailed
from unlit.core.ids import RunId
from unlit.harness.workspace import Workspace
from unlit.record.blobs import Blobs
from unlit.record.store import Store

PINNED: Final = ("spec.md", "policy.toml")
OPTIONAL: Final = ("line.dot", "children.json", "policy.toml.signed")


def give(store: Store, workspace: Workspace, run: RunId, base: str) -> None:
    """Put the base commit and the pinned files of a run into the record."""
    blobs = Blobs(store)
    blobs.put(f"{run}/base", workspace.pack(base))
    for name in (*PINNED, *OPTIONAL):
        if (workspace.root / name).exists():
            blobs.put(f"{run}/{name}", (workspace.root / name).read_bytes())


def give_candidate(
    store: Store, workspace: Workspace, run: RunId, name: str, commit: str, base: str
) -> None:
    """Put a candidate into the record, as what it adds to the base."""
    Blobs(store).put(f"{run}/{name}", workspace.pack(commit, base))


def take(store: Store, workspace: Workspace, run: RunId) -> None:
    """Make the workspace of a run on this machine, as far as it is missing.

    Raises:
        OutsideFailed: The record does not have the run's files.
    """
    blobs = Blobs(store)
    if not (workspace.repository / "HEAD").exists():
        workspace.unpack(_need(blobs, run, "base"), "base")
    for name in PINNED:
        _write(workspace.root / name, blobs, run)
    for name in OPTIONAL:
        body = None if (workspace.root / name).exists() else blobs.find(f"{run}/{name}")
        if body is not None:
            (workspace.root / name).write_bytes(body)
    for candidate in store.candidates(run):
        packed = blobs.find(f"{run}/{candidate.id}")
        if packed is not None and not workspace.has(candidate.commit):
            workspace.unpack(packed, f"candidates/{candidate.id}")


def _write(path: Path, blobs: Blobs, run: RunId) -> None:
    if not path.exists():
        path.write_bytes(_need(blobs, run, path.name))


def _need(blobs: Blobs, run: RunId, name: str) -> bytes:
    body = blobs.find(f"{run}/{name}")
    if body is None:
        raise OutsideFailed(
            "LIN-083",
            f"The record does not have {name} of run {run}.",
            "a run that workers share carries its files in the database.",
            "resume it on the machine where it began.",
        )
    return body


def bring(store: Store, run: RunId) -> None:
    """Make the workspace of a run here when workers made it elsewhere; else do nothing.

    Raises:
        OutsideFailed: The record does not have all of the run's files.
    """
    found = store.run(run)
    if found is not None and Blobs(store).find(f"{run}/base") is not None:
        take(store, Workspace(Path(found.workspace).parent), run)
