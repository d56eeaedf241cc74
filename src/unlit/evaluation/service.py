"""Grade one candidate against one partition of a vault."""

import logging
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from unlit.core.clock import Clock
from unlit.core.errors import InvalidInput
from unlit.core.ids import CriterionId
from unlit.core.states import Partition, TrajectoryState
from unlit.evaluation.asking import ModelLine, OutOfBudget
from unlit.evaluation.base import BaseReport, check_base
from unlit.evaluation.defaults import refuse_undrivable
from unlit.evaluation.grading import Loop, Slot
from unlit.evaluation.leaks.proof import Proof
from unlit.evaluation.ledger import grading_key
from unlit.evaluation.model import EvaluationRequest, Event, Product, TrajectoryRecord
from unlit.evaluation.more import Extra, More
from unlit.evaluation.ports import Judge, Pool, Worlds
from unlit.evaluation.records import judged_criteria, outputs_of, record_of
from unlit.evaluation.rules.freshness import Freshness
from unlit.evaluation.rules.judging import MIN_LABELS
from unlit.evaluation.rules.ship import ShipTest, start
from unlit.evaluation.scenarios.model import Draw, Scenario
from unlit.evaluation.scenarios.sample import Drawing, sample
from unlit.evaluation.shrink import shrink
from unlit.evaluation.stage import Driver, Launch
from unlit.evaluation.store import ArtefactStore, Kept
from unlit.evaluation.trajectory import Outcome, Setting
from unlit.evaluation.vault import Vault

logger = logging.getLogger(__name__)

OnEvent = Callable[[Event], None]

JUDGED_RUNS: Final = 2 * MIN_LABELS


@dataclass(frozen=True, slots=True)
class Parts:
    """What a grading works with, from outside."""

    worlds: Worlds
    pool: Pool
    clock: Clock
    driver: Callable[[str], Driver]
    store: ArtefactStore
    proof: Proof
    judge: Judge | None = None
    model_line: ModelLine | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """Everything that was counted, in the order drawn.

    Attributes:
        sweep: Draws of one sweep, at whose end alone the evidence was tested; None: at each draw.
    """

    test: ShipTest
    records: tuple[TrajectoryRecord, ...]
    scenarios: tuple[Scenario, ...]
    sampling: str
    sweep: int | None = None
    base: BaseReport = field(default_factory=BaseReport)
    curtailed: bool = False
    judged: Mapping[CriterionId, Mapping[int, bool]] = field(default_factory=dict)
    key: str = ""
    settled: tuple[TrajectoryRecord, ...] = ()
    freshness: Freshness | None = None
    unpaid: str | None = None

    @property
    def broken(self) -> str | None:
        """Say what was wrong with us, if half of the trajectories or more are our own faults."""
        states = [record.state for record in self.records]
        faults = states.count(TrajectoryState.HARNESS_FAULT)
        if not faults or faults * 2 < len(states):
            return None
        return f"{faults} of {len(states)} trajectories are faults of the harness"


def launch_of(product: Product) -> Launch:
    """Return how the product is started.

    Raises:
        InvalidInput: Nothing says how.
    """
    started = bool(product.run and product.run.strip())
    if not started and product.kind == "library":
        return Launch(product.kind, (), None, product.env)  # driven by `cli: {shell: …}` steps
    if not started:
        raise InvalidInput(
            "EVA-130", "Nothing says how the product starts.",
            "the candidate is a program that must be run.",
            "set `run` in `[product]` of unlit.toml, or give `--run COMMAND`.",
        )  # fmt: skip
    if product.kind in ("http", "web") and product.port is None:
        raise InvalidInput(
            "EVA-131", f"The product is `{product.kind}` and has no port.",
            "its scenarios reach it there.", "set `port` in `[product]`, or give `--port N`.",
        )  # fmt: skip
    return Launch(product.kind, tuple(shlex.split(product.run or "")), product.port, product.env)


async def grade(
    request: EvaluationRequest,
    vault: Vault,
    parts: Parts,
    on_event: OnEvent,
    *,
    alpha: float | None = None,
) -> Counted:
    """Run trajectories until the ship rule has decided or the limit is reached.

    Args:
        request: What to grade and how.
        vault: Scenarios without errors.
        parts: The outside.
        on_event: Told each trajectory in the order drawn.
        alpha: What earlier looks have left of the ship rule's own.

    Raises:
        InvalidInput: The product cannot be started as described, or an id in `only` is unknown.
        UnlitError: No fence can be opened at all.
    """
    launch = launch_of(request.product)
    setting = Setting(
        parts.worlds, launch, parts.clock, parts.driver, judge=parts.judge, own=vault.own,
        model_line=parts.model_line,
    )  # fmt: skip
    chosen = _chosen(request, vault)
    refuse_undrivable(chosen, request.product.run, launch.port)
    base = await check_base(request, chosen, vault.lists, setting, parts.pool, on_event)
    chosen = tuple(scenario for scenario in chosen if scenario.id not in base.void)
    test = start(request.ship, alpha=alpha)
    if not chosen:
        return Counted(test, (), (), "nothing to draw", base=base)
    drawing = Drawing(chosen, request.seed, _sweep_limit(test))
    if "replay" in request.options:
        return await _replay(request, chosen[0], vault, parts, setting, on_event)
    count = Count(request, drawing, test, parts, on_event)
    slots = [
        Slot(f"slot-{n}", parts.pool, request.candidate) for n in range(1, request.parallel + 1)
    ]
    count.limit = limit = drawing.limit(request.max_trajectories)
    key = grading_key(request, vault.digest)
    counted = parts.store.resume(key)
    if parts.judge is not None:
        about = {"judge": parts.judge.name, "family": parts.judge.family}
        parts.store.write("judge.json", about)
    draws = _draws(drawing, vault.lists)
    if not any(count.recount(kept, next(draws)) for kept in counted):
        await _check_command(launch, slots[0])
        scenarios = {str(scenario.id): scenario for scenario in chosen}
        loop = Loop(scenarios, draws, setting, count, limit, first=len(counted) + 1)
        await loop.run(slots)
    extra = Extra()
    if count.unpaid is None:
        extra = await _afterwards(request, chosen, vault, parts, setting, count)
    sampling = "random sweeps by weight" if drawing.by_sweeps else "independent by weight"
    return Counted(
        count.test, tuple(count.records), chosen, sampling,
        drawing.sweep if drawing.by_sweeps else None, base, count.curtailed, count.judged,
        key, extra.settled, extra.freshness, count.unpaid,
    )  # fmt: skip


async def _afterwards(
    request: EvaluationRequest,
    scenarios: Sequence[Scenario],
    vault: Vault,
    parts: Parts,
    setting: Setting,
    count: "Count",
) -> Extra:
    """Spend what is left where it is undecided, and try known values; neither enters the test."""
    settle = int(request.options.get("settle", 0))
    fresh = bool(request.options.get("freshness", False))
    if not settle and not fresh:
        return Extra()
    slot = Slot("slot-extra", parts.pool, request.candidate)
    try:
        more = More(request, scenarios, vault.lists, slot, setting)
        records = await more.settle(count.records, settle) if settle else ()
        pairs = await more.known_values(count.records) if fresh else None
    finally:
        await slot.close()
    return Extra(records, pairs)


async def _check_command(launch: Launch, slot: Slot) -> None:
    """Say at once when the fence has no such command, instead of failing every trajectory.

    Raises:
        InvalidInput: The command is not there, and it is none of the candidate's own files.
    """
    command = launch.run[0] if launch.run else "sh"
    if "/" in command:
        return
    sandbox = await slot.ready()
    found = await sandbox.run(["sh", "-c", 'command -v -- "$0"', command], timeout_s=30)
    if found.exit_code != 0:
        raise InvalidInput(
            "EVA-138", f"The product's fence has no command `{command}`.",
            "the product is started by it (`run` in `[product]`, or `--run`).",
            "name a command of this machine or of the product's own build.",
        )  # fmt: skip


async def _replay(
    request: EvaluationRequest,
    scenario: Scenario,
    vault: Vault,
    parts: Parts,
    setting: Setting,
    on_event: OnEvent,
) -> Counted:
    """Run exactly one trajectory again, by its seed; if it fails, look for a smaller case."""
    seed = int(request.options["replay"])
    given = dict(request.options.get("values", {}))
    values = {**sample(scenario, seed, vault.lists), **given}
    draw = Draw(1, scenario.id, seed, values)
    drawing = Drawing((scenario,), request.seed, 1)
    count = Count(request, drawing, start(request.ship), parts, on_event)
    slot = Slot("slot-1", parts.pool, request.candidate)
    try:
        outcome = await slot.run(scenario, draw, setting)
        count(outcome)
        if outcome.state is TrajectoryState.NOT_SATISFIED and not given and scenario.vary:
            await _shrink(scenario, outcome, slot, setting, parts.store, on_event)
    finally:
        await slot.close()
    return Counted(count.test, tuple(count.records), (scenario,), "one trajectory, replayed")


async def _shrink(
    scenario: Scenario,
    outcome: Outcome,
    slot: Slot,
    setting: Setting,
    store: ArtefactStore,
    on_event: OnEvent,
) -> None:
    """Look for simpler values that fail at the same checks; what is found stays in the store."""
    labels = set(outcome.labels())

    async def fails(values: Mapping[str, Any]) -> bool:
        again = await slot.run(scenario, replace(outcome.draw, values=values), setting)
        return bool(labels & set(again.labels()))

    best, runs = await shrink(scenario, outcome.draw.values, fails)
    store.write("smaller.json", {"values": best, "runs": runs,
                                 "is_smaller": best != dict(outcome.draw.values)})  # fmt: skip
    on_event(Event("note", {"text": "looked for a smaller failing case", "runs": runs}))


def _sweep_limit(test: ShipTest) -> int:
    # A sweep no longer than the shortest way to ship costs nothing and meets every scenario.
    return max(10, test.clean_runs_to_ship() or 0)


def _chosen(request: EvaluationRequest, vault: Vault) -> tuple[Scenario, ...]:
    if request.only:
        return tuple(vault.scenario(name) for name in request.only)
    return vault.of(request.partition)


def _draws(drawing: Drawing, lists: Mapping[str, Sequence[str]]) -> Iterator[Draw]:
    while True:
        yield drawing.next(lists)


class Count:
    """Counts outcomes in the order drawn, tests where testing is allowed, and tells."""

    def __init__(
        self,
        request: EvaluationRequest,
        drawing: Drawing,
        test: ShipTest,
        parts: Parts,
        on_event: OnEvent,
    ) -> None:
        self._request = request
        self._drawing = drawing
        self._store = parts.store
        self._proof = parts.proof
        self._on_event = on_event
        self.test = test
        self.records: list[TrajectoryRecord] = []
        self.limit = request.max_trajectories
        self.curtailed = False
        self.unpaid: str | None = None
        self.judged: dict[CriterionId, dict[int, bool]] = {}

    def __call__(self, outcome: Outcome) -> bool:
        """Count one outcome; return whether it is enough.

        One that nobody could pay for is not counted: the same grading goes on exactly there.
        """
        if OutOfBudget.label in outcome.labels():
            self.unpaid = outcome.reasons[0].text
            return True
        scenario = self._drawing.scenario(outcome.draw.scenario)
        record = record_of(outcome, scenario, self._replay_command(outcome))
        leaks = {
            "twins": self._proof.see("twins", outcome.traffic.texts),
            "outputs": self._proof.see("outputs", outputs_of(outcome)),
        }
        verdicts = judged_criteria(scenario, outcome)
        self._store.keep(record, outcome, scenario, leaks, verdicts)
        self._note_judged(record.n, verdicts)
        return self._count(record)

    def recount(self, kept: Kept, draw: Draw) -> bool:
        """Count what an interrupted grading had counted already.

        Raises:
            InvalidInput: The record is not of this draw; the store was changed by hand.
        """
        record = kept.record
        if (record.n, record.scenario, record.seed) != (draw.index, draw.scenario, draw.seed):
            raise InvalidInput(
                "EVA-126", f"Trajectory {record.n} in the evaluator's store is of another draw.",
                "an interrupted grading goes on exactly where it was.",
                "delete the grading's folder in the evaluator's store and grade again.",
            )  # fmt: skip
        for kind, found in kept.leaks.items():
            self._proof.recall(kind, found)
        self._note_judged(record.n, kept.judged)
        return self._count(record)

    def _note_judged(self, n: int, verdicts: Mapping[str, bool]) -> None:
        for name, verdict in verdicts.items():
            self.judged.setdefault(CriterionId(name), {})[n] = verdict

    def _wants_judged(self) -> bool:
        """Say whether a judge has too few runs yet for people's labels to count."""
        return any(len(runs) < JUDGED_RUNS for runs in self.judged.values())

    def _count(self, record: TrajectoryRecord) -> bool:
        complete = self._drawing.complete(record.n)
        if record.state.is_evidence:
            satisfied = record.state is TrajectoryState.SATISFIED
            self.test = self.test.after(satisfied, test=False)
        if complete:  # also where the last draw of the sweep counts for nothing
            self.test = self.test.tested()
        self.records.append(record)
        self._on_event(self._event(record))
        if self._request.keep_going or self._wants_judged():
            return False
        nothing_counts = (
            self.test.n == 0 and not self.judged and len(self.records) >= self._drawing.sweep
        )
        return self.test.is_decided or (complete and (nothing_counts or self._cannot_ship()))

    def _replay_command(self, outcome: Outcome) -> str | None:
        if outcome.state is TrajectoryState.SATISFIED:
            return None
        prefix = self._request.options.get("replay_prefix") or shlex.join(
            ["unlit", "evaluate", "--spec", str(self._request.spec),
             "--candidate", str(self._request.candidate), "--vault", str(self._request.vault)]
        )  # fmt: skip
        return f"{prefix} --replay {outcome.draw.scenario}:{outcome.draw.seed}"

    def _cannot_ship(self) -> bool:
        missing = self.test.clean_runs_to_ship()
        self.curtailed = missing is not None and self.test.n + missing > self.limit
        return self.curtailed

    def _event(self, record: TrajectoryRecord) -> Event:
        interval = self.test.interval
        hidden = self._request.partition is Partition.SEALED
        return Event(
            "trajectory",
            {
                "n": record.n,
                "scenario": None if hidden else record.scenario,
                "state": str(record.state),
                "criterion": record.criteria[0] if record.criteria else None,
                "satisfied": self.test.satisfied,
                "total": self.test.n,
                "estimate": self.test.estimate,
                "lower": interval.lower,
                "upper": interval.upper,
                "e_value": self.test.e_value,
                "decided": str(self.test.decision) if self.test.is_decided else None,
            },
        )
