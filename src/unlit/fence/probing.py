"""The proof that a fence holds: reach for what must be out of reach, from inside, twice.

Three detectors, each with a planted control that takes the same way as a real leak. A detector
that misses its control proves nothing, and the fence does not count as held.
"""

import asyncio
import secrets
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from unlit.fence.model import NOT_RUN, NOT_STARTED, Probe
from unlit.fence.session import no_view

if TYPE_CHECKING:
    from unlit.fence.fence import Fence
    from unlit.fence.model import FenceSpec

_SECONDS: Final = 20.0
_CONTROL_FILE: Final = "/etc/passwd"
_PLANT: Final = "FENCE_PROBE"
_MEMORY: Final = (
    "for f in /proc/[0-9]*/environ /proc/[0-9]*/cmdline; do "
    'while IFS= read -r x || [ -n "$x" ]; do printf \'%s\\n\' "$x"; done < $f; done 2>/dev/null'
)
"""Shows what processes hold, by the shell alone: another program would cost more than all this."""

Secrets = Callable[["FenceSpec"], Mapping[str, str]]


class Prober:
    """Makes probes for every fence of a host.

    Args:
        watched: Paths that no fence may see, by name.
        server: Something that listens on the host's loopback.
        known: Finds the secrets that a fence's policy speaks of; they never enter the fence.
    """

    def __init__(
        self, watched: Mapping[str, Path], server: asyncio.Server, known: Secrets | None = None
    ) -> None:
        self.watched = dict(watched)
        self._server = server
        self._port = int(server.sockets[0].getsockname()[1])
        self._known = known
        self._touched = 0

    @classmethod
    async def start(cls, watched: Mapping[str, Path], known: Secrets | None = None) -> "Prober":
        """Begin; a listener on the host's loopback is the thing that no fence may reach."""
        prober: Prober

        async def touched(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            prober._touched += 1
            writer.close()

        server = await asyncio.start_server(touched, "127.0.0.1", 0)
        prober = cls(watched, server, known)
        return prober

    async def close(self) -> None:
        """Stop listening."""
        self._server.close()

    async def probe(self, fence: "Fence", when: str) -> tuple[Probe, ...]:
        """Try everything once, in one command inside the fence.

        Raises:
            OutsideFailed: The fence's view cannot be made at all.
        """
        mark, plant = secrets.token_hex(8), secrets.token_hex(20)
        paths = [(name, str(path)) for name, path in self.watched.items()]
        lines = [f"echo {mark}", *(self.seek(path) for _, path in paths), self.seek(_CONTROL_FILE)]
        line = "\n".join([*lines, f"echo {mark}", _MEMORY])
        done = await fence.run(["sh", "-c", line], env={_PLANT: plant}, timeout_s=_SECONDS, cwd="/")
        if done.exit_code == NOT_STARTED:
            raise no_view(done.stderr.decode("utf-8", "replace"))
        head, _, memory = done.stdout.partition(f"{mark}\n".encode())[2].partition(
            f"{mark}\n".encode()
        )
        answers = head.decode("ascii", "replace").split()
        if len(answers) != len(paths) + 1 or not memory:
            return (Probe(NOT_RUN, when, blocked=False),)
        probes = [
            Probe(name, when, blocked=answer == "no")
            for (name, _), answer in zip(paths, answers[:-1], strict=True)
        ]
        probes.append(Probe("control file", when, blocked=answers[-1] == "no", control=True))
        probes += self._credentials(fence, when, memory, plant)
        return (*probes, *await self._loopback(fence, when))

    @staticmethod
    def seek(path: str) -> str:
        """Return a line of shell that says whether a path is there."""
        quoted = shlex.quote(path)
        return f"if [ -e {quoted} ] || [ -r {quoted} ]; then echo yes; else echo no; fi"

    @staticmethod
    def finds(memory: bytes, text: str) -> bool:
        """Say whether what processes hold contains a text."""
        return text.encode() in memory

    async def reaches(self, fence: "Fence") -> bool:
        """Say whether the host's loopback is reached from the fence's network."""
        before = self._touched
        try:
            _, writer = await fence.connect(self._port)
        except OSError:
            return self._touched > before
        writer.close()
        return True

    def _credentials(self, fence: "Fence", when: str, memory: bytes, plant: str) -> Sequence[Probe]:
        known = {} if self._known is None else self._known(fence.spec)
        seen = any(self.finds(memory, text) for text in known.values() if text)
        return (
            Probe("credentials", when, blocked=not seen),
            Probe("control credential", when, self.finds(memory, plant) is False, control=True),
        )

    async def _loopback(self, fence: "Fence", when: str) -> Sequence[Probe]:
        inside = Probe("host loopback", when, blocked=not await self.reaches(fence))
        before = self._touched
        _, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.close()
        for _ in range(100):
            if self._touched > before:
                break
            await asyncio.sleep(0.001)
        missed = self._touched == before
        return inside, Probe("control connection", when, blocked=missed, control=True)
