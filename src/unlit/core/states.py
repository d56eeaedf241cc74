"""The states of trajectories, criteria and verdicts. They are never merged into fewer."""

from enum import StrEnum


class TrajectoryState(StrEnum):
    """What one trajectory showed."""

    SATISFIED = "satisfied"
    NOT_SATISFIED = "not_satisfied"
    HARNESS_FAULT = "harness_fault"
    NOT_EXERCISED = "not_exercised"

    @property
    def is_evidence(self) -> bool:
        """Whether it counts for or against a candidate.

        A harness fault is recorded only after the same draw failed three times, and then counts as
        not satisfied: otherwise a hostile product could delete its failures.
        """
        return self is not TrajectoryState.NOT_EXERCISED

    @property
    def is_against(self) -> bool:
        """Whether it counts against a candidate."""
        return self.is_evidence and self is not TrajectoryState.SATISFIED


class CriterionState(StrEnum):
    """What all evidence for one criterion shows."""

    MET = "met"
    NOT_MET = "not_met"
    UNDECIDED = "undecided"
    NOT_EXERCISED = "not_exercised"


class Verdict(StrEnum):
    """What a grading says about a candidate."""

    SHIP = "ship"
    NOT_YET = "not_yet"
    UNDECIDED = "undecided"
    NOT_EXERCISED = "not_exercised"
    HARNESS_FAULT = "harness_fault"

    @property
    def exit_code(self) -> int:
        """Exit code of a grading command that ends with this verdict."""
        if self is Verdict.SHIP:
            return 0
        return 5 if self is Verdict.HARNESS_FAULT else 1


class Partition(StrEnum):
    """Who may see a scenario: everybody, the evaluator with coarse feedback, nobody."""

    VISIBLE = "visible"
    VALIDATION = "validation"
    SEALED = "sealed"
