"""Where merges land: the branch here and, if there is one, on the remote; one at a time."""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from unlit.core.errors import OutcomeNotGoodEnough, OutsideFailed
from unlit.ship.remote import Remote
from unlit.ship.repository import Repository

LOCK: Final = "unlit-ship.lock"


class Landing:
    """The main branch of a repository, as merges see it.

    Args:
        repository: The user's repository.
        branch: Its main branch.
        remote: Where the branch is shared; `None` when it is only here.
    """

    def __init__(self, repository: Repository, branch: str, remote: Remote | None = None) -> None:
        self.repository = repository
        self.branch = branch
        self.remote = remote

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until no other process merges here; a killed one never holds the others up."""
        descriptor = os.open(self.repository.git_dir / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def head(self) -> str | None:
        """Return where the branch is: the remote's commit, or ours when we are ahead of it.

        Raises:
            OutcomeNotGoodEnough: Ours and the remote's have each something the other lacks.
            OutsideFailed: The remote does not answer.
        """
        ours = self.repository.head(self.branch)
        theirs = None if self.remote is None else self.remote.fetch(self.branch)
        if theirs is None or ours is None:
            return ours or theirs
        if self.repository.is_ancestor(ours, theirs):
            return theirs
        if self.repository.is_ancestor(theirs, ours):
            return ours
        name = f"{self.remote.name if self.remote else ''}/{self.branch}"
        raise OutcomeNotGoodEnough(
            "SHP-026",
            f"{self.branch} and {name} have parted: each has commits that the other lacks.",
            "a merge is verified on one main branch, not on two.",
            "bring them together (`git pull --rebase` or `git push`), then ship again.",
        )

    def check(self, after: str) -> None:
        """See whether the working copy can follow to `after`.

        Raises:
            OutcomeNotGoodEnough: Uncommitted work would be overwritten.
        """
        before = self.repository.head(self.branch)
        if before is not None:
            self.repository.check_working_copy(self.branch, before, after)

    def land(self, after: str, tags: Sequence[tuple[str, str]], *, pushed: bool = False) -> None:
        """Move the branch to `after`: on the remote first, since it may refuse, then here.

        Args:
            after: A commit that follows where the branch is.
            tags: Name and object of each tag that comes with it.
            pushed: Whether the remote's branch has it already.

        Raises:
            OutcomeNotGoodEnough: The branch moved meanwhile.
            RefusedByPolicy: The remote protects the branch.
            OutsideFailed: The remote refuses or does not answer, or git failed.
        """
        if self.remote is not None and not pushed:
            self.remote.push(after, self.branch)
        before = self.repository.head(self.branch)
        if before is None:
            before = "0" * 40
        try:
            self.repository.advance_all(self.branch, before, after, tags)
        except OutsideFailed as error:
            raise self._not_here(after, error) from error
        if before.strip("0"):
            self.repository.follow(self.branch, before, after)
        for name, _ in tags:
            self.share(name)

    def share(self, tag: str) -> None:
        """Give the remote a tag; again does nothing."""
        if self.remote is not None:
            self.remote.push_tag(tag)

    def _not_here(self, after: str, error: OutsideFailed) -> OutsideFailed:
        return OutsideFailed(
            "SHP-028",
            f"{self.branch} was moved while {after[:10]} was being merged: {error.what}",
            "branch and tag move together, only from where they were seen; nothing was changed.",
            "ship it again: it goes on from what is there now.",
        )
