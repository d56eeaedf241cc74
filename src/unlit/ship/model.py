"""Words of shipping, as frozen data."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from unlit.core.ids import CandidateId, RunId

Recheck = Callable[[str, str], bool | str]
"""Takes a merge commit and its tree, runs checks and validation on it; `True` when it holds, else
`False` or a sentence that says why not. A fault of the factory is raised, never returned."""

TrainRecheck = Callable[[Sequence[RunId], str, str], bool | str]
"""As `Recheck`, for a merge of several runs: the criteria of all of them must hold."""


@dataclass(frozen=True, slots=True)
class Signing:
    """How commits and tags are signed.

    Attributes:
        kind: ``ssh`` or ``gpg``.
        key: Path of the SSH key, or the GPG key's id or fingerprint.
        home: GPG home; empty is the user's own.
    """

    kind: Literal["ssh", "gpg"]
    key: str
    home: str = ""


@dataclass(frozen=True, slots=True)
class ForgePlan:
    """Where pull requests are opened.

    Attributes:
        kind: ``github``, ``gitlab`` or ``gitea``.
        project: ``owner/name``, or GitLab's path of the project.
        base_url: Where its API is; empty is the usual place.
        merge: ``push`` moves the branch by git once the pull request stands, ``api`` asks the forge
            to merge, ``wait`` leaves the merge to people there.
        method: How the forge merges, for ``api``.
    """

    kind: Literal["github", "gitlab", "gitea"]
    project: str
    base_url: str = ""
    merge: Literal["push", "api", "wait"] = "api"
    method: Literal["merge", "squash", "rebase"] = "merge"


@dataclass(frozen=True, slots=True)
class ShipPlan:
    """How this repository ships.

    Attributes:
        branch: What is merged into; empty is what the repository has checked out.
        remote: Name of the git remote that is fetched and pushed to; empty ships locally only.
        changelog: File that gets one line for each run, under ``## Unreleased``; empty is none.
    """

    branch: str = ""
    remote: str = ""
    changelog: str = ""
    sign: Signing | None = None
    forge: ForgePlan | None = None


@dataclass(frozen=True, slots=True)
class Pull:
    """A pull request as its forge shows it.

    Attributes:
        state: ``open``, ``merged`` or ``closed``.
        head: Commit it proposes.
        merge: Commit it became, once merged.
    """

    number: int
    url: str
    state: Literal["open", "merged", "closed"]
    head: str = ""
    merge: str = ""


@dataclass(frozen=True, slots=True)
class Shipment:
    """What shipping did.

    Attributes:
        commit: The merge commit on the branch; the proposed one while `pending`.
        tree: Its tree; the graded one unless main had moved.
        again: Whether it had been done before, and nothing was done now.
        regraded: Whether main had moved, so that another tree than the graded one was shipped.
        pull_request: URL of the pull request.
        head: Commit that the pull request proposes, or that was pushed.
        remote: The remote that has it; empty when it is only here.
        signed: How the merge is signed: ``ssh``, ``gpg`` or empty.
        pending: What it still waits for, as a sentence; empty once it is on the branch.
    """

    run: RunId
    candidate: CandidateId
    commit: str
    tree: str
    branch: str
    tag: str
    again: bool = False
    regraded: bool = False
    pull_request: str = ""
    head: str = ""
    remote: str = ""
    signed: str = ""
    pending: str = ""
