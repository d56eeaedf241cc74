"""Files by which a git repository makes somebody's git run programs; never taken from a fence.

A person's own git would obey them the next time it is called in the workspace: settings
(`fsmonitor`, `sshCommand`, filters, aliases), hooks, and files that say where another repository
lies. What a commit needs (objects, references, HEAD, index, logs) is let through.

Source: gitrepository-layout(5), git-config(1), githooks(5), "embedded bare repositories" (2022).
"""

from collections.abc import Callable, Iterable
from typing import Final

_CONTROL: Final = frozenset(
    {"hooks", "config", "config.worktree", "commondir", "gitdir", "modules", "worktrees", "info"}
)
_BARE: Final = ("HEAD", "objects", "refs")


def controls_git(path: str) -> bool:
    """Say whether a path steers git: in a `.git` at any depth, in any spelling, or `.git` itself.

    A file or link named `.git` leads git elsewhere, so it counts too.
    """
    parts = [_plain(part) for part in path.split("/")]
    for place, part in enumerate(parts):
        if part == ".git":
            rest = parts[place + 1 :]
            if not rest or rest[0] in _CONTROL or rest[:2] == ["objects", "info"]:
                return True
    return False


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
