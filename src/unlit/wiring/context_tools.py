"""The context tools of a role's fences: an MCP server outside, which policy alone lets them reach.

A rule of policy.toml names it as it names a twin: ``twin = "context"`` (reading) or
``twin = "context-write"``. Sources are called from outside, with the credentials and the rules of
the role `context`; what enters the fence is an address and no secret. Each of the two kinds has a
server and a key of its own, so that a rule that only reads leads to no tool that writes.
"""

import asyncio
import secrets
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from unlit.context.mcp_server import Served, http_app
from unlit.core.errors import InvalidInput, OutsideFailed
from unlit.fence import TwinRoute
from unlit.policy import Policy, Rule
from unlit.wiring.sources import open_library

READING: Final = "context"
WRITING: Final = "context-write"
VARIABLE: Final = "UNLIT_CONTEXT_URL"
_STARTS_IN_S: Final = 60.0


@asynccontextmanager
async def context_tools(
    policy: Policy, role: str, repository: Path
) -> AsyncIterator[tuple[tuple[TwinRoute, ...], dict[str, str]]]:
    """Serve the tools while the block runs, if policy names them for the role.

    Yields:
        The routes of the role's fences, and a variable that says where the tools of the first rule
        are.

    Raises:
        InvalidInput: The rule's host is a pattern: it would name no place.
        UnlitError: A source or the audit log cannot be opened, or a server did not start.
    """
    rules = rules_of(policy, role)
    if not rules:
        yield (), {}
        return
    with ExitStack() as stack:
        served = Served(stack.enter_context(open_library(repository)))
        routes = stack.enter_context(routes_of(rules, served))
        yield routes, {VARIABLE: url_of(rules)}


def rules_of(policy: Policy, role: str) -> tuple[Rule, ...]:
    """Return the rules by which a role reaches the tools.

    Raises:
        InvalidInput: A rule's host is a pattern: it would name no place.
    """
    rules = tuple(
        rule
        for rule in policy.rules
        if rule.twin in (READING, WRITING) and (role in rule.roles or "*" in rule.roles)
    )
    for rule in rules:
        if "*" in rule.host:
            raise InvalidInput(
                "CTX-322",
                f"The rule for the context tools names {rule.host}, which is no single host.",
                "the tools are at one name, such as context.unlit.internal.",
                "write that name into policy.toml.",
            )
    return rules


def url_of(rules: Sequence[Rule]) -> str:
    """Return where the tools of the first rule are."""
    return f"https://{rules[0].host}/mcp"


@contextmanager
def routes_of(rules: Sequence[Rule], served: Served) -> Iterator[tuple[TwinRoute, ...]]:
    """Serve what the rules name: one server and one key for each of the two kinds.

    Raises:
        OutsideFailed: A server did not start.
    """
    with ExitStack() as stack:
        routes = []
        for kind in dict.fromkeys(str(rule.twin) for rule in rules):
            hosts = tuple(rule.host for rule in rules if rule.twin == kind)
            key = secrets.token_hex(16)
            one = replace(served, read_only=kind != WRITING)
            address = stack.enter_context(_listening(one, hosts, key))
            routes.append(TwinRoute(kind, hosts, address, key))
        yield tuple(routes)


@contextmanager
def _listening(served: Served, hosts: tuple[str, ...], key: str) -> Iterator[str]:
    """Serve over HTTP on a loopback port, in a thread of its own; yields the address."""
    server = _Server(http_app(served, hosts, key))
    try:
        yield server.address
    finally:
        server.stop()


class _Server:
    """uvicorn in a thread: sources block, and a gateway's loop must not."""

    def __init__(self, app: Any) -> None:
        import uvicorn

        config = uvicorn.Config(
            app, host="127.0.0.1", port=0, log_config=None, access_log=False, server_header=False,
            lifespan="on", timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._started.wait(_STARTS_IN_S)
        if not self._server.started:
            raise OutsideFailed(
                "CTX-323",
                "The context tools did not start.",
                "their server gave up on a loopback port.",
                "try again; `unlit doctor` looks at the machine.",
            )
        (listener,) = self._server.servers
        self.address = f"127.0.0.1:{listener.sockets[0].getsockname()[1]}"

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        serving = asyncio.ensure_future(self._server.serve())
        while not self._server.started and not serving.done():  # noqa: ASYNC110 # uvicorn has no event
            await asyncio.sleep(0.01)
        self._started.set()
        await serving

    def stop(self) -> None:
        """End it; an open request is cut off after a second."""
        self._server.should_exit = True
        self._thread.join(_STARTS_IN_S)
