"""Memory in the line: tell lessons before a turn, count and propose them after a run."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from unlit.core.states import Partition, Verdict
from unlit.harness.memory.learn import Attempt, propose
from unlit.harness.memory.recall import Query, Recalled, placebo, recall
from unlit.line.model import SpecFacts
from unlit.line.stages.work import Work
from unlit.record.model import Candidate

NOTHING: Final = Recalled((), "")


def lessons_for(work: Work, spec: SpecFacts, paths: Sequence[str] = ()) -> Recalled:
    """Return what an agent is told in this turn."""
    if work.request.memory == "off":
        return NOTHING
    keys = {f"criterion:{spec.id}/{criterion}" for criterion in spec.criteria}
    keys |= {f"path:{path}" for path in paths}
    known = work.services.store.lessons(str(work.request.repository))
    found = recall(known, Query(frozenset(keys), f"{spec.title} {spec.brief}"))
    if work.request.memory == "placebo":
        return replace(found, text=placebo(found.text))
    return found


def learn(work: Work, verdict: Verdict) -> int:
    """Count wins and losses of what was told, propose what this run taught; return how many.

    Counting is keyed by the run: a repeated step counts nothing twice.
    """
    store = work.services.store
    run = store.run(work.run)
    assert run is not None  # noqa: S101 # the run was begun before its first stage
    _count(work, verdict)
    proposed = propose(
        str(work.request.repository),
        work.run,
        run.spec_id,
        _attempts(work),
        work.services.clock.now(),
    )
    store.keep_lessons(proposed)
    return len(proposed)


def _count(work: Work, verdict: Verdict) -> None:
    store = work.services.store
    if any(event.key == "memory/counted" for event in store.events(work.run)):
        return
    told = {
        str(lesson)
        for stage in store.stages(work.run)
        for lesson in stage.facts.get("lessons") or ()
    }
    for lesson in store.lessons(str(work.request.repository)):
        if lesson.id not in told:
            continue
        if verdict is Verdict.SHIP:
            store.change_lesson(lesson.id, wins=lesson.wins + 1)
        elif verdict is Verdict.NOT_YET:
            store.change_lesson(lesson.id, losses=lesson.losses + 1)


def _attempts(work: Work) -> list[Attempt]:
    store = work.services.store
    attempts = []
    for candidate in store.candidates(work.run):
        graded = store.evaluation(work.run, candidate.id, Partition.VALIDATION)
        feedback = () if graded is None else graded.feedback
        attempts.append(
            Attempt(
                candidate=candidate.id,
                buckets={
                    str(item["criterion"]): str(item["bucket"])
                    for item in feedback
                    if item.get("bucket") != "all"
                },
                paths=_paths(work, candidate),
                ships=graded is not None and graded.verdict is Verdict.SHIP,
                refused="" if graded is not None else candidate.outcome,
            )
        )
    return attempts


def _paths(work: Work, candidate: Candidate) -> tuple[str, ...]:
    return work.workspace.changed(candidate.parent, candidate.commit)
