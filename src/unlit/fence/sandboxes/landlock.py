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
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

from unlit.core.errors import OutsideFailed
from unlit.fence.fence import Fence
from unlit.fence.gateway import Gateway
from unlit.fence.gateway.allowance import Meter
from unlit.fence.gateway.model import AccessRequest
from unlit.fence.host import (
    STATE,
    closing_fields,
    limits_of,
    must_exist,
    must_not_show,
)
from unlit.fence.launch import population
from unlit.fence.launch.measure import landlock_abi
from unlit.fence.model import NOT_RUN, FenceSpec, Limits, Probe
from unlit.fence.sandboxes.copied import difference
from unlit.fence.session import Answer, Ended, Line
from unlit.fence.view import (
    CA_BUNDLE,
    HOME,
    WORKSPACE,
    View,
    granted_mounts,
    matching,
    write_etc,
)
from unlit.policy import AuditLog, mint_placeholder
from unlit.policy.model import JSON

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
    "Ports that the product listens on are the host's own, so trajectories run one at a time; it "
    "cannot connect to ports of its own.",
)


@dataclass(frozen=True)
class Places:
    """Where the parts of a weaker fence lie on the host."""

    folder: Path
    lower: Path
    proxy: int
    shown: Mapping[str, Path] = field(default_factory=dict)

    @property
    def work(self) -> Path:
        """The copy of the workspace."""
        return self.folder / "work"

    @property
    def home(self) -> Path:
        """The home folder."""
        return self.folder / "home"

    @property
    def bundle(self) -> Path:
        """The certificate that programs must trust."""
        return self.folder / "etc" / "ssl" / "certs" / "ca-certificates.crt"

    def inside(self, text: str) -> str:
        """Return where a path of the full fence lies in this one."""
        known = {CA_BUNDLE: self.bundle, **self.shown, WORKSPACE: self.work, HOME: self.home}
        known["/tmp"] = self.folder / "tmp"  # noqa: S108 # inside
        for path, place in known.items():
            if text == path or text.startswith(f"{path}/"):
                return str(place) + text[len(path) :]
        return text

    def inside_all(self, text: str) -> str:
        """Return a list of paths, such as PATH, with each part where it lies here."""
        return ":".join(self.inside(part) for part in text.split(":"))


class LandlockHost:
    """Opens weaker fences; the same face as `FenceHost` where a single command is concerned."""

    backend = "landlock"
    weak: tuple[str, ...] = WEAK
    python = sys.executable

    def __init__(self, audit: AuditLog, gateway: Gateway, watched: Mapping[str, Path]) -> None:
        self._audit = audit
        self._gateway = gateway
        self._watched = dict(watched)
        self._fences: set[Fence] = set()
        self._count = 0

    @classmethod
    async def start(
        cls,
        state_dir: Path,
        audit: AuditLog,
        *,
        secret_env: Mapping[str, str] | None = None,
        upstream_tls: str | None = None,
        overrides: Mapping[str, str] | None = None,
        watched: Mapping[str, Path] | None = None,
        meter: Meter | None = None,
    ) -> Self:
        """Start the gateway; the arguments are those of `FenceHost.start`.

        Raises:
            OutsideFailed: The kernel has no Landlock that can hold connections.
        """
        await cls._must_work()
        gateway = await Gateway.start(
            audit,
            secret_env=secret_env,
            upstream_tls=upstream_tls,
            overrides=overrides,
            meter=meter,
        )
        return cls(audit, gateway, {STATE: state_dir, **(watched or {})})

    async def open(self, spec: FenceSpec) -> Fence:
        """Open one weaker fence.

        Raises:
            InvalidInput: The workspace does not exist, or a mount asks for another path.
        """
        granted_paths = granted_mounts(spec.policy.files(spec.role), Path.home())
        spec = replace(spec, mounts=(*granted_paths, *spec.mounts))
        must_exist(spec)
        must_not_show(spec, self._watched)
        self._count += 1
        name = f"l{self._count}"
        limits = spec.limits or limits_of(spec.policy.limits(spec.role))
        granted = spec.policy.granted(spec.role)
        placeholders = {rule.name: mint_placeholder(rule) for rule in granted}
        folder = Path(tempfile.mkdtemp(prefix="fence-"))
        listener, line = await self._made(folder, spec, limits)
        env = {rule.env: placeholders[rule.name] for rule in granted if rule.env}
        view = View(stage=folder, etc=folder / "etc", bare=True)
        fence = Fence(spec, limits, view, line, placeholders, {**spec.env, **env})
        fence.name, fence.weak, fence._audit = name, self.weak, self._audit
        self._note(fence)
        await self._gateway.attach(name, spec, [], None, placeholders, proxies=[listener])
        fence._finish, fence._probe = partial(self._finish, folder), self._probe
        fence._renew = partial(self._renew, fence.name)
        self._fences.add(fence)
        try:
            fence._probes += await self._probe(fence, "start")
        except BaseException:
            await fence.close()
            raise
        return fence

    @classmethod
    async def _must_work(cls) -> None:
        if landlock_abi() < 4:
            raise OutsideFailed(
                "FEN-004",
                "The weaker backend is not available: Landlock is off or older than interface 4.",
                "nothing else here could hold what a command connects to.",
                "use Linux 6.7 or newer with Landlock on, or a machine with user namespaces.",
            )

    async def _made(
        self, folder: Path, spec: FenceSpec, limits: Limits
    ) -> tuple[socket.socket, Callable[[Fence], Line]]:
        """Furnish a fence; return where its proxy listens and what keeps its commands."""
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        places = Places(folder, spec.workspace.resolve(), port, _shown(spec, folder))
        await asyncio.to_thread(furnish, places, spec, self._gateway.ca_pem)
        return listener, lambda fence: Running(places, spec, limits, fence.exited)

    def _note(self, fence: Fence) -> None:
        spec = fence.spec
        fields: dict[str, JSON] = {
            "fence": fence.name,
            "backend": self.backend,
            "policy": spec.policy.digest,
            "mounts": [{"target": m.target, "writable": m.writable} for m in spec.mounts],
            "twins": [route.service for route in spec.twins],
        }
        self._audit.append("fence.open", spec.identity, fields)

    async def _renew(self, name: str, fds: Sequence[int]) -> None:
        await self._gateway.renew(name)  # the proxy's address stays: it is the machine's own

    async def _finish(self, folder: Path, closing: Fence) -> Mapping[str, Any]:
        self._fences.discard(closing)
        report = await self._gateway.detach(closing.name)
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        self._audit.append("fence.close", closing.spec.identity, closing_fields(closing, report))
        return {
            "exchanges": report.exchanges,
            "denied": report.denied,
            "usage": report.usage,
            "asked": report.asked,
        }

    async def _probe(self, fence: Fence, when: str) -> tuple[Probe, ...]:
        """Try to read what no fence may, and to connect to the loopback; each has its control.

        Names can be seen behind this backend, so only reading counts.
        """
        trap = socket.create_server(("127.0.0.1", 0))
        names = [*self._watched, "control file"]
        paths = [*(str(path) for path in self._watched.values()), "/etc/passwd"]
        read = '{ ls "$p"/. || head -c1 "$p"; } >/dev/null 2>&1'
        line = f'for p in "$@"; do if {read}; then echo yes; else echo no; fi; done'
        done = await fence.run(["sh", "-c", line, "sh", *paths], timeout_s=20, cwd="/")
        at = ("127.0.0.1", trap.getsockname()[1])
        code = f"import socket; socket.create_connection({at}, 3)"
        reached = await fence.run([self.python, "-I", "-c", code], timeout_s=20, cwd="/")
        trap.close()
        answers = done.stdout.decode("ascii", "replace").split()
        if len(answers) != len(names):
            return (Probe(NOT_RUN, when, blocked=False),)
        found = [
            Probe(name, when, blocked=answer == "no", control=name == "control file")
            for name, answer in zip(names, answers, strict=True)
        ]
        return (*found, Probe("host loopback", when, blocked=reached.exit_code != 0))

    async def asked(self, fence: Fence) -> tuple[AccessRequest, ...]:
        """Return what programs in an open fence asked for so far."""
        return await self._gateway.asked(fence.name)

    async def grant(self, fence: Fence, asked: AccessRequest, *, person: str, for_s: float) -> None:
        """Allow an open fence exactly one request, until an end; a forbid still wins."""
        await self._gateway.grant(fence.name, asked, person=person, for_s=for_s)

    async def refuse(self, fence: Fence, asked: AccessRequest, *, person: str, why: str) -> None:
        """Tell the programs of an open fence, when they look, that a person said no."""
        await self._gateway.refuse(fence.name, asked, person=person, why=why)

    async def close(self) -> None:
        """Close every fence and the gateway."""
        for fence in tuple(self._fences):
            with contextlib.suppress(OutsideFailed):
                await fence.close()
        await self._gateway.close()


class Running:
    """Keeps the commands of one weaker fence."""

    def __init__(
        self, places: Places, spec: FenceSpec, limits: Limits, on_exit: Callable[[Ended], None]
    ) -> None:
        self._places = places
        self._spec = spec
        self._limits = limits
        self._on_exit = on_exit
        self._running: dict[int, asyncio.subprocess.Process] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stale = False

    async def ask(self, op: str, fds: Sequence[int] = (), **values: Any) -> Answer:
        """Do one act."""
        if op == "run":
            await self._run(fds, values)
        elif op == "kill":
            await self._kill([values["id"]])
        elif op == "reset":
            await self._kill(list(self._running))
            self._stale = True  # made anew before it is used again, if ever
        elif op == "socket":
            made = socket.socket(socket.AF_INET6 if values["six"] else socket.AF_INET)
            made.setblocking(False)
            return {}, [made.detach()]
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
            if not self._stale:
                difference(self._places.lower, self._places.work, out)
            else:
                os.write(out, bytes(4))  # no frames: nothing has changed
        finally:
            os.close(out)

    def close(self) -> None:
        """End what runs."""
        for one in self._running.values():
            _end(one.pid)

    async def _run(self, fds: Sequence[int], values: Mapping[str, Any]) -> None:
        if "terminal" in values:
            raise OSError(95, "the weaker backend gives no terminal")
        if self._stale:
            await self._renewed()
            self._stale = False
        started = await self._start(fds, values)
        self._running[values["id"]] = started
        task = asyncio.create_task(self._wait(values["id"], started))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _renewed(self) -> None:
        await asyncio.to_thread(_renew, self._places, self._spec)

    async def _start(
        self, fds: Sequence[int], values: Mapping[str, Any]
    ) -> asyncio.subprocess.Process:
        order = json.dumps(self._order(values)).encode()
        file = os.memfd_create("order")
        os.write(file, order)
        os.lseek(file, 0, os.SEEK_SET)
        program = (
            f"import sys; sys.path.insert(0, {str(_PACKAGES)!r});"
            f"from unlit.fence.launch.reduced import main; main({file})"
        )
        try:
            return await asyncio.create_subprocess_exec(
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

    def _order(self, values: Mapping[str, Any]) -> dict[str, Any]:
        places, limits = self._places, self._limits
        env = {name: places.inside_all(value) for name, value in values["env"].items()}
        env |= dict.fromkeys(_PROXIES, f"http://127.0.0.1:{places.proxy}")
        mounts = self._spec.mounts
        written = [str(mount.source.resolve()) for mount in mounts if mount.writable]
        own = [str(places.folder / one) for one in ("work", "home", "tmp")]
        return {
            "argv": [places.inside(word) for word in values["argv"]],
            "env": env,
            "cwd": places.inside(values["cwd"]),
            "proxy": places.proxy,
            "uid": None,
            "read": [
                *_SYSTEM,
                str(places.folder / "etc"),
                str(places.folder / "shown"),
                *(str(mount.source.resolve()) for mount in mounts),
            ],
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


def _shown(spec: FenceSpec, folder: Path) -> Mapping[str, Path]:
    """Say where what is mounted lies: a folder at its own path, a file in a folder of links.

    A file's folder is shown too, so that a program is found on PATH.
    """
    found: dict[str, Path] = {}
    for mount in spec.mounts:
        if mount.source.is_dir():
            found[mount.target] = mount.source.resolve()
        else:
            parent = str(Path(mount.target).parent)
            found[parent] = folder / "shown" / parent.lstrip("/").replace("/", "_")
    return dict(sorted(found.items(), key=lambda item: -len(item[0])))


def furnish(places: Places, spec: FenceSpec, ca_pem: bytes) -> None:
    """Make what the fence shows: a copy of the workspace, its home, links to files, /etc."""
    (places.folder / "shown").mkdir()
    for mount in spec.mounts:
        if not mount.source.is_dir():
            target = Path(places.inside(mount.target))
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(mount.source.resolve())
    _renew(places, spec)
    write_etc(places.folder / "etc", ca_pem)


def _renew(places: Places, spec: FenceSpec) -> None:
    """Copy the workspace anew without what policy hides, and empty home and temporary folder."""
    hidden = {
        places.lower / one
        for one in matching(places.lower, spec.policy.files(spec.role).hide, beyond=True)
    }

    def without(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if Path(folder, name) in hidden]

    for path in (places.work, places.home, places.folder / "tmp"):
        path.mkdir(exist_ok=True)
        for left in path.iterdir():  # the folder itself stays: it may be mounted somewhere
            shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
    shutil.copytree(places.lower, places.work, symlinks=True, ignore=without, dirs_exist_ok=True)
