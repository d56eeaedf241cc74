"""The "cannot fail" battery: nothing, a constant, the previous release, and planted defects."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from unlit.core.ids import CriterionId, ScenarioId
from unlit.core.states import TrajectoryState
from unlit.evaluation.grading import Slot
from unlit.evaluation.model import Strength
from unlit.evaluation.ports import Pool
from unlit.evaluation.rules.strength import Battery, Mutant, kill_order, strength
from unlit.evaluation.scenarios.model import Draw, Scenario
from unlit.evaluation.scenarios.sample import draw_seed, sample
from unlit.evaluation.stage import Launch
from unlit.evaluation.strength.languages import check_of
from unlit.evaluation.strength.python_mutants import Planted
from unlit.evaluation.strength.reach import lines_in, traced, unmeasured
from unlit.evaluation.strength.sampling import (
    Lines,
    all_mutants,
    choose,
    is_reached,
    programs_in,
    reachable,
    sources_of,
)
from unlit.evaluation.trajectory import Setting

_STUB_SERVER: Final = (
    "import http.server,sys\n"
    "class H(http.server.BaseHTTPRequestHandler):\n"
    " def do_GET(self):\n"
    "  b=sys.argv[3].encode();self.send_response(int(sys.argv[2]))\n"
    "  self.send_header('Content-Length',str(len(b)));self.end_headers();self.wfile.write(b)\n"
    " do_POST=do_PUT=do_DELETE=do_PATCH=do_HEAD=do_OPTIONS=do_GET\n"
    "http.server.ThreadingHTTPServer(('0.0.0.0',int(sys.argv[1])),H).serve_forever()\n"
)

_IDLE_TRIES: Final = 8
_LINGER_S: Final = 0.6
_PATIENCE_S: Final = 3.0
_WORDS: Final = {True: "noticed ", False: "SURVIVED", None: "no start"}


@dataclass(frozen=True, slots=True)
class Survivor:
    """A planted defect that no scenario noticed, and how many scenarios met it."""

    name: str
    scenarios: int


@dataclass(frozen=True, slots=True)
class Report:
    """The strength of a scenario set on one candidate."""

    strength: Strength
    survivors: tuple[Survivor, ...]
    planted: int
    reachable: int
    sampled: int
    runs: int
    seconds: float
    baseline_failed: tuple[ScenarioId, ...] = ()
    caught: Mapping[ScenarioId, int] = field(default_factory=dict)
    not_started: int = 0
    unmeasured: tuple[str, ...] = ()
    killing_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run."""

    candidate: Path
    scenarios: tuple[Scenario, ...]
    setting: Setting
    pool: Pool
    seed: int
    mutants: int = 100
    parallel: int = 2
    previous: Path | None = None
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    tell: Callable[[str], None] = lambda text: None


async def measure(plan: Plan) -> Report:
    """Run the whole battery and say what it shows."""
    started = plan.setting.clock.monotonic_s()
    runner = _Runner(plan)
    try:
        traced = await runner.baseline()
        sound = tuple(s for s in plan.scenarios if s.id in runner.passing)
        plan.tell(f"{len(sound)} of {len(plan.scenarios)} scenarios pass on the candidate")
        null = await runner.passed_by(_null(plan.setting.launch), sound)
        stub = await runner.passed_by(_stub(plan.setting.launch, plan.scenarios), sound)
        previous = None
        if plan.previous is not None:
            previous = await runner.passed_on(plan.previous, sound)
        runner.unmeasured = frozenset(unmeasured(runner.sources, _union(traced)))
        every = all_mutants(runner.sources)
        within = reachable(every, _union(traced), runner.unmeasured)
        sampled = choose(within, plan.mutants, plan.seed)
        plan.tell(f"{len(every)} defects can be planted, {len(within)} where scenarios reach")
        before = plan.setting.clock.monotonic_s()
        mutants = await runner.kill(sampled, sound, traced)
        killing_s = plan.setting.clock.monotonic_s() - before
    finally:
        await runner.close()
    criteria: dict[ScenarioId, tuple[CriterionId, ...]] = {s.id: s.criteria for s in sound}
    battery = Battery(mutants, criteria, null, stub, previous)
    return Report(
        strength=strength(battery),
        survivors=tuple(Survivor(m.id, len(m.ran)) for m in mutants if m.started and not m.failed),
        not_started=sum(not mutant.started for mutant in mutants),
        planted=len(every),
        reachable=len(within),
        sampled=len(sampled),
        runs=runner.runs,
        seconds=plan.setting.clock.monotonic_s() - started,
        killing_s=killing_s,
        baseline_failed=tuple(s.id for s in plan.scenarios if s.id not in runner.passing),
        caught=dict(runner.caught),
        unmeasured=tuple(sorted(runner.unmeasured)),
    )


def _union(traced: Mapping[ScenarioId, Lines]) -> Lines:
    lines: dict[str, frozenset[int]] = {}
    for each in traced.values():
        for file, numbers in each.items():
            lines[file] = lines.get(file, frozenset()) | numbers
    return lines


def _null(launch: Launch) -> Launch:
    return replace(launch, run=("sh", "-c", "exit 0", "null"))


def _stub(launch: Launch, scenarios: Sequence[Scenario]) -> Launch:
    """Return a program that always gives the most common expected answer."""
    if launch.port is not None:
        status = _most(scenarios, "status", 200)
        body = _most_text(scenarios, "body")
        argv = ("python3", "-c", _STUB_SERVER, str(launch.port), str(status), body)
        return replace(launch, run=argv)
    code = _most(scenarios, "exit", 0)
    script = f'printf "%s\\n" "$0"; exit {int(code)}'
    return replace(launch, run=("sh", "-c", script, _most_text(scenarios, "stdout")))


def _expected(scenarios: Sequence[Scenario], kind: str) -> Iterator[Any]:
    for scenario in scenarios:
        for check in scenario.then:
            if check.kind == kind:
                yield check.value
        for step in scenario.when:
            expect = step.params.get("expect") if isinstance(step.params, Mapping) else None
            if expect and kind in expect:
                yield expect[kind]


def _most(scenarios: Sequence[Scenario], kind: str, default: int) -> int:
    counts = Counter(v for v in _expected(scenarios, kind) if isinstance(v, int))
    return counts.most_common(1)[0][0] if counts else default


def _most_text(scenarios: Sequence[Scenario], kind: str) -> str:
    counts: Counter[str] = Counter()
    for value in _expected(scenarios, kind):
        if isinstance(value, str):
            counts[value] += 1
        elif isinstance(value, Mapping):
            for part in (value.get("equals"), value.get("contains")):
                counts.update([part] if isinstance(part, str) else part or [])
    return counts.most_common(1)[0][0] if counts else ""


class _Runner:
    """Runs scenarios against changed candidates; each scenario always in the same world."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._slots = [
            Slot(f"slot-{n}", plan.pool, plan.candidate) for n in range(1, plan.parallel + 1)
        ]
        self.passing: set[ScenarioId] = set()
        self.caught: Counter[ScenarioId] = Counter()
        self.runs = 0
        self._checkable: dict[str, bool] = {}
        self._programs = programs_in(plan.candidate)
        self.sources = sources_of(plan.candidate)
        self.unmeasured: frozenset[str] = frozenset()
        self._took_s: dict[ScenarioId, float] = {}

    async def close(self) -> None:
        for slot in self._slots:
            await slot.close()

    async def baseline(self) -> dict[ScenarioId, Lines]:
        """Run every scenario once on the candidate as it is; return the lines they execute."""
        launch, files = traced(self._plan.setting.launch, self.sources)
        setting = replace(
            self._plan.setting, launch=launch, overlay=files, keep_files=True,
            programs=self._programs, linger_s=_LINGER_S,
        )  # fmt: skip
        lines: dict[ScenarioId, Lines] = {}

        async def one(slot: Slot, scenario: Scenario) -> None:
            self.runs += 1
            outcome = await slot.run(scenario, self._draw(scenario), setting)
            lines[scenario.id] = lines_in(outcome.contents, self.sources)
            if outcome.state is not TrajectoryState.SATISFIED:  # measuring is slow, and may disturb
                self.runs += 1
                outcome = await slot.run(scenario, self._draw(scenario), self._plan.setting)
            self._took_s[scenario.id] = outcome.duration_s
            if outcome.state is TrajectoryState.SATISFIED:
                self.passing.add(scenario.id)

        await self._spread(self._plan.scenarios, one)
        return lines

    async def passed_by(
        self, launch: Launch, scenarios: Sequence[Scenario]
    ) -> frozenset[ScenarioId]:
        """Return the scenarios that another program passes in the candidate's place."""
        setting = replace(self._plan.setting, launch=launch)
        passed: set[ScenarioId] = set()

        async def one(slot: Slot, scenario: Scenario) -> None:
            if await self._run(slot, scenario, setting):
                passed.add(scenario.id)

        await self._spread(scenarios, one)
        return frozenset(passed)

    async def passed_on(self, folder: Path, scenarios: Sequence[Scenario]) -> frozenset[ScenarioId]:
        """Return the scenarios that another version of the product passes."""
        slot = Slot("slot-previous", self._plan.pool, folder)
        try:
            found = [s.id for s in scenarios if await self._run(slot, s, self._plan.setting)]
        finally:
            await slot.close()
        return frozenset(found)

    async def kill(
        self,
        planted: Sequence[Planted],
        scenarios: Sequence[Scenario],
        traced: Mapping[ScenarioId, Lines],
    ) -> tuple[Mutant, ...]:
        """Run on each mutant the scenarios that reach it, until one notices.

        Those that noticed most so far go first. Scenarios that never came to it are then given
        some of the mutants that others had noticed, so that `idle` is no matter of order.
        """
        by_id = {scenario.id: scenario for scenario in scenarios}
        results: dict[int, Mutant] = {}

        async def one(slot: Slot, entry: tuple[int, Planted]) -> None:
            number, mutant = entry
            names = [n for n in by_id if is_reached(mutant, traced.get(n), self.unmeasured)]
            ran: list[ScenarioId] = []
            failed: frozenset[ScenarioId] = frozenset()
            noticed = None if await self._is_broken(slot, mutant) else False
            for name in kill_order({name: self.caught[name] for name in names}, self._took_s):
                if noticed is not False:
                    break
                ran.append(name)
                noticed = await self._notices(slot, by_id[name], mutant)
                failed = frozenset({name}) if noticed else frozenset()
            results[number] = Mutant(
                mutant.name, failed, frozenset(ran), bool(names), started=noticed is not None
            )
            self._plan.tell(f"{_WORDS[noticed]} {mutant.name}")

        async def vindicate(slot: Slot, name: ScenarioId) -> None:
            for number, mutant in enumerate(planted):
                found = results[number]
                tried = len([m for m in results.values() if name in m.ran])
                if not found.failed or name in found.ran or tried >= _IDLE_TRIES:
                    continue
                if not is_reached(mutant, traced.get(name), self.unmeasured):
                    continue
                noticed = await self._notices(slot, by_id[name], mutant)
                more = frozenset({name}) if noticed else frozenset()
                results[number] = replace(
                    results[number],
                    failed=results[number].failed | more,
                    ran=results[number].ran | {name},
                )
                if noticed:
                    return

        await self._spread(list(enumerate(planted)), one)
        await self._spread([name for name in by_id if not self.caught[name]], vindicate)
        return tuple(results[number] for number in sorted(results))

    async def _notices(self, slot: Slot, scenario: Scenario, mutant: Planted) -> bool | None:
        """Say whether the scenario fails on the mutant; None if the mutant never ran."""
        overlay = {mutant.file: mutant.text.encode()}
        # what takes several times as long as the candidate took does not come at all
        most_s = _PATIENCE_S + 5 * self._took_s.get(scenario.id, 0.0)
        launch = replace(self._plan.setting.launch, start_s=min(30.0, most_s), step_s=most_s)
        setting = replace(
            self._plan.setting, launch=launch, overlay=overlay, programs=self._programs
        )
        self.runs += 1
        outcome = await slot.run(scenario, self._draw(scenario), setting)
        if outcome.state is TrajectoryState.SATISFIED:
            return False
        if outcome.never_started or outcome.state is not TrajectoryState.NOT_SATISFIED:
            return None
        self.caught[scenario.id] += 1
        return True

    async def _is_broken(self, slot: Slot, mutant: Planted) -> bool:
        """Say whether the language itself refuses the changed program, and not the original."""
        check = check_of(mutant.file, mutant.text)
        if not check:
            return False
        if check not in self._checkable:
            self._checkable[check] = await self._holds(slot, check, mutant.file, None)
        return self._checkable[check] and not await self._holds(
            slot, check, mutant.file, mutant.text.encode()
        )

    async def _holds(self, slot: Slot, check: str, file: str, content: bytes | None) -> bool:
        sandbox = await slot.ready()
        if content is not None:
            await sandbox.write({file: content}, programs=self._programs & {file})
        return (await sandbox.run(["sh", "-c", check, file], timeout_s=60)).exit_code == 0

    async def _spread(self, items: Sequence[Any], one: Callable[[Slot, Any], Any]) -> None:
        source = iter(items)

        async def work(slot: Slot) -> None:
            for item in source:
                await one(slot, item)

        async with asyncio.TaskGroup() as group:
            for slot in self._slots:
                group.create_task(work(slot))

    async def _run(self, slot: Slot, scenario: Scenario, setting: Setting) -> bool:
        self.runs += 1
        outcome = await slot.run(scenario, self._draw(scenario), setting)
        return outcome.state is TrajectoryState.SATISFIED

    def _draw(self, scenario: Scenario) -> Draw:
        seed = draw_seed(self._plan.seed, f"strength:{scenario.id}", 0)
        return Draw(0, scenario.id, seed, sample(scenario, seed, self._plan.lists))
