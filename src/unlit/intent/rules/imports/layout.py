"""Which files of a folder make one spec, in the layouts that spec-kit, OpenSpec and Kiro write.

Sources, each as of autumn 2025: spec-kit puts `specs/NNN-name/spec.md` beside `.specify/`;
OpenSpec keeps `openspec/specs/NAME/spec.md` and `openspec/changes/NAME/` with `proposal.md` and
`specs/*/spec.md`; Kiro keeps `.kiro/specs/NAME/requirements.md`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from unlit.intent.rules.imports.outline import outline

_SPEC: Final = ("spec.md", "requirements.md")
_IGNORED: Final = frozenset({"archive", "templates", "node_modules", "examples", "references"})


@dataclass(frozen=True, slots=True)
class Found:
    """One spec of a folder: its own folder, and its files in the order they are read."""

    folder: str
    files: tuple[str, ...]
    is_change: bool = False

    @property
    def name(self) -> str:
        """The folder's name, without the number that spec-kit gives it."""
        last = self.folder.rsplit("/", 1)[-1]
        return re.sub(r"^\d{3}-", "", last)


def specs_in(files: Iterable[str]) -> tuple[Found, ...]:
    """Return the specs among the files of a folder, given by their paths below it."""
    kept = sorted(path for path in files if not _IGNORED & set(path.split("/")[:-1]))
    changes = [_parent(path) for path in kept if _name(path) == "proposal.md"]
    found = []
    for folder in changes:
        below = [path for path in kept if path.startswith(_under(folder))]
        deltas = [path for path in below if _name(path) == "spec.md"]
        if deltas:
            found.append(Found(folder, (f"{_under(folder)}proposal.md", *deltas), is_change=True))
    inside = tuple(_under(folder) for folder in changes)
    found += [
        Found(_parent(path), (path,))
        for path in kept
        if _name(path) in _SPEC and not path.startswith(inside)
    ]
    own = [entry for entry in found if not entry.folder]
    return tuple(own or sorted(found, key=lambda entry: entry.folder))


def joined(texts: Mapping[str, str], found: Found) -> str:
    """Return the one text of a spec: of a change, what it is for, then its requirements."""
    if not found.is_change:
        return next(iter(texts.values()))
    title, why = "", []
    first = texts[found.files[0]]
    for part in outline(first):
        if part.level == 1:
            title = re.sub(r"^(?:Change|Proposal)\s*:\s*", "", part.title)
        elif re.match(r"(?:why|what changes|motivation|intent|goals?)\b", part.title, re.I):
            why.append(part.body)
    rest = "\n\n".join(re.sub(r"^# .*$", "", texts[path], flags=re.M) for path in found.files[1:])
    return f"# {title or found.name}\n\n## Purpose\n\n" + "\n\n".join(why) + f"\n\n{rest}\n"


def _name(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def _parent(path: str) -> str:
    return path.rsplit("/", 1)[0] if "/" in path else ""


def _under(folder: str) -> str:
    return f"{folder}/" if folder else ""
