"""`unlit twins record SERVICE --through-fence -- COMMAND`: record what a program says to a service.

The program is unmodified: it runs in a fence, calls the service by its own name, and the gateway
sends those calls, and no others, through the recorder to the real service.
"""

import contextlib
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from unlit.fence import TwinRoute
    from unlit.policy import Policy

ROLE = "coder"


@dataclass(frozen=True, slots=True)
class Recording:
    """What is recorded, and how.

    Attributes:
        upstream: The original; by default the host that the program asked for, over https.
        hosts: Names and patterns by which the program may call it.
        env: Names of variables that the program may see: its own token, for example.
        policy: What else the program may do; nothing by default.
    """

    service: str
    out: Path
    cassette: str
    upstream: str | None
    hosts: tuple[str, ...]
    env: tuple[str, ...]
    policy: Path | None
    workspace: Path


def hosts_of(service: str, upstream: str | None) -> tuple[str, ...]:
    """Return the names of a service: those that its twin knows, and the upstream's own.

    Raises:
        InvalidInput: There is neither a twin nor an upstream.
    """
    from unlit.core.errors import InvalidInput
    from unlit.twins import registry

    known: tuple[str, ...] = ()
    with contextlib.suppress(InvalidInput):
        known = registry.hosts(service)
    own = urlsplit(upstream or "").hostname
    found = tuple(dict.fromkeys((*known, *((own,) if own else ()))))
    if not found:
        raise InvalidInput(
            "TWN-115",
            f"No host of {service!r} is known.",
            "there is no twin of that name, and --upstream names no host.",
            "give --upstream https://HOST.",
        )
    return found


async def record_command(argv: Sequence[str], what: Recording) -> int:
    """Run the command in a fence and record its calls; return the command's exit code."""
    from unlit.cli.fence import _host, _Order, _prepare, _stdin, _writer
    from unlit.fence.once import Streams, require_role, run_once, write_back

    policy = _policy(what)
    require_role(policy, ROLE)
    order = _Order(tuple(argv), what.policy, None, ROLE, what.workspace.resolve())
    async with _recorder(what) as route, _host() as (host, _):
        spec, command = _prepare(order, policy)
        spec = replace(spec, twins=(route,))
        command = replace(command, env={**command.env, **_variables(what.env)})
        streams = Streams(_writer(sys.stdout.buffer), _writer(sys.stderr.buffer), _stdin())
        once = await run_once(host, spec, command, streams)
    write_back(once, order.workspace)
    return once.exit_code


@contextlib.asynccontextmanager
async def _recorder(what: Recording) -> AsyncIterator["TwinRoute"]:
    from unlit.fence import TwinRoute
    from unlit.twins.fidelity.recorder import Recorder, RecordingProxy, recording

    recorder = Recorder(what.service, what.cassette)
    proxy = RecordingProxy(what.upstream, recorder, what.out)
    async with recording(proxy, "127.0.0.1:0") as url:
        yield TwinRoute(what.service, what.hosts, url.removeprefix("http://"), "recorded")
    sys.stderr.write(f"{len(recorder.lines)} calls recorded in {what.out}.\n")


def _policy(what: Recording) -> "Policy":
    from unlit.policy import load_policy, parse_policy

    if what.policy is not None:
        return load_policy(what.policy)
    rules = "".join(
        f'[[allow]]\nrole = "{ROLE}"\nhost = "{host}"\ntwin = "{what.service}"\n'
        for host in what.hosts
    )
    text = f"version = 1\n[files.{ROLE}]\nwrite = ['.']\n{rules}"
    return parse_policy(text, "(recording)")


def _variables(names: Sequence[str]) -> dict[str, str]:
    from unlit.cli.fence import _environment
    from unlit.core.errors import InvalidInput

    have = _environment()
    missing = [name for name in names if name not in have]
    if missing:
        raise InvalidInput(
            "TWN-116",
            f"The variable {missing[0]} is not set.",
            "--env names variables that the recorded program may see.",
            "set it, or leave it out.",
        )
    return {name: have[name] for name in names}
