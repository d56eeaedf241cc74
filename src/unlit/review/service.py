"""Use cases of the review room: build a run's report, ask, and write down what a person decides."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from unlit.core.ids import CandidateId, RunId
from unlit.core.states import Partition, Verdict
from unlit.core.system import SystemClock
from unlit.evaluation.model import ShipRule
from unlit.evaluation.rules.ship import ShipTest
from unlit.record.model import (
    Cost,
    Evaluation,
    Forecast,
    GateDecision,
    Question,
    Run,
    RunEvent,
    RunState,
    Stage,
)
from unlit.record.store import Store
from unlit.review.access import access_lines
from unlit.review.model import (
    CandidateLine,
    CostLine,
    CriterionLine,
    DecisionLine,
    FenceLine,
    ForecastLine,
    Graded,
    LevelLine,
    QuestionLine,
    Report,
    Rule,
    RunFacts,
)
from unlit.review.rules import reading
from unlit.review.rules.commands import commands_of
from unlit.review.rules.costs import cost_of, elapsed_of
from unlit.review.rules.gates import SHIP_NOTE
from unlit.review.rules.headline import Facts, headline
from unlit.review.rules.level import level_of
from unlit.review.rules.questions import left_out, questions_of, spot_check

_GRADING = ("validate", "sealed", "visible")


def build_report(
    store: Store, run: RunId, *, fences: Sequence[FenceLine] = (), now: datetime | None = None
) -> Report:
    """Build the outcome report of a run from the record, as far as the run has come.

    Args:
        store: The record.
        run: The run.
        fences: What its fences saw, from their audit logs (`adapters.fence_log`); without them
            only what the record holds of fences is reported.
        now: When it is read, which says whether a grant has ended; the machine's time if `None`.

    Raises:
        InvalidInput: No such run.
    """
    found = store.find_run(run)
    report = _Builder(store, found).report()
    stages = store.stages(found.id)
    seen = next((one.detail for one in stages if one.name == "context"), "")
    seen += read_live(store.events(found.id, kinds=("context",)))
    access = access_lines(store, found.id, now or SystemClock().now())
    report = replace(report, access=access, seen=seen)
    return replace(report, fences=tuple(fences)) if fences else report


def read_live(events: Sequence[RunEvent]) -> str:
    """Say what agents read of the sources while they worked; nothing if they read nothing."""
    rows = [row for event in events for row in event.data.get("entries") or ()]
    refused = sum("refused" in event.data for event in events)
    if not rows and not refused:
        return ""
    named = {(row["source"], row["kind"], row["key"], row["body"]) for row in rows}
    counts = sorted(Counter(source for source, *_ in named).items())
    said = f"; while they worked, agents read {len(named)} more"
    said += f": {', '.join(f'{name} {count}' for name, count in counts)}" if counts else ""
    return said + (f"; {refused} refused" if refused else "")


def questions_for(report: Report) -> tuple[QuestionLine, ...]:
    """Return the open questions of a report: only what no independent check settled."""
    return report.open_questions


def level_for(store: Store, run: Run) -> LevelLine:
    """State the level of one run without building its whole report."""
    builder = _Builder(store, run, with_rows=False)
    lines = builder.candidate_lines()
    chosen = builder.chosen(lines)
    decision = store.gate_decision(run.id, "outcome")
    return level_of(
        lines,
        run.agent,
        builder.graded(chosen, Partition.VALIDATION),
        reading.leaks_of(builder.documents(chosen)),
        None if decision is None else _decision(decision),
    )


class _Builder:
    """Gathers the rows of one run once and turns them into a report."""

    def __init__(self, store: Store, run: Run, *, with_rows: bool = True) -> None:
        self.store = store
        self.run = run
        self.stages = store.stages(run.id)
        self.evaluations = store.evaluations(run.id)
        self.candidates = store.candidates(run.id)
        self.rows = store.trajectories(run.id) if with_rows else ()
        documents = [evaluation.document for evaluation in self.evaluations]
        self._judged: Mapping[str, str] = {}
        self.rule = reading.rule_of(documents[-1] if documents else {}, run.settings)

    def report(self) -> Report:
        lines = self.candidate_lines()
        chosen = self.chosen(lines)
        graded = self.graded(chosen, Partition.VALIDATION) or self.graded(chosen, Partition.VISIBLE)
        state = self._state(self._verdict(chosen))
        live = self._live() if state is RunState.RUNNING else None
        graded = live or graded
        sealed = None if live else self.graded(chosen, Partition.SEALED)
        documents = self.documents(chosen)
        main = documents[0] if documents else {}
        look = self._evaluation(chosen, Partition.SEALED)
        criteria = reading.criteria_of(
            main, graded.points if graded and not live else (), look.document if look else None
        )
        self._judged = reading.judged_words(documents, self.run.id)
        asked = self._questions(self._to_ask(criteria))
        leaks = reading.leaks_of(documents)
        decisions = tuple(_decision(row) for row in self.store.gate_decisions(self.run.id))
        outcome = next((line for line in decisions if line.gate == "outcome"), None)
        verdict = self.run.verdict or self._verdict(chosen)
        gaps = (
            *reading.gaps_of(
                documents,
                criteria,
                looked=sealed is not None,
                asked=frozenset(line.criterion for line in asked if line.criterion),
                proof=None if self.rule is None else _test(self.rule, 0, 0).clean_runs_to_ship(),
            ),
            *left_out(criteria, asked),
        )
        newest = self.stages[-1] if self.stages else None
        facts = Facts(
            state=state,
            verdict=verdict,
            candidates=lines,
            graded=graded,
            sealed=sealed,
            criteria=criteria,
            gaps=gaps,
            leaks=leaks,
            questions=sum(line.answer is None for line in asked),
            decision=outcome,
            stage=(newest.name, newest.state) if newest else None,
            note=self.run.note,
            needs=_needs(graded, self.rule),
            gate=_gate_of(self.run, outcome) if state is RunState.WAITING else "",
        )
        gate = _gate_of(self.run, outcome) if state is RunState.WAITING else ""
        run_facts = replace(self._run_facts(chosen), state=state.value, gate=gate)
        return Report(
            run=run_facts,
            headline=headline(facts),
            verdict=verdict,
            rule=self.rule,
            graded=graded,
            sealed=sealed,
            candidates=lines,
            criteria=criteria,
            not_verified=gaps,
            strength=reading.strength_of(main),
            leaks=leaks,
            looks=self._looks(sealed, chosen),
            fences=tuple(_fence(stage) for stage in self.stages if stage.facts.get("fence")),
            cost=self._cost(),
            elapsed_s=elapsed_of(self.stages),
            forecasts=tuple(_forecast(row) for row in self.store.forecasts(self.run.id)),
            twins=reading.twins_of(documents),
            questions=asked,
            decisions=decisions,
            level=level_of(lines, self.run.agent, graded, leaks, outcome),
            invariants=tuple(reading.table(item) for item in reading.rows(main.get("invariants"))),
            pack=reading.table(main.get("pack")) or None,
            commands=commands_of(run_facts, self.run.settings),
            warnings=tuple(
                dict.fromkeys(
                    str(item)
                    for document in documents
                    for item in reading.rows(document.get("warnings"))
                )
            ),
        )

    def candidate_lines(self) -> tuple[CandidateLine, ...]:
        lines = []
        for row in self.candidates:
            graded = self.graded(row.id, Partition.VALIDATION)
            why = "" if graded is not None else self._why_not(row.id)
            lines.append(
                CandidateLine(row.id, row.number, row.commit, row.files, row.outcome, graded, why)
            )
        return tuple(lines)

    def _why_not(self, candidate: CandidateId) -> str:
        stages = [stage for stage in self.stages if stage.candidate == candidate and stage.detail]
        return stages[-1].detail if stages else "not graded"

    def chosen(self, lines: Sequence[CandidateLine]) -> CandidateId | None:
        shipping = [
            row.candidate for row in self.evaluations if row.partition is Partition.SEALED
        ] or [row.candidate for row in self.evaluations if row.verdict is Verdict.SHIP]
        if shipping:
            return shipping[-1]
        graded = [line for line in lines if line.graded is not None]
        if not graded:
            return self.run.candidate
        best = max(graded, key=lambda line: (line.graded.estimate or 0.0, line.number)  # type: ignore[union-attr] # filtered above
                   )  # fmt: skip
        return best.id

    def _evaluation(self, candidate: CandidateId | None, partition: Partition) -> Evaluation | None:
        return next(
            (
                row
                for row in self.evaluations
                if row.candidate == candidate and row.partition is partition
            ),
            None,
        )

    def graded(self, candidate: CandidateId | None, partition: Partition) -> Graded | None:
        row = self._evaluation(candidate, partition)
        if row is None:
            return None
        trajectories = [
            item
            for item in self.rows
            if item.candidate == candidate and item.partition is partition
        ]
        return reading.graded_of(row, trajectories, self.rule)

    def documents(self, candidate: CandidateId | None) -> list[Mapping[str, Any]]:
        order = (Partition.VALIDATION, Partition.SEALED, Partition.VISIBLE)
        found = [self._evaluation(candidate, partition) for partition in order]
        return [row.document for row in found if row is not None]

    def _verdict(self, candidate: CandidateId | None) -> Verdict | None:
        sealed = self._evaluation(candidate, Partition.SEALED)
        row = sealed or self._evaluation(candidate, Partition.VALIDATION)
        return None if row is None else row.verdict

    def _risk(self) -> str:
        told = [stage.facts.get("risk") for stage in self.stages if stage.name == "intent"]
        return str(next((word for word in told if word), None) or "")

    def _state(self, verdict: Verdict | None) -> RunState:
        """The run's state; while its report is written, the one that the report ends in."""
        newest = self.stages[-1].name if self.stages else ""
        if self.run.state is not RunState.RUNNING or newest not in ("report", "gate"):
            return self.run.state
        return RunState.WAITING if verdict is Verdict.SHIP else RunState.ENDED

    def _live(self) -> Graded | None:
        done = [row.candidate for row in self.evaluations]
        return reading.live_of(self.store.events(self.run.id), done)

    def _to_ask(self, criteria: Sequence[CriterionLine]) -> tuple[QuestionLine, ...]:
        asked = tuple(
            replace(line, why=self._judged.get(line.criterion or "") or line.why)
            for line in questions_of(criteria, risk=self._risk())
        )
        if self.run.verdict is not Verdict.SHIP or self.run.agent.startswith("scripted"):
            return asked
        spot = spot_check(criteria, self.run.id)
        return asked if spot is None else (*asked, replace(spot, number=len(asked) + 1))

    def _questions(self, asked: Sequence[QuestionLine]) -> tuple[QuestionLine, ...]:
        kept = {row.number: row for row in self.store.questions(self.run.id)}
        if not kept:
            return tuple(asked)
        by_criterion = {line.criterion: line for line in asked if line.criterion is not None}
        return tuple(
            _merge(row, by_criterion.get(row.criterion) if row.criterion else None)
            for row in kept.values()
        )

    def _looks(self, sealed: Graded | None, chosen: CandidateId | None) -> Any:
        charged = self.store.looks(spec_digest=self.run.spec_digest)
        row = self._evaluation(chosen, Partition.SEALED)
        scenarios = len({point.scenario for point in sealed.points}) if sealed else 0
        alpha = self.rule.alpha if self.rule else 0.05
        return reading.looks_of(row.document if row else None, charged, scenarios, alpha)

    def _cost(self) -> CostLine:
        rows: Sequence[Cost] = self.store.costs(run=self.run.id)
        return cost_of(rows)

    def _run_facts(self, chosen: CandidateId | None) -> RunFacts:
        run = self.run
        made = next((row for row in self.candidates if row.id == chosen), None)
        ends = [stage.ended_at for stage in self.stages if stage.ended_at is not None]
        return RunFacts(
            id=run.id,
            title=run.title,
            spec_id=run.spec_id,
            spec_digest=run.spec_digest,
            spec_path=run.spec_path,
            repository=run.repository,
            base=run.base,
            state=run.state.value,
            person=run.person,
            agent=made.agent if made else run.agent,
            seed=run.seed,
            created_at=run.created_at,
            updated_at=run.updated_at,
            ended_at=max(ends) if ends and run.state.value not in ("queued", "running") else None,
            candidate=chosen,
            commit=made.commit if made else None,
            tree=made.tree if made else None,
            note=run.note,
            workspace=run.workspace,
        )


def _merge(row: Question, computed: QuestionLine | None) -> QuestionLine:
    line = computed or QuestionLine(row.number, row.kind, row.text, row.criterion, row.why)
    return replace(
        line,
        number=row.number,
        kind=row.kind,
        text=row.text,
        why=row.why or line.why,
        stakes=row.stakes,
        doubt=row.doubt,
        minutes=row.minutes,
        answer=row.answer,
        answered_by=row.answered_by,
    )


def _needs(graded: Graded | None, rule: Rule | None) -> int | None:
    if graded is None or rule is None:
        return None
    return _test(rule, graded.trajectories, graded.satisfied).clean_runs_to_ship()


def _test(rule: Rule, tried: int, satisfied: int) -> ShipTest:
    shipping = ShipRule(rule.p0, rule.p1, rule.alpha, rule.beta, rule.method)
    return ShipTest(shipping, rule.alpha, tried, satisfied)


def _gate_of(run: Run, outcome: DecisionLine | None) -> str:
    """The gate a waiting run waits at, as the run itself says."""
    if run.settings.get("gate") == "intent":
        return "intent"
    if outcome is None:
        return "outcome"
    return "ship" if run.note.startswith(SHIP_NOTE) else ""


def _decision(row: GateDecision) -> DecisionLine:
    return DecisionLine(row.gate, row.decision, row.person, row.reason, row.at)


def _fence(stage: Stage) -> FenceLine:
    facts = reading.table(stage.facts.get("fence"))
    held, weak = facts.get("held"), facts.get("weak")
    return FenceLine(
        stage=stage.name,
        candidate=stage.candidate,
        held=held if isinstance(held, bool) else None,
        denied=reading.whole(facts.get("denied")),
        exchanges=reading.whole(facts.get("exchanges")),
        weak=tuple(str(item) for item in weak) if isinstance(weak, list | tuple) else None,
        peak_memory_mb=reading.number(facts.get("peak_memory_mb")),
    )


def _forecast(row: Forecast) -> ForecastLine:
    return ForecastLine(row.measure, row.source, row.by, row.low, row.middle, row.high, row.actual)
