"""What a turn of an agent left, judged by what the fence extracted; pure."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from unlit.harness.model import Change, End, EndReason, Outcome, Verdict, Word

MAX_FILE_BYTES = 100 * 1024 * 1024
MAX_TOTAL_BYTES = 500 * 1024 * 1024
MAX_FILES = 50_000

_ENDS = {
    EndReason.REFUSED: (Outcome.REFUSED, "the agent refused the task"),
    EndReason.CANCELLED: (Outcome.CANCELLED, "the turn was cancelled"),
    EndReason.LIMIT: (Outcome.LIMIT, "the budget of the turn was used up"),
    EndReason.NOT_STARTED: (Outcome.NOT_STARTED, "the agent could not be started"),
    EndReason.MODEL_FAILED: (Outcome.MODEL_FAILED, "the agent's model did not answer"),
}
_CLAIMS = ("done", "success", "complete", "finished", "fixed", "implemented", "all tests pass")


def spoken(words: Iterable[Word]) -> str:
    """Return what people said, as an agent at work is told it; the own loop says it alike."""
    return "\n".join(f"A person who watches your work says: {word.text}" for word in words)


def judge_turn(
    end: End,
    changes: Sequence[Change],
    *,
    writable: Sequence[str] = (".",),
    read_only: Sequence[str] = (),
    max_file_bytes: int = MAX_FILE_BYTES,
    max_total_bytes: int = MAX_TOTAL_BYTES,
) -> Verdict:
    """Name what a turn left.

    Args:
        end: How the agent ended, as its adapter saw it.
        changes: What the fence extracted.
        writable: Globs the agent may change, from policy.
        read_only: Globs it may not change, from policy; they win.
        max_file_bytes: Largest file a candidate may hold.
        max_total_bytes: Most bytes a candidate may add.

    Returns:
        The outcome, one sentence, and the changes that belong to the candidate.
    """
    kept = tuple(change for change in changes if not in_git(change.path))
    if end.reason in _ENDS:
        outcome, sentence = _ENDS[end.reason]
        return Verdict(outcome, _with_words(sentence, end))
    large = [change for change in kept if change.size > max_file_bytes]
    if large or sum(change.size for change in kept) > max_total_bytes:
        return Verdict(Outcome.TOO_LARGE, _too_large(large, kept, max_file_bytes, max_total_bytes))
    if len(kept) > MAX_FILES:
        many = f"it changed {len(kept):,} files; a candidate may change {MAX_FILES:,}"
        return Verdict(Outcome.TOO_LARGE, many)
    forbidden = [
        change.path
        for change in kept
        if guarded(change.path, read_only)
        or not matches(change.path, writable)
        or ".." in change.path.split("/")
    ]
    if forbidden:
        shown = ", ".join(sorted(forbidden)[:3])
        return Verdict(Outcome.TOUCHED_FORBIDDEN, f"it changed what policy keeps from it: {shown}")
    if kept:
        return _with_changes(end, kept)
    return _without_changes(end, changes)


def _with_changes(end: End, kept: tuple[Change, ...]) -> Verdict:
    count = f"{len(kept)} file{'s' if len(kept) != 1 else ''} changed"
    notes = {
        EndReason.TIMED_OUT: "; its time ran out, what it left is graded",
        EndReason.CRASHED: f"; it ended with code {end.exit_code}, what it left is graded",
        EndReason.GARBAGE: "; its answer could not be read, what it left is graded",
    }
    return Verdict(Outcome.CHANGED, count + notes.get(end.reason, ""), kept)


def _without_changes(end: End, changes: Sequence[Change]) -> Verdict:
    if end.reason is EndReason.TIMED_OUT:
        return Verdict(Outcome.TIMED_OUT, "it did not end in its time and left nothing")
    if end.reason is EndReason.CRASHED:
        sentence = f"it ended with code {end.exit_code} and left nothing"
        return Verdict(Outcome.CRASHED, _with_words(sentence, end))
    if end.reason is EndReason.GARBAGE:
        return Verdict(Outcome.GARBAGE, "its answer could not be read and it left nothing")
    if changes:
        return Verdict(Outcome.CHANGED_NOTHING, "it changed only .git, which is not the product")
    if any(claim in end.text.lower() for claim in _CLAIMS):
        return Verdict(
            Outcome.CLAIMED_WITHOUT_CHANGE, "it says that it succeeded and changed nothing"
        )
    return Verdict(Outcome.CHANGED_NOTHING, "it changed nothing")


def in_git(path: str) -> bool:
    """Whether a path lies in a `.git` folder, however it is spelled."""
    return any(part.lower().rstrip(". ") == ".git" for part in path.split("/"))


def matches(path: str, globs: Sequence[str]) -> bool:
    """Whether a path, or a folder above it, fits one of the globs; ``.`` fits everything."""
    parts = path.split("/")
    above = ["/".join(parts[: count + 1]) for count in range(len(parts))]
    for glob in globs:
        pattern = glob.removeprefix("./").rstrip("/")
        if pattern in ("", ".", "**"):
            return True
        pattern = pattern.removesuffix("/**")
        if any(fnmatchcase(name, pattern) for name in above):
            return True
    return False


def guarded(path: str, globs: Sequence[str]) -> bool:
    """Whether a change at a path touches what the globs keep; the case of letters does not matter.

    A change at a folder above a kept path touches it too: something else stands there now.
    """
    lower = [glob.lower() for glob in globs]
    if matches(path.lower(), lower):
        return True
    parts = path.lower().split("/")
    for glob in lower:
        wanted = glob.removeprefix("./").rstrip("/").removesuffix("/**").split("/")
        if len(parts) < len(wanted) and parts == wanted[: len(parts)]:
            return True
    return False


def _too_large(
    large: Sequence[Change], kept: Sequence[Change], max_file: int, max_total: int
) -> str:
    if large:
        first = max(large, key=lambda change: change.size)
        return (
            f"{first.path} has {first.size / 1e6:.0f} MB; "
            f"a file of a candidate may have {max_file / 1e6:.0f} MB"
        )
    total = sum(change.size for change in kept)
    return f"it added {total / 1e6:.0f} MB; a candidate may add {max_total / 1e6:.0f} MB"


def _with_words(sentence: str, end: End) -> str:
    words = " ".join(end.text.split())[:200]
    return f"{sentence}: {words}" if words else sentence
