"""The workspace of a run: a bare git repository, one commit per candidate, trees by hash.

Hashes depend on content and on the run alone (fixed author, dates from the run's start), so that a
resumed run makes the same commits.
"""

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from unlit.core.errors import InvalidInput, OutsideFailed
from unlit.core.ids import CandidateId, RunId
from unlit.harness.git import Git, run_git
from unlit.harness.model import Base, Change, Commit

_NO_OBJECT: Final = "0" * 40
_BASE_REF: Final = "refs/heads/base"
_SHALLOW: Final = b"unlit-shallow "
_OBJECT: Final = re.compile(rb"[0-9a-f]{40,64}")


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a candidate's commit says of where it comes from."""

    run: RunId
    candidate: CandidateId
    number: int
    agent: str
    spec: str
    started: datetime
    title: str
    snapshot: str = ""


class Workspace:
    """One run's git repository and the trees taken from it.

    Args:
        root: Folder of this run; `repository.git` and `trees/` lie in it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.repository = root / "repository.git"
        self._git = Git(self.repository)

    def begin(self, repository: Path, commit: str) -> Base:
        """Take the base commit from the user's repository; again does nothing more.

        Raises:
            InvalidInput: `repository` is not a git repository or has no such commit.
            OutsideFailed: Git failed.
        """
        base = resolve(repository, commit)
        if not (self.repository / "HEAD").exists():
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            run_git(["init", "--quiet", "--bare", "--initial-branch=base", str(self.repository)])
        spec = f"+{base.commit}:{_BASE_REF}"
        self._git(
            "fetch", "--quiet", "--no-tags", "--update-shallow", str(repository.resolve()), spec
        )
        return base

    def tree(self, commit: str) -> Path:
        """Return a folder with the files of `commit`; made once, never changed.

        Raises:
            OutsideFailed: Git failed or the disk is full.
        """
        tree = self._git("rev-parse", f"{commit}^{{tree}}")
        folder = self.root / "trees" / tree
        if folder.is_dir():
            return folder
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = Path(tempfile.mkdtemp(prefix=".making-", dir=folder.parent))
        fresh.chmod(0o755)
        index = {"GIT_INDEX_FILE": str(fresh.with_suffix(".index"))}
        try:
            self._git("read-tree", tree, env=index)
            self._git("checkout-index", "--all", "--quiet", env=index, work_tree=fresh)
            fresh.rename(folder)
        except OSError as error:
            if not folder.is_dir():
                raise _disk(error) from error
        finally:
            fresh.with_suffix(".index").unlink(missing_ok=True)
            shutil.rmtree(fresh, ignore_errors=True)
        return folder

    def commit(
        self, parent: str, changes: Sequence[Change], files: Path, provenance: Provenance
    ) -> Commit:
        """Make one candidate's commit.

        Args:
            parent: Commit that the candidate changes.
            changes: What differs from `parent`.
            files: Folder that holds the changed files.
            provenance: What the trailers say.

        Returns:
            The commit; the same input gives the same hashes.
        """
        index = {"GIT_INDEX_FILE": str(self.root / f".index-{provenance.candidate}-{os.getpid()}")}
        try:
            self._git("read-tree", parent, env=index)
            lines = b"".join(self._entries(changes, files))
            self._git("update-index", "-z", "--index-info", stdin=lines, env=index)
            tree = self._git("write-tree", env=index)
        finally:
            Path(index["GIT_INDEX_FILE"]).unlink(missing_ok=True)
        when = provenance.started + timedelta(seconds=provenance.number)
        commit = self._git(
            "commit-tree", tree, "-p", parent, stdin=_message(provenance), env=_identity(when)
        )
        self._git("update-ref", f"refs/heads/candidates/{provenance.candidate}", commit)
        base = self._git("rev-parse", _BASE_REF)
        differing = self._git("diff-tree", "-r", "--name-only", base, commit)
        return Commit(commit, tree, parent, len(differing.splitlines()))

    def changed(self, before: str, after: str) -> tuple[str, ...]:
        """Return the paths that differ between two commits."""
        listed = self._git("diff-tree", "-r", "-z", "--name-only", before, after)
        return tuple(path for path in listed.split("\0") if path)

    def difference(self, before: str, after: str) -> str:
        """Return what differs between two commits as a patch for reading; never applied."""
        words = ("--no-ext-diff", "--no-textconv", "--no-color", "--stat", "--patch")
        text = self._git("diff", *words, before, after)
        return text.encode(errors="replace").decode(errors="replace")

    def has(self, commit: str) -> bool:
        """Whether the workspace has a commit."""
        try:
            self._git("cat-file", "-e", f"{commit}^{{commit}}")
        except OutsideFailed:
            return False
        return True

    def take(self, repository: Path, commit: str) -> str:
        """Take a merge commit from the user's repository; return its first parent.

        Raises:
            OutsideFailed: The repository does not have it.
        """
        if not self.has(commit):
            spec = f"+{commit}:refs/heads/merges/{commit[:12]}"
            self._git(
                "-c", "protocol.version=2", "fetch", "--quiet", "--no-tags", "--update-shallow",
                str(repository.resolve()), spec,
            )  # fmt: skip
        return self._git("rev-parse", f"{commit}^1")

    def pack(self, commit: str, since: str | None = None) -> bytes:
        """Return a commit, and what leads to it since another one, as a bundle of bytes."""
        fresh = self.root / f".bundle-{os.getpid()}"
        names = [commit] if since is None else [commit, f"^{since}"]
        self._git("update-ref", "refs/heads/packed", commit)
        words = ["refs/heads/packed", *names[1:]]
        try:
            self._git("bundle", "create", "--quiet", str(fresh), *words)
            return self._shallow_head() + fresh.read_bytes()
        finally:
            fresh.unlink(missing_ok=True)

    def unpack(self, bundle: bytes, branch: str) -> None:
        """Take what `pack` made; the workspace is made when it is missing."""
        if not (self.repository / "HEAD").exists():
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            run_git(["init", "--quiet", "--bare", "--initial-branch=base", str(self.repository)])
        fresh = self.root / f".bundle-{os.getpid()}"
        fresh.write_bytes(self._without_shallow_head(bundle))
        try:
            spec = f"+refs/heads/packed:refs/heads/{branch}"
            self._git("fetch", "--quiet", "--no-tags", "--update-shallow", str(fresh), spec)
        finally:
            fresh.unlink(missing_ok=True)

    @property
    def _shallow(self) -> Path:
        return self.repository / "shallow"

    def _shallow_head(self) -> bytes:
        """Name the commits whose parents are missing here; a bundle of git's cannot say it."""
        if not self._shallow.exists():
            return b""
        return _SHALLOW + b" ".join(self._shallow.read_bytes().split()) + b"\n"

    def _without_shallow_head(self, packed: bytes) -> bytes:
        """Let git know which parents were missing where it was packed; return git's bundle."""
        if not packed.startswith(_SHALLOW):
            return packed
        head, _, bundle = packed.partition(b"\n")
        known = self._shallow.read_bytes().split() if self._shallow.exists() else []
        named = [name for name in head[len(_SHALLOW) :].split() if _OBJECT.fullmatch(name)]
        self._shallow.write_bytes(b"".join(name + b"\n" for name in sorted({*known, *named})))
        return bundle

    def mark(self, name: str, commit: str) -> None:
        """Let branch `name` point to `commit`."""
        self._git("update-ref", f"refs/heads/{name}", commit)

    def _entries(self, changes: Sequence[Change], files: Path) -> Iterator[bytes]:
        modes: list[str] = []

        def bodies() -> Iterator[bytes]:
            for change in changes:
                if change.kind != "deleted":
                    body, mode = _body(files / change.path, change)
                    modes.append(mode)
                    yield body

        blobs = self._git.write(bodies(), self.root)
        written = iter(zip(modes, blobs, strict=True))
        for change in changes:
            deleted = change.kind == "deleted"
            mode, blob = ("0", _NO_OBJECT) if deleted else next(written)
            yield f"{mode} {blob}\t".encode() + os.fsencode(change.path) + b"\0"


def resolve(repository: Path, commit: str = "HEAD") -> Base:
    """Return the commit and tree that `commit` names in the user's repository.

    Raises:
        InvalidInput: Not a git repository, or no such commit.
    """
    place = ["-C", str(repository)]
    try:
        names = run_git([*place, "rev-parse", f"{commit}^{{commit}}", f"{commit}^{{tree}}"])
    except OutsideFailed as error:
        raise InvalidInput(
            "HAR-023",
            f"{repository} has no commit {commit!r}.",
            "a run starts from a commit, so that its verdict can name what it stands on.",
            "run `git init`, `git add -A` and `git commit` there, or name another commit.",
        ) from error
    found, tree = names.splitlines()
    return Base(found, tree)


def _body(path: Path, change: Change) -> tuple[bytes, str]:
    if change.kind == "symlink":
        return os.fsencode(path.readlink()), "120000"
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OutsideFailed(
                "HAR-024",
                f"{change.path} of the candidate is not a regular file.",
                "a candidate is made of files and links only.",
                "look at the agent's log; `unlit resume RUN` tries again.",
            )
        return file.read(), "100755" if change.mode & 0o111 else "100644"


def _message(provenance: Provenance) -> bytes:
    lines = [
        f"Candidate {provenance.number}: {provenance.title}",
        "",
        f"Unlit-Run: {provenance.run}",
        f"Unlit-Candidate: {provenance.candidate}",
        f"Unlit-Agent: {provenance.agent}",
        f"Unlit-Spec: {provenance.spec}",
    ]
    if provenance.snapshot:
        lines.append(f"Unlit-Snapshot: {provenance.snapshot}")
    return ("\n".join(" ".join(line.split()) for line in lines) + "\n").encode()


def _identity(when: datetime) -> dict[str, str]:
    date = f"{int(when.timestamp())} +0000"
    return {
        "GIT_AUTHOR_NAME": "unlit",
        "GIT_AUTHOR_EMAIL": "unlit@localhost",
        "GIT_AUTHOR_DATE": date,
        "GIT_COMMITTER_NAME": "unlit",
        "GIT_COMMITTER_EMAIL": "unlit@localhost",
        "GIT_COMMITTER_DATE": date,
    }


def _disk(error: OSError) -> OutsideFailed:
    return OutsideFailed(
        "HAR-025",
        f"The files of a candidate could not be written: {error.strerror}.",
        "each candidate is laid out once for checks and evaluation.",
        "free space; then `unlit resume RUN`.",
    )
