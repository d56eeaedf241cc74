"""Identifiers that rooms exchange; each is text with one meaning."""

from typing import NewType, Protocol

RunId = NewType("RunId", str)
"""One run of the line, ``r-`` plus 10 lower-case base-32 characters."""

CandidateId = NewType("CandidateId", str)
"""One candidate of a run, ``c1``, ``c2`` … in the order made."""

CriterionId = NewType("CriterionId", str)
"""A criterion of a spec, ``AC-1`` …; stable once published."""

ScenarioId = NewType("ScenarioId", str)
"""A scenario's name, unique in its vault and never reused."""

TrajectoryId = NewType("TrajectoryId", str)
"""One sampled execution of a scenario."""

WorldId = NewType("WorldId", str)
"""One isolated state of all twins."""

Digest = NewType("Digest", str)
"""``sha256:`` plus 64 hexadecimal characters."""


class Ids(Protocol):
    """A source of fresh identifiers; replayable in tests."""

    def fresh(self, prefix: str) -> str:
        """Return ``prefix-xxxxxxxxxx`` that was not returned before."""
        ...
