"""Files by which a repository makes somebody's git run programs; never taken from a fence.

A person's own git would obey them the next time it is called in the workspace: settings
(`fsmonitor`, `sshCommand`, filters, aliases), hooks, files that say where another repository lies,
and half-done rebases, whose list of steps may name commands. What a commit needs (objects,
references, HEAD, index, logs) is let through. Other version controls have such files too, and the
prompt of many shells asks them in every folder.

Source: gitrepository-layout(5), git-config(1), githooks(5), git-rebase(1), "embedded bare
repositories" (2022); hgrc(5), jj-config(1), darcs(1), Breezy's and Pijul's manuals.
"""

from collections.abc import Callable, Iterable
from typing import Final

_CONTROL: Final = frozenset(
    {"hooks", "config", "config.worktree", "commondir", "gitdir", "modules", "worktrees", "info",
     "rebase-merge", "rebase-apply", "sequencer", "remotes", "branches"}
)  # fmt: skip
_OTHERS: Final = {
    ".hg": frozenset({"hgrc", "hgrc-not-shared", "sharedpath"}),
    ".sl": frozenset({"config", "hgrc", "hgrc-not-shared", "sharedpath"}),
    ".jj": frozenset({"config.toml", "workspace-config.toml"}),
    "_darcs": frozenset({"prefs"}),
    ".bzr": frozenset({"branch"}),
    ".pijul": frozenset({"config"}),
}
"""Other version controls: their folder, and the names in it that they take orders from."""
_BARE: Final = ("HEAD", "objects", "refs")


def controls_git(path: str) -> bool:
    """Say whether a path steers git: in a `.git` at any depth, in any spelling, or `.git` itself.

    A file or link named `.git` leads git elsewhere, so it counts too; and so for other version
    controls.
    """
    parts = [_plain(part) for part in path.split("/")]
    for place, part in enumerate(parts):
        if part == ".git":
            rest = parts[place + 1 :]
            if not rest or rest[0] in _CONTROL or rest[:2] == ["objects", "info"]:
                return True
        elif part in _OTHERS and _controls_another(part, parts[place + 1 :]):
            return True
    return False


def _controls_another(control: str, rest: list[str]) -> bool:
    if control == ".jj" and rest[:1] == ["repo"]:  # a file says where the repository is
        return len(rest) == 1 or rest[1].startswith("config")
    return not rest or rest[0] in _OTHERS[control]


def bare_control(paths: Iterable[str], stands: Callable[[str], bool]) -> frozenset[str]:
    """Return the paths that steer a repository without `.git`, planted in a plain folder.

    Args:
        paths: What a fence changed.
        stands: Whether a path was there before.
    """
    listed = list(paths)
    made = {"/".join(parts[:n]) for path in listed if (parts := path.split("/"))
            for n in range(1, len(parts) + 1)}  # fmt: skip
    lower = {path.lower() for path in made}
    found = set()
    for path in listed:
        parts = path.split("/")
        for place, part in enumerate(parts):
            folder = "".join(f"{one}/" for one in parts[:place])
            if _plain(part) in _CONTROL and all(
                f"{folder}{name}".lower() in lower or stands(f"{folder}{name}") for name in _BARE
            ):
                found.add(path)
    return frozenset(found)


def _plain(part: str) -> str:
    """Return a name as file systems that fold names see it."""
    kept = "".join(char for char in part if char not in _IGNORED)
    return kept.lower().rstrip(". ").removesuffix("::$index_allocation") or part


_IGNORED: Final = frozenset(
    "\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u206a\u206b\u206c\u206d\u206e\u206f\ufeff"
)
"""Letters that HFS+ leaves out, so that `.g\u200cit` is `.git` there."""
