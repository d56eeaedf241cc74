"""Words of shipping, as frozen data."""

from dataclasses import dataclass

from unlit.core.ids import CandidateId, RunId


@dataclass(frozen=True, slots=True)
class Shipment:
    """What shipping did.

    Attributes:
        commit: The merge commit on the branch.
        tree: Its tree; the graded one unless main had moved.
        again: Whether it had been done before, and nothing was done now.
        regraded: Whether main had moved, so that another tree than the graded one was shipped.
    """

    run: RunId
    candidate: CandidateId
    commit: str
    tree: str
    branch: str
    tag: str
    again: bool = False
    regraded: bool = False
