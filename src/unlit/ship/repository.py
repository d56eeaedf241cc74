"""The user's repository as shipping sees it: plumbing, compare-and-swap, no hook ever runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from unlit.core.errors import OutcomeNotGoodEnough, OutsideFailed
from unlit.harness.git import run_git
from unlit.ship.model import Signing
from unlit.ship.signing import git_options, not_signed, signature, signing_env

_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who and when of a commit; the same stamp gives the same commit again."""

    name: str
    email: str
    at: datetime

    def env(self) -> Mapping[str, str]:
        """Return git's environment for author and committer."""
        when = f"{int(self.at.timestamp())} +0000"
        return {
            "GIT_AUTHOR_NAME": self.name,
            "GIT_AUTHOR_EMAIL": self.email,
            "GIT_AUTHOR_DATE": when,
            "GIT_COMMITTER_NAME": self.name,
            "GIT_COMMITTER_EMAIL": self.email,
            "GIT_COMMITTER_DATE": when,
        }


class Repository:
    """One git repository with or without a working copy.

    Args:
        folder: The working copy, or the bare repository.
        sign: What commits and tags are signed with; `None` signs nothing.
        env: The user's environment: home, agents; only what signing needs of it is passed on.

    Raises:
        OutsideFailed: It is no git repository.
    """

    def __init__(
        self,
        folder: Path,
        *,
        sign: Signing | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self._sign = sign
        self._env = dict(env or {})
        self.git_dir = Path(self._run("rev-parse", "--absolute-git-dir"))

    def _run(
        self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None
    ) -> str:
        try:
            return run_git(["-C", str(self.folder), *arguments], stdin=stdin, env=env)
        except OutsideFailed as error:
            raise OutsideFailed(
                "SHP-021",
                f"The repository {self.folder} cannot be used: {error.what}",
                "shipping writes one merge and one tag there, by git.",
                "see that it exists and can be written; then `unlit approve RUN` again.",
            ) from error

    def _try(self, *arguments: str) -> str | None:
        try:
            return run_git(["-C", str(self.folder), *arguments])
        except OutsideFailed:
            return None

    def branch(self) -> str:
        """Return the main branch: what the repository has checked out, else ``main``."""
        name = self._try("symbolic-ref", "--short", "HEAD")
        return name or "main"

    def head(self, branch: str) -> str | None:
        """Return the commit a branch is at."""
        return self.resolve(f"refs/heads/{branch}")

    def resolve(self, name: str) -> str | None:
        """Return the commit that a name means."""
        return self._try("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")

    def tree(self, commit: str) -> str:
        """Return the tree of a commit."""
        return self._run("rev-parse", "--verify", f"{commit}^{{tree}}")

    def parents(self, commit: str) -> tuple[str, ...]:
        """Return the parents of a commit."""
        return tuple(self._run("rev-list", "--parents", "-n", "1", commit).split()[1:])

    def contains(self, branch: str, commit: str) -> bool:
        """Whether a branch has a commit in its history."""
        return self._try("merge-base", "--is-ancestor", commit, f"refs/heads/{branch}") is not None

    def fetch(self, source: Path, commit: str, name: str) -> None:
        """Take a commit from another repository on this machine and hold it under a name."""
        self._run(
            "-c", "protocol.version=2", "fetch", "--quiet", "--no-tags", "--no-write-fetch-head",
            str(source), f"+{commit}:{name}",
        )  # fmt: skip

    def merged_tree(self, ours: str, theirs: str) -> str:
        """Return the tree of a merge.

        Raises:
            OutcomeNotGoodEnough: They conflict.
        """
        try:
            return run_git(
                [
                    "-C",
                    str(self.folder),
                    "merge-tree",
                    "--write-tree",
                    "--no-messages",
                    ours,
                    theirs,
                ]
            ).splitlines()[0]
        except OutsideFailed as error:
            raise OutcomeNotGoodEnough(
                "SHP-022",
                f"The candidate does not merge with {ours[:10]}, where the main branch is now.",
                f"both changed {self._both_changed(ours, theirs)} since the run began. Nothing is "
                "merged; the candidate stays in the run's repository.",
                "run the spec again: it starts from the new base.",
            ) from error

    def _both_changed(self, ours: str, theirs: str) -> str:
        """Name files that two commits changed; git quotes names that are not plain."""
        base = self._run("merge-base", ours, theirs)
        mine, others = (
            set(self._run("diff", "--name-only", "--no-renames", base, end).splitlines())
            for end in (ours, theirs)
        )
        names = sorted(mine & others)
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        return (", ".join(names[:_NAMED]) or "the same") + more

    def commit(self, tree: str, parents: tuple[str, ...], message: str, stamp: Stamp) -> str:
        """Make a commit of a tree, signed if a key is set; nothing points to it yet.

        Raises:
            OutsideFailed: The key does not sign.
        """
        words = [*git_options(self._sign), "commit-tree", tree]
        for parent in parents:
            words += ["-p", parent]
        env = {**stamp.env(), **signing_env(self._sign, self._env)}
        if self._sign is None:
            return self._run(*words, stdin=message.encode(), env=env)
        try:
            return run_git(["-C", str(self.folder), *words, "-S"], stdin=message.encode(), env=env)
        except OutsideFailed as error:
            raise not_signed(self._sign, error.what) from error

    def hold(self, name: str, commit: str) -> None:
        """Keep a commit under a name of ours, so that it is found again after a crash."""
        self._run("update-ref", name, commit)

    def make_tag(self, name: str, commit: str, message: str, stamp: Stamp) -> str:
        """Make an annotated tag object; nothing points to it yet."""
        when = f"{int(stamp.at.timestamp())} +0000"
        body = (
            f"object {commit}\ntype commit\ntag {name}\n"
            f"tagger {stamp.name} <{stamp.email}> {when}\n\n{message}\n"
        )
        if self._sign is not None:
            body += signature(body, self._sign, self._env)
        return self._run("mktag", stdin=body.encode())

    def tag_message(self, tag: str) -> str | None:
        """Return the text of an annotated tag; `None` when there is no such tag."""
        return self._try("for-each-ref", "--format=%(contents)", f"refs/tags/{tag}") or None

    def write(self, commit: str, path: str, text: str) -> str:
        """Return the tree of a commit with one file replaced or added."""
        blob = self._run("hash-object", "-w", "--stdin", stdin=text.encode())
        found = self._run("ls-tree", commit, "--", path)
        mode = found.split()[0] if found else "100644"
        index = self.git_dir / f"unlit-index-{commit[:12]}"
        env = {"GIT_INDEX_FILE": str(index)}
        try:
            self._run("read-tree", commit, env=env)
            self._run("update-index", "--add", "--cacheinfo", f"{mode},{blob},{path}", env=env)
            return self._run("write-tree", env=env)
        finally:
            index.unlink(missing_ok=True)

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether `new` has `old` in its history."""
        return self._try("merge-base", "--is-ancestor", old, new) is not None

    def check_working_copy(self, branch: str, before: str, after: str) -> None:
        """See whether the working copy can follow its branch.

        Raises:
            OutcomeNotGoodEnough: Uncommitted work would be overwritten.
        """
        if not self._is_checked_out(branch):
            return
        self._try("update-index", "-q", "--refresh")
        if self._try("read-tree", "-n", "-m", "-u", before, after) is None:
            raise OutcomeNotGoodEnough(
                "SHP-024",
                f"Uncommitted changes in {self.folder} would be overwritten.",
                "shipping updates the checked-out main branch and never drops anybody's work.",
                "commit or stash them, then `unlit approve RUN` again.",
            )

    def advance(self, branch: str, before: str, after: str, tag: str, tag_object: str) -> None:
        """Move branch and tag together, only if the branch is still where it was.

        Raises:
            OutsideFailed: It has moved meanwhile, or git failed; nothing was changed.
        """
        self.advance_all(branch, before, after, [(tag, tag_object)])

    def advance_all(
        self, branch: str, before: str, after: str, tags: Sequence[tuple[str, str]]
    ) -> None:
        """Move branch and tags (name, object) together, only if the branch is where it was.

        Raises:
            OutsideFailed: It has moved meanwhile, or git failed; nothing was changed.
        """
        creates = "".join(f"create refs/tags/{tag} {made}\n" for tag, made in tags)
        lines = f"start\nupdate refs/heads/{branch} {after} {before}\n{creates}prepare\ncommit\n"
        self._run("update-ref", "--stdin", stdin=lines.encode())

    def files(self, commit: str) -> tuple[str, ...]:
        """Return the paths of all files of a commit."""
        listed = self._run("ls-tree", "-r", "-z", "--name-only", commit)
        return tuple(path for path in listed.split("\0") if path)

    def export(self, commit: str, folder: Path) -> None:
        """Write the files of a commit into an empty folder; nothing of git comes with them."""
        index = folder.with_name(f"{folder.name}.index")
        env = {"GIT_INDEX_FILE": str(index)}
        try:
            self._run("read-tree", commit, env=env)
            self._run("checkout-index", "--all", f"--prefix={folder}/", env=env)
        finally:
            index.unlink(missing_ok=True)

    def read(self, commit: str, path: str) -> str:
        """Return the text of one file of a commit."""
        return self._run("cat-file", "blob", f"{commit}:{path}")

    def follow(self, branch: str, before: str, after: str) -> None:
        """Bring the working copy to where its branch is; again does nothing."""
        if not self._is_checked_out(branch):
            return
        if self._try("write-tree") != self.tree(before):
            return
        self._run("read-tree", "-m", "-u", before, after)

    def _is_checked_out(self, branch: str) -> bool:
        bare = self._try("rev-parse", "--is-bare-repository")
        return bare == "false" and self._try("symbolic-ref", "--short", "HEAD") == branch
