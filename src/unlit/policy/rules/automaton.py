"""Sets of path globs as one automaton, to find the shortest path that two policies disagree on.

A state holds, for each glob, the set of places where matching it may stand (as bits of a number).
Walking breadth first over all states visits every combination of globs that some path matches, so
an answer of "no difference" is exact, and the first difference found is a shortest one.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Final

_MOST_STATES: Final = 4_000
_OTHER: Final = "~z0Zqxjkv_-7"


class TooComplex(Exception):
    """The globs have more combinations than are worth walking."""


class Glob:
    """One glob as a nondeterministic automaton."""

    __slots__ = ("_items", "accept", "start")

    def __init__(self, glob: str) -> None:
        self._items: list[str] = []
        here = 0
        while here < len(glob):
            width = 2 if glob.startswith("**", here) else 1
            self._items.append(glob[here : here + width])
            here += width
        self.accept = 1 << len(self._items)
        self.start = self._closed(1)

    def step(self, places: int, char: str) -> int:
        """Return where matching may stand after one more character."""
        after = 0
        for number, item in enumerate(self._items):
            if not places >> number & 1:
                continue
            if item == "**" or (item == "*" and char != "/"):
                after |= 1 << number
            elif item == char:
                after |= 1 << number + 1
        return self._closed(after)

    def _closed(self, places: int) -> int:
        # a star may match nothing, so standing before it is also standing behind it
        for number, item in enumerate(self._items):
            if places >> number & 1 and item in ("*", "**"):
                places |= 1 << number + 1
        return places


def shortest(globs: Sequence[str], differs: Callable[[frozenset[str]], bool]) -> str | None:
    """Return a shortest canonical path for which `differs` holds, or `None` if there is none.

    Args:
        globs: All globs that matter.
        differs: Asked for the set of globs that a path matches.

    Raises:
        TooComplex: There are too many combinations.
    """
    for path, matched in _paths(globs):
        if differs(matched):
            return path
    return None


def shortest_of_each(
    globs: Sequence[str], kind: Callable[[frozenset[str]], Hashable | None]
) -> dict[Hashable, str]:
    """Return a shortest canonical path of each kind that there is.

    Args:
        globs: All globs that matter.
        kind: Asked for the set of globs that a path matches; `None` is no kind.

    Raises:
        TooComplex: There are too many combinations.
    """
    found: dict[Hashable, str] = {}
    for path, matched in _paths(globs):
        which = kind(matched)
        if which is not None:
            found.setdefault(which, path)
    return found


def _paths(globs: Sequence[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield a shortest path to each combination of matched globs that there is, shortest first."""
    machines = [Glob(glob) for glob in globs]
    letters = _letters(globs)
    start = tuple(machine.step(machine.start, "/") for machine in machines)
    queue: deque[tuple[str, tuple[int, ...]]] = deque([("/", start)])
    seen = {(start, "/")}
    told: set[tuple[int, ...]] = set()
    while queue:
        path, state = queue.popleft()
        if not _is_dotted(path) and state not in told:
            told.add(state)
            yield path, _matched(globs, machines, state)
        for char in letters:
            if char == "/" and (path.endswith("/") or _is_dotted(path)):
                continue
            after = tuple(m.step(s, char) for m, s in zip(machines, state, strict=True))
            key = (after, _memory(path + char))
            if key not in seen:
                seen.add(key)
                queue.append((path + char, after))
        if len(seen) > _MOST_STATES:
            raise TooComplex


def _matched(
    globs: Sequence[str], machines: Sequence[Glob], state: tuple[int, ...]
) -> frozenset[str]:
    return frozenset(
        glob
        for glob, machine, places in zip(globs, machines, state, strict=True)
        if places & machine.accept
    )


def _letters(globs: Sequence[str]) -> list[str]:
    used = {char for glob in globs for char in glob if char != "*"} | {"/"}
    other = next(char for char in _OTHER + "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if char not in used)
    return [*sorted(used, key=lambda char: (char != "/", char)), other]


def _is_dotted(path: str) -> bool:
    return path.endswith(("/.", "/.."))


def _memory(path: str) -> str:
    # what the rules for canonical paths need to know of the path so far
    last = path.rsplit("/", 1)[1]
    return "/" if not last else last if last in (".", "..") else "x"
