"""`unlit run SPEC` and `unlit resume RUN`: the whole line, with a live view on standard error."""

import json
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts

if TYPE_CHECKING:
    from unlit.record.model import Run

run = cyclopts.App(name="run", help="Build a spec: the whole line, from intent to the gate.")
resume = cyclopts.App(name="resume", help="Go on with a run that stopped.")
rewind = cyclopts.App(name="rewind", help="Do a run again from a stage on.")

Json = Annotated[bool, cyclopts.Parameter("--json", negative=())]
Repository = Annotated[Path | None, cyclopts.Parameter("--repository")]
Wait = Annotated[bool, cyclopts.Parameter("--wait", negative=())]


@run.default
def start(  # noqa: PLR0913 # one flag each
    spec: Path,
    *,
    agent: str | None = None,
    repository: Repository = None,
    vault: Path | None = None,
    commit: str = "HEAD",
    candidates: int | None = None,
    trajectories: int | None = None,
    seed: int | None = None,
    model: str | None = None,
    turn_s: float = 3600,
    line: str = "default",
    memory: str = "on",
    tournament: int | None = None,
    backend: str | None = None,
    queue: bool = False,
    wait: Wait = False,
    as_json: Json = False,
) -> int:
    """Take a spec through the whole line.

    Args:
        spec: The spec, for example specs/NAME.md.
        agent: Who writes; `unlit agents list` shows them. Default: the first in unlit.toml.
        repository: The repository; default the nearest one upwards from here.
        vault: Folder of holdout scenarios; must lie outside the repository.
        commit: Where to start from.
        candidates: Most candidates to make.
        trajectories: Most trajectories per partition and candidate.
        seed: Seed of all sampling; default from the run's id.
        model: Model the agent shall use.
        turn_s: Most seconds of one turn of the agent.
        line: The line to take: `default`, a DOT file, or a name in lines/ of the repository.
        memory: on, off, or placebo (text of the same length that says nothing).
        backend: What fences are made of: full; landlock and container hold less and say so.
        tournament: How many first candidates compete side by side; the best goes on.
        queue: Leave the work to `unlit worker` processes and return at once; `[queue.NAME]` of
            unlit.toml says in which queue it waits.
        wait: At a human gate of the line, wait until it is answered or its default is due.
        as_json: Print the result as JSON.
    """
    folder = _repository(repository, spec)
    flags: dict[str, str | int | Path | None] = {
        "vault": vault,
        "max_candidates": candidates,
        "max_trajectories": trajectories,
        "backend": backend,
    }
    agents = None if agent is None else tuple(agent.split(","))
    spec = spec.resolve()
    changes: dict[str, Any] = {
        "commit": commit,
        "seed": seed,
        "model": model,
        "turn_s": turn_s,
        "line": line,
        "memory": memory,
    }
    if tournament is not None:
        changes["tournament"] = tournament

    from unlit.cli.interruption import Interruption  # heavy: `unlit runs` imports this module

    interruption = Interruption()

    async def work() -> "Run":
        from unlit.line.service import Line
        from unlit.line.timers import wait_out
        from unlit.wiring.build import open_factory, playable

        view = interruption.view()
        try:
            async with (
                open_factory(folder, flags=flags, listen=view.listen) as factory,
                interruption.pausing(factory.services),
                Line.open(factory.services, factory.durable_url) as opened,
            ):
                for sentence in factory.found:
                    view.say(f"found {sentence}")
                asked = playable(factory.request(spec, agents=agents, **changes))
                if asked.policy.parent != asked.repository:
                    view.say(f"no policy.toml here: the strictest that can build, {asked.policy}")
                if queue:
                    name = factory.queue_of(asked)
                    waiting = factory.services.store.run(await opened.submit(asked, name))
                    assert waiting is not None  # noqa: S101 # written by `submit`
                    return waiting
                begun = await opened.start(asked)
                view.say(f"run {begun}: {spec} by {agent or factory.factory.agents[0]}")
                interruption.on(begun)
                return await (wait_out(opened, begun) if wait else opened.wait(begun))
        finally:
            view.close()

    return interruption.do(work(), lambda found: told(found, as_json=as_json))


@resume.default
def go_on(
    name: str,
    *,
    run_usd: Decimal | None = None,
    vault: Path | None = None,
    wait: Wait = False,
    repository: Repository = None,
    as_json: Json = False,
) -> int:
    """Go on with a run that was killed, paused or failed; nothing is done twice.

    Args:
        name: The run, or the start of its id, or `last`.
        run_usd: A new hard limit of dollars for the run.
        vault: Where the vault lies now, when it has moved.
        wait: At a human gate of the line, wait until it is answered or its default is due.
        repository: The repository; default the one that has the run.
        as_json: Print the result as JSON.
    """
    return go_on_with(
        name, run_usd=run_usd, vault=vault, wait=wait, repository=repository, as_json=as_json
    )


def go_on_with(
    name: str,
    *,
    run_usd: Decimal | None = None,
    vault: Path | None = None,
    wait: bool = False,
    repository: Path | None = None,
    as_json: bool = False,
) -> int:
    """Go on with a run, show it live and print how it stands then; return the exit code."""
    folder = repository_of(repository, name)
    from unlit.cli.interruption import Interruption  # heavy: `unlit runs` imports this module

    interruption = Interruption()

    async def work() -> "Run":
        from unlit.line.service import Line
        from unlit.line.timers import wait_out
        from unlit.wiring.build import open_factory

        view = interruption.view()
        try:
            async with (
                open_factory(
                    folder,
                    flags={"vault": vault},
                    listen=view.listen,
                    run=name if vault is None else None,
                ) as factory,
                interruption.pausing(factory.services),
                Line.open(factory.services, factory.durable_url) as line,
            ):
                found = factory.services.store.find_run(name)
                moved = None if vault is None else factory.vault
                limits = factory.limits
                await line.resume(found.id, run_usd=run_usd, vault=moved, limits=limits)
                interruption.on(found.id)
                return await (wait_out(line, found.id) if wait else line.wait(found.id))
        finally:
            view.close()

    return interruption.do(work(), lambda found: told(found, as_json=as_json))


@rewind.default
def go_back(name: str, stage: str, *, repository: Repository = None, as_json: Json = False) -> int:
    """Do a run again from a stage on; what came before stays.

    Args:
        name: The run, or the start of its id, or `last`.
        stage: A stage that `unlit show` prints, such as build/c2.
        repository: The repository; default the one that has the run.
        as_json: Print the result as JSON.
    """
    folder = repository_of(repository, name)

    from unlit.cli.interruption import Interruption  # heavy: `unlit runs` imports this module

    interruption = Interruption()

    async def work() -> "Run":
        from unlit.line.onward import rewind as rewind_run
        from unlit.line.service import Line
        from unlit.wiring.build import open_factory

        view = interruption.view()
        try:
            async with (
                open_factory(folder, listen=view.listen) as factory,
                interruption.pausing(factory.services),
                Line.open(factory.services, factory.durable_url) as line,
            ):
                found = factory.services.store.find_run(name)
                await rewind_run(line, found.id, stage)
                interruption.on(found.id)
                return await line.wait(found.id)
        finally:
            view.close()

    return interruption.do(work(), lambda found: told(found, as_json=as_json))


def result_of(found: "Run") -> dict[str, Any]:
    """Return what `--json` prints of a run."""
    return {
        "schema": "unlit.run/1",
        "run": found.id,
        "spec": found.spec_id,
        "state": found.state.value,
        "verdict": None if found.verdict is None else found.verdict.value,
        "candidate": found.candidate,
        "base": found.base,
        "workspace": found.workspace,
        "agent": found.agent,
        "seed": found.seed,
        "note": found.note,
    }


def told(found: "Run", *, as_json: bool) -> int:
    """Print how a run stands, and return the exit code of the command that worked on it."""
    if as_json:
        sys.stdout.write(json.dumps(result_of(found)) + "\n")
    else:
        verdict = "" if found.verdict is None else f", verdict {found.verdict.value}"
        sys.stdout.write(f"{found.id} {found.state.value}{verdict}\n")
        if found.note:
            sys.stdout.write(f"  {found.note}\n")
        for line in _next_steps(found):
            sys.stdout.write(f"  {line}\n")
    return exit_code(found)


def _next_steps(found: "Run") -> list[str]:
    """Say what a person can do now."""
    from unlit.record.model import RunState

    run = found.id
    if found.state is RunState.WAITING and found.note.startswith("waits for an answer at "):
        return [f"unlit lines answer {run} KEY   then   unlit resume {run}"]
    if found.state is RunState.WAITING:
        why = " --reason WHY" if found.settings.get("gate") == "intent" else ""
        return [
            f"A person decides: read `unlit review {run}`, then",
            f"unlit approve {run}{why}   or   unlit reject {run} --reason WHY",
        ]
    if found.state in (RunState.FAILED, RunState.PAUSED):
        return [f"unlit resume {run} goes on where it stopped."]
    if found.state is RunState.QUEUED:
        return [f"A worker takes it (`unlit worker`); `unlit replay {run} --follow` shows it."]
    if found.state is RunState.ENDED:
        return [
            f"What was found: unlit review {run}",
            f'Another candidate: unlit comment {run} "what is wrong, or missing"',
        ]
    return []


def exit_code(found: "Run") -> int:
    """Return the exit code of a command that ends with a run in this state."""
    from unlit.record.model import RunState

    if found.state in (RunState.WAITING, RunState.SHIPPED, RunState.QUEUED):
        return 0
    if found.state is RunState.FAILED:
        return 6 if "LIN-03" in found.note or "REC-02" in found.note else 5
    return 130 if found.state is RunState.CANCELLED else 1


def live_view(now_s: Callable[[], float] = time.monotonic) -> Any:
    """Return the live view on standard error."""
    from unlit.cli.live import LiveView

    return LiveView(sys.stderr, now_s, terminal=sys.stderr.isatty())


def _repository(named: Path | None, spec: Path | None) -> Path:
    from unlit.core.errors import InvalidInput

    if spec is not None and not spec.is_file():
        raise InvalidInput(
            "LIN-052",
            f"There is no spec {spec}.",
            "a run begins with a spec, a Markdown file.",
            "name the file, for example specs/NAME.md.",
        )
    from unlit.wiring.finding import find_repository
    from unlit.wiring.paths import FILE_NAME

    if named is not None or spec is None:
        return find_repository(named or Path())
    found = find_repository(spec.resolve().parent)
    is_repository = (found / ".git").exists() or (found / FILE_NAME).exists()
    return found if is_repository else find_repository(Path())  # a spec may lie elsewhere


def repository_of(named: Path | None, name: str) -> Path:
    """Return the repository named, or the one whose record has the run, or the nearest one."""
    from unlit.wiring.finding import find_repository, repository_of_run
    from unlit.wiring.settings import read_settings

    if named is not None:
        return find_repository(named)
    elsewhere = None if name == "last" else repository_of_run(read_settings(), name)
    return elsewhere or find_repository(Path())
