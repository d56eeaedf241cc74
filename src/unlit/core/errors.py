"""Expected failures: what happened, why, what to do, and the exit code each ends with."""

from typing import ClassVar

from typing_extensions import override


class UnlitError(Exception):
    """An expected failure that a person can act on.

    Args:
        code: Stable code such as ``INT-104``; listed in ``docs/errors.md``.
        what: What happened, one sentence, with the offending value but never a secret.
        why: The rule or fact behind it, one sentence.
        remedy: What to do now, one sentence.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, code: str, what: str, why: str, remedy: str) -> None:
        super().__init__(code, what, why, remedy)
        self.code = code
        self.what = what
        self.why = why
        self.remedy = remedy

    @override
    def __str__(self) -> str:
        """One line: ``CODE what | Why: why | Do: remedy``."""
        return f"{self.code} {self.what} | Why: {self.why} | Do: {self.remedy}"


class OutcomeNotGoodEnough(UnlitError):
    """The work was done and the outcome is not good enough (gate shut, findings)."""

    exit_code = 1


class UsageError(UnlitError):
    """The command was called wrongly."""

    exit_code = 2


class InvalidInput(UnlitError):
    """A file or value that a person wrote does not hold to its format."""

    exit_code = 3


class RefusedByPolicy(UnlitError):
    """Policy forbids the act; nothing was done."""

    exit_code = 4


class OutsideFailed(UnlitError):
    """Something outside failed: an agent, a service, the machine."""

    exit_code = 5


class BudgetUsedUp(UnlitError):
    """A hard limit of money, time or calls was reached before the act."""

    exit_code = 6
