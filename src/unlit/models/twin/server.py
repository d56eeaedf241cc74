"""Serve the model twin on a loopback port or a socket file."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import uvicorn
import yaml
from typing_extensions import override

from unlit.core.errors import InvalidInput, OutsideFailed
from unlit.models.twin.app import ModelTwin
from unlit.models.twin.model import Script
from unlit.models.twin.rules import parse_script


def load_script(path: Path) -> Script:
    """Read a script file, YAML or JSON.

    Raises:
        InvalidInput: It cannot be read or is not a script.
    """
    try:
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        first = str(error).splitlines()[0]
        raise InvalidInput(
            "MOD-202",
            f"The script {path} cannot be read: {first}.",
            "the model twin answers from a YAML or JSON file.",
            "correct the file; see docs/reference/model-twin.md.",
        ) from error
    return parse_script(table, str(path))


class _Quiet(uvicorn.Server):
    """Without signal handlers: the process belongs to somebody else."""

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class ModelTwinServer:
    """One listener; make it with `start`.

    Attributes:
        address: ``127.0.0.1:PORT`` or ``unix:/path``.
    """

    def __init__(
        self, twin: ModelTwin, server: uvicorn.Server, task: "asyncio.Task[None]", address: str
    ) -> None:
        self.twin = twin
        self.address = address
        self._server = server
        self._task = task

    @classmethod
    async def start(cls, twin: ModelTwin, address: str = "127.0.0.1:0") -> "ModelTwinServer":
        """Listen and answer until closed.

        Args:
            twin: What answers.
            address: ``HOST:PORT`` (port 0: any) or ``unix:/path``.

        Raises:
            OutsideFailed: The address cannot be listened on.
        """
        listener, shown = _listen(address)
        server = _Quiet(
            uvicorn.Config(
                twin,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )
        task = asyncio.get_running_loop().create_task(server.serve(sockets=[listener]))
        while not server.started and not task.done():  # noqa: ASYNC110 # uvicorn has no event
            await asyncio.sleep(0.001)
        return cls(twin, server, task, shown)

    @property
    def url(self) -> str:
        """Base address of a twin that listens on a port."""
        return f"http://{self.address}"

    async def serve_forever(self) -> None:
        """Wait until the server ends."""
        await self._task

    async def close(self) -> None:
        """Stop answering; running answers are cut after a second."""
        self._server.should_exit = True
        await self._task


def _listen(address: str) -> tuple[socket.socket, str]:
    try:
        if address.startswith("unix:"):
            path = address.removeprefix("unix:")
            Path(path).unlink(missing_ok=True)
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(path)
            return listener, address
        host, _, port = address.rpartition(":")
        listener = socket.socket(proto=socket.IPPROTO_TCP)  # else asyncio leaves Nagle on: 40 ms
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host or "127.0.0.1", int(port)))
    except (OSError, ValueError) as error:
        raise OutsideFailed(
            "MOD-203",
            f"The model twin cannot listen on {address}: {error}.",
            "the address is taken or not one of this machine's.",
            "name another one, such as 127.0.0.1:0.",
        ) from error
    shown = listener.getsockname()
    return listener, f"{shown[0]}:{shown[1]}"
