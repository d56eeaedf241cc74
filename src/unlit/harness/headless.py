"""Command-line agents: one recipe each, started in the fence, read while they print."""

import shlex
from dataclasses import dataclass

from typing_extensions import override

from unlit.harness.model import AgentEvent, End, EndReason, Facts, Job
from unlit.harness.outputs import Read, read_line, read_lines
from unlit.harness.ports import Agent, Fence, Finished, Sink
from unlit.harness.recipes import MODEL, TASK, TOOLS, Recipe, files_of
from unlit.harness.tools import Program

_OUTPUT_LIMIT = 16 * 1024 * 1024
_EVENTS_LIMIT = 500
_MODEL_WORDS = (
    "overloaded",
    "rate limit",
    "rate_limit",
    "429",
    "529",
    "api error",
    "authentication",
    "invalid api key",
    "connection error",
    "network error",
    "modelapierror",
    "failed to decode response as json",
)


class HeadlessAgent(Agent):
    """Runs one recipe.

    Args:
        recipe: What to start and how to read it.
        program: Where it is; `None` when this machine does not have it.
        model: Model instead of the recipe's.
    """

    def __init__(self, recipe: Recipe, program: Program | None, model: str = "") -> None:
        self._recipe = recipe
        self._program = program
        self._model = model or recipe.model
        can = {"cancel"} | ({"steer"} if recipe.again else set())
        can |= {"hooks"} if recipe.hooks is not None else set()
        self._facts = facts_of(recipe, program, frozenset(can))

    @property
    @override
    def facts(self) -> Facts:
        return self._facts

    @override
    async def run(self, job: Job, fence: Fence, sink: Sink) -> End:
        if self._program is None:
            return End(EndReason.NOT_STARTED, self._facts.needs[0])
        await write_files(self._recipe, fence, job.tools)
        sink.event(AgentEvent("started", f"{self._recipe.title}, model {self._model}"))
        output = Output(self._recipe.output, sink)
        done = await fence.run(
            argv_of(self._recipe, self._program, job, self._model),
            stdin=job.brief.encode() if self._recipe.stdin else b"",
            env={**self._recipe.env, **job.env},
            timeout_s=job.deadline_s,
            on_output=output.take,
        )
        return end_of(self._recipe, done)


def facts_of(recipe: Recipe, program: Program | None, can: frozenset[str]) -> Facts:
    """Say what a command-line agent is and whether it can run here."""
    return Facts(
        name=recipe.name,
        title=recipe.title,
        kind="headless",
        command=recipe.command,
        protocol=recipe.protocol,
        credential=recipe.key,
        needs=() if program else (_missing(recipe),),
        can=can,
        mounts=program.mounts if program else (),
        path=(str(program.path.parent),) if program else (),
    )


def argv_of(recipe: Recipe, program: Program, job: Job, model: str) -> list[str]:
    """Return the command that starts an agent on a job."""
    filled = {TASK: job.brief, MODEL: job.model or model}
    words = [str(program.path)]
    if job.hooks and recipe.hooks is not None:
        words += recipe.hooks(job.hooks)
    if job.tools:
        words += [word.replace(TOOLS, job.tools) for word in recipe.tools_argv]
    for word in recipe.argv:
        for mark, value in filled.items():
            word = word.replace(mark, value) if mark in word else word  # small
        words.append(word)
    return words


class Output:
    """Turns what an agent prints into events, line by line."""

    def __init__(self, reader: str, sink: Sink) -> None:
        self._reader = reader
        self._sink = sink
        self._rest = b""
        self._left = _EVENTS_LIMIT

    def take(self, data: bytes) -> None:
        """Take a piece of output."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _OUTPUT_LIMIT:
            self._rest = b""
        for line in lines:
            for event in read_line(self._reader, line):
                if self._left > 0:
                    self._left -= 1
                    self._sink.event(event)


@dataclass(frozen=True, slots=True)
class EndedProgram:
    """How a program that was talked to ended, with what of its output counts."""

    exit_code: int
    stdout: bytes
    stderr: bytes = b""
    timed_out: bool = False
    duration_s: float = 0.0


def end_of(recipe: Recipe, done: Finished) -> End:
    """Say how a command-line agent ended, from its exit code and its output."""
    read = read_lines(recipe.output, done.stdout[-_OUTPUT_LIMIT:])
    errors = done.stderr.decode(errors="replace").strip()
    words = read.failed or read.last or errors[-500:]
    if done.timed_out:
        return End(EndReason.TIMED_OUT, words, done.exit_code, read.reported)
    if done.exit_code in (125, 126, 127):
        return End(EndReason.NOT_STARTED, errors[-500:] or words, done.exit_code)
    if _model_failed(read, done, errors):
        return End(EndReason.MODEL_FAILED, words, done.exit_code, read.reported)
    if done.exit_code != 0:
        return End(EndReason.CRASHED, words, done.exit_code, read.reported)
    if read.understood == 0:
        return End(EndReason.GARBAGE, errors[-500:], done.exit_code)
    return End(EndReason.DONE, words, done.exit_code, read.reported)


def _model_failed(read: Read, done: Finished, errors: str) -> bool:
    if not read.failed and done.exit_code == 0:
        return False
    return is_model_failure(f"{read.failed} {errors[-2000:]} {read.last[-500:]}")


def is_model_failure(words: str) -> bool:
    """Whether an agent's last words blame its model rather than its work."""
    told = words.lower()
    return any(word in told for word in _MODEL_WORDS)


def _missing(recipe: Recipe) -> str:
    return f"`{recipe.command}` is not here (unlit agents install {recipe.agent})"


async def write_files(recipe: Recipe, fence: Fence, tools: str = "") -> None:
    """Write the files that a recipe wants into the agent's home; `tools` is an MCP server's URL."""
    for name, text in files_of(recipe, tools).items():
        target = f'"$HOME"/{shlex.quote(name)}'
        script = f'mkdir -p "$(dirname {target})" && cat > {target}'
        await fence.run(["sh", "-c", script], stdin=text.encode(), timeout_s=60)
