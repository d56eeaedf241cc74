"""The weaker fence: Landlock, seccomp and an explicit proxy, where there are no namespaces.

Chosen by name only. What it does not hold is in `WEAK`, and in every report.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from unlit.core.errors import InvalidInput, OutsideFailed
from unlit.fence.fence import Fence
from unlit.fence.gateway import Gateway
from unlit.fence.launch import population
from unlit.fence.launch.measure import landlock_abi
from unlit.fence.model import FenceSpec, Limits, Probe
from unlit.fence.sandboxes.copied import difference
from unlit.fence.session import Answer, Ended
from unlit.fence.view import CA_BUNDLE, HOME, WORKSPACE, View, matching, write_etc
from unlit.policy import AuditLog, mint_placeholder

_PACKAGES: Final = Path(__file__).resolve().parents[3]
_SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", "/opt", "/proc/self")
_DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY")
WEAK: Final = (
    "Weaker backend (Landlock): it was chosen by name; there are no namespaces.",
    "The host's file names, processes and connections are visible, though not their content.",
    "Only programs that honour proxy variables reach anything; others are refused.",
    "Other programs of this host can use the proxy's port while the fence is open.",
    "Workspace, home and temporary files are not limited in bytes or number, only each in size.",
    "Memory is limited for each process alone; the number of processes is not limited.",
    "The workspace is at another path than /work, and mounts are at their own paths.",
)


@dataclass(frozen=True)
class _Places:
    folder: Path
    lower: Path
    proxy: int

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def bundle(self) -> Path:
        return self.folder / "etc" / "ssl" / "certs" / "ca-certificates.crt"

    def inside(self, text: str) -> str:
        """Return where a path of the full fence lies in this one."""
        known = {WORKSPACE: self.work, HOME: self.home, CA_BUNDLE: self.bundle}
        for path, place in known.items():
            if text == path or text.startswith(f"{path}/"):
                return str(place) + text[len(path) :]
        return str(self.folder / "tmp") if text == "/tmp" else text  # noqa: S108 # inside


class LandlockHost:
    """Opens weaker fences; the same face as `FenceHost` where a single command is concerned."""

    def __init__(self, audit: AuditLog, gateway: Gateway, state: Path) -> None:
        self._audit = audit
        self._gateway = gateway
        self._state = state
        self._count = 0

    @classmethod
    async def start(
        cls, state_dir: Path, audit: AuditLog, *, secret_env: Mapping[str, str] | None = None
    ) -> "LandlockHost":
        """Start the gateway.

        Raises:
            OutsideFailed: The kernel has no Landlock that can hold connections.
        """
        if landlock_abi() < 4:
            raise OutsideFailed(
                "FEN-004",
                "The weaker backend is not available: Landlock is off or older than interface 4.",
                "nothing else here could hold what a command connects to.",
                "use Linux 6.7 or newer with Landlock on, or a machine with user namespaces.",
            )
        return cls(audit, await Gateway.start(audit, secret_env=secret_env), state_dir)

    async def open(self, spec: FenceSpec) -> Fence:
        """Open one weaker fence.

        Raises:
            InvalidInput: The workspace does not exist, or a mount asks for another path.
        """
        _must_fit(spec)
        self._count += 1
        name = f"l{self._count}"
        limits = spec.limits or Limits()
        granted = spec.policy.granted(spec.role)
        placeholders = {rule.name: mint_placeholder(rule) for rule in granted}
        listener = socket.create_server(("127.0.0.1", 0))
        folder = Path(tempfile.mkdtemp(prefix="fence-"))
        places = _Places(folder, spec.workspace.resolve(), listener.getsockname()[1])
        await asyncio.to_thread(_furnish, places, spec, self._gateway.ca_pem)
        self._audit.append("fence.open", spec.identity, {"fence": name, "backend": "landlock"})
        env = {rule.env: placeholders[rule.name] for rule in granted if rule.env}
        view = View(stage=folder, etc=folder / "etc", bare=True)
        fence = Fence(
            spec,
            limits,
            view,
            lambda fence: _Line(places, spec, limits, fence.exited),
            placeholders,
            {**spec.env, **env},
        )
        fence.name, fence.weak, fence._audit = name, WEAK, self._audit
        proxies = [listener]
        await self._gateway.attach(name, spec, [], None, placeholders, proxies=proxies)

        async def finish(closing: Fence) -> Mapping[str, Any]:
            report = await self._gateway.detach(name)
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            return {
                "exchanges": report.exchanges,
                "denied": report.denied,
                "usage": report.usage,
            }

        fence._finish, fence._probe = finish, self._probe
        fence._probes += await self._probe(fence, "start")
        return fence

    async def _probe(self, fence: Fence, when: str) -> tuple[Probe, ...]:
        """Try to read the state and to connect to the loopback; a plain file is the control."""
        trap = socket.create_server(("127.0.0.1", 0))
        secret = self._state / "probe"
        secret.parent.mkdir(parents=True, exist_ok=True)
        secret.write_text("out of reach", encoding="utf-8")
        read = "head -c1 {} >/dev/null && echo {}"
        line = "; ".join((read.format("/etc/passwd", "control"), read.format('"$1"', "state")))
        done = await fence.run(["sh", "-c", line, "sh", str(secret)], timeout_s=20)
        at = ("127.0.0.1", trap.getsockname()[1])
        code = f"import socket; socket.create_connection({at}, 3)"
        reached = await fence.run([sys.executable, "-I", "-c", code], timeout_s=20)
        trap.close()
        secret.unlink()
        words = done.stdout.split()
        return (
            Probe("control file", when, blocked=b"control" not in words, control=True),
            Probe("state", when, blocked=b"state" not in words),
            Probe("host loopback", when, blocked=reached.exit_code != 0),
        )

    async def close(self) -> None:
        """Close the gateway."""
        await self._gateway.close()


class _Line:
    """Keeps the commands of one weaker fence."""

    def __init__(
        self, places: _Places, spec: FenceSpec, limits: Limits, on_exit: Callable[[Ended], None]
    ) -> None:
        self._places = places
        self._spec = spec
        self._limits = limits
        self._on_exit = on_exit
        self._running: dict[int, asyncio.subprocess.Process] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, op: str, fds: Sequence[int] = (), **values: Any) -> Answer:
        """Do one act."""
        if op == "run":
            await self._run(fds, values)
        elif op == "kill":
            await self._kill([values["id"]])
        elif op == "reset":
            await self._kill(list(self._running))
        elif op == "count":
            left = [p for one in self._running.values() for p in population.below(one.pid)]
            return {"processes": len(left), "peak_bytes": 0}, []
        else:
            raise OSError(95, f"the weaker backend does not know {op}")
        return {}, []

    def tell(self, op: str, fds: Sequence[int]) -> None:
        """Send the changes; nothing else is asked for in this way."""
        out = os.dup(fds[0])
        threading.Thread(target=self._send, args=(out,), daemon=True).start()

    def _send(self, out: int) -> None:
        try:
            difference(self._places.lower, self._places.work, out)
        finally:
            os.close(out)

    def close(self) -> None:
        """End what runs."""
        for one in self._running.values():
            _end(one.pid)

    async def _run(self, fds: Sequence[int], values: Mapping[str, Any]) -> None:
        order = json.dumps(self._order(values)).encode()
        file = os.memfd_create("order")
        os.write(file, order)
        os.lseek(file, 0, os.SEEK_SET)
        program = (
            f"import sys; sys.path.insert(0, {str(_PACKAGES)!r});"
            f"from unlit.fence.launch.reduced import main; main({file})"
        )
        try:
            started = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                "-c",
                program,
                stdin=fds[0],
                stdout=fds[1],
                stderr=fds[2],
                pass_fds=(file,),
                start_new_session=True,
                env={},
            )
        finally:
            os.close(file)
        self._running[values["id"]] = started
        task = asyncio.create_task(self._wait(values["id"], started))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _order(self, values: Mapping[str, Any]) -> dict[str, Any]:
        places, limits = self._places, self._limits
        env = {name: places.inside(value) for name, value in values["env"].items()}
        env |= dict.fromkeys(_PROXIES, f"http://127.0.0.1:{places.proxy}")
        env["NO_PROXY"] = ""
        mounts = self._spec.mounts
        written = [str(mount.source) for mount in mounts if mount.writable]
        own = [str(places.folder / one) for one in ("work", "home", "tmp")]
        return {
            "argv": values["argv"],
            "env": env,
            "cwd": places.inside(values["cwd"]),
            "proxy": places.proxy,
            "uid": None,
            "read": [*_SYSTEM, str(places.folder / "etc"), *(str(m.source) for m in mounts)],
            "write": [*own, *written, *_DEVICES],
            "rlimits": {
                "RLIMIT_CORE": 0,
                "RLIMIT_NOFILE": limits.open_files,
                "RLIMIT_FSIZE": limits.file_mb * 1024 * 1024,
                "RLIMIT_DATA": limits.memory_mb * 1024 * 1024,
            },
        }

    async def _wait(self, number: int, started: asyncio.subprocess.Process) -> None:
        code = await started.wait()
        self._running.pop(number, None)
        self._on_exit(Ended(number, code, 0, started=True))

    async def _kill(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            started = self._running.get(number)
            if started is not None:
                _end(started.pid)
                await started.wait()


def _end(pid: int) -> None:
    """Kill a command, its helper last: it adopts what would run away."""
    for _ in range(3):
        for one in population.below(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _must_fit(spec: FenceSpec) -> None:
    if not spec.workspace.is_dir():
        raise InvalidInput(
            "FEN-021",
            f"The workspace {spec.workspace} does not exist.",
            "a fence shows what is there and makes nothing up.",
            "correct the path.",
        )
    for mount in spec.mounts:
        if str(mount.source) != mount.target:
            raise InvalidInput(
                "FEN-023",
                f"{mount.source} cannot be shown as {mount.target}.",
                "the weaker backend has no view of its own: everything is at its own path.",
                "mount it at its own path, or use the full fence.",
            )


def _furnish(places: _Places, spec: FenceSpec, ca_pem: bytes) -> None:
    """Copy the workspace without what policy hides, and make home, temporary folder and /etc."""
    hidden = {
        places.lower / one for one in matching(places.lower, spec.policy.files(spec.role).hide)
    }

    def without(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if Path(folder, name) in hidden]

    shutil.copytree(places.lower, places.work, symlinks=True, ignore=without)
    for path in (places.home, places.folder / "tmp"):
        path.mkdir()
    write_etc(places.folder / "etc", ca_pem)
