"""The evaluator's own process grades a candidate; the line keeps states and buckets only."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from unlit.core.errors import BudgetUsedUp
from unlit.core.ids import CandidateId, CriterionId, Digest, ScenarioId
from unlit.core.states import Partition, TrajectoryState, Verdict
from unlit.evaluation.adapters.spec_history import first_commit_day
from unlit.evaluation.rules.vetoes import pack_vetoes, stop_words
from unlit.harness.model import Feedback
from unlit.line.model import EvaluationOrder, Graded, LineEvent
from unlit.line.rules.queues import names_of
from unlit.line.stages.limits import within
from unlit.line.stages.work import Work
from unlit.models.model import usage_from_json
from unlit.record.model import Cost, Evaluation, Look, StageState, Trajectory

_TOLD: Final = 8


async def grade(
    work: Work,
    candidate: CandidateId,
    commit: str,
    tree: str,
    partition: Partition,
    base_commit: str | None = None,
) -> Mapping[str, Any]:
    """Grade one candidate on one partition. A look at sealed scenarios is charged before it.

    Args:
        work: The run.
        candidate: Its name.
        commit: What is graded.
        tree: Tree of `commit`.
        partition: Which scenarios.
        base_commit: What it changes; the run's own base when `None`.
    """
    look = _charge(work, candidate) if partition is Partition.SEALED else None
    run = work.services.store.run(work.run)
    assert run is not None  # noqa: S101 # the run was begun before its first stage
    request = work.request
    stage = "sealed" if partition is Partition.SEALED else "validate"
    place = work.place(stage, "evaluator", candidate=candidate)
    folder = await asyncio.to_thread(work.workspace.tree, commit)
    base_commit = base_commit or run.base
    base = await asyncio.to_thread(work.workspace.tree, base_commit)
    mounts = await work.services.dependencies.prepare(
        request.product, folder, request.policy, work.place(stage, candidate=candidate)
    )
    order = EvaluationOrder(
        place=place,
        key=f"{work.run}/{candidate}/{partition.value}",
        spec=request.spec,
        candidate=folder,
        base=base,
        base_commit=base_commit,
        tree=tree,
        vault=request.vault,
        policy=request.policy,
        partition=partition,
        product=request.product,
        ship=request.ship,
        mounts=tuple(mounts),
        artefacts=work.services.artefacts,
        seed=run.seed,
        max_trajectories=request.max_trajectories,
        parallel=request.parallel,
        look=None if look is None else look.index,
        bits=0.0 if look is None else _given_away(work, look),
        leak_sources={kind: work.kept_files(kind) for kind in ("prompts", "transcripts")},
        spec_since=await asyncio.to_thread(first_commit_day, Path(run.repository, run.spec_path)),
    )

    def listen(event: Mapping[str, Any]) -> None:
        _tell(work, stage, candidate, event)

    uses = work.services.specs.read(request.spec).uses
    names = names_of(work.services.limits, services=uses)
    async with within(work, stage, candidate, names):
        graded = await work.services.evaluator.grade(order, listen)
    work.journal.flush()
    if not graded.booked:
        _book(work, stage, candidate, graded.document.get("usage") or ())
    _refuse_unpaid(work, graded)
    evaluation = _keep(work, candidate, base_commit, tree, partition, graded)
    for wish in graded.document.get("asked") or ():
        await asyncio.to_thread(work.services.fences.wish, place, str(wish))
    if look is not None:
        _settle(work, look, graded)
    return _facts(evaluation, graded, look)


def feedback_of(facts: Mapping[str, Any]) -> tuple[Feedback, ...]:
    """Return what an agent may know of a grading: criterion and bucket."""
    return tuple(
        Feedback(str(item["criterion"]), str(item["bucket"])) for item in facts["feedback"]
    )


def remarks_on(document: Mapping[str, Any], partition: Partition) -> tuple[str, ...]:
    """Return what the safety pack vetoes, for whoever writes the next candidate.

    The pack is the same for everybody and says nothing of a scenario; sealed gradings say nothing.
    """
    if partition is Partition.SEALED:
        return ()
    found = pack_vetoes(document)
    lines = [f"The safety pack stops it, whatever else holds: {line}" for line in found[:_TOLD]]
    if len(found) > _TOLD:
        lines.append(f"The safety pack stops it for {len(found) - _TOLD} more reasons like these.")
    return tuple(lines)


def _charge(work: Work, candidate: CandidateId) -> Look:
    spec = work.services.specs.read(work.request.spec)
    return work.services.store.reserve_look(
        Look(
            key=f"{work.run}/{candidate}",
            run=work.run,
            candidate=candidate,
            spec_digest=Digest(spec.digest),
            index=0,
            verdict=Verdict.NOT_EXERCISED,
            at=work.services.clock.now(),
        )
    )


def _given_away(work: Work, look: Look) -> float:
    """Bits of all earlier looks; the evaluator reports the total, so the newest one has it."""
    earlier = [
        row.bits
        for row in work.services.store.looks(spec_digest=look.spec_digest)
        if row.index < look.index and row.bits is not None
    ]
    return max(earlier, default=0.0)


def _settle(work: Work, look: Look, graded: Graded) -> None:
    looks = graded.document.get("looks")
    table = looks if isinstance(looks, Mapping) else {}
    bits = table.get("bits")
    work.services.store.settle_look(
        look.key,
        verdict=graded.verdict,
        bits=None if bits is None else float(bits),
        claimable=_words(table.get("sentence") or table.get("claimable")),
    )


def _words(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else str(value)


def _book(
    work: Work, stage: str, candidate: CandidateId, usage: Sequence[Mapping[str, Any]]
) -> None:
    """Book what judges and simulated users cost; a grading that is repeated really spends again."""
    place = work.place(stage, "evaluator", candidate=candidate)
    now = work.services.clock.now()
    session = work.services.ids.fresh("e")
    rows = [usage_from_json(row) for row in usage]
    work.services.store.keep_costs(
        [
            Cost(
                key=f"{session}/{number}", run=place.run, stage=place.stage, agent=place.agent,
                person=place.person, provider=row.provider, model=row.model,
                at=now, day=now.date().isoformat(), candidate=candidate, usd=row.cost_usd,
                input_tokens=row.input_tokens, output_tokens=row.output_tokens,
                cache_read_tokens=row.cache_read_tokens,
                cache_write_tokens=row.cache_write_tokens,
            )
            for number, row in enumerate(rows, start=1)
        ]
    )  # fmt: skip


def _refuse_unpaid(work: Work, graded: Graded) -> None:
    """Stop where the next call of a judge would pass a limit; what was counted is not lost.

    Raises:
        BudgetUsedUp: With a higher limit the same grading goes on where it stopped.
    """
    unpaid = graded.document.get("unpaid")
    if unpaid is None:
        return
    ledger = work.services.ledger
    known = ledger.refusal(work.run) if ledger is not None else None
    raise known or BudgetUsedUp(
        "LIN-122",
        f"The grading stopped before a call that nobody may pay for: {unpaid}",
        "a limit of money stops before the spend.",
        "raise the budget of role `evaluator` in policy.toml, and start another run.",
    )


def _tell(work: Work, stage: str, candidate: CandidateId, event: Mapping[str, Any]) -> None:
    kind = str(event.get("kind") or event.get("event") or "note")
    sealed = stage == "sealed"
    hidden = {"scenario", "story", "reasons", "text"} if sealed else {"story", "reasons"}
    data = {
        name: value
        for name, value in event.items()
        if name not in hidden and isinstance(value, str | int | float | bool | None)
    }
    line = LineEvent(
        work.run,
        kind if kind in ("trajectory", "note") else "note",
        stage,
        candidate,
        str(event.get("state") or ""),
        "" if sealed else str(event.get("text") or ""),
        data,
    )
    number = event.get("n")
    key = f"{stage}/{candidate}/{kind}/{number if number is not None else data.get('text', '')}"
    work.journal.event(key, line, keep=number is not None)


def _keep(
    work: Work,
    candidate: CandidateId,
    base: str,
    tree: str,
    partition: Partition,
    graded: Graded,
) -> Evaluation:
    rows = [
        _trajectory(work, candidate, partition, number, row)
        for number, row in enumerate(graded.document.get("trajectories") or (), start=1)
    ]
    work.services.store.keep_trajectories(rows)
    satisfaction = graded.document.get("satisfaction") or {}
    evaluation = Evaluation(
        run=work.run,
        candidate=candidate,
        partition=partition,
        verdict=graded.verdict,
        base=base,
        tree=tree,
        made_at=work.services.clock.now(),
        estimate=satisfaction.get("estimate"),
        lower=satisfaction.get("lower"),
        upper=satisfaction.get("upper"),
        trajectories=len(rows),
        satisfied=sum(row.state is TrajectoryState.SATISFIED for row in rows),
        document=without_content(graded.document, partition),
        feedback=graded.feedback,
    )
    work.services.store.keep_evaluation(evaluation)
    return evaluation


def _trajectory(
    work: Work,
    candidate: CandidateId,
    partition: Partition,
    number: int,
    row: Mapping[str, Any],
) -> Trajectory:
    criteria = row.get("criteria") or row.get("criterion") or ()
    if isinstance(criteria, str):
        criteria = (criteria,)
    return Trajectory(
        run=work.run,
        candidate=candidate,
        partition=partition,
        number=int(row.get("n") or number),
        scenario=ScenarioId(str(row.get("scenario", ""))),
        state=TrajectoryState(row["state"]),
        criteria=tuple(CriterionId(str(item)) for item in criteria),
        seed=row.get("seed"),
        bucket=row.get("bucket"),
        duration_s=row.get("duration_s"),
    )


def without_content(document: Mapping[str, Any], partition: Partition) -> dict[str, Any]:
    """Return the evaluator's document without what scenarios say: ids, states and numbers stay."""
    plain = dict(document)
    if partition is Partition.VISIBLE:
        return plain
    kept = ("n", "scenario", "seed", "state", "bucket", "twin_routes", "cost", "duration_s",
            "criteria", "failed", "attempts")  # fmt: skip
    plain["trajectories"] = [
        {name: row[name] for name in kept if name in row}
        for row in document.get("trajectories") or ()
    ]
    return plain


def _facts(evaluation: Evaluation, graded: Graded, look: Look | None) -> Mapping[str, Any]:
    ships = graded.verdict is Verdict.SHIP
    interval = "not known"
    if evaluation.estimate is not None:
        interval = f"{evaluation.estimate:.2f}"
        if evaluation.lower is not None and evaluation.upper is not None:
            interval += f" [{evaluation.lower:.2f}, {evaluation.upper:.2f}]"
    share = f"{evaluation.satisfied} of {evaluation.trajectories} trajectories satisfied"
    stopped = "" if ships else stop_words(graded.document)
    return {
        "state": (StageState.DONE if ships else StageState.NOT_GOOD_ENOUGH).value,
        "detail": f"{graded.verdict.value}: {share}, satisfaction {interval}"
        + (f"; {stopped}" if stopped else ""),
        "verdict": graded.verdict.value,
        "feedback": [dict(item) for item in graded.feedback],
        "remarks": list(remarks_on(graded.document, evaluation.partition)),
        "trajectories": evaluation.trajectories,
        "satisfied": evaluation.satisfied,
        "estimate": evaluation.estimate,
        "lower": evaluation.lower,
        "look": None if look is None else look.index,
    }
