"""Our own loop: five tools on pydantic-ai, started inside the fence like any other agent.

``own:MODEL`` names the model as pydantic-ai does: ``anthropic:…``, ``openai:…``, ``google:…``,
``bedrock:…``, ``azure:…``, ``openrouter:…``, ``ollama:…``. ``own:MODEL@PLACE`` says where it is: an
Azure endpoint, a region of Bedrock, or the URL of a local or compatible server (vLLM:
``own:openai-chat:MODEL@https://HOST/v1``); the policy must let the coder reach that host.

It can be steered: people's words reach it before its next model call. Its steps are durable one by
one: each model reply is kept before it is acted on, and a turn that was killed takes the kept ones
again instead of calling the model.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from typing_extensions import override

from unlit.core.errors import InvalidInput
from unlit.harness.headless import EndedProgram, Output, argv_of, end_of, facts_of
from unlit.harness.model import AgentEvent, Companion, End, EndReason, Facts, Job, Word
from unlit.harness.options import AgentOptions
from unlit.harness.ports import Agent, Fence, Running, Sink
from unlit.harness.recipes import MODEL, RECIPES, Recipe
from unlit.harness.tools import Program, find_program

PROGRAM: Final = Path(__file__).parents[1] / "loop" / "program.py"
_LISTEN_S: Final = 0.5
_SILENT_S: Final = 120.0
"""A model that is silent for so long when a turn's time is over has used it up, not the agent."""

_KEYS: Final = {
    "anthropic": ("anthropic", "ANTHROPIC_API_KEY"),
    "openai": ("responses", "OPENAI_API_KEY"),
    "openai-chat": ("chat", "OPENAI_API_KEY"),
    "openai-responses": ("responses", "OPENAI_API_KEY"),
    "google": ("gemini", "GOOGLE_API_KEY"),
    "google-gla": ("gemini", "GOOGLE_API_KEY"),
    "bedrock": ("bedrock", "AWS_BEARER_TOKEN_BEDROCK"),
    "azure": ("chat", "AZURE_OPENAI_API_KEY"),
    "ollama": ("chat", "OLLAMA_API_KEY"),
    "openrouter": ("chat", "OPENROUTER_API_KEY"),
}


_PLACES: Final = {
    "azure": "AZURE_OPENAI_ENDPOINT",
    "bedrock": "AWS_DEFAULT_REGION",
    "ollama": "OLLAMA_BASE_URL",
    "openai": "OPENAI_BASE_URL",
    "openai-chat": "OPENAI_BASE_URL",
    "openai-responses": "OPENAI_BASE_URL",
}
"""What tells the SDKs where a model is, by provider."""

_ENV: Final[Mapping[str, Mapping[str, str]]] = {
    "azure": {"OPENAI_API_VERSION": "2024-10-21"},
    "bedrock": {"AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"},
}


def recipe_of(named: str) -> Recipe:
    """Return how the loop is started for a model, ``PROVIDER:MODEL`` or ``PROVIDER:MODEL@PLACE``.

    Raises:
        InvalidInput: A place is missing, or the provider has none.
    """
    model, place = _placed(named)
    provider = model.partition(":")[0]
    protocol, key = _KEYS.get(provider, ("chat", "OPENAI_API_KEY"))
    env = {**RECIPES["own"].env, **_ENV.get(provider, {})}
    if place:
        env[_PLACES[provider]] = place
    elif provider in ("azure", "ollama"):
        raise InvalidInput(
            "HAR-003",
            f"{model} does not say where it is.",
            f"{provider} has no address of its own.",
            f"write own:{model}@https://HOST…; the policy must let the coder reach that host.",
        )
    text = PROGRAM.read_text(encoding="utf-8")
    argv = ("-c", text, MODEL)
    return replace(RECIPES["own"], model=model, protocol=protocol, key=key, argv=argv, env=env)


def _placed(named: str) -> tuple[str, str]:
    """Cut a name into model and place; a model's own ``@`` is no place."""
    model, at, place = named.rpartition("@")
    provider = named.partition(":")[0]
    if at and (place.startswith(("https://", "http://")) or provider == "bedrock"):
        if provider not in _PLACES:
            raise InvalidInput(
                "HAR-003",
                f"{provider} has an address of its own; {place} is not used.",
                f"a place is for: {', '.join(sorted(_PLACES))}.",
                f"leave it out: own:{model}.",
            )
        return model, place
    return named, ""


@dataclass(slots=True)
class _Talk:
    """One conversation with the program."""

    running: Running
    companion: Companion | None
    output: Output
    said: dict[str, Word] = field(default_factory=dict)
    printed: bytearray = field(default_factory=bytearray)
    asked_at: float | None = None

    async def read(self) -> None:
        """Take what the program prints until it ends."""
        async for line in self.running.lines():
            told = _object(line)
            data = told.get("data") or {}
            if told.get("kind") == "asking":
                self.asked_at = asyncio.get_running_loop().time()
            elif told.get("kind") == "reply":
                self.asked_at = None
                await self._keep(int(data["n"]), str(data["body"]))
            elif told.get("kind") == "heard":
                await self._heard(str(data["id"]), int(data["step"]))
            else:
                self.printed += line
                self.output.take(line)

    def waited_s(self) -> float:
        """Return for how long the model has not answered."""
        now = asyncio.get_running_loop().time()
        return 0.0 if self.asked_at is None else now - self.asked_at

    async def _keep(self, number: int, body: str) -> None:
        if self.companion is not None:
            await asyncio.to_thread(self.companion.keep_reply, number, body)
        await self.running.write(_line({"kept": number}))

    async def _heard(self, name: str, step: int) -> None:
        word = self.said.get(name)
        if self.companion is not None and word is not None:
            how = f"before its model call {step}"
            await asyncio.to_thread(self.companion.deliver, replace(word, step=step), how)

    async def speak(self) -> None:
        """Hand on what people say, as they say it."""
        while self.companion is not None:
            for word in await asyncio.to_thread(self.companion.words):
                if word.id not in self.said:
                    self.said[word.id] = word
                    await self.running.write(_line({"say": {"id": word.id, "text": word.text}}))
            await asyncio.sleep(_LISTEN_S)


class OwnAgent(Agent):
    """Runs our loop in the fence and talks with it over its standard streams.

    Args:
        recipe: How it is started.
        program: The Python it runs in; `None` when this machine does not have it.
    """

    def __init__(self, recipe: Recipe, program: Program | None) -> None:
        self._recipe = recipe
        self._program = program
        self._facts = facts_of(recipe, program, frozenset({"cancel", "steer", "steps", "hooks"}))

    @property
    @override
    def facts(self) -> Facts:
        return self._facts

    @override
    async def run(self, job: Job, fence: Fence, sink: Sink) -> End:
        if self._program is None:
            return End(EndReason.NOT_STARTED, self._facts.needs[0])
        model = job.model or self._recipe.model
        sink.event(AgentEvent("started", f"{self._recipe.title}, model {model}"))
        argv = argv_of(self._recipe, self._program, job, self._recipe.model)
        running = await fence.spawn(argv, env={**self._recipe.env, **job.env})
        talk = _Talk(running, job.companion, Output(self._recipe.output, sink))
        try:
            done = await _follow(talk, job)
            if done.timed_out and talk.waited_s() >= min(_SILENT_S, job.deadline_s / 2):
                silent = f"the model had not answered for {talk.waited_s():.0f} s"
                return End(EndReason.MODEL_FAILED, silent, done.exit_code)
            return end_of(self._recipe, done)
        finally:
            await running.kill()


async def _follow(talk: _Talk, job: Job) -> EndedProgram:
    companion = job.companion
    first: dict[str, Any] = {"brief": job.brief, "hooks": dict(job.hooks)}
    if companion is not None:
        heard = await asyncio.to_thread(companion.heard)
        first["replies"] = list(await asyncio.to_thread(companion.replies))
        first["heard"] = [{"id": w.id, "text": w.text, "step": w.step} for w in heard]
    try:
        async with asyncio.timeout(job.deadline_s):
            await talk.running.write(_line(first))
            speaking = asyncio.ensure_future(talk.speak())
            try:
                await talk.read()
            finally:
                speaking.cancel()
            done = await talk.running.wait()
    except TimeoutError:
        return EndedProgram(137, bytes(talk.printed), timed_out=True, duration_s=job.deadline_s)
    printed = bytes(talk.printed)
    return EndedProgram(done.exit_code, printed, done.stderr, done.timed_out, done.duration_s)


def _line(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"


def _object(line: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def make(name: str, options: AgentOptions) -> OwnAgent:
    """Make the own loop; it runs only in the environment that `unlit agents install own` made."""
    recipe = recipe_of(options.argument or RECIPES["own"].model)
    program = find_program(recipe.command, name, options.tools, "")
    return OwnAgent(recipe, program)
