"""Talk with a command-line agent: what people say becomes the next turn of its session.

Most command lines read their task once. A word is therefore said by starting the program again on
the session it has kept in its home; a word that shall be heard now ends the running turn first.
One that asks what else there is to do, when it wants to end, is answered instead.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from typing_extensions import override

from unlit.harness.headless import (
    EndedProgram,
    HeadlessAgent,
    Output,
    argv_of,
    end_of,
    write_files,
)
from unlit.harness.model import AgentEvent, Companion, End, EndReason, Job
from unlit.harness.ports import Fence, Finished, Running, Sink
from unlit.harness.recipes import Recipe
from unlit.harness.rules import spoken
from unlit.harness.tools import Program

HOW: Final = "as the next turn of its session"
_LISTEN_S: Final = 0.5
_BRIEF: Final = '"$HOME"/.unlit-turn'


@dataclass(slots=True)
class _Turn:
    """One started program: what it printed, and whether a word ended it."""

    output: Output
    printed: bytearray = field(default_factory=bytearray)
    cut: bool = False

    async def read(self, running: Running) -> None:
        """Take what it prints until it ends."""
        async for line in running.lines():
            self.printed += line
            self.output.take(line)


class _Talk:
    """One job of a command-line agent that can be spoken to.

    Args:
        recipe: How it is started, and how it goes on.
        program: Where it is.
        model: Model unless the job names one.
        fence: Where it runs.
        sink: Told what it does.
    """

    def __init__(
        self, recipe: Recipe, program: Program, model: str, fence: Fence, sink: Sink
    ) -> None:
        self._recipe = recipe
        self._program = program
        self._model = model
        self._fence = fence
        self._sink = sink

    def _end(self, turn: _Turn, done: Finished) -> End:
        printed = bytes(turn.printed)
        ended = EndedProgram(done.exit_code, printed, done.stderr, done.timed_out)
        return end_of(self._recipe, ended)


class Conversation(_Talk):
    """One job of an agent that keeps its sessions: it is started again on what it has kept."""

    async def hold(self, job: Job, companion: Companion) -> End:
        """Give the task, then what people say, until nobody says more."""
        text, again = job.brief, False
        try:
            async with asyncio.timeout(job.deadline_s):
                while True:
                    end, cut = await self._start(replace(job, brief=text), companion, again=again)
                    words = await asyncio.to_thread(companion.words)
                    if not words or not (cut or end.reason is EndReason.DONE):
                        if cut or end.reason is not EndReason.CRASHED or not again:
                            return end
                        text, again = f"{job.brief}\n\n{text}", False  # its session is gone
                        continue
                    for word in words:
                        await asyncio.to_thread(companion.deliver, word, HOW)
                    text = spoken(words)
                    again = True
        except TimeoutError:
            return End(EndReason.TIMED_OUT, "it did not end in its time")

    async def _start(self, job: Job, companion: Companion, *, again: bool) -> tuple[End, bool]:
        recipe = self._recipe
        if again:
            recipe = replace(recipe, argv=recipe.again)
        keep = ["sh", "-c", f"cat > {_BRIEF}"]
        told = job.brief.encode() if recipe.stdin else b""
        await self._fence.run(keep, stdin=told, timeout_s=60)
        argv = argv_of(recipe, self._program, job, self._model)
        fed = ["sh", "-c", f'exec "$@" < {_BRIEF}', "sh", *argv]
        running = await self._fence.spawn(fed, env={**recipe.env, **job.env})
        turn = _Turn(Output(recipe.output, self._sink))
        reading = asyncio.ensure_future(turn.read(running))
        try:
            await self._listen(turn, running, reading, companion)
            await reading
            done = await running.wait()
        finally:
            reading.cancel()
            await running.kill()
        return self._end(turn, done), turn.cut

    async def _listen(
        self, turn: _Turn, running: Running, reading: "asyncio.Future[None]", companion: Companion
    ) -> None:
        """Wait for the end of a turn; a word that shall be heard now ends it, once it works."""
        while not reading.done():
            await asyncio.wait({reading}, timeout=_LISTEN_S)
            if reading.done() or turn.cut or not turn.printed:
                continue
            if any(word.now for word in await asyncio.to_thread(companion.words)):
                turn.cut = True
                await running.kill()


class Dialogue(_Talk):
    """One job of an agent that asks what else there is to do before it ends."""

    async def hold(self, job: Job, companion: Companion) -> End:
        """Give the task, then what people say each time it asks; with nothing said it ends."""
        recipe = replace(self._recipe, argv=self._recipe.again)
        argv = argv_of(recipe, self._program, job, self._model)
        running = await self._fence.spawn(argv, env={**recipe.env, **job.env})
        turn = _Turn(Output(self._recipe.output, self._sink))
        try:
            async with asyncio.timeout(job.deadline_s):
                async for line in running.lines():
                    turn.printed += line
                    turn.output.take(line)
                    if recipe.asks.encode() in line:
                        with suppress(OSError):  # it ended
                            await running.write(await _answer(companion))
                done = await running.wait()
        except TimeoutError:
            return End(EndReason.TIMED_OUT, "it did not end in its time")
        finally:
            await running.kill()
        return self._end(turn, done)


async def _answer(companion: Companion) -> bytes:
    """Return what people said, in one line."""
    words = await asyncio.to_thread(companion.words)
    for word in words:
        await asyncio.to_thread(companion.deliver, word, HOW)
    return " ".join(spoken(words).split()).encode() + b"\n" if words else b"\n"


class SteeredAgent(HeadlessAgent):
    """A command-line agent that keeps its sessions, so that it can be spoken to."""

    @override
    async def run(self, job: Job, fence: Fence, sink: Sink) -> End:
        if self._program is None or job.companion is None:
            return await super().run(job, fence, sink)
        await write_files(self._recipe, fence, job.tools)
        sink.event(AgentEvent("started", f"{self._recipe.title}, model {self._model}"))
        kind = Dialogue if self._recipe.asks else Conversation
        talk = kind(self._recipe, self._program, self._model, fence, sink)
        return await talk.hold(job, job.companion)
