"""Webhooks and events on their way out: sent, verified, retried as the vendor retries."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

import httpx2

from unlit.twins.kit.twin import Twin
from unlit.twins.kit.world import World
from unlit.twins.model import Delivery

logger = logging.getLogger(__name__)
TIMEOUT_S: Final = 3.0
SOCKET: Final = "socket:"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the receiver answered; status 0 when it did not.

    Attributes:
        why: ``http_timeout``, ``connection_failed`` or ``http_error``; empty for a success.
    """

    status: int
    body: bytes = b""
    why: str = ""

    @property
    def is_good(self) -> bool:
        """Whether the receiver took it."""
        return 200 <= self.status < 300


class Sender(Protocol):
    """Carries a delivery to its receiver."""

    async def send(self, delivery: Delivery) -> Receipt:
        """Deliver once and return what was answered; never raises."""
        ...


class HttpSender:
    """Delivers over HTTP, without following redirects."""

    async def send(self, delivery: Delivery) -> Receipt:
        """Deliver once and return what was answered."""
        try:
            async with httpx2.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client:
                answer = await client.request(
                    delivery.method,
                    delivery.url,
                    headers=list(delivery.headers),
                    content=delivery.body,
                )
        except httpx2.TimeoutException:
            return Receipt(0, why="http_timeout")
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError):
            return Receipt(0, why="connection_failed")
        why = "" if 200 <= answer.status_code < 300 else "http_error"
        return Receipt(answer.status_code, answer.content, why)


@dataclass(slots=True)
class Postman:
    """Takes what waits in the outboxes of worlds and delivers it, in order for each world.

    Attributes:
        twins: By plug-in's name; a twin says how it retries.
        sender: Carries it.
    """

    twins: Mapping[str, Twin]
    sender: Sender = field(default_factory=HttpSender)
    _queues: dict[str, "asyncio.Queue[Delivery]"] = field(default_factory=dict)
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)
    _held: dict[str, Delivery] = field(default_factory=dict)

    def collect(self, world: World) -> None:
        """Take everything out of a world's outbox; faults may double it or swap neighbours."""
        while world.outbox:
            delivery = world.outbox.pop(0)
            rule = None
            if world.faults.armed:
                draw = world.random("fault").random()
                kind = f"event:{delivery.kind}"
                rule = world.faults.strike(delivery.service, kind, "EVENT", kind, kind, draw)
            if rule is not None and rule.kind == "drop":
                continue
            if rule is not None and rule.kind == "reorder":
                self._held[world.id] = delivery
                continue
            self._enqueue(world, delivery)
            if rule is not None and rule.kind == "duplicate":
                self._enqueue(world, delivery)
            held = self._held.pop(world.id, None)
            if held is not None:
                self._enqueue(world, held)

    def _enqueue(self, world: World, delivery: Delivery) -> None:
        if delivery.url == SOCKET:
            self.twins[delivery.service].push(world, delivery)
            return
        queue = self._queues.get(world.id)
        if queue is None:
            queue = self._queues[world.id] = asyncio.Queue()
            self._start(self._carry(world, queue))
        queue.put_nowait(delivery)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, world: World, queue: "asyncio.Queue[Delivery]") -> None:
        while not queue.empty():
            delivery = queue.get_nowait()
            receipt = await self.sender.send(delivery)
            twin = self.twins[delivery.service]
            world.table(f"{delivery.service}.deliveries").put(
                world.number(f"{delivery.service}.delivery"),
                {
                    "kind": delivery.kind,
                    "url": delivery.url,
                    "attempt": delivery.attempt,
                    "status": receipt.status,
                    "why": receipt.why,
                },
            )
            wait = twin.delivered(world, delivery, receipt.status, receipt.body, receipt.why)
            if wait is not None:
                again = replace(delivery, attempt=delivery.attempt + 1)
                self._start(self._later(world, again, wait, receipt.why))
        self._queues.pop(world.id, None)

    async def _later(self, world: World, delivery: Delivery, wait: float, why: str) -> None:
        await self._wait(world, wait)
        again = self.twins[delivery.service].redelivery(world, delivery, why)
        self._enqueue(world, again)

    @staticmethod
    async def _wait(world: World, seconds: float) -> None:
        """Wait in the world's time: a standing clock moves only when it is advanced."""
        due = world.now() + seconds
        while world.now() < due:  # noqa: ASYNC110 # the clock of a world sets no event
            await asyncio.sleep(0.05)

    async def close(self) -> None:
        """Stop delivering."""
        for task in list(self._tasks):
            task.cancel()
        for task in list(self._tasks):
            try:
                await task
            except asyncio.CancelledError:
                continue
