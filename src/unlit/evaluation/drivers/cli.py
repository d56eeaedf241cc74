"""Command-line driver: one run of the product's command to its end."""

from collections.abc import Mapping
from typing import Any

from unlit.evaluation.checks.observation import Observation
from unlit.evaluation.ports import Finished
from unlit.evaluation.stage import (
    STEP_TIMEOUT_S,
    NotExercised,
    ProductFailed,
    Stage,
    as_text,
    captured,
)


async def perform(params: Mapping[str, Any], stage: Stage) -> None:
    """Run the product's command (or a shell's) with the step's standard input and environment."""
    if "shell" in params:
        argv = ["sh", "-c", str(params["shell"])]
    elif not stage.launch.run:
        raise NotExercised(f"step {stage.step}: nothing says how the product starts")
    else:
        argv = [*stage.launch.run, *(str(word) for word in params["run"])]
    if any("\0" in word for word in argv):
        raise ProductFailed("what was captured from it cannot be an argument: it holds NUL")
    env = {**stage.env, **{key: str(value) for key, value in (params.get("env") or {}).items()}}
    kill_after = params.get("kill_after_s")
    timeout_s = float(kill_after or params.get("timeout_s") or STEP_TIMEOUT_S)
    timeout_s = min(timeout_s, stage.launch.step_s)
    ended = await stage.sandbox.run(
        argv, stdin=str(params.get("stdin", "")).encode(), env=env, timeout_s=timeout_s
    )
    observation = _observe(ended, stage.step, expected_kill=kill_after is not None)
    stage.note(observation)
    for name, rule in (params.get("capture") or {}).items():
        stage.values[name] = captured(rule, observation)


def _observe(ended: Finished, step: int, *, expected_kill: bool) -> Observation:
    return Observation(
        step=step,
        kind="cli",
        exit_code=ended.exit_code,
        stdout=as_text(ended.stdout),
        stderr=as_text(ended.stderr),
        duration_s=ended.duration_s,
        timed_out=ended.timed_out and not expected_kill,
    )
