"""The fence host: one launcher and one gateway for all fences of a factory process."""

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from unlit.core.errors import InvalidInput, OutsideFailed, UnlitError
from unlit.fence.fence import Fence
from unlit.fence.gateway import Gateway
from unlit.fence.gateway.allowance import Meter
from unlit.fence.gateway.model import AccessRequest, SessionReport
from unlit.fence.launch.wire import pair, send
from unlit.fence.model import FenceSpec, Limits, Mount, Probe
from unlit.fence.probing import Prober
from unlit.fence.session import Session
from unlit.fence.view import View, fresh, granted_mounts, matching, still, write_etc
from unlit.policy import AuditLog, mint_placeholder, resolve_credential
from unlit.policy.model import JSON, RoleLimits

_PACKAGES: Final = Path(__file__).resolve().parents[2]
_OWN_PROCESSES: Final = 8
_READY_S: Final = 20.0
STATE: Final = "state"
VAULT: Final = "vault"


@dataclass(frozen=True)
class Launcher:
    """The process that forks fences, the line to it, and its folder of mount points."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    folder: Path

    @classmethod
    def start(cls) -> "Launcher":
        """Start it; it removes the folder when it ends."""
        # A neutral place that other users can pass through, whatever TMPDIR says: the fence's own
        # user must reach its mount points, and their paths show up in /proc inside.
        place = "/tmp" if os.geteuid() == 0 else None  # noqa: S108 # the name is not predictable
        folder = Path(tempfile.mkdtemp(prefix="fence-", dir=place))
        folder.chmod(0o755)
        (folder / "stage").mkdir()
        (folder / "stage").chmod(0o755)
        ours, theirs = pair()
        program = (
            f"import sys; sys.path.insert(0, {str(_PACKAGES)!r});"
            "from unlit.fence.launch.zygote import main; main(int(sys.argv[1]), sys.argv[2])"
        )
        try:
            process = subprocess.Popen(  # noqa: S603 # the one place that starts the launcher
                [sys.executable, "-I", "-c", program, str(theirs.fileno()), str(folder)],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                env={"PATH": os.defpath},
                start_new_session=True,
            )
        except OSError:
            shutil.rmtree(folder)
            raise
        theirs.close()
        return cls(process, ours, folder)


class FenceHost:
    """Opens fences. Use `start`, and `close` when done."""

    backend = "full"

    def __init__(
        self, audit: AuditLog, gateway: Gateway, launcher: Launcher, prober: Prober
    ) -> None:
        self._audit = audit
        self._gateway = gateway
        self._control = launcher.control
        self._launcher = launcher.process
        self._folder = launcher.folder
        self._prober = prober
        self._fences: set[Fence] = set()
        self._count = 0
        self._bwrap = shutil.which("bwrap") or ""

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
        launcher: Launcher | None = None,
    ) -> "FenceHost":
        """Start launcher and gateway.

        Args:
            state_dir: The factory's state; every fence proves that it cannot reach it.
            audit: Every exchange and every fence is written there first.
            secret_env: Environment that credentials of kind `env` are read from.
            upstream_tls: PEM file of trusted roots; default the machine's own.
            overrides: Names that the operator answers himself, and the ``HOST:PORT`` where.
            watched: Paths that no fence may reach, by name; each fence proves that it cannot.
            meter: Is asked before and told after each model call, what it costs.
            launcher: One that was started before, by who may do more than this process.

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
        launcher = launcher or Launcher.start()
        gateway = await Gateway.start(
            audit,
            secret_env=secret_env,
            upstream_tls=upstream_tls,
            overrides=overrides,
            meter=meter,
        )
        write_etc(launcher.folder / "etc", gateway.ca_pem)
        known = partial(known_secrets, env=secret_env or {})
        prober = await Prober.start({STATE: state_dir, **(watched or {})}, known)
        return cls(audit, gateway, launcher, prober)

    async def open(self, spec: FenceSpec) -> Fence:
        """Open one fence; it is probed before this returns.

        Raises:
            InvalidInput: The workspace or a mount does not exist.
            OutsideFailed: The machine cannot make the fence.
        """
        granted_paths = granted_mounts(spec.policy.files(spec.role), Path.home())
        spec = replace(spec, mounts=(*granted_paths, *spec.mounts))
        must_exist(spec)
        must_not_show(spec, self._prober.watched)
        self._count += 1
        name = f"f{self._count}"
        limits = spec.limits or limits_of(spec.policy.limits(spec.role))
        granted = spec.policy.granted(spec.role)
        placeholders = {rule.name: mint_placeholder(rule) for rule in granted}
        env = {rule.env: placeholders[rule.name] for rule in granted if rule.env}
        self._note(name, spec)
        view = self._view(spec)
        ours, theirs = pair()
        try:
            send(self._control, self._order(spec, limits, view), [theirs.fileno()])
        except OSError as error:
            ours.close()
            raise _no_launcher() from error
        finally:
            theirs.close()
        fence = Fence(
            spec,
            limits,
            view,
            lambda fence: Session(ours, fence.exited, fence.gone),
            placeholders,
            {**spec.env, **env},
        )
        fence.name = name
        fence._audit = self._audit
        try:
            sockets, dns = await self._ready(fence)
            probing = asyncio.create_task(self._probe(fence, "start"))  # needs no gateway
            try:
                await self._gateway.attach(name, spec, sockets, dns, placeholders)
            except BaseException:
                probing.cancel()
                raise
        except BaseException:
            fence._session.close()
            raise
        self._watch(fence, name)
        try:
            fence._probes += await probing
        except BaseException:
            await fence.close()
            raise
        return fence

    def _note(self, name: str, spec: FenceSpec) -> None:
        mounts: list[JSON] = [
            {"target": mount.target, "writable": mount.writable} for mount in spec.mounts
        ]
        fields: dict[str, JSON] = {
            "fence": name,
            "policy": spec.policy.digest,
            "mounts": mounts,
            "twins": [route.service for route in spec.twins],
        }
        self._audit.append("fence.open", spec.identity, fields)

    def _order(self, spec: FenceSpec, limits: Limits, view: View) -> dict[str, Any]:
        rlimits = {
            "RLIMIT_CORE": 0,
            "RLIMIT_NOFILE": limits.open_files,
            "RLIMIT_FSIZE": limits.file_mb * 1024 * 1024,
            "RLIMIT_NPROC": limits.processes,
            "RLIMIT_MEMLOCK": 64 * 1024,
            "RLIMIT_MSGQUEUE": 819_200,
        }
        if limits.cpu_s is not None:
            rlimits["RLIMIT_CPU"] = max(1, int(limits.cpu_s))
        return {
            "stage": str(self._folder / "stage"),
            "workspace": str(spec.workspace.resolve()),
            "binds": [
                {
                    "source": str(mount.source.resolve()),
                    "folder": mount.source.is_dir(),
                    "writable": mount.writable,
                }
                for mount in spec.mounts
            ],
            "disk_mb": limits.disk_mb,
            "inodes": limits.inodes,
            "memory_mb": limits.memory_mb,
            "processes": limits.processes + _OWN_PROCESSES,
            "rlimits": rlimits,
            "bwrap": self._bwrap,
            "view": [*still(view), *fresh(view)],
        }

    def _view(self, spec: FenceSpec) -> View:
        rules = spec.policy.files(spec.role)
        hidden = matching(spec.workspace, rules.hide, beyond=True)
        return View(
            stage=self._folder / "stage",
            etc=self._folder / "etc",
            targets=tuple((mount.target, mount.writable) for mount in spec.mounts),
            writable=(".",) if "." in rules.write else tuple(matching(spec.workspace, rules.write)),
            read_only=tuple(matching(spec.workspace, rules.read_only, beyond=True)),
            hidden=tuple((path, (spec.workspace / path).is_dir()) for path in hidden),
        )

    async def _ready(self, fence: Fence) -> tuple[list[socket.socket], socket.socket]:
        assert isinstance(fence._session, Session)  # noqa: S101 # made by `open`
        message, fds = await fence._session.ready(_READY_S)
        fence.weak = weaknesses(message)
        fence.keeper = int(message["pid"])
        return _sockets(fds)

    def _watch(self, fence: Fence, name: str) -> None:
        async def finish(closing: Fence) -> Mapping[str, Any]:
            self._fences.discard(closing)
            report = await self._gateway.detach(name)
            fields = closing_fields(closing, report)
            self._audit.append("fence.close", closing.spec.identity, fields)
            return {
                "exchanges": report.exchanges,
                "denied": report.denied,
                "usage": report.usage,
                "asked": report.asked,
            }

        async def renew(fds: Sequence[int]) -> None:
            await self._gateway.renew(name, *_sockets(fds))

        self._fences.add(fence)
        fence._finish = finish
        fence._renew = renew
        fence._probe = self._probe

    async def _probe(self, fence: Fence, when: str) -> tuple[Probe, ...]:
        return await self._prober.probe(fence, when)

    async def asked(self, fence: Fence) -> tuple[AccessRequest, ...]:
        """Return what programs in an open fence asked for so far."""
        return await self._gateway.asked(fence.name)

    async def grant(self, fence: Fence, asked: AccessRequest, *, person: str, for_s: float) -> None:
        """Allow an open fence exactly one request, until an end; a forbid still wins.

        Raises:
            InvalidInput: The grant would last too long.
            OutsideFailed: The audit log cannot be written.
        """
        await self._gateway.grant(fence.name, asked, person=person, for_s=for_s)

    async def refuse(self, fence: Fence, asked: AccessRequest, *, person: str, why: str) -> None:
        """Tell the programs of an open fence, when they look, that a person said no."""
        await self._gateway.refuse(fence.name, asked, person=person, why=why)

    async def close(self) -> None:
        """Close every fence, the gateway and the launcher; nothing of them is left behind."""
        for fence in tuple(self._fences):
            with contextlib.suppress(OutsideFailed):
                await fence.close()
        await self._gateway.close()
        await self._prober.close()
        self._control.close()
        await asyncio.to_thread(self._launcher.wait)


def _sockets(fds: Sequence[int]) -> tuple[list[socket.socket], socket.socket]:
    """Return what the gateway accepts on, and what it answers names on."""
    sockets = [socket.socket(fileno=fd) for fd in fds]
    streams = [one for one in sockets if one.type == socket.SOCK_STREAM]
    datagrams = [one for one in sockets if one.type == socket.SOCK_DGRAM]
    return streams, datagrams[0]


def known_secrets(spec: FenceSpec, *, env: Mapping[str, str]) -> dict[str, str]:
    """Return the secrets that a policy speaks of and that lie in the environment or a file.

    They are looked for in what processes of the fence hold; those of a command or a keyring are
    not asked for again.
    """
    found = {}
    for rule in spec.policy.credentials.values():
        if rule.source.kind in ("env", "file"):
            with contextlib.suppress(UnlitError):
                found[rule.name] = resolve_credential(rule, env=env).reveal()
    return found


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


def weaknesses(ready: Mapping[str, Any]) -> tuple[str, ...]:
    """Name what is not enforced in a fence, from what its keeper says of itself."""
    found = []
    if not ready["cgroup"]:
        found.append(
            "Memory is watched five times a second, not limited by the kernel, and memory files "
            "(memfd) are not counted: no control group can be made by this user."
        )
    if ready["uid"] is None:
        found.append("All fences share one user: the factory was not started by root.")
    if ready["captured"] != "nftables":
        found.append(
            "Only ports 53, 80, 443 and 3128 lead to the gateway, and the product cannot use them "
            "itself: the kernel has no nftables; other ports lead nowhere."
        )
    return tuple(found)


def _no_launcher() -> OutsideFailed:
    return OutsideFailed(
        "FEN-002",
        "The fence launcher is gone.",
        "it was killed, and no fence can be made without it.",
        "start again; a run continues where it was.",
    )


def closing_fields(fence: Fence, report: SessionReport) -> dict[str, JSON]:
    """Return what the audit log says when a fence closes."""
    return {
        "fence": fence.name,
        "exchanges": report.exchanges,
        "denied": report.denied,
        "probes": {f"{p.name}@{p.when}": p.holds for p in fence._probes},
        "weak": list(fence.weak),
    }


def must_not_show(spec: FenceSpec, watched: Mapping[str, Path]) -> None:
    """Refuse a workspace or mount that holds, or lies in, what no fence may see.

    Raises:
        InvalidInput: It does.
    """
    shown = (spec.workspace, *(mount.source for mount in spec.mounts))
    for path in (one.resolve() for one in shown):
        for name, kept in watched.items():
            secret = kept.resolve()
            lies_in = name == VAULT and path.is_relative_to(secret)
            if secret.is_relative_to(path) or lies_in:
                raise InvalidInput(
                    "FEN-022",
                    f"{path} holds the {name} ({secret}), or lies in it.",
                    "a fence must never show the state, the vault or the audit log.",
                    "name another folder.",
                )


def must_exist(spec: FenceSpec) -> None:
    """Refuse a workspace or mount that is not there.

    Raises:
        InvalidInput: It is not.
    """
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
