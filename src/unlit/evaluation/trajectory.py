"""One trajectory: a sampled world, the steps against the product in its fence, the checks."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from unlit.core.clock import Clock
from unlit.core.errors import UnlitError
from unlit.core.ids import CriterionId
from unlit.core.states import TrajectoryState
from unlit.evaluation.asking import ModelLine, OutOfBudget
from unlit.evaluation.checks.evidence import evidence_text
from unlit.evaluation.checks.observation import Observation
from unlit.evaluation.checks.outcome import (
    Evidence,
    OwnRule,
    Reason,
    broken_invariants,
    check_all,
    check_observation,
    evaluate_checks,
    state_of,
)
from unlit.evaluation.checks.state import State
from unlit.evaluation.ports import Judge, Judged, Sandbox, Traffic, WorldPlan, Worlds
from unlit.evaluation.scenarios.model import Check, Draw, Scenario
from unlit.evaluation.scenarios.template import fill
from unlit.evaluation.stage import (
    Driver,
    HarnessFault,
    Launch,
    NeverStarted,
    NotExercised,
    ProductFailed,
    Stage,
)

BEFORE_KEPT = 8
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one trajectory showed, with content; stays in the evaluator's own store."""

    draw: Draw
    state: TrajectoryState
    reasons: tuple[Reason, ...] = ()
    traffic: Traffic = field(default_factory=Traffic)
    seen: tuple[Observation, ...] = ()
    server_outputs: tuple[str, ...] = ()
    effects: Mapping[str, Any] = field(default_factory=dict)
    before: Mapping[str, Any] = field(default_factory=dict, repr=False)
    files: tuple[str, ...] = ()
    contents: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    judged: Mapping[int, Judged] = field(default_factory=dict)
    has_judge: bool = False
    duration_s: float = 0.0
    attempts: int = 1
    fault: str = ""
    base_reason_holds: bool = False
    never_started: bool = False

    def satisfies(self, criterion: CriterionId) -> bool:
        """Say whether nothing that speaks for `criterion` went wrong."""
        if self.state is TrajectoryState.SATISFIED:
            return True
        return bool(self.reasons) and all(
            reason.criteria and criterion not in reason.criteria for reason in self.reasons
        )

    def labels(self) -> tuple[str, ...]:
        """Return why it was not satisfied, without content of the scenario."""
        return tuple(dict.fromkeys(reason.label for reason in self.reasons))


@dataclass(frozen=True, slots=True)
class Setting:
    """What every trajectory of one grading shares.

    Attributes:
        overlay: Files that replace the candidate's own, for planted defects.
        programs: Which of them may be executed, as the candidate's own may.
        keep_files: Whether the outcome holds the content of changed files.
        linger_s: How long a server is left running after the last step, to report its lines.
    """

    worlds: Worlds
    launch: Launch
    clock: Clock
    driver: Callable[[str], Driver]
    env: Mapping[str, str] = field(default_factory=dict)
    overlay: Mapping[str, bytes] = field(default_factory=dict)
    programs: frozenset[str] = frozenset()
    keep_files: bool = False
    linger_s: float = 0.0
    judge: Judge | None = None
    model_line: ModelLine | None = None
    own: Sequence[OwnRule] = ()


async def run_trajectory(
    scenario: Scenario, draw: Draw, sandbox: Sandbox, slot: str, setting: Setting
) -> Outcome:
    """Run one trajectory to its end.

    Raises:
        HarnessFault: Something of ours failed; the draw is to be run again.
    """
    try:
        world = setting.worlds.create(slot, _plan(scenario, draw))
    except UnlitError as error:
        raise HarnessFault(f"the world cannot be made: {error}") from error
    try:
        return await _run(scenario, draw, sandbox, world, slot, setting)
    except (NotExercised, OutOfBudget) as missing:
        reason = Reason(missing.label, str(missing))
        return Outcome(draw, TrajectoryState.NOT_EXERCISED, (reason,))
    except HarnessFault:
        raise
    except (UnlitError, OSError) as error:
        raise HarnessFault(str(error)) from error
    finally:
        setting.worlds.drop(world)


def _plan(scenario: Scenario, draw: Draw) -> WorldPlan:
    clock = scenario.given.clock
    now = None
    if clock is not None:
        now = datetime.fromisoformat(str(fill(clock, draw.values)))
        now = now if now.tzinfo else now.replace(tzinfo=UTC)
    return WorldPlan(fill(scenario.given.twins, draw.values), draw.seed, now)


async def _run(
    scenario: Scenario, draw: Draw, sandbox: Sandbox, world: str, slot: str, setting: Setting
) -> Outcome:
    tokens = setting.worlds.tokens(world)
    stage = Stage(
        sandbox=sandbox,
        worlds=setting.worlds,
        world=world,
        launch=setting.launch,
        clock=setting.clock,
        env=_environment(setting, scenario, draw, tokens),
        values=dict(draw.values),
        slot=slot,
        seed=draw.seed,
        model_line=setting.model_line,
    )
    before = setting.worlds.state(world)
    files = {name: str(text).encode() for name, text in
             fill(scenario.given.files, draw.values).items()}  # fmt: skip
    if files or setting.overlay:
        await sandbox.write({**setting.overlay, **files}, programs=setting.programs)
    started = setting.clock.monotonic_s()
    try:
        reasons = await _steps(scenario, stage, before, setting.driver)
        duration_s = setting.clock.monotonic_s() - started
    finally:
        if setting.linger_s and stage.server is not None:
            await setting.clock.sleep(setting.linger_s)
        await stage.stop_server()
        await _close(stage)
    evidence = _evidence(scenario, stage, before, tokens, duration_s, bool(setting.own))
    if not reasons and setting.judge is not None:
        evidence = replace(evidence, judged=await _ask(scenario, evidence, setting.judge))
    if reasons:
        reasons += broken_invariants(scenario, evidence, setting.own)
    else:
        reasons = list(stage.extra.get("eventually", [])) + evaluate_checks(
            scenario, evidence, setting.own
        )
    stated = scenario.fails_on_base
    return Outcome(
        base_reason_holds=bool(stated) and not check_all(stated, evidence, closed=False),
        draw=draw,
        state=state_of(scenario, reasons),
        reasons=tuple(reasons),
        traffic=setting.worlds.traffic(world),
        seen=tuple(stage.seen),
        server_outputs=tuple(stage.server_outputs),
        effects=_effects(before, evidence.after),
        before={
            name: {"count": len(rows), "rows": list(rows[:BEFORE_KEPT])}
            for name, rows in before.items()
        },
        never_started=bool(stage.extra.get("never_started")) or _not_run(stage.seen),
        files=tuple(sorted(evidence.files)),
        judged=evidence.judged,
        has_judge=setting.judge is not None,
        contents=sandbox.read_changed() if setting.keep_files else {},
        duration_s=duration_s,
    )


def environment(launch: Launch, tokens: Mapping[str, str]) -> dict[str, str]:
    """Return the product's environment, with each twin's credential where it belongs."""
    env: dict[str, str] = {}
    for name, value in launch.env.items():
        service = value.removeprefix("twin:")
        env[name] = tokens.get(service, "") if value.startswith("twin:") else value
    return env


def _environment(
    setting: Setting, scenario: Scenario, draw: Draw, tokens: Mapping[str, str]
) -> dict[str, str]:
    env = {**setting.env, **environment(setting.launch, tokens)}
    return env | {key: str(text) for key, text in fill(scenario.given.env, draw.values).items()}


def _evidence(
    scenario: Scenario,
    stage: Stage,
    before: State,
    tokens: Mapping[str, str],
    duration_s: float,
    all_files: bool,
) -> Evidence:
    looks_at_files = any(check.kind == "file" for check in scenario.then)
    wants_files = all_files or looks_at_files or "secret-in-output" in scenario.never
    changed = stage.sandbox.read_changed() if wants_files else {}
    return Evidence(
        values=stage.values,
        seen=stage.seen,
        before=before,
        after=stage.worlds.state(stage.world),
        files={name: data.decode("utf-8", "backslashreplace") for name, data in changed.items()},
        server_outputs=stage.server_outputs,
        secrets=sorted(set(tokens.values())),
        duration_s=duration_s,
    )


async def _ask(scenario: Scenario, evidence: Evidence, judge: Judge) -> dict[int, Judged]:
    """Ask the judge what no program can check."""
    answers: dict[int, Judged] = {}
    for number, check in enumerate(scenario.then):
        if check.kind == "judge":
            value = fill(check.value, evidence.values)
            text = evidence_text(value["evidence"], evidence.seen, evidence.after, evidence.files)
            said = await judge.judge(str(value["ask"]), text)
            answers[number] = replace(said, ask=str(value["ask"]), evidence=text)
    return answers


def _not_run(seen: Sequence[Observation]) -> bool:
    """Say whether the first run of the product ended as a shell says "cannot be run"."""
    first = next((each for each in seen if each.kind == "cli"), None)
    return first is not None and first.exit_code in (126, 127) and not first.stdout


def _effects(before: State, after: State) -> dict[str, Any]:
    from unlit.evaluation.checks.state import effects

    return {
        name: {"added": list(done.added), "removed": list(done.removed)}
        for name, done in effects(before, after).items()
    }


async def _steps(
    scenario: Scenario, stage: Stage, before: State, driver: Callable[[str], Driver]
) -> list[Reason]:
    """Perform the steps; stop at the first whose own expectation does not hold."""
    for number, step in enumerate(scenario.when, 1):
        stage.step = number
        label = f"when[{number}] {step.kind}"
        params = stage.filled(step.params)
        expected = params.get("expect") if step.kind in ("cli", "http") else None
        try:
            misfits = await _perform(driver(step.kind), params, stage, expected)
        except ProductFailed as failed:
            stage.extra["never_started"] = isinstance(failed, NeverStarted) and not stage.seen
            return [Reason(f"{label} product", str(failed))]
        if misfits:
            return [Reason(f"{label} expect", text) for text in misfits]
        if "misfit" in stage.extra:
            return [Reason(f"{label} end", str(stage.extra.pop("misfit")))]
        if expected:
            continue
        if stage.seen and stage.seen[-1].step == number and stage.seen[-1].timed_out:
            return [Reason(f"{label} timeout", "the product did not end in its time")]
    return await _eventually(scenario, stage, before, driver)


async def _perform(
    driver: Driver, params: Mapping[str, Any], stage: Stage, expected: Mapping[str, Any] | None
) -> list[str]:
    """Perform a step; with `retry_s`, again until what it expects holds or its time is over."""
    deadline = stage.clock.monotonic_s() + float(params.get("retry_s", 0))
    wait_s = 0.02
    while True:
        await driver(params, stage)
        misfits = check_observation(expected, stage.last("cli", "http")) if expected else []
        if not misfits or stage.clock.monotonic_s() >= deadline:
            return misfits
        await stage.clock.sleep(wait_s)
        wait_s = min(0.5, wait_s * 1.6)


async def _eventually(
    scenario: Scenario, stage: Stage, before: State, driver: Callable[[str], Driver]
) -> list[Reason]:
    """Wait, for each `eventually`, until its checks hold or its time is over."""
    reasons: list[Reason] = []
    for number, check in enumerate(scenario.then, 1):
        if check.kind != "eventually":
            continue
        value = stage.filled(check.value)
        deadline = stage.clock.monotonic_s() + float(value["seconds"])
        wait_s = 0.02
        while True:
            found = await _probe(value, stage, before, driver)
            if not found or stage.clock.monotonic_s() >= deadline:
                break
            await stage.clock.sleep(wait_s)
            wait_s = min(0.5, wait_s * 1.6)
        reasons += [
            Reason(f"then[{number}] eventually {reason.label.split(' ', 1)[1]}", reason.text,
                   check.criterion)
            for reason in found
        ]  # fmt: skip
    stage.extra["eventually"] = reasons
    return []


async def _probe(
    value: Mapping[str, Any], stage: Stage, before: State, driver: Callable[[str], Driver]
) -> list[Reason]:
    for kind in ("http", "cli"):
        if kind in value:
            await driver(kind)(value[kind], stage)
    checks = [
        Check(kind, inner) for entry in value["then"] for kind, inner in entry.items()
        if kind != "criterion"
    ]  # fmt: skip
    evidence = Evidence(
        values=stage.values, seen=stage.seen, before=before, after=stage.worlds.state(stage.world),
        files=_text_files(stage, checks),
    )  # fmt: skip
    return check_all(checks, evidence)


def _text_files(stage: Stage, checks: Sequence[Check]) -> dict[str, str]:
    if not any(check.kind == "file" for check in checks):
        return {}
    changed = stage.sandbox.read_changed()
    return {name: data.decode("utf-8", "backslashreplace") for name, data in changed.items()}


async def _close(stage: Stage) -> None:
    for resource in reversed(stage.extra.get("close", [])):
        await resource()
