"""The fence host: one launcher and one gateway for all fences of a factory process."""

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from unlit.core.errors import InvalidInput, OutsideFailed
from unlit.fence.fence import Fence
from unlit.fence.gateway import Gateway
from unlit.fence.launch.wire import pair, send
from unlit.fence.model import FenceSpec, Limits, Mount
from unlit.fence.probing import Prober
from unlit.fence.view import View, matching, write_etc
from unlit.policy import AuditLog, mint_placeholder
from unlit.policy.model import RoleLimits

_FIRST_UID: Final = 61_000
_UIDS: Final = 4_000
_READY_S: Final = 20.0


class FenceHost:
    """Opens fences. Use `start`, and `close` when done."""

    def __init__(
        self, state: Path, audit: AuditLog, gateway: Gateway, control: socket.socket
    ) -> None:
        self._state = state
        self._audit = audit
        self._gateway = gateway
        self._control = control
        self._launcher: subprocess.Popen[bytes] | None = None
        self._fences: set[Fence] = set()
        self._count = 0
        self._bwrap = shutil.which("bwrap") or ""
        self._prober: Prober | None = None

    @classmethod
    async def start(
        cls,
        state_dir: Path,
        audit: AuditLog,
        *,
        secret_env: Mapping[str, str] | None = None,
        upstream_tls: str | None = None,
        watched: Mapping[str, Path] | None = None,
    ) -> "FenceHost":
        """Start launcher and gateway.

        Args:
            state_dir: Where fences keep their mount points and layers while they live.
            audit: Every exchange and every fence is written there first.
            secret_env: Environment that credentials of kind `env` are read from.
            upstream_tls: PEM file of trusted roots; default the machine's own.
            watched: Paths that no fence may reach, by name; each fence proves that it cannot.

        Raises:
            OutsideFailed: bubblewrap is missing.
        """
        if shutil.which("bwrap") is None:
            raise OutsideFailed(
                "FEN-001",
                "bubblewrap is not installed.",
                "the fence is built on it, and nothing runs without its fence.",
                "apt-get install bubblewrap",
            )
        ours, theirs = pair()
        launcher = subprocess.Popen(  # noqa: S603 # the one place that starts the launcher
            [sys.executable, "-I", "-m", "unlit.fence.launch.zygote", str(theirs.fileno())],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            env={"PATH": os.defpath},
            start_new_session=True,
        )
        theirs.close()
        gateway = await Gateway.start(audit, secret_env=secret_env, upstream_tls=upstream_tls)
        host = cls(state_dir, audit, gateway, ours)
        host._launcher = launcher
        host._prober = await Prober.start(dict(watched or {}))
        return host

    async def open(self, spec: FenceSpec) -> Fence:
        """Open one fence; it is probed before this returns.

        Raises:
            InvalidInput: The workspace or a mount does not exist.
            OutsideFailed: The machine cannot make the fence.
        """
        self._count += 1
        limits = spec.limits or limits_of(spec.policy.limits(spec.role))
        name = f"f{self._count}"
        stage, cleanup = await asyncio.to_thread(self._stage, spec, name)
        placeholders = {
            rule.name: mint_placeholder(rule) for rule in spec.policy.granted(spec.role)
        }
        env = dict(spec.env)
        for rule in spec.policy.granted(spec.role):
            if rule.env:
                env[rule.env] = placeholders[rule.name]
        view = _view(spec, stage)
        ours, theirs = pair()
        order = self._order(spec, limits, stage)
        self._audit.append(
            "fence.open",
            spec.identity,
            {
                "fence": name,
                "policy": spec.policy.digest,
                "mounts": [{"target": m.target, "writable": m.writable} for m in spec.mounts],
                "twins": [route.service for route in spec.twins],
            },
        )
        send(self._control, order, [theirs.fileno()])
        theirs.close()
        fence = Fence(spec, limits, view, ours, placeholders, env)
        fence._cleanup = cleanup
        try:
            sockets, dns = await self._sockets(fence)
            await self._gateway.attach(name, spec, sockets, dns, placeholders)
        except BaseException:
            fence._session.close()
            cleanup()
            raise
        self._watch(fence, name)
        fence._probes += await self._probe(fence, "start")
        return fence

    def _order(self, spec: FenceSpec, limits: Limits, stage: Path) -> dict[str, Any]:
        rlimits = {
            "RLIMIT_CORE": 0,
            "RLIMIT_NOFILE": limits.open_files,
            "RLIMIT_FSIZE": limits.file_mb * 1024 * 1024,
        }
        uid = _uid(self._count)
        if uid is not None:
            rlimits["RLIMIT_NPROC"] = limits.processes
        if limits.cpu_s is not None:
            rlimits["RLIMIT_CPU"] = int(limits.cpu_s)
        return {
            "stage": str(stage),
            "uid": uid,
            "workspace": str(stage / "copy" if uid is not None else spec.workspace.resolve()),
            "binds": [
                {"source": str(m.source), "target": m.target, "writable": m.writable}
                for m in spec.mounts
            ],
            "disk_mb": limits.disk_mb,
            "inodes": limits.inodes,
            "rlimits": rlimits,
            "bwrap": self._bwrap,
        }

    def _stage(self, spec: FenceSpec, name: str) -> tuple[Path, Any]:
        """Make the mount points of a fence; as root also a copy that its own user may change."""
        _must_exist(spec)
        uid = _uid(self._count)
        # A neutral place that another user can pass through: paths show up in /proc inside.
        stage = Path(tempfile.mkdtemp(prefix=f"fence-{name}-"))
        stage.chmod(0o755)
        for folder in ("lower", "work", "rw", "nothing"):
            (stage / folder).mkdir()
        (stage / "empty").touch()
        for number, mount in enumerate(spec.mounts):
            place = stage / f"m{number}"
            if mount.source.is_dir():
                place.mkdir()
            else:
                place.touch()
        write_etc(stage / "etc", self._gateway.ca_pem)
        if uid is not None:
            _own_copy(spec.workspace, stage / "copy", uid)
            for mount in spec.mounts:
                if mount.writable:
                    _own(mount.source, uid)

        def cleanup() -> None:
            if uid is not None:
                for mount in spec.mounts:
                    if mount.writable:
                        _own(mount.source, os.getuid())
            shutil.rmtree(stage, ignore_errors=True)

        return stage, cleanup

    async def _sockets(self, fence: Fence) -> tuple[list[socket.socket], socket.socket]:
        _, fds = await fence._session.ready(_READY_S)
        sockets = [socket.socket(fileno=fd) for fd in fds]
        streams = [one for one in sockets if one.type == socket.SOCK_STREAM]
        datagrams = [one for one in sockets if one.type == socket.SOCK_DGRAM]
        for extra in datagrams[1:]:
            extra.close()
        assert streams  # noqa: S101 # the keeper sends at least one
        return streams, datagrams[0]

    def _watch(self, fence: Fence, name: str) -> None:
        async def finish(closing: Fence) -> Mapping[str, Any]:
            self._fences.discard(closing)
            report = await self._gateway.detach(name)
            self._audit.append(
                "fence.close",
                closing.spec.identity,
                {
                    "fence": name,
                    "exchanges": report.exchanges,
                    "denied": report.denied,
                    "probes": {f"{p.name}@{p.when}": p.holds for p in closing._probes},
                },
            )
            return {
                "exchanges": report.exchanges,
                "denied": report.denied,
                "usage": report.usage,
            }

        self._fences.add(fence)
        fence._finish = finish
        fence._probe = self._probe
        fence.weak = weaknesses()

    async def _probe(self, fence: Fence, when: str) -> Any:
        assert self._prober is not None  # noqa: S101 # set by `start`
        return await self._prober.probe(fence, when)

    async def close(self) -> None:
        """Close every fence, the gateway and the launcher."""
        for fence in tuple(self._fences):
            with contextlib.suppress(OutsideFailed):
                await fence.close()
        await self._gateway.close()
        if self._prober is not None:
            await self._prober.close()
        self._control.close()
        if self._launcher is not None:
            await asyncio.to_thread(self._launcher.wait)


def limits_of(said: RoleLimits) -> Limits:
    """Fill what policy does not say with the fence's own limits."""
    usual = Limits()

    def or_usual(name: str) -> Any:
        value = getattr(said, name)
        return getattr(usual, name) if value is None else value

    return Limits(
        wall_s=or_usual("wall_s"),
        cpu_s=said.cpu_s,
        memory_mb=or_usual("memory_mb"),
        disk_mb=or_usual("disk_mb"),
        processes=or_usual("processes"),
        open_files=or_usual("open_files"),
        file_mb=or_usual("file_mb"),
    )


def weaknesses() -> tuple[str, ...]:
    """Name what is not enforced on this machine."""
    found = ["Memory is not limited: no cgroup is used here."]
    if os.geteuid() != 0:
        found.append("All fences share one user: the factory was not started by root.")
    return tuple(found)


def _uid(count: int) -> int | None:
    return _FIRST_UID + count % _UIDS if os.geteuid() == 0 else None


def _view(spec: FenceSpec, stage: Path) -> View:
    rules = spec.policy.files(spec.role)
    hidden = matching(spec.workspace, rules.hide)
    return View(
        stage=stage,
        targets=tuple((mount.target, mount.writable) for mount in spec.mounts),
        read_only=tuple(matching(spec.workspace, rules.read_only)),
        hidden=tuple((path, (spec.workspace / path).is_dir()) for path in hidden),
    )


def _must_exist(spec: FenceSpec) -> None:
    for what, path in (("workspace", spec.workspace), *(_named(m) for m in spec.mounts)):
        if not path.exists():
            raise InvalidInput(
                "FEN-021",
                f"The {what} {path} does not exist.",
                "a fence shows what is there and makes nothing up.",
                "correct the path.",
            )


def _named(mount: Mount) -> tuple[str, Path]:
    return f"mount for {mount.target}", mount.source


def _own_copy(source: Path, target: Path, uid: int) -> None:
    shutil.copytree(source, target, symlinks=True, ignore_dangling_symlinks=True)
    _own(target, uid)


def _own(root: Path, uid: int) -> None:
    os.chown(root, uid, uid, follow_symlinks=False)
    for folder, folders, files in os.walk(root, followlinks=False):
        for name in (*folders, *files):
            os.chown(Path(folder) / name, uid, uid, follow_symlinks=False)
