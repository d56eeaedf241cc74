"""Driver for what happens around the product: events at services, time, files, restarts."""

from collections.abc import Mapping
from typing import Any

from unlit.evaluation.checks.observation import Observation
from unlit.evaluation.scenarios.lint import duration_s
from unlit.evaluation.stage import NotExercised, Stage


async def twin(params: Mapping[str, Any], stage: Stage) -> None:
    """Let something happen at a service: ``{slack.message: {channel: …}}``."""
    if stage.launch.port is not None and stage.server is None and not stage.extra.get("down"):
        await stage.start_server()
    for name, fields in params.items():
        service, _, event = name.partition(".")
        stage.worlds.emit(stage.world, service, event, fields or {})
    await stage.worlds.settle(stage.world)
    stage.note(Observation(stage.step, "twin"))


async def clock(params: Mapping[str, Any], stage: Stage) -> None:
    """Move the world's clock."""
    stage.worlds.advance(stage.world, duration_s(params["advance"]))
    stage.note(Observation(stage.step, "clock"))


async def file(params: Mapping[str, Any], stage: Stage) -> None:
    """Write and delete files in the workspace."""
    files = {name: str(text).encode() for name, text in (params.get("write") or {}).items()}
    await stage.sandbox.write(files, tuple(params.get("delete") or ()))
    stage.note(Observation(stage.step, "file"))


async def restart(params: Mapping[str, Any], stage: Stage) -> None:
    """Kill the product and start it again; its files and the worlds stay."""
    await stage.stop_server()
    if params.get("after_s"):
        await stage.clock.sleep(float(params["after_s"]))
    if stage.launch.port is not None:
        await stage.start_server()
    stage.note(Observation(stage.step, "restart"))


async def kill(params: Mapping[str, Any], stage: Stage) -> None:
    """Kill the product; it stays down until a `restart`."""
    await stage.stop_server()
    stage.extra["down"] = True
    stage.note(Observation(stage.step, "kill"))


async def wait(params: Mapping[str, Any], stage: Stage) -> None:
    """Let real time pass."""
    await stage.clock.sleep(float(params["seconds"]))
    stage.note(Observation(stage.step, "wait"))


async def unsupported(params: Mapping[str, Any], stage: Stage) -> None:
    """Perform nothing: a step of another format that no driver knows."""
    raise NotExercised(f"step {stage.step}: {params['what']}")
