"""The remote of a repository: fetched and pushed to with the user's own git, never by force."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from unlit.core.errors import InvalidInput, OutcomeNotGoodEnough, OutsideFailed, RefusedByPolicy
from unlit.ship.repository import Repository

_NEUTRAL: Final = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false",
                   "-c", "gc.auto=0", "-c", "protocol.version=2")  # fmt: skip
_KEPT: Final = ("HOME", "PATH", "SSH_AUTH_SOCK", "XDG_CONFIG_HOME", "GIT_SSH_COMMAND", "USER",
                "SSL_CERT_FILE", "GIT_SSL_CAINFO", "HTTPS_PROXY", "NO_PROXY")  # fmt: skip
_TIMEOUT_S: Final = 300
_PROTECTED: Final = re.compile(
    r"protected|GH006|GH013|not allowed to push|branch is read.only", re.I
)
_MOVED: Final = re.compile(r"fetch first|non-fast-forward|stale info|cannot lock ref", re.I)
_UNREACHABLE: Final = re.compile(
    r"could not (read from|resolve)|unable to access|connection|does not appear to be a git|"
    r"authentication failed|permission denied \(|host key|repository .* not found|could not read",
    re.I,
)


class Remote:
    """One named remote.

    Args:
        repository: Ours.
        name: Such as ``origin``.
        env: The user's environment; git logs in as the user does. Nobody is prompted.

    Raises:
        InvalidInput: The repository has no remote of that name.
    """

    def __init__(self, repository: Repository, name: str, env: Mapping[str, str]) -> None:
        self.name = name
        self._folder = repository.folder
        self._repository = repository
        self._env = {key: env[key] for key in _KEPT if key in env}
        if name not in self._git("remote")[1].split():
            raise InvalidInput(
                "SHP-040",
                f"{self._folder} has no remote {name!r}.",
                "[ship] remote in unlit.toml names it.",
                f"`git remote add {name} URL`, or correct unlit.toml.",
            )

    def fetch(self, branch: str) -> str | None:
        """Fetch a branch; return where it is now, `None` when the remote has none.

        Raises:
            OutsideFailed: The remote does not answer.
        """
        target = self._ref(branch)
        code, _, words = self._git(
            "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", self.name,
            f"+refs/heads/{branch}:{target}",
        )  # fmt: skip
        if code == 0:
            return self._repository.resolve(target)
        if "couldn't find remote ref" in words:
            return None
        raise self._unreachable(words)

    def push(self, commit: str, branch: str, *, ours: bool = False) -> None:
        """Move a branch of the remote to a commit that follows it.

        Args:
            commit: Where to.
            branch: Which.
            ours: Whether the branch is our own proposal, which may be replaced as long as it is
                still what we pushed last.

        Raises:
            RefusedByPolicy: The branch is protected.
            OutcomeNotGoodEnough: It has moved meanwhile.
            OutsideFailed: The remote refused for another reason, or does not answer.
        """
        lease: tuple[str, ...] = ()
        if ours:
            known = self._repository.resolve(self._ref(branch)) or ""
            lease = (f"--force-with-lease=refs/heads/{branch}:{known}",)
        code, out, words = self._git(
            "push", "--porcelain", "--no-verify", *lease, self.name,
            f"{commit}:refs/heads/{branch}",
        )  # fmt: skip
        if code == 0:
            self._git("update-ref", self._ref(branch), commit)
            return
        raise self._refused(branch, f"{out}\n{words}", commit)

    def push_tag(self, tag: str) -> None:
        """Give the remote a tag that we have; again does nothing.

        Raises:
            OutsideFailed: As `push`.
        """
        name = f"refs/tags/{tag}"
        code, out, words = self._git(
            "push", "--porcelain", "--no-verify", self.name, f"{name}:{name}"
        )
        if code != 0:
            raise self._refused(tag, f"{out}\n{words}", tag)

    def _ref(self, branch: str) -> str:
        return f"refs/remotes/{self.name}/{branch}"

    def _git(self, *words: str) -> tuple[int, str, str]:
        env = {**self._env, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"}
        env.setdefault("GIT_SSH_COMMAND", "ssh -o BatchMode=yes -o ConnectTimeout=20")
        try:
            done = subprocess.run(  # noqa: S603 # fixed program, our arguments
                ["git", *_NEUTRAL, "-C", str(Path(self._folder)), *words],  # noqa: S607 # on the path
                capture_output=True, env=env, check=False, timeout=_TIMEOUT_S,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return 124, "", f"could not read from remote: no answer within {_TIMEOUT_S} s"
        return (
            done.returncode,
            done.stdout.decode(errors="replace"),
            done.stderr.decode(errors="replace").strip(),
        )

    def _refused(self, branch: str, words: str, commit: str) -> Exception:
        said = _last_words(words)
        if _MOVED.search(words):
            return OutcomeNotGoodEnough(
                "SHP-042",
                f"{self.name}/{branch} has moved meanwhile: {said}.",
                "a merge is pushed only onto the commit it was verified on; nothing was changed.",
                "ship it again: it is merged with and verified on what is there now.",
            )
        if _PROTECTED.search(words):
            return RefusedByPolicy(
                "SHP-041",
                f"{self.name} protects {branch}: {said}.",
                "nobody may push there directly, so nothing was changed.",
                'open pull requests instead: [ship.forge] with merge = "api" or "wait".',
            )
        if _UNREACHABLE.search(words):
            return self._unreachable(words)
        return OutsideFailed(
            "SHP-043",
            f"{self.name} refuses {commit[:10]} on {branch}: {said}.",
            "the words are its own (a hook, a rule, a missing right); nothing was changed.",
            "do what they say, then ship it again.",
        )

    def _unreachable(self, words: str) -> OutsideFailed:
        return OutsideFailed(
            "SHP-044",
            f"The remote {self.name} does not answer: {_last_words(words)}.",
            "git talks to it with your own credentials and asks nobody; nothing was changed.",
            f"see that `git fetch {self.name}` works here, then ship again.",
        )


def _last_words(words: str) -> str:
    """Find the sentence that says why: the remote's own before git's."""
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    said = [line.removeprefix("remote:").strip() for line in lines if line.startswith("remote:")]
    said = [line for line in said if re.search(r"\w", line)]
    marked = [line.split("\t")[-1] for line in lines if line.startswith("!")]
    fatal = [line for line in lines if line.startswith(("fatal:", "error:"))]
    best = said[:1] + marked[:1] or fatal[:1] or lines[-1:] or ["no words"]
    return ": ".join(best).rstrip(".")[:300]
