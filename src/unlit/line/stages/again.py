"""A run that reached its end goes on: a comment or a red check asks for a new candidate."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from unlit.core.states import Partition
from unlit.line.stages.grade import remarks_on
from unlit.line.stages.work import Work
from unlit.record.model import Candidate, RunEvent

COMMENT: Final = "comment"
"""Kind of the event that asks; its key begins with the name of the work that answers it."""


async def take_up(work: Work, kind: str) -> Mapping[str, Any]:
    """Find where the run stands, and what the next candidate is told."""
    store = work.services.store
    made = store.candidates(work.run)
    run = store.run(work.run)
    assert run is not None  # noqa: S101 # the run was begun before its first stage
    last = next((row for row in made if row.id == run.candidate), made[-1] if made else None)
    facts = {stage.key: stage.facts for stage in store.stages(work.run)}
    rows = store.events(work.run, kinds=(COMMENT,))
    asked = [row for row in rows if row.key.partition("/")[0] == kind]
    name = "no candidate" if last is None else last.id
    return {
        "detail": f"{len(asked)} comment{'s' if len(asked) != 1 else ''} on {name}",
        "number": 1 + max((row.number for row in made), default=0),
        "parent": _parent(asked) or (run.base if last is None else last.commit),
        "remarks": [*_vetoes(work, last), *(_remark(row, last) for row in asked)],
        "feedback": _feedback(work, last),
        "brief": facts.get("context", {}).get("brief", ""),
        "passes": facts.get("baseline", {}).get("passes"),
    }


def _parent(asked: Sequence[RunEvent]) -> str:
    """Return the merge on which something did not hold; the next candidate starts from it."""
    return next((str(row.data["parent"]) for row in asked if row.data.get("parent")), "")


def _remark(row: RunEvent, last: Candidate | None) -> str:
    source = str(row.data.get("source", "a reviewer"))
    about = "" if last is None else f" of candidate {last.number}"
    return f"{source[:1].upper()}{source[1:]} said{about}: {row.text}"


def _vetoes(work: Work, last: Candidate | None) -> tuple[str, ...]:
    graded = None if last is None else (
        work.services.store.evaluation(work.run, last.id, Partition.VALIDATION)
    )  # fmt: skip
    return () if graded is None else remarks_on(graded.document, graded.partition)


def _feedback(work: Work, last: Candidate | None) -> list[dict[str, Any]]:
    if last is None:
        return []
    graded = work.services.store.evaluation(work.run, last.id, Partition.VALIDATION)
    return [] if graded is None else [dict(item) for item in graded.feedback]
