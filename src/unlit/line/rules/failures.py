"""Whose failure it was, and whether trying again can help; pure."""

import errno
from dataclasses import dataclass

from unlit.core.errors import (
    BudgetUsedUp,
    InvalidInput,
    OutcomeNotGoodEnough,
    RefusedByPolicy,
    UnlitError,
)
from unlit.record.model import FailureClass

MAX_ATTEMPTS = 3
_ROOMS = {
    "POL": FailureClass.POLICY,
    "FEN": FailureClass.HARNESS,
    "EVA": FailureClass.HARNESS,
    "TWN": FailureClass.HARNESS,
    "MOD": FailureClass.MODEL,
    "HAR": FailureClass.HARNESS,
}
_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure as the record keeps it."""

    kind: FailureClass
    code: str
    sentence: str
    remedy: str
    retry: bool
    what: str = ""
    why: str = ""
    exit_code: int = 5


def classify(error: Exception) -> Failure:
    """Tell apart whose failure `error` is.

    A failure of the harness, the model or the environment is never counted as the agent's.
    """
    if isinstance(error, UnlitError):
        kind = _kind(error)
        sentence = f"{error.what} ({error.why.rstrip('.')})"
        retry = kind in (FailureClass.HARNESS, FailureClass.ENVIRONMENT, FailureClass.MODEL)
        retry = retry and not isinstance(error, InvalidInput)
        return Failure(
            kind, error.code, sentence, error.remedy, retry, error.what, error.why, error.exit_code
        )
    if isinstance(error, OSError) and error.errno in _DISK:
        return Failure(
            FailureClass.ENVIRONMENT,
            "LIN-021",
            f"The machine could not store what the run needs: {error.strerror}.",
            "free space; then `unlit resume RUN`.",
            retry=False,
        )
    return Failure(
        FailureClass.HARNESS,
        "LIN-029",
        f"The factory itself failed: {type(error).__name__}: {_first_line(error)}",
        "report it; `unlit resume RUN` tries again.",
        retry=True,
    )


def _kind(error: UnlitError) -> FailureClass:
    if isinstance(error, BudgetUsedUp):
        return FailureClass.BUDGET
    if isinstance(error, RefusedByPolicy):
        return FailureClass.POLICY
    if isinstance(error, OutcomeNotGoodEnough):
        return FailureClass.AGENT
    if isinstance(error, InvalidInput):
        return FailureClass.ENVIRONMENT
    return _ROOMS.get(error.code[:3], FailureClass.ENVIRONMENT)


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:300] if text else ""
