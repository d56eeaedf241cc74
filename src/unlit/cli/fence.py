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
    from unlit.cli.fence_show import Done
    from unlit.fence import FenceSpec
    from unlit.fence.model import Command
    from unlit.fence.once import Once
    from unlit.fence.ports import Host
    from unlit.policy import Policy

app = cyclopts.App(name="fence", help="Run a command behind policy.")
Flag = cyclopts.Parameter(negative=())
Json = Annotated[bool, cyclopts.Parameter("--json", negative=())]
Words = Annotated[str, cyclopts.Parameter(show=True, allow_leading_hyphen=True)]

COULD_NOT_START: Final = 125
REFUSED: Final = 126
_DEFAULT_POLICY: Final = Path("policy.toml")
_FLAGS: Final = (
    "--policy", "--preset", "--role", "--workspace", "--backend", "--discard", "--json", "--help",
)  # fmt: skip


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
    backend: Literal["full", "landlock", "container"] = "full",
    discard: Annotated[bool, Flag] = False,
    as_json: Json = False,
) -> int:
    """Run a command in a fence; what it changed in the workspace is written back at the end.

    Exit code: the command's own; 125 the fence could not start, 126 policy refuses, 127 no such
    command.

    Args:
        argv: The command, after `--`.
        policy: The policy; default: policy.toml in the workspace.
        preset: A shipped policy instead: claude-code, codex, gemini-cli, opencode, goose,
            aider, mini-swe-agent; or your own login: claude-code-login, codex-login,
            gemini-cli-login.
        role: Role in the policy.
        workspace: Folder that is /work inside; default: this one.
        backend: full; landlock or container (podman) hold less, for machines without user
            namespaces.
        discard: Leave the workspace as it was.
        as_json: Print what the fence saw as JSON; the command's own output goes to stderr.
    """
    from unlit.cli.fence_show import outcome, summary
    from unlit.core.errors import RefusedByPolicy, UnlitError

    order = _Order(argv, policy, preset, role, workspace.resolve(), backend)
    try:
        _must_be_command(argv, "run")
        done = asyncio.run(_run(order, discard, as_json))
    except UnlitError as error:
        _say(error)
        return REFUSED if isinstance(error, RefusedByPolicy) else COULD_NOT_START
    if as_json:
        sys.stdout.write(json.dumps(outcome(done.once, done.refused)) + "\n")
    else:
        summary(done)
    return done.once.exit_code


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
    from unlit.cli.fence_show import outcome
    from unlit.fence.machine import capabilities, require_strong

    found = capabilities()
    require_strong(found)
    with tempfile.TemporaryDirectory(prefix="unlit-check-") as folder:
        order = _Order(("true",), policy, preset, role, Path(folder))
        once = asyncio.run(_run(order, True, True, needs_credentials=False)).once
    if as_json:
        document = {**outcome(once), "schema": "unlit.fence-check/1", "machine": found.to_json()}
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
    from unlit.cli.fence_show import outcome

    _must_be_command(argv, "learn")
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
        sys.stdout.write(json.dumps({**outcome(once), "proposals": rules}) + "\n")
        return 0
    if not proposals:
        sys.stderr.write("The command was denied nothing.\n")
    sys.stdout.write("".join(f"{one.toml()}\n" for one in proposals))
    if proposals:
        sys.stderr.write(
            "Nothing is allowed by this. Edit what you want into the policy, look with "
            "`unlit policy diff BEFORE AFTER`, then `unlit policy sign`.\n"
        )
    return 0


@app.command
def asks(*, as_json: Json = False) -> int:
    """List what fenced commands asked for beyond their policy, newest command first.

    Args:
        as_json: Print JSON.
    """
    from unlit.cli.fence_gate import asked, open_asks
    from unlit.review.model import to_plain

    found = asked(open_asks(_state()))
    if as_json:
        rows = [{"run": one.run, "title": one.title, **to_plain(one.line)} for one in found]
        sys.stdout.write(json.dumps({"schema": "unlit.fence-asks/1", "asked": rows}) + "\n")
        return 0
    for one in found:
        line = one.line
        text = f"{one.run} {line.number} {line.request}: {line.reason or 'no reason given'}"
        sys.stdout.write(_inert(f"{text} ({one.standing})") + "\n")
    if not found:
        sys.stderr.write("No fenced command asked for anything.\n")
    return 0


@app.command
def allow(
    run: str,
    number: int,
    *,
    reason: str = "",
    for_time: Annotated[str, cyclopts.Parameter("--for")] = "1h",
    person: str | None = None,
) -> int:
    """Allow a running fenced command exactly what it asked for, for a while.

    Args:
        run: The command's run, as `unlit fence asks` shows it.
        number: The question.
        reason: Why, in a few words; kept in the audit log.
        for_time: 30m, 2h, at most 24h.
        person: Who decides; default the setting `person`, else the user's name.
    """
    from unlit.cli.approve import seconds

    return _answer(run, number, "approved", reason, person, seconds(for_time))


@app.command
def refuse(run: str, number: int, *, reason: str = "", person: str | None = None) -> int:
    """Refuse a running fenced command what it asked for; it is told why when it looks.

    Args:
        run: The command's run, as `unlit fence asks` shows it.
        number: The question.
        reason: Why, in a few words; kept in the audit log.
        person: Who decides; default the setting `person`, else the user's name.
    """
    return _answer(run, number, "rejected", reason, person, 1.0)


def _answer(
    run: str, number: int, decision: str, reason: str, person: str | None, for_s: float
) -> int:
    from unlit.cli.fence_gate import open_gate
    from unlit.core.errors import InvalidInput
    from unlit.record.model import RunState
    from unlit.wiring.desk import person_of
    from unlit.wiring.settings import read_settings

    desk = open_gate(_state())
    found = desk.store.find_run(run)
    if found.state is RunState.REJECTED:
        raise InvalidInput(
            "FEN-057",
            f"The command of {found.id} has ended.",
            "an answer counts for the command that asked, while it runs.",
            "what is needed again belongs into the policy: `unlit fence learn -- COMMAND`.",
        )
    who = person_of(read_settings(flags={"person": person}))
    gate = f"access/{number}"
    done = desk.decide(found.id, decision, who, reason, gate=gate, for_s=for_s)
    made = done.decision.facts
    until = f" until {made['until'][:16].replace('T', ' ')} UTC" if "until" in made else ""
    word = "Allowed" if decision == "approved" else "Refused"
    sys.stdout.write(_inert(f"{word}{until}: {made['request']}.") + "\n")
    return 0


def _must_be_command(argv: tuple[str, ...], name: str) -> None:
    """Refuse a flag of ours that was misspelt: it would be run as the command."""
    from difflib import get_close_matches

    from unlit.core.errors import UsageError

    if not argv or not argv[0].startswith("-"):
        return
    flag = argv[0].partition("=")[0]
    near = get_close_matches(flag, _FLAGS, 1)
    raise UsageError(
        "FEN-056",
        f"`unlit fence {name}` has no flag {flag}.",
        "what follows the flags is the command, and no command begins with a dash.",
        f"did you mean {near[0]}?" if near else f"`unlit fence {name} --help` lists the flags.",
    )


def _inert(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)


def _tell(end: str, line: str) -> None:
    sys.stderr.write(_inert(line) + end)
    sys.stderr.flush()


def _read(order: _Order, *, may_be_empty: bool) -> "Policy":
    from unlit.core.errors import InvalidInput, UsageError
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
    if order.policy is None and not path.exists():
        raise InvalidInput(
            "FEN-058",
            f"There is no policy: {path} does not exist.",
            "nothing is allowed without one.",
            "take a shipped one with --preset (such as claude-code), name a file with --policy, or "
            "let `unlit init` write one here.",
        )
    return load_policy(path)


async def _run(
    order: _Order, discard: bool, quiet: bool, *, needs_credentials: bool = True
) -> "Done":
    from unlit.cli.fence_gate import attended
    from unlit.cli.fence_show import Done, refused_in
    from unlit.cli.fence_twins import twins_for
    from unlit.fence.once import Streams, require_role, run_once, write_back
    from unlit.wiring.context_tools import context_tools

    policy = _read(order, may_be_empty=not needs_credentials)
    require_role(policy, order.role)
    if not needs_credentials:
        policy = replace(policy, credentials={}, rules=())
    async with (
        _host(backend=order.backend) as (host, folder),
        twins_for(policy, order.role) as (routes, tokens),
        context_tools(policy, order.role, order.workspace) as (tools, where),
    ):
        spec, command = _prepare(order, policy)
        spec = replace(spec, twins=(*routes, *tools))
        command = replace(command, env={**tokens, **where, **command.env})
        stdout = sys.stderr.buffer if quiet else sys.stdout.buffer
        terminal = None if quiet or order.backend != "full" else _terminal()
        streams = Streams(_writer(stdout), _writer(sys.stderr.buffer), _stdin(), terminal)
        if terminal is not None:
            words = {"TERM": _environment().get("TERM", "xterm"), **command.env}
            command = replace(command, env=words)
        end = "\n" if terminal is None else "\r\n"
        say = partial(_tell, end)
        once = await run_once(
            host, spec, command, streams, lambda fence: attended(host, fence, spec, _state(), say)
        )
    refused = await asyncio.to_thread(refused_in, folder / "audit", spec.identity.run)
    if not discard:
        write_back(once, order.workspace)
    return Done(once, refused, folder / "audit")


async def _learn(order: _Order) -> tuple[tuple[Any, ...], "Once"]:
    from unlit.fence.once import Streams, run_once
    from unlit.policy.proposals import denied_requests
    from unlit.policy.rules.propose import propose

    policy = _read(order, may_be_empty=True)
    with tempfile.TemporaryDirectory(prefix="unlit-learn-") as folder:
        async with _host(Path(folder)) as (host, _):
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
    from unlit.harness.tools import find_beside
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
    agent, path = agent_of(preset) or name, _environment().get("PATH", "")
    program = find_beside(order.workspace, name, agent, _tools(), path)
    if program is not None and program.path.parent.name == "shims":
        program = None  # a version manager's stand-in works at home only; the fence has its own
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
) -> "AsyncIterator[tuple[Host, Path]]":
    """Start a fence host whose audit log is the user's own, or in `folder`; and say where."""
    from unlit.core.system import SystemClock, SystemIds
    from unlit.fence import capabilities
    from unlit.fence.backends import start_host
    from unlit.fence.machine import require_strong
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
        host = await start_host(backend, state, audit, secret_env=_environment())
        try:
            yield host, state
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


def _say(error: Any) -> None:
    from unlit.cli.main import print_error

    print_error(error)
