"""The factory's end of a keeper's socket: questions with answers, and events in between."""

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from unlit.core.errors import OutsideFailed
from unlit.fence.launch.wire import receive, send

Answer = tuple[dict[str, Any], list[int]]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended; the code is negative for a signal.

    `started` is false when the view could not be made and the command never began; `met` names the
    limits that commands of the fence have met so far.
    """

    number: int
    code: int
    peak_kb: int
    started: bool
    met: tuple[str, ...] = ()


class Line(Protocol):
    """What a fence says to whatever keeps it."""

    async def ask(self, op: str, fds: Sequence[int] = (), **values: Any) -> Answer:
        """Ask for one act and wait for the answer."""
        ...

    def tell(self, op: str, fds: Sequence[int]) -> None:
        """Ask for one act whose answer nobody waits for."""
        ...

    def close(self) -> None:
        """Hang up; all that runs is ended."""
        ...


class Session:
    """Asks a keeper to act and hands its events on.

    Args:
        channel: Our end of the pair.
        on_exit: Called when a command has ended.
        on_gone: Called once when the keeper is gone.
    """

    def __init__(
        self,
        channel: socket.socket,
        on_exit: Callable[[Ended], None],
        on_gone: Callable[[], None],
    ) -> None:
        channel.setblocking(False)
        self._channel = channel
        self._on_exit = on_exit
        self._on_gone = on_gone
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._ready: asyncio.Future[Answer] = self._loop.create_future()
        self._seq = 0
        self._open = True
        self._loop.add_reader(channel, self._read)

    async def ready(self, timeout_s: float) -> Answer:
        """Wait until the fence stands; returns the gateway's descriptors.

        Raises:
            OutsideFailed: The keeper could not make it, and said why.
        """
        try:
            async with asyncio.timeout(timeout_s):
                message, fds = await self._ready
        except TimeoutError as error:
            raise _failed(f"it did not stand within {timeout_s:.0f} s", None) from error
        if message.get("view"):
            raise no_view(str(message["what"]))
        if message["event"] == "failed":
            raise _failed(str(message["what"]), message.get("errno"))
        return message, fds

    def tell(self, op: str, fds: Sequence[int]) -> None:
        """Ask for one act whose answer nobody waits for.

        Raises:
            OutsideFailed: The keeper is gone.
        """
        try:
            send(self._channel, {"op": op, "seq": 0}, list(fds))
        except OSError as error:
            raise _gone() from error

    async def ask(self, op: str, fds: Sequence[int] = (), **values: Any) -> Answer:
        """Ask for one act and wait for the answer.

        Raises:
            OutsideFailed: The keeper is gone.
            OSError: The act failed inside, with the system's own error.
        """
        self._seq += 1
        seq = self._seq
        future: asyncio.Future[Answer] = self._loop.create_future()
        self._waiting[seq] = future
        try:
            if not self._open:
                raise _gone()
            await self._send({"op": op, "seq": seq, **values}, list(fds))
            message, received = await future
        finally:
            self._waiting.pop(seq, None)
        if "error" in message:
            raise OSError(message.get("errno") or 0, str(message["error"]))
        return message, received

    def close(self) -> None:
        """Hang up; the keeper ends the fence."""
        if self._open:
            self._lost()
        self._channel.close()

    async def _send(self, message: dict[str, Any], fds: list[int]) -> None:
        while True:
            try:
                send(self._channel, message, fds)
            except BlockingIOError:
                await asyncio.sleep(0.001)
            except OSError as error:
                raise _gone() from error
            else:
                return

    def _read(self) -> None:
        while self._open:
            try:
                received = receive(self._channel)
            except BlockingIOError:
                return
            except OSError:
                received = None
            if received is None:
                self._lost()
                return
            self._take(*received)

    def _take(self, message: dict[str, Any], fds: list[int]) -> None:
        event = message["event"]
        if event == "exit":
            self._on_exit(
                Ended(
                    number=int(message["id"]),
                    code=int(message["code"]),
                    peak_kb=int(message["peak_kb"]),
                    started=bool(message["started"]),
                    met=tuple(message["met"]),
                )
            )
        elif event == "reply":
            future = self._waiting.get(int(message["seq"]))
            if future is not None and not future.done():
                future.set_result((message, fds))
                return
        elif not self._ready.done():
            self._ready.set_result((message, fds))
            return
        for fd in fds:
            os.close(fd)

    def _lost(self) -> None:
        self._open = False
        self._loop.remove_reader(self._channel)
        for future in (*self._waiting.values(), self._ready):
            if not future.done():
                future.set_exception(_gone())
                future.exception()  # noted here: a waiter that was cancelled leaves no warning
        self._on_gone()


def no_view(said: str) -> OutsideFailed:
    """Say that what a fence is to show cannot be shown."""
    return OutsideFailed(
        "FEN-013",
        f"The view of the fence could not be made: {said.strip() or 'nothing says why'}",
        "a mount has no place inside, or the machine lacks something that the view needs.",
        "choose a target for the mount outside /usr, /etc and /proc; else run `unlit doctor`.",
    )


def _gone() -> OutsideFailed:
    return OutsideFailed(
        "FEN-011",
        "The fence is gone.",
        "its keeper ended: it was killed, or the machine ran out of memory.",
        "run `unlit doctor`, then try again.",
    )


def _failed(what: str, number: int | None) -> OutsideFailed:
    hint = {
        1: "unprivileged user namespaces are probably switched off: run `unlit doctor`.",
        28: "free disk or memory, or lower limits.disk_mb in policy.toml.",
    }
    return OutsideFailed(
        "FEN-012",
        f"The fence could not be made: {what}.",
        "a run without its fence is not run at all.",
        hint.get(number or 0, "run `unlit doctor`; it names the setting that is missing."),
    )
