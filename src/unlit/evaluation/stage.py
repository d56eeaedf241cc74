"""The stage of one trajectory: what the drivers act on and what they have seen so far."""

import json
import math
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from unlit.core.clock import Clock
from unlit.evaluation.asking import ModelLine
from unlit.evaluation.checks.match import value_at
from unlit.evaluation.checks.observation import Observation
from unlit.evaluation.ports import Process, Sandbox, Worlds
from unlit.evaluation.scenarios.template import fill

START_TIMEOUT_S: Final = 30.0
STEP_TIMEOUT_S: Final = 60.0


class ProductFailed(Exception):
    """The product did something that ends the trajectory; never our fault."""


class NeverStarted(ProductFailed):
    """The product never listened."""


class NotExercised(Exception):
    """Nothing here can perform this; the trajectory says nothing about the product."""

    label = "not exercised"
    """Why, without content of the scenario."""


class HarnessFault(Exception):
    """Something of ours failed, with evidence from outside the product's fence."""


@dataclass(frozen=True, slots=True)
class Launch:
    """How the product is started and driven.

    Attributes:
        start_s: How long a server may take to listen.
        step_s: How long a step may take at most, whatever it says itself.
        host: What requests call the product.
    """

    kind: str
    run: tuple[str, ...]
    port: int | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    start_s: float = START_TIMEOUT_S
    step_s: float = math.inf
    host: str = "localhost"


@dataclass(slots=True)
class Stage:
    """Mutable state of one trajectory; made anew for each."""

    sandbox: Sandbox
    worlds: Worlds
    world: str
    launch: Launch
    clock: Clock
    env: Mapping[str, str]
    values: dict[str, Any] = field(default_factory=dict)
    seen: list[Observation] = field(default_factory=list)
    server: Process | None = None
    server_outputs: list[str] = field(default_factory=list)
    sessions: dict[str, dict[str, str]] = field(default_factory=dict)
    step: int = 0
    slot: str = ""
    seed: int = 0
    model_line: ModelLine | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def filled(self, value: Any) -> Any:
        """Fill the placeholders in `value` with sampled and captured values."""
        return fill(value, self.values)

    def note(self, observation: Observation) -> None:
        """Remember what a step showed."""
        self.seen.append(observation)

    def last(self, *kinds: str) -> Observation | None:
        """Return the newest observation of one of these kinds."""
        return next((seen for seen in reversed(self.seen) if seen.kind in kinds), None)

    async def start_server(self) -> None:
        """Start the product as a server and wait until its port accepts.

        Raises:
            ProductFailed: It ended, or did not listen in time.
        """
        port = self.launch.port
        if port is None:
            raise NotExercised("the product has no port ([product].port)")
        if self.server is not None:
            return
        server = await self.sandbox.spawn(self.launch.run, env=self.env)
        self.server = server
        deadline = self.clock.monotonic_s() + self.launch.start_s
        wait_s = 0.01
        while not await self._accepts(port):
            if self.clock.monotonic_s() > deadline:
                await self.stop_server()
                raise NeverStarted(
                    f"nothing listened on port {port} in {self.launch.start_s:.0f} s"
                )
            if server.ended:
                await self.stop_server()
                raise NeverStarted("the product ended before it listened")
            await self.clock.sleep(wait_s)
            wait_s = min(0.1, wait_s * 1.5)
        if self.worlds.wants_way_in(self.world):
            await self._open_way_in(port)

    async def _open_way_in(self, port: int) -> None:
        """Let the services of this world reach the product, and deliver what waits for it."""
        if "way_in" not in self.extra:
            forwarded = await self.sandbox.forward(port)
            self.extra["way_in"] = forwarded
            self.extra.setdefault("close", []).append(forwarded.aclose)
            self.worlds.open_way_in(self.slot, f"{forwarded.host}:{forwarded.port}")
        await self.worlds.settle(self.world)

    async def _accepts(self, port: int) -> bool:
        try:
            connection = await self.sandbox.connect(port)
        except OSError:
            return False
        connection.writer.close()
        return True

    async def stop_server(self) -> None:
        """Kill the server, if one runs, and keep what it printed."""
        server, self.server = self.server, None
        if server is None:
            return
        await server.kill()
        ended = await server.wait()
        self.server_outputs += [as_text(ended.stdout), as_text(ended.stderr)]


Driver = Callable[[Mapping[str, Any], Stage], Awaitable[None]]
"""Performs one kind of step."""


def as_text(content: bytes) -> str:
    """Decode what a product printed; bytes that are no UTF-8 stay visible."""
    return content.decode("utf-8", "backslashreplace")


def _carried(value: Any) -> Any:
    """Return a value that a later step can send: half a character pair of JSON stays visible."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, list):
        return [_carried(item) for item in value]
    if isinstance(value, dict):
        return {_carried(key): _carried(item) for key, item in value.items()}
    return value


def captured(rule: str, observation: Observation) -> Any:
    """Return what a capture rule finds in an answer, or None.

    A rule is a path into the JSON answer (``items.0.id``), ``header:NAME``, ``text:REGEX``, or one
    of ``exit``, ``status``, ``stdout``, ``stderr`` and ``body``.
    """
    whole = {
        "exit": observation.exit_code,
        "status": observation.status,
        "stdout": observation.stdout.rstrip("\n"),
        "stderr": observation.stderr.rstrip("\n"),
        "body": observation.body,
    }
    if rule in whole:
        return whole[rule]
    if rule.startswith("header:"):
        return observation.headers.get(rule.removeprefix("header:").strip().lower())
    text = observation.body or observation.stdout
    if rule.startswith("text:"):
        found = re.search(rule.removeprefix("text:").strip(), text)
        return found[found.re.groups and 1] if found else None
    try:
        return _carried(value_at(json.loads(text), rule))
    except (ValueError, RecursionError):
        return None
