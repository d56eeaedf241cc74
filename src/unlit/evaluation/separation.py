"""Give the evaluator's process a user of its own (ADR 0435).

Started by root, the evaluator first starts the launcher of its fences, the one part that needs
root and that never sees a scenario; then it becomes a user that nobody else is: not the factory,
not any fence, not the owner of the candidate. It keeps one capability, to read; what it writes is
its own store. Started by anybody else it stays who it is, and every verdict says so.
"""

import ctypes
import hashlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from unlit.evaluation.ledger import evaluator_store, open_store
from unlit.evaluation.model import EvaluationRequest, Separation
from unlit.fence import Launcher
from unlit.fence.backends import CONTAINER

logger = logging.getLogger(__name__)

FIRST_UID: Final = 0x6F00_0000
_UIDS: Final = 1 << 20
_CAP_DAC_READ_SEARCH: Final = 2
_CAP_LAST: Final = 63
_CAPABILITY_VERSION: Final = 0x2008_0522
_PR_SET_PDEATHSIG: Final = 1
_PR_GET_PDEATHSIG: Final = 2
_PR_SET_KEEPCAPS: Final = 8
_PR_CAPBSET_DROP: Final = 24
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_CAP_AMBIENT: Final = 47
_PR_CAP_AMBIENT_RAISE: Final = 2
_OURS: Final = frozenset(
    {"policy.toml", "key", "trajectories.jsonl", "result.json", "smaller.json", "audit",
     "audit-key", "fences", "replay", "bug.txt", "deps", "judge.json", "pictures",
     "health.json"}
)  # fmt: skip


def evaluator_uid(vault: Path) -> int:
    """Return the user of a vault's evaluator: the same on every run, below those of fences."""
    digest = hashlib.sha256(str(vault.resolve()).encode()).digest()
    return FIRST_UID + int.from_bytes(digest[:4], "big") % _UIDS


def separate(request: EvaluationRequest) -> tuple[Launcher | None, Separation]:
    """Become the evaluator's own user, if this process may; call it before any thread is started.

    Returns:
        The launcher that was started before, for the fence host; and what separation holds now.
    """
    if os.geteuid() != 0:
        return None, not_separated(request)
    if request.options.get("backend") == CONTAINER:
        return None, not_separated(request, "the engine of its containers is driven by root only")
    uid = evaluator_uid(request.vault)
    stranger = _stranger(request)
    if stranger is not None:
        return None, not_separated(request, f"{stranger}, so its files stay their owner's")
    _own(request, uid)
    launcher = Launcher.start()
    os.chown(launcher.folder, uid, uid)
    try:
        _become(uid)
    except OSError as error:
        logger.warning("the evaluator stays root", extra={"error": str(error)})
        return launcher, not_separated(request, f"this machine refuses it: {error.strerror}")
    return launcher, Separation(
        own_user=True,
        uid=uid,
        sentence=(
            f"The evaluator ran as user {uid}, which is neither the factory nor any fence nor the "
            "owner of the candidate; its store opens to that user and to root alone."
        ),
    )


def not_separated(request: EvaluationRequest, why: str = "") -> Separation:
    """Say what does not hold when the evaluator has no user of its own."""
    uid = os.geteuid()
    if uid == 0:
        reason = why or "it was called within the process that asked"
        sentence = (
            f"The evaluator ran as root like the factory ({reason}): fences have users of their "
            "own and cannot open its store, but the factory's process could."
        )
    elif request.candidate.stat().st_uid == uid:
        sentence = (
            "The evaluator ran as the user who owns the candidate, and so did its fences: what "
            "keeps who writes from it is the fence's view alone, no second user."
        )
    else:
        sentence = (
            f"The evaluator ran as user {uid}, not the owner of the candidate, but its own fences "
            "share that user: inside them the view alone keeps its store out of reach."
        )
    return Separation(own_user=False, uid=uid, sentence=sentence)


def _stranger(request: EvaluationRequest) -> str | None:
    """Name what lies in a chosen artefact folder that is not ours; its owner must not change."""
    folder = request.artefacts
    if not folder.is_dir() or folder.resolve().is_relative_to(evaluator_store(request.vault)):
        return None
    other = sorted({entry.name for entry in folder.iterdir()} - _OURS)
    return f"{folder} holds {other[0]}" if other else None


def _own(request: EvaluationRequest, uid: int) -> None:
    """Give the store and this grading's folder to the evaluator's user, links not followed."""
    store = open_store(request.vault)
    request.artefacts.mkdir(parents=True, exist_ok=True, mode=0o700)
    for path in _of_store(store, request.artefacts):
        os.chown(path, uid, uid, follow_symlinks=False)
        if not path.is_symlink():
            path.chmod(0o700 if path.is_dir() else 0o600)


def _of_store(store: Path, artefacts: Path) -> Iterator[Path]:
    yield store
    yield from store.iterdir()
    yield artefacts
    for folder, folders, names in os.walk(artefacts, followlinks=False):
        yield from (Path(folder) / name for name in (*folders, *names))


def _become(uid: int) -> None:
    """Change user for good, keep the right to read, and forbid getting any right back.

    Raises:
        OSError: The kernel refuses, for instance because a namespace does not map the user.
    """
    death = ctypes.c_int(0)
    _call("prctl", _PR_GET_PDEATHSIG, ctypes.byref(death))
    _call("prctl", _PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    for capability in range(_CAP_LAST + 1):
        if capability != _CAP_DAC_READ_SEARCH:
            _libc().prctl(_PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0)
    os.setresuid(uid, uid, uid)
    _hold_only(_CAP_DAC_READ_SEARCH)
    _call("prctl", _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_READ_SEARCH)
    _call("prctl", _PR_SET_NO_NEW_PRIVS, 1)
    if death.value:  # a change of user forgets it
        _call("prctl", _PR_SET_PDEATHSIG, death.value)


def _hold_only(capability: int) -> None:
    class Header(ctypes.Structure):
        _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]

    class Sets(ctypes.Structure):
        _fields_ = [(name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable")]

    header = Header(_CAPABILITY_VERSION, 0)
    sets = (Sets * 2)()
    word, bit = sets[capability // 32], 1 << (capability % 32)
    word.effective = word.permitted = word.inheritable = bit
    _call("capset", ctypes.byref(header), sets)


def _call(name: str, *values: object) -> None:
    passed = [ctypes.c_ulong(v) if isinstance(v, int) else v for v in values]
    if name == "prctl":
        passed += [ctypes.c_ulong(0)] * (5 - len(passed))
    if getattr(_libc(), name)(*passed) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
