"""`unlit fence`: run any command, a coding agent above all, behind policy."""

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import cyclopts

if TYPE_CHECKING:
    from unlit.fence import FenceHost, FenceReport, FenceSpec
    from unlit.fence.model import Command
    from unlit.fence.once import Once
    from unlit.fence.sandboxes.landlock import LandlockHost
    from unlit.policy import Policy

app = cyclopts.App(name="fence", help="Run a command behind policy.")
Flag = cyclopts.Parameter(negative=())
Json = Annotated[bool, cyclopts.Parameter("--json", negative=())]
Words = Annotated[str, cyclopts.Parameter(show=True, allow_leading_hyphen=True)]

COULD_NOT_START: Final = 125
REFUSED: Final = 126
_DEFAULT_POLICY: Final = Path("policy.toml")


@dataclass(frozen=True, slots=True)
class _Order:
    """What the flags ask for."""

    argv: tuple[str, ...]
    policy: Path | None
    preset: str | None
    role: str
    workspace: Path
    backend: str = "full"


@app.command(name="run")
def run_command(
    *argv: Words,
    policy: Path | None = None,
    preset: str | None = None,
    role: str = "coder",
    workspace: Path = Path(),
    backend: Literal["full", "landlock"] = "full",
    discard: Annotated[bool, Flag] = False,
    as_json: Json = False,
) -> int:
    """Run a command in a fence; what it changed in the workspace is written back at the end.

    Exit code: the command's own; 125 the fence could not start, 126 policy refuses, 127 no such
    command.

    Args:
        argv: The command, after `--`.
        policy: The policy; default: policy.toml in the workspace.
        preset: A shipped policy instead: claude-code, codex, gemini-cli, opencode, aider,
            mini-swe-agent; or your own login: claude-code-login, codex-login, gemini-cli-login.
        role: Role in the policy.
        workspace: Folder that is /work inside; default: this one.
        backend: full, or landlock: weaker, for machines without user namespaces.
        discard: Leave the workspace as it was.
        as_json: Print what the fence saw as JSON; the command's own output goes to stderr.
    """
    from unlit.core.errors import RefusedByPolicy, UnlitError

    order = _Order(argv, policy, preset, role, workspace.resolve(), backend)
    try:
        once = asyncio.run(_run(order, discard, as_json))
    except UnlitError as error:
        _say(error)
        return REFUSED if isinstance(error, RefusedByPolicy) else COULD_NOT_START
    if as_json:
        sys.stdout.write(json.dumps(_outcome(once)) + "\n")
    else:
        _summary(once)
    return once.exit_code


@app.command
def check(
    *,
    policy: Path | None = None,
    preset: str | None = None,
    role: str = "coder",
    as_json: Json = False,
) -> int:
    """Open a fence, probe it from inside at its start and end, and say whether it held.

    Args:
        policy: The policy; default: policy.toml here, else one that allows nothing.
        preset: A shipped policy instead.
        role: Role in the policy.
        as_json: Print JSON.
    """
    from unlit.fence.machine import capabilities, require_strong

    found = capabilities()
    require_strong(found)
    with tempfile.TemporaryDirectory(prefix="unlit-check-") as folder:
        order = _Order(("true",), policy, preset, role, Path(folder))
        once = asyncio.run(_run(order, True, True, needs_credentials=False))
    if as_json:
        document = {**_outcome(once), "schema": "unlit.fence-check/1", "machine": found.to_json()}
        sys.stdout.write(json.dumps(document) + "\n")
        return 0 if once.report.held else 1
    for probe in once.report.probes:
        kind = "control reached" if probe.control else "blocked"
        said = kind if probe.holds else f"NOT {kind}"
        sys.stdout.write(f"{probe.when:6} {probe.name:22} {said}\n")
    for sentence in once.report.weak:
        sys.stdout.write(f"weak   {sentence}\n")
    sys.stdout.write("The fence held.\n" if once.report.held else "The fence did NOT hold.\n")
    return 0 if once.report.held else 1


@app.command
def learn(
    *argv: Words,
    policy: Path | None = None,
    preset: str | None = None,
    role: str = "coder",
    workspace: Path = Path(),
    as_json: Json = False,
) -> int:
    """Run a command, record what it was denied, and propose the smallest policy that allows it.

    Nothing is allowed meanwhile that the policy does not allow, nothing is written back, and the
    proposal is accepted by a person or not at all.

    Args:
        argv: The command, after `--`.
        policy: The policy to start from; default: policy.toml in the workspace, else none.
        preset: A shipped policy to start from.
        role: Role that the proposed rules speak of.
        workspace: Folder that is /work inside.
        as_json: Print JSON.
    """
    order = _Order(argv, policy, preset, role, workspace.resolve())
    proposals, once = asyncio.run(_learn(order))
    if as_json:
        rules = [
            {
                "role": one.role,
                "host": one.host,
                "methods": list(one.methods),
                "paths": list(one.paths),
                "requests": one.requests,
            }
            for one in proposals
        ]
        sys.stdout.write(json.dumps({**_outcome(once), "proposals": rules}) + "\n")
        return 0
    if not proposals:
        sys.stderr.write("The command was denied nothing.\n")
    sys.stdout.write("".join(f"{one.toml()}\n" for one in proposals))
    return 0


def _read(order: _Order, *, may_be_empty: bool) -> "Policy":
    from unlit.core.errors import UsageError
    from unlit.fence.presets import preset_text
    from unlit.policy import load_policy, parse_policy
    from unlit.policy.mirrors import machine_mirrors

    if order.policy is not None and order.preset is not None:
        raise UsageError(
            "FEN-053",
            "--policy and --preset were both given.",
            "a command runs behind one policy.",
            "give one of them; a preset can be copied and edited.",
        )
    if order.preset is not None:
        mirrors = machine_mirrors(_environment())
        return parse_policy(preset_text(order.preset), f"{order.preset}.toml", mirrors=mirrors)
    path = order.policy or order.workspace / _DEFAULT_POLICY
    if order.policy is None and not path.exists() and may_be_empty:
        return parse_policy(f"version = 1\n[files.{order.role}]\nwrite = ['.']\n", "(none)")
    return load_policy(path)


async def _run(
    order: _Order, discard: bool, quiet: bool, *, needs_credentials: bool = True
) -> "Once":
    from unlit.cli.fence_twins import twins_for
    from unlit.fence.once import Streams, require_role, run_once, write_back

    policy = _read(order, may_be_empty=not needs_credentials)
    require_role(policy, order.role)
    if not needs_credentials:
        policy = replace(policy, credentials={}, rules=())
    async with (
        _host(backend=order.backend) as host,
        twins_for(policy, order.role) as (routes, tokens),
    ):
        spec, command = _prepare(order, policy)
        spec = replace(spec, twins=routes)
        command = replace(command, env={**tokens, **command.env})
        stdout = sys.stderr.buffer if quiet else sys.stdout.buffer
        terminal = None if quiet or order.backend != "full" else _terminal()
        streams = Streams(_writer(stdout), _writer(sys.stderr.buffer), _stdin(), terminal)
        if terminal is not None:
            words = {"TERM": _environment().get("TERM", "xterm"), **command.env}
            command = replace(command, env=words)
        once = await run_once(host, spec, command, streams)
    if not discard:
        write_back(once, order.workspace)
    return once


async def _learn(order: _Order) -> tuple[tuple[Any, ...], "Once"]:
    from unlit.fence.once import Streams, run_once
    from unlit.policy.proposals import denied_requests
    from unlit.policy.rules.propose import propose

    policy = _read(order, may_be_empty=True)
    with tempfile.TemporaryDirectory(prefix="unlit-learn-") as folder:
        async with _host(Path(folder)) as host:
            spec, command = _prepare(order, policy)
            streams = Streams(_writer(sys.stderr.buffer), _writer(sys.stderr.buffer), _stdin())
            once = await run_once(host, spec, command, streams)
        return propose(denied_requests(Path(folder) / "audit")), once


def _prepare(order: _Order, policy: "Policy") -> "tuple[FenceSpec, Command]":
    """Say what the fence shows: the workspace, and the program where it is not below /usr."""
    from unlit.core.system import SystemClock, SystemIds
    from unlit.fence import FenceSpec, Mount
    from unlit.fence.logins import login_files
    from unlit.fence.model import Command
    from unlit.fence.presets import agent_of
    from unlit.harness.recipes import RECIPES
    from unlit.harness.tools import find_program
    from unlit.policy import Identity

    if not order.argv:
        from unlit.core.errors import UsageError

        raise UsageError(
            "FEN-054",
            "No command was given.",
            "a fence is made for one command.",
            "write it after `--`: unlit fence run -- COMMAND.",
        )
    preset = order.preset or ""
    recipe = RECIPES.get(agent_of(preset))
    name, *rest = order.argv
    program = find_program(name, agent_of(preset) or name, _tools(), _environment().get("PATH", ""))
    argv = [name if program is None else str(program.path), *rest]
    mounts = () if program is None else program.mounts
    identity = Identity(SystemIds().fresh("run"), "fence", Path(name).name, order.role)
    spec = FenceSpec(
        role=order.role,
        policy=policy,
        identity=identity,
        workspace=order.workspace,
        mounts=tuple(Mount(Path(one.source), one.target) for one in mounts),
    )
    if recipe is None:
        return spec, Command(argv)
    home = Path(_environment().get("HOME") or Path.home())
    login = partial(login_files, preset, home=home, now=SystemClock().now())
    return spec, Command(argv, env=dict(recipe.env), home=dict(recipe.files), login=login)


@asynccontextmanager
async def _host(
    folder: Path | None = None, *, backend: str = "full"
) -> "AsyncIterator[FenceHost | LandlockHost]":
    """Start a fence host whose audit log is the user's own, or in `folder`."""
    from unlit.core.system import SystemClock, SystemIds
    from unlit.fence import FenceHost, capabilities
    from unlit.fence.machine import require_strong
    from unlit.fence.sandboxes.landlock import LandlockHost
    from unlit.policy import AuditLog

    found = capabilities()
    if backend == "full":
        require_strong(found)
    state = folder or _state() / "fence" / SystemIds().fresh("fence")
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    header = {"program": "unlit fence", "backend": backend, **found.to_json()}
    keys = None if folder is None else folder / "keys"
    audit = AuditLog.open(state / "audit", header, SystemClock(), key_dir=keys)
    try:
        kind = FenceHost if backend == "full" else LandlockHost
        host = await kind.start(state, audit, secret_env=_environment())
        try:
            yield host
        finally:
            await host.close()
    finally:
        audit.close()


def _state() -> Path:
    from unlit.wiring.paths import state_home
    from unlit.wiring.settings import read_settings

    settings = read_settings()
    return state_home(settings.env, settings.path("state_home"))


def _tools() -> Path:
    return _state() / "agents"


def _environment() -> Mapping[str, str]:
    from unlit.wiring.settings import read_settings

    return read_settings().env


def _stdin() -> int | None:
    try:
        return sys.stdin.fileno()
    except (OSError, ValueError, AttributeError):
        return None


def _terminal() -> int | None:
    """Return the person's terminal, if both directions of ours are one."""
    try:
        both = sys.stdin.isatty() and sys.stdout.isatty()
    except (OSError, ValueError, AttributeError):
        return None
    return sys.stdin.fileno() if both else None


def _writer(stream: Any) -> Any:
    def take(piece: bytes) -> None:
        stream.write(piece)
        stream.flush()

    return take


def _outcome(once: "Once") -> dict[str, Any]:
    report = once.report
    return {
        "schema": "unlit.fence/1",
        "exit_code": once.exit_code,
        "timed_out": once.timed_out,
        "held": report.held,
        "probes": [
            {"name": one.name, "when": one.when, "blocked": one.blocked, "control": one.control}
            for one in report.probes
        ],
        "exchanges": report.exchanges,
        "denied": report.denied,
        "weak": list(report.weak),
        "peak_memory_mb": report.peak_memory_mb,
        "processes_left": report.processes_left,
        "changed": [{"path": one.path, "kind": one.kind} for one in once.layer.files],
        "refused": [{"path": one.path, "kind": one.kind} for one in once.layer.refused],
        "usage": [_usage(one) for one in report.usage],
    }


def _usage(one: Any) -> dict[str, Any]:
    return {
        "provider": one.provider,
        "model": one.model,
        "input_tokens": one.input_tokens,
        "output_tokens": one.output_tokens,
        "cost_usd": None if one.cost_usd is None else str(one.cost_usd),
    }


def _summary(once: "Once") -> None:
    """Say on stderr what a person should know; nothing when there is nothing."""
    report: FenceReport = once.report
    if report.denied:
        sys.stderr.write(
            f"fence: {report.denied} of {report.exchanges} requests were denied; "
            "`unlit fence learn -- COMMAND` proposes rules for them.\n"
        )
    for one in once.layer.refused:
        sys.stderr.write(f"fence: the change of {one.path} was not taken: policy guards it.\n")
    for sentence in report.weak:
        sys.stderr.write(f"fence: weak: {sentence}\n")


def _say(error: Any) -> None:
    from unlit.cli.main import print_error

    print_error(error)
