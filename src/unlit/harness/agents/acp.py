"""Agents that speak the Agent Client Protocol, named ``acp:NAME``."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from typing_extensions import override

from unlit.core.errors import InvalidInput
from unlit.harness.acp import AcpClient, AcpError
from unlit.harness.headless import is_model_failure, write_files
from unlit.harness.model import AgentEvent, Companion, End, EndReason, Facts, Job
from unlit.harness.options import AgentOptions
from unlit.harness.ports import Agent, Fence, Running, Sink
from unlit.harness.recipes import ACP, Recipe, recipe_of
from unlit.harness.rules import spoken
from unlit.harness.talking import HOW
from unlit.harness.tools import Program, find_program

_STOPS: Final = {
    "end_turn": EndReason.DONE,
    "cancelled": EndReason.CANCELLED,
    "refusal": EndReason.REFUSED,
    "max_tokens": EndReason.LIMIT,
    "max_turn_requests": EndReason.LIMIT,
}
_HANDSHAKE_S: Final = 60.0
_LISTEN_S: Final = 0.5
_STDERR: Final = 'exec "$@" 2>/tmp/acp.stderr'
"""An agent that floods an unread pipe hangs; a file never fills up."""


@dataclass(frozen=True, slots=True)
class _Talk:
    client: AcpClient
    running: Running


class AcpAgent(Agent):
    """Runs one agent over ACP.

    Args:
        recipe: What it needs.
        words: How it is started as an ACP agent.
        program: Where it is; `None` when this machine does not have it.
    """

    def __init__(self, recipe: Recipe, words: tuple[str, ...], program: Program | None) -> None:
        self._recipe = recipe
        self._words = words
        self._program = program
        missing = f"`{recipe.command}` is not here (unlit agents install {recipe.agent})"
        self._facts = Facts(
            name=f"acp:{recipe.name.removesuffix('-acp')}",
            title=f"{recipe.title} over ACP",
            kind="acp",
            command=recipe.command,
            protocol=recipe.protocol,
            credential=recipe.key,
            needs=() if program else (missing,),
            can=frozenset({"cancel", "permission", "steer"}),
            mounts=program.mounts if program else (),
            path=(str(program.path.parent),) if program else (),
        )

    @property
    @override
    def facts(self) -> Facts:
        return self._facts

    @override
    async def run(self, job: Job, fence: Fence, sink: Sink) -> End:
        if self._program is None:
            return End(EndReason.NOT_STARTED, self._facts.needs[0])
        await write_files(self._recipe, fence)  # its MCP server is told with the session
        argv = ["sh", "-c", _STDERR, "sh", str(self._program.path), *self._words]
        running = await fence.spawn(argv, env={**self._recipe.env, **job.env})
        sink.event(AgentEvent("started", self._facts.title))
        client = AcpClient(running, sink)
        try:
            return await self._talk(job, _Talk(client, running))
        finally:
            await client.close()
            await running.kill()

    async def _talk(self, job: Job, talk: _Talk) -> End:
        client, session = talk.client, ""
        try:
            async with asyncio.timeout(_HANDSHAKE_S):
                session = await client.begin("/work", job.tools)
            async with asyncio.timeout(job.deadline_s):
                stopped = await _converse(client, session, job)
        except TimeoutError:
            with suppress(AcpError, OSError):
                await client.cancel(session)
            reason = EndReason.TIMED_OUT if session else EndReason.NOT_STARTED
            return End(reason, client.last_words or "it did not answer in time")
        except asyncio.CancelledError:
            with suppress(AcpError, OSError):
                await client.cancel(session)
            raise
        except AcpError as error:
            words = str(error)
            if is_model_failure(words):
                return End(EndReason.MODEL_FAILED, words)
            return End(EndReason.CRASHED if session else EndReason.NOT_STARTED, words)
        reported = {"permissions": client.permissions}
        return End(_STOPS.get(stopped, EndReason.DONE), client.last_words, 0, reported)


async def _converse(client: AcpClient, session: str, job: Job) -> str:
    """Give the task, then in the same session what people say; return why the last turn stopped.

    Words wait for the end of the present turn; one that is marked so ends that turn.
    """
    stopped = await _turn(client, session, job.brief, job.companion)
    while job.companion is not None and stopped in ("end_turn", "cancelled"):
        words = await asyncio.to_thread(job.companion.words)
        if not words:
            break
        for word in words:
            await asyncio.to_thread(job.companion.deliver, word, HOW)
        stopped = await _turn(client, session, spoken(words), job.companion)
    return stopped


async def _turn(client: AcpClient, session: str, text: str, companion: Companion | None) -> str:
    """Do one turn; a word that shall be heard now ends it."""
    turn = asyncio.ensure_future(client.prompt(session, text))
    interrupted = False
    try:
        while not turn.done():
            await asyncio.wait({turn}, timeout=_LISTEN_S)
            if turn.done() or companion is None or interrupted:
                continue
            if any(word.now for word in await asyncio.to_thread(companion.words)):
                interrupted = True
                await client.cancel(session)
        return turn.result()
    finally:
        turn.cancel()


def make(name: str, options: AgentOptions) -> AcpAgent:
    """Make an ACP agent; ``acp:NAME`` names which.

    Raises:
        InvalidInput: No ACP agent has that name.
    """
    words = ACP.get(options.argument)
    recipe = recipe_of(f"acp:{options.argument}")
    if words is None or recipe is None:
        raise InvalidInput(
            "HAR-002",
            f"There is no ACP agent {options.argument!r}.",
            "an ACP agent is named acp:NAME.",
            f"use one of: {', '.join(f'acp:{known}' for known in sorted(ACP))}.",
        )
    program = find_program(recipe.command, recipe.name, options.tools, options.path)
    return AcpAgent(recipe, words, program)
