"""The proof that a fence holds: reach for what must be out of reach, from inside, twice.

Beside each thing that must be blocked stands a planted control that can be reached. A probe that
misses its control proves nothing, and the fence does not count as held.
"""

import asyncio
import secrets
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from unlit.core.errors import OutsideFailed
from unlit.fence.model import NOT_STARTED, Probe

if TYPE_CHECKING:
    from unlit.fence.fence import Fence

_SECONDS: Final = 20.0
_CONTROL_FILE: Final = "/etc/passwd"


class Prober:
    """Makes probes for every fence of a host."""

    def __init__(self, watched: Mapping[str, Path], server: asyncio.Server) -> None:
        self.watched = dict(watched)
        self._server = server
        self._port = int(server.sockets[0].getsockname()[1])
        self._touched = 0

    @classmethod
    async def start(cls, watched: Mapping[str, Path]) -> "Prober":
        """Begin; a listener on the host's loopback is the thing that no fence may reach."""
        prober: Prober

        async def touched(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            prober._touched += 1
            writer.close()

        server = await asyncio.start_server(touched, "127.0.0.1", 0)
        prober = cls(watched, server)
        return prober

    async def close(self) -> None:
        """Stop listening."""
        self._server.close()

    async def probe(self, fence: "Fence", when: str) -> tuple[Probe, ...]:
        """Try everything once, in one command inside the fence."""
        mark = secrets.token_hex(8)
        lines = [f"echo {mark}"]
        names: list[tuple[str, bool]] = []
        for name, path in self.watched.items():
            names.append((name, False))
            lines.append(_readable(str(path)))
        names.append(("control file", True))
        lines.append(_readable(_CONTROL_FILE))
        done = await fence.run(["sh", "-c", "\n".join(lines)], timeout_s=_SECONDS, cwd="/")
        if done.exit_code == NOT_STARTED:
            raise _no_view(done.stderr.decode("utf-8", "replace"))
        told = done.stdout.decode("ascii", "replace").split()
        if told[:1] != [mark] or len(told) != len(names) + 1:
            return (Probe("the probe itself did not run", when, blocked=False),)
        probes = [
            Probe(name, when, blocked=answer == "no", control=control)
            for (name, control), answer in zip(names, told[1:], strict=True)
        ]
        return (*probes, *await self._loopback(fence, when))

    async def _loopback(self, fence: "Fence", when: str) -> tuple[Probe, ...]:
        before = self._touched
        try:
            _, writer = await fence.connect(self._port)
            writer.close()
            reached = True
        except OSError:
            reached = False
        inside = Probe("host loopback", when, blocked=not reached and self._touched == before)
        before = self._touched
        _, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.close()
        await asyncio.sleep(0)
        for _ in range(100):
            if self._touched > before:
                break
            await asyncio.sleep(0.001)
        seen = self._touched > before
        return inside, Probe("control connection", when, blocked=not seen, control=True)


def _no_view(said: str) -> OutsideFailed:
    return OutsideFailed(
        "FEN-013",
        f"The view of the fence could not be made: {said.strip() or 'bubblewrap said nothing'}",
        "a mount has no place inside, or the machine lacks something that bubblewrap needs.",
        "choose a target for the mount outside /usr, /etc and /proc; else run `unlit doctor`.",
    )


def _readable(path: str) -> str:
    quoted = shlex.quote(path)
    return f"if [ -e {quoted} ] || [ -r {quoted} ]; then echo yes; else echo no; fi"
