"""Grade one candidate against one partition of a vault."""

import logging
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from unlit.core.clock import Clock
from unlit.core.errors import InvalidInput
from unlit.core.ids import CriterionId
from unlit.core.states import Partition, TrajectoryState
from unlit.evaluation.base import BaseReport, check_base
from unlit.evaluation.grading import Loop, Slot
from unlit.evaluation.model import EvaluationRequest, Event, Product, TrajectoryRecord
from unlit.evaluation.ports import Pool, Worlds
from unlit.evaluation.rules.ship import ShipTest, start
from unlit.evaluation.scenarios.model import Draw, Scenario
from unlit.evaluation.scenarios.sample import Drawing, sample
from unlit.evaluation.stage import Driver, Launch
from unlit.evaluation.store import ArtefactStore
from unlit.evaluation.trajectory import Outcome, Setting
from unlit.evaluation.vault import Vault

logger = logging.getLogger(__name__)

OnEvent = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a grading works with, from outside."""

    worlds: Worlds
    pool: Pool
    clock: Clock
    driver: Callable[[str], Driver]
    store: ArtefactStore


@dataclass(frozen=True, slots=True)
class Counted:
    """Everything that was counted, in the order drawn."""

    test: ShipTest
    records: tuple[TrajectoryRecord, ...]
    scenarios: tuple[Scenario, ...]
    sampling: str
    base: BaseReport = field(default_factory=BaseReport)
    curtailed: bool = False

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
    if not product.run or not product.run.strip():
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
    return Launch(product.kind, tuple(shlex.split(product.run)), product.port, product.env)


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
    setting = Setting(parts.worlds, launch, parts.clock, parts.driver)
    chosen = _chosen(request, vault)
    base = await check_base(request, chosen, vault.lists, setting, parts.pool, on_event)
    chosen = tuple(scenario for scenario in chosen if scenario.id not in base.void)
    test = start(request.ship, alpha=alpha)
    if not chosen:
        return Counted(test, (), (), "nothing to draw", base)
    drawing = Drawing(chosen, request.seed, _sweep_limit(test))
    if "replay" in request.options:
        return await _replay(request, chosen[0], vault, parts, setting, on_event)
    count = Count(request, drawing, test, parts.store, on_event)
    slots = [
        Slot(f"slot-{n}", parts.pool, request.candidate) for n in range(1, request.parallel + 1)
    ]
    limit = drawing.limit(request.max_trajectories)
    count.limit = limit
    scenarios = {str(scenario.id): scenario for scenario in chosen}
    draws = _draws(drawing, vault.lists)
    await Loop(scenarios, draws, setting, count, limit).run(slots)
    sampling = "random sweeps by weight" if drawing.by_sweeps else "independent by weight"
    return Counted(count.test, tuple(count.records), chosen, sampling, base, count.curtailed)


async def _replay(
    request: EvaluationRequest,
    scenario: Scenario,
    vault: Vault,
    parts: Parts,
    setting: Setting,
    on_event: OnEvent,
) -> Counted:
    """Run exactly one trajectory again, by its seed."""
    seed = int(request.options["replay"])
    draw = Draw(1, scenario.id, seed, sample(scenario, seed, vault.lists))
    drawing = Drawing((scenario,), request.seed, 1)
    count = Count(request, drawing, start(request.ship), parts.store, on_event)
    slots = [Slot("slot-1", parts.pool, request.candidate)]
    await Loop({str(scenario.id): scenario}, [draw], setting, count, 1).run(slots)
    return Counted(count.test, tuple(count.records), (scenario,), "one trajectory, replayed")


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
        store: ArtefactStore,
        on_event: OnEvent,
    ) -> None:
        self._request = request
        self._drawing = drawing
        self._store = store
        self._on_event = on_event
        self.test = test
        self.records: list[TrajectoryRecord] = []
        self.limit = request.max_trajectories
        self.curtailed = False
        self.criteria: dict[str, tuple[CriterionId, ...]] = {}

    def __call__(self, outcome: Outcome) -> bool:
        """Count one outcome; return whether it is enough."""
        complete = self._drawing.complete(outcome.draw.index)
        if outcome.state is not TrajectoryState.NOT_EXERCISED:
            satisfied = outcome.state is TrajectoryState.SATISFIED
            self.test = self.test.after(satisfied, test=complete)
        scenario = self._drawing.scenario(outcome.draw.scenario)
        record = record_of(outcome, scenario, self._replay_command(outcome))
        self.records.append(record)
        self._store.keep(record, outcome, scenario)
        self._on_event(self._event(record))
        if self._request.keep_going:
            return False
        return self.test.is_decided or (complete and self._cannot_ship())

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


def record_of(outcome: Outcome, scenario: Scenario, replay: str | None = None) -> TrajectoryRecord:
    """Return what may leave the evaluator about one trajectory: ids and labels."""
    named = {name for check in scenario.then for name in check.criterion}
    criteria = (*scenario.criteria, *sorted(named - set(scenario.criteria)))
    return TrajectoryRecord(
        n=outcome.draw.index,
        scenario=scenario.id,
        seed=outcome.draw.seed,
        state=outcome.state,
        criteria=criteria,
        reasons=outcome.labels(),
        twin_routes=tuple(
            {"service": use.service, "route": use.route, "tier": use.tier, "count": use.count}
            for use in outcome.traffic.routes
        ),
        attempts=outcome.attempts,
        failed=()
        if outcome.state is TrajectoryState.NOT_EXERCISED
        else tuple(name for name in criteria if not outcome.satisfies(name)),
        duration_s=round(outcome.duration_s, 3),
        replay=replay,
    )
