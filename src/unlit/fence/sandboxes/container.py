"""The fence of a container engine: podman's own namespaces, no network but the gateway's proxy.

Chosen by name only. What it does not hold is in `WEAK`, and in every report. The proxy listens on
a socket that is opened from outside in the container's network, so nothing of ours runs inside.
"""

import asyncio
import contextlib
import ctypes
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from typing_extensions import override

from unlit.core.errors import InvalidInput, OutsideFailed
from unlit.fence.fence import Fence
from unlit.fence.launch.seccomp import engine_profile
from unlit.fence.model import FenceSpec, Limits
from unlit.fence.sandboxes.landlock import LandlockHost, Places, Running, furnish
from unlit.fence.session import Answer, Line
from unlit.fence.view import HOME, WORKSPACE, matching

PROXY: Final = ("127.0.0.1", 3128)
USER: Final = 61_000
_NEW_NET: Final = 0x40000000
_ENGINE_S: Final = 60.0
_KILL_S: Final = 10.0
_SOON_S: Final = 2.0
_ASKED_S: Final = 5.0
_ROUNDS: Final = 200  # what forks meanwhile is met in the next one
_ROUND_S: Final = 0.05
_KILLS: Final = 30  # a command that is being started is not there to be killed yet
# it waits and buries whoever loses a parent, as it ignores that children end
_FIRST: Final = ("env", "--ignore-signal=CHLD", "sleep", "1000000")
_LINKS: Final = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_VARIABLES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY")
_LOCAL: Final = "localhost,127.0.0.1,::1"
_SYNTAX: Final = (",", '"', "\n", "\r")  # what the engine reads as its own in a mount's words
_Shown = tuple[Path, str, bool]
WEAK: Final = (
    "Weaker backend (container engine podman): it was chosen by name; the engine's namespaces "
    "hold, not ours, and the engine runs as root.",
    "Only programs that honour proxy variables reach anything; others are refused.",
    "Workspace and added paths are not limited in bytes or number, only each file in size.",
    "All fences share one user of this machine.",
)


class ContainerHost(LandlockHost):
    """Opens fences that are containers of podman; needs root, as the engine's owner."""

    backend = "container"
    weak = WEAK
    python = "/usr/bin/python3"
    _engine: tuple[str, ...] = ()

    @classmethod
    @override
    async def _must_work(cls) -> None:
        cls._engine = await asyncio.to_thread(_working_engine)

    @override
    async def _made(
        self, folder: Path, spec: FenceSpec, limits: Limits
    ) -> tuple[socket.socket, Callable[[Fence], Line]]:
        places = Places(folder, spec.workspace.resolve(), PROXY[1], {})
        container = Container(self._engine, places, spec, limits)
        try:
            await asyncio.to_thread(container.begin, self._gateway.ca_pem)
            listener = await asyncio.to_thread(container.listen)
        except BaseException:
            await asyncio.to_thread(container.end)
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return listener, lambda fence: _Line(container, places, spec, limits, fence.exited)


class Container:
    """One container: begun, entered from outside for sockets, and removed."""

    def __init__(
        self, engine: tuple[str, ...], places: Places, spec: FenceSpec, limits: Limits
    ) -> None:
        self.engine = engine
        self.name = f"unlit-{secrets.token_hex(8)}"
        self.pid = 0
        self._namespace = ""
        self._places = places
        self._spec = spec
        self._limits = limits

    def begin(self, ca_pem: bytes) -> None:
        """Furnish it and start it; its first process does nothing."""
        folder = self._places.folder
        furnish(self._places, self._spec, ca_pem)
        shown = self._shown()
        folder.chmod(0o755)
        profile = folder / "seccomp.json"
        profile.write_text(json.dumps(engine_profile()))
        root = folder / "root"
        for name in ("usr", "etc", "proc", "sys", "dev", "run", "tmp", "work", "home/agent", "var"):
            (root / name).mkdir(parents=True)
        for name in _LINKS:
            if (Path("/") / name).exists():
                (root / name).symlink_to(f"usr/{name}")
        (root / "var/tmp").symlink_to("/tmp")  # noqa: S108 # inside
        for mount in self._spec.mounts:
            if mount.writable:
                _give(mount.source)
            place = root / mount.target.lstrip("/")
            if mount.target.startswith(("/work/", "/home/agent/")):
                continue  # the engine makes the place in what is mounted there
            place.parent.mkdir(parents=True, exist_ok=True)
            place.mkdir(exist_ok=True) if mount.source.is_dir() else place.touch()
        _readable(root)
        _readable(folder / "etc")
        for name in ("run", "tmp", "home/agent"):
            (root / name).chmod(0o1777)  # the engine gives what it mounts there the same mode
        self.renew()
        given = self._arguments(profile, root, shown)
        _said([*self.engine, "run", "--detach", *given, *_FIRST])
        pid = _said([*self.engine, "inspect", "--format", "{{.State.Pid}}", self.name])
        self.pid = int(pid)
        namespace = _namespace(pid)
        if namespace != _namespace(str(os.getpid())):
            self._namespace = namespace

    def renew(self) -> None:
        """Give the copy of the workspace to the fence's user."""
        for folder, folders, names in os.walk(self._places.work):
            for name in (*folders, *names):
                os.lchown(os.path.join(folder, name), USER, USER)  # noqa: PTH118 # many
        os.chown(self._places.work, USER, USER)

    def _shown(self) -> list[_Shown]:
        """Return what the engine binds: it resolves each source on the host, as root.

        Raises:
            InvalidInput: A path would be another one for the engine than for us.
        """
        places, spec = self._places, self._spec
        work = places.work.resolve()
        kept = matching(places.lower, spec.policy.files(spec.role).read_only, beyond=True)
        shown = [(Path("/usr"), "/usr", False), (places.folder / "etc", "/etc", False),
                 (work, WORKSPACE, True)]  # fmt: skip
        shown += [(work / path, f"{WORKSPACE}/{path}", False) for path in kept]
        for path in kept:
            if (work / path).resolve() != work / path:
                raise _unbound(f"{WORKSPACE}/{path}", "a link lies on the way to it")
        shown += [(m.source.resolve(), m.target, m.writable) for m in spec.mounts]
        for source, target, _ in shown:
            if any(one in f"{source}{target}" for one in _SYNTAX):
                raise _unbound(target, "its name has a comma, a quote or a line break")
        return shown

    def _arguments(self, profile: Path, root: Path, shown: Sequence[_Shown]) -> list[str]:
        limits = self._limits
        memory = f"{limits.memory_mb}m"
        scratch = f"rw,nosuid,nodev,size={limits.disk_mb}m,mode=1777,notmpcopyup"
        limited = {
            "nofile": limits.open_files, "core": 0, "nproc": limits.processes,
            "fsize": limits.file_mb * 1024 * 1024,
        }  # fmt: skip
        made = [
            "--name", self.name, "--rm", "--network=none", "--no-hosts", "--read-only",
            "--cap-drop=all", "--security-opt=no-new-privileges",
            f"--security-opt=seccomp={profile}", "--security-opt=mask=/proc/cmdline:/sys",
            "--ipc=private", "--uts=private", "--pid=private",
            "--hostname=fence", f"--user={USER}:{USER}", f"--workdir={WORKSPACE}",
            f"--memory={memory}", f"--memory-swap={memory}",
            f"--pids-limit={limits.processes + 8}", "--read-only-tmpfs=false",
            "--log-driver=none", "--stop-timeout=0", "--image-volume=ignore", "--systemd=false",
        ]  # fmt: skip
        made += [f"--ulimit={name}={value}:{value}" for name, value in limited.items()]
        made += [f"--tmpfs={path}:{scratch}" for path in ("/tmp", "/run", HOME)]  # noqa: S108
        made += [
            f"--mount=type=bind,src={source},dst={target}{'' if writable else ',ro=true'}"
            for source, target, writable in shown
        ]
        return [*made, "--rootfs", str(root)]

    def listen(self) -> socket.socket:
        """Open the proxy's listener in the container's network."""

        def make() -> socket.socket:
            made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(PROXY)
            made.listen(128)
            return made

        return self.inside(make)

    def inside(self, make: Callable[[], socket.socket]) -> socket.socket:
        """Call `make` in the container's network, in a thread that ends there."""
        found: list[socket.socket | BaseException] = []

        def enter() -> None:
            try:
                descriptor = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
                try:
                    if ctypes.CDLL(None, use_errno=True).setns(descriptor, _NEW_NET):
                        raise OSError(ctypes.get_errno(), "the network cannot be entered")
                finally:
                    os.close(descriptor)
                found.append(make())
            except OSError as error:
                found.append(error)

        thread = threading.Thread(target=enter, name="enter")
        thread.start()
        thread.join()
        made = found[0]
        if isinstance(made, BaseException):
            raise made
        return made

    def processes(self) -> int:
        """Count what runs inside besides the first process."""
        return len(self._others())

    def kill_all(self) -> int:
        """Kill what runs inside besides the first process, once; return how many were found.

        It is done from outside: nothing is believed, asked or started inside.
        """
        others = self._others()
        for pid in others:
            self._kill(pid)
        return len(others)

    def _others(self) -> list[str]:
        """Return the host's numbers of what lives inside besides the first process."""
        pids = [one.name for one in Path("/proc").iterdir() if one.name.isdigit()]
        return [pid for pid in pids if pid != str(self.pid) and self._holds(pid)]

    def _holds(self, pid: str) -> bool:
        return self._namespace != "" and _namespace(pid) == self._namespace

    def _kill(self, pid: str) -> None:
        with contextlib.suppress(OSError):
            process = os.pidfd_open(int(pid))
            try:
                if self._holds(pid):  # its number was not given to another meanwhile
                    signal.pidfd_send_signal(process, signal.SIGKILL)
            finally:
                os.close(process)

    def end(self) -> None:
        """Remove it with all that runs in it."""
        with contextlib.suppress(OutsideFailed):
            _said([*self.engine, "rm", "--force", "--time", "0", "--ignore", self.name])


class _Line(Running):
    """Keeps the commands of one container."""

    def __init__(self, container: Container, *rest: Any) -> None:
        super().__init__(*rest)
        self._container = container

    @override
    async def ask(self, op: str, fds: Sequence[int] = (), **values: Any) -> Answer:
        """Do one act; sockets are opened in the container's network."""
        if op == "socket":
            family = socket.AF_INET6 if values["six"] else socket.AF_INET
            made = await asyncio.to_thread(self._container.inside, lambda: socket.socket(family))
            made.setblocking(False)
            return {}, [made.detach()]
        if op == "count":
            left = await asyncio.to_thread(self._container.processes)
            return {"processes": left, "peak_bytes": 0}, []
        return await super().ask(op, fds, **values)

    @override
    def close(self) -> None:
        """Remove the container."""
        self._container.end()

    @override
    async def _renewed(self) -> None:
        await super()._renewed()
        await asyncio.to_thread(self._container.renew)

    @override
    async def _start(
        self, fds: Sequence[int], values: Mapping[str, Any]
    ) -> asyncio.subprocess.Process:
        proxy = f"http://{PROXY[0]}:{PROXY[1]}"
        env = {**values["env"], **dict.fromkeys(_VARIABLES, proxy), "NO_PROXY": _LOCAL}
        given = [f"--env={name}={value}" for name, value in env.items()]
        note = 'echo $$ >"/tmp/.fence-$0"; exec "$@"'
        argv = ["sh", "-c", note, str(values["id"]), *values["argv"]]
        words = [*self._container.engine, "exec", "--interactive", f"--workdir={values['cwd']}"]
        return await asyncio.create_subprocess_exec(
            *words, *given, self._container.name, *argv,
            stdin=fds[0], stdout=fds[1], stderr=fds[2], start_new_session=True,
            env={"PATH": os.defpath},
        )  # fmt: skip

    @override
    async def _kill(self, numbers: Sequence[int]) -> None:
        started = [self._running[one] for one in numbers if one in self._running]
        if numbers and not set(numbers) >= set(self._running):
            await self._kill_some(numbers)
            if await _ended(started, _ASKED_S):
                return
        # what does not end when asked to ends with everything inside
        for _ in range(_KILLS):
            if not await self._kill_all():
                break
            if await _ended(started, _SOON_S):
                return
        await asyncio.to_thread(self._container.end)

    async def _kill_all(self) -> bool:
        """Kill until nothing is left inside, and say whether that came about."""
        for _ in range(_ROUNDS):
            if not await asyncio.to_thread(self._container.kill_all):
                return True
            await asyncio.sleep(_ROUND_S)
        return False

    async def _kill_some(self, numbers: Sequence[int]) -> None:
        """Ask inside for some commands' end; they can forge the notes, so it is no more."""
        line = 'for n in "$@"; do kill -s KILL -- -"$(cat "/tmp/.fence-$n")"; done'
        words = [*self._container.engine, "exec", self._container.name, "sh", "-c", line, "sh"]
        with contextlib.suppress(OutsideFailed):
            given = [*words, *map(str, numbers)]
            await asyncio.to_thread(_said, given, may_fail=True, within_s=_KILL_S)


async def _ended(started: Sequence[asyncio.subprocess.Process], within_s: float) -> bool:
    try:
        async with asyncio.timeout(within_s):
            for one in started:
                await one.wait()
    except TimeoutError:
        return False
    return True


def _readable(tree: Path) -> None:
    """Let the fence's user read what was made for it, whatever our own habit (umask) is."""
    for folder, folders, names in os.walk(tree):
        for name in (".", *folders, *names):
            place = Path(folder, name)
            if not place.is_symlink():
                place.chmod(0o755 if place.is_dir() else 0o644)


def _give(path: Path) -> None:
    """Give an empty folder to the fence's user; what is somebody's already is not taken away.

    Raises:
        InvalidInput: It is not empty.
    """
    if path.stat().st_uid == USER:
        return
    if not path.is_dir() or any(path.iterdir()):
        raise InvalidInput(
            "FEN-006",
            f"The container backend cannot make {path} writable.",
            f"it belongs to another user than {USER}, whom commands run as there.",
            f"name an empty folder, give it to the user {USER}, or use the full fence.",
        )
    os.chown(path, USER, USER)


def _unbound(path: str, why: str) -> InvalidInput:
    return InvalidInput(
        "FEN-007",
        f"The container backend cannot show {path!r}.",
        f"{why}, so the engine could show another path of the host there.",
        "name the real path in the policy or the mount, rename it, or use the full fence.",
    )


def _namespace(pid: str) -> str:
    """Return the pid namespace of a living process; nothing of one that waits to be buried."""
    if not pid.isdigit():
        return ""
    try:
        state = Path("/proc", pid, "stat").read_text(encoding="latin-1").rpartition(")")[2]
        if state.split()[0] in "ZX":
            return ""
        return os.readlink(f"/proc/{pid}/ns/pid")  # noqa: PTH115 # a name, not a path
    except OSError:
        return ""


def _working_engine() -> tuple[str, ...]:
    """Return the engine's words: podman, with the runtime that works here."""
    if os.geteuid() != 0 or shutil.which("podman") is None:
        why = "podman is not installed" if os.geteuid() == 0 else "it is driven by root only"
        raise _unavailable(why)
    said = ""
    for words in (("podman",), ("podman", "--runtime", "runc")):
        try:
            _said([*words, "run", "--rm", "--network=none", "--log-driver=none",
                   "--ulimit=nofile=256:256", "--ulimit=nproc=64:64", "--volume=/usr:/usr:ro",
                   "--rootfs", str(_empty_root()), "/usr/bin/true"])  # fmt: skip
        except OutsideFailed as error:
            said = error.why
        else:
            return words
    raise _unavailable(said)


def _empty_root() -> Path:
    root = Path("/run/unlit-engine-root")
    for name in ("usr", "proc", "sys", "dev", "etc", "run", "tmp"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for name in _LINKS:
        with contextlib.suppress(FileExistsError):
            (root / name).symlink_to(f"usr/{name}")
    return root


def _said(words: Sequence[str], *, may_fail: bool = False, within_s: float = _ENGINE_S) -> str:
    try:
        done = subprocess.run(  # noqa: S603 # the engine itself, with words of ours
            words, capture_output=True, text=True, timeout=within_s, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _unavailable(type(error).__name__) from error
    if done.returncode and not may_fail:
        raise _unavailable(done.stderr.strip()[-400:] or f"it ended with {done.returncode}")
    return done.stdout.strip()


def _unavailable(why: str) -> OutsideFailed:
    return OutsideFailed(
        "FEN-005",
        "The container backend is not available.",
        why,
        "start as root with podman and crun or runc installed, or use the full fence.",
    )
