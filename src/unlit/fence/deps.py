"""The dependency layer: what a product needs to run, built in a fence, kept out of its tree.

The build sees manifests and lock files only, so the same ones always give the same layer, and no
candidate can plant anything in a layer that a later candidate gets. See ADR 0003.
"""

import asyncio
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from unlit.core.canonical import digest_bytes, digest_json
from unlit.core.errors import OutcomeNotGoodEnough
from unlit.fence.model import FenceSpec, Finished, Limits, Mount
from unlit.fence.ports import Host
from unlit.policy import Identity, Policy

TARGET: Final = "/deps"
MANIFESTS: Final = (
    "pyproject.toml",
    "uv.lock",
    "uv.toml",
    "poetry.lock",
    "pdm.lock",
    "setup.cfg",
    "requirements.txt",
    "requirements-dev.txt",
    "requirements.lock",
    "package.json",
    "package-lock.json",
    "pnpm-lock.yaml",
    "yarn.lock",
    "go.mod",
    "go.sum",
    "Cargo.toml",
    "Cargo.lock",
    "Gemfile",
    "Gemfile.lock",
)
"""What a build may see, at the top of the repository."""

_BUILD_S: Final = 900.0
_TIMES_THE_DISK: Final = 4
_LOOK_S: Final = 0.2
_DEEPEST: Final = 200
_MIB: Final = 1 << 20
_TOOLS: Final = "/opt/unlit/bin"
INDEXES: Final = (
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "UV_DEFAULT_INDEX",
    "UV_INDEX_URL",
    "NPM_CONFIG_REGISTRY",
)
"""Names of the environment's variables that say where packages come from."""


@dataclass(frozen=True, slots=True)
class LayerOrder:
    """A dependency layer to be had.

    Attributes:
        tree: The candidate's tree; only its manifests are read.
        build: The build command, run by a shell; `None` gives a layer that holds Python alone.
        cache: Folder of finished layers; nothing else may write there.
        env: Environment of the factory, of which only names of package indexes are passed on.
    """

    tree: Path
    build: str | None
    cache: Path
    policy: Policy
    identity: Identity
    env: Mapping[str, str] = field(default_factory=dict)


def toolchain_mounts() -> tuple[Mount, ...]:
    """Return what shows the factory's own Python inside a fence, where it is not below `/usr`."""
    base = Path(sys.base_prefix).resolve()
    # At its own path: a Python that was built with a shared library finds it by that path alone.
    return () if base.is_relative_to("/usr") else (Mount(base, str(base)),)


async def dependency_layer(host: Host, order: LayerOrder) -> Path:
    """Return the folder of a product's dependencies, built if it is not in the cache.

    Raises:
        OutcomeNotGoodEnough: The build command failed; its last words are in the message.
    """
    manifests = {
        name: (order.tree / name).read_bytes()
        for name in MANIFESTS
        if (order.tree / name).is_file() and not (order.tree / name).is_symlink()
    }
    if order.build is None:
        manifests = {}
    layer = order.cache / _key(order.build or "", manifests, host.backend)
    order.cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    if host.backend != "full" and order.build is not None:
        return await _in_place(host, order, order.build, manifests, layer)
    if layer.is_dir():
        return layer
    with tempfile.TemporaryDirectory(prefix=".building-", dir=order.cache) as scratch:
        made = Path(scratch) / "layer"
        made.mkdir()
        seen = Path(scratch) / "manifests"
        seen.mkdir()
        for name, content in manifests.items():
            (seen / name).write_bytes(content)
        if order.build is None:
            _only_python(made)
        else:
            await _build(host, order, order.build, seen, made)
        await asyncio.to_thread(_keep, made, layer)
    return layer


async def _in_place(
    host: Host, order: LayerOrder, build: str, manifests: Mapping[str, bytes], layer: Path
) -> Path:
    """Build where it stays: a backend without mounts shows it at its own path, in its scripts too.

    A mark beside it says that it is whole; one that is not is made anew.
    """
    mark = layer.with_name(f"{layer.name}.whole")
    lock = os.open(layer.with_name(f"{layer.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        if mark.exists():
            return layer
        await asyncio.to_thread(shutil.rmtree, layer, ignore_errors=True)
        await asyncio.to_thread(layer.mkdir)
        with tempfile.TemporaryDirectory(prefix=".building-", dir=order.cache) as scratch:
            for name, content in manifests.items():
                (Path(scratch) / name).write_bytes(content)
            await _build(host, order, build, Path(scratch), layer)
        await asyncio.to_thread(_readable, layer)
        mark.touch()
    finally:
        os.close(lock)
    return layer


def _key(build: str, manifests: Mapping[str, bytes], backend: str) -> str:
    named = {name: digest_bytes(content) for name, content in manifests.items()}
    python = f"{sys.version_info.major}.{sys.version_info.minor} {sys.base_prefix}"
    told = [build, named, python] if backend == "full" else [build, named, python, backend]
    return digest_json(told).removeprefix("sha256:")[:32]


def _only_python(made: Path) -> None:
    """Make ``venv/bin/python``, so that ``python`` works where the system has ``python3`` only."""
    folder = made / "venv" / "bin"
    folder.mkdir(parents=True)
    for name in ("python", "python3"):
        (folder / name).symlink_to(_python())


async def _build(host: Host, order: LayerOrder, build: str, seen: Path, made: Path) -> None:
    mounts = [Mount(made, TARGET, writable=True), *toolchain_mounts()]
    if uv := _uv():
        mounts.append(Mount(uv, f"{_TOOLS}/uv"))
    spec = FenceSpec(
        role="coder",
        policy=order.policy,
        identity=order.identity,
        workspace=seen,
        mounts=tuple(mounts),
        env=_environment(order.env),
    )
    disk_mb = order.policy.limits("coder").disk_mb or Limits().disk_mb
    most = _TIMES_THE_DISK * disk_mb * _MIB, _TIMES_THE_DISK * Limits().inodes
    fence = await host.open(spec)
    run = asyncio.create_task(fence.run(["sh", "-c", build], timeout_s=_BUILD_S))
    watch = asyncio.create_task(_outgrows(made, *most))
    too_large = False
    try:
        await asyncio.wait({run, watch}, return_when=asyncio.FIRST_COMPLETED)
        too_large = watch.done()
    finally:
        for task in (run, watch):
            task.cancel()
        await asyncio.wait({run, watch})
        await fence.close()
    if too_large or await asyncio.to_thread(_is_too_large, made, *most):
        await asyncio.to_thread(_remove, made)
        raise _too_large(build, _TIMES_THE_DISK * disk_mb)
    ended = run.result()
    if ended.timed_out or ended.exit_code != 0:
        raise _failed(build, ended)


async def _outgrows(made: Path, most_bytes: int, most_files: int) -> None:
    """Return when a layer has become too large: it lies on the machine's own disk."""
    loop = asyncio.get_running_loop()
    while True:
        began = loop.time()
        if await asyncio.to_thread(_is_too_large, made, most_bytes, most_files):
            return
        await asyncio.sleep(max(_LOOK_S, 4 * (loop.time() - began)))


def _is_too_large(made: Path, most_bytes: int, most_files: int) -> bool:
    """Say whether a layer holds too much, too many files, or folders too deep to be walked."""
    waiting, size, files = [(str(made), 0)], 0, 0
    while waiting:
        folder, depth = waiting.pop()
        if depth > _DEEPEST:
            return True
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    files += 1
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append((entry.path, depth + 1))
                    else:
                        size += entry.stat(follow_symlinks=False).st_blocks * 512
        except FileNotFoundError:
            continue  # it went while we looked
        except OSError:
            return True  # nobody can say what lies in a folder that is closed to us
        if size > most_bytes or files > most_files:
            return True
    return False


def _remove(made: Path) -> None:
    """Empty a folder that a build filled, however deep: nothing of ours recurses into it."""
    done = subprocess.run(["rm", "-rf", "--", str(made)], check=False)  # noqa: S603, S607 # a fixed program
    if done.returncode == 0:
        made.mkdir()


def _environment(env: Mapping[str, str]) -> dict[str, str]:
    passed = {name: env[name] for name in INDEXES if env.get(name, "").startswith("http")}
    return {
        "PATH": f"{TARGET}/venv/bin:{_TOOLS}:/usr/local/bin:/usr/bin:/bin",
        "UV_CACHE_DIR": "/tmp/uv",  # noqa: S108 # inside the fence, gone with it
        "UV_LINK_MODE": "copy",
        "UV_NO_PROGRESS": "1",
        "UV_PROJECT_ENVIRONMENT": f"{TARGET}/venv",
        "UV_PYTHON": _python(),
        "UV_PYTHON_DOWNLOADS": "never",
        "NPM_CONFIG_CACHE": "/tmp/npm",  # noqa: S108 # inside the fence, gone with it
        **passed,
    }


def _python() -> str:
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable))


def _uv() -> Path | None:
    import uv

    try:
        return Path(uv.find_uv_bin()).resolve()
    except FileNotFoundError:
        found = shutil.which("uv")
        return Path(found).resolve() if found else None


def _keep(made: Path, layer: Path) -> None:
    """Let every fence read it and none change it; then it is in the cache, whole or not at all."""
    _readable(made)
    try:
        made.rename(layer)
    except OSError:
        if not layer.is_dir():  # another process built the same layer: theirs is as good
            raise


def _readable(made: Path) -> None:
    for folder, _, names in os.walk(made, followlinks=False):
        Path(folder).chmod(0o755)
        for name in names:
            path = Path(folder) / name
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)


def _too_large(build: str, most_mb: int) -> OutcomeNotGoodEnough:
    return OutcomeNotGoodEnough(
        "FEN-042",
        f"The build command {build!r} fills more than {most_mb} MB, too many files or folders too"
        " deep.",
        "dependencies lie on the machine's own disk, which a build must not fill.",
        f"need less, or raise limits.disk_mb of the coder: {_TIMES_THE_DISK} times that is given.",
    )


def _failed(build: str, ended: Finished) -> OutcomeNotGoodEnough:
    lines = (ended.stdout + b"\n" + ended.stderr).decode("utf-8", "replace").strip().splitlines()
    last = " / ".join(line.strip() for line in lines[-3:])[:400] or "it said nothing"
    how = "did not end in time" if ended.timed_out else f"ended with exit code {ended.exit_code}"
    return OutcomeNotGoodEnough(
        "FEN-041",
        f"The build command {build!r} {how}: {last}",
        "the product cannot run without its dependencies.",
        "correct the manifests, the command, or what policy lets the coder's role reach.",
    )
