"""What a process in a fence sees: bubblewrap's arguments, its `/etc`, its environment."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from unlit.fence.launch.scene import Piece
from unlit.fence.model import Mount
from unlit.policy.model import FileRules

WORKSPACE: Final = "/work"
HOME: Final = "/home/agent"
CA_BUNDLE: Final = "/etc/ssl/certs/ca-certificates.crt"
RESOLVER: Final = "198.18.0.1"
_TOP: Final = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_FROM_HOST: Final = (
    "alternatives",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "protocols",
    "services",
)
_MOST_LINKS: Final = 40
_KEYS: Final = tuple(
    path for path in ("/proc/keys", "/proc/key-users") if Path(path).exists()
)  # fmt: skip
"""They name the keys of a user, who may be the factory's own."""

_DEVICES: Final = ("null", "zero", "full", "random", "urandom", "tty")
_DEVICE_LINKS: Final = (
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("core", "/proc/kcore"),
    ("ptmx", "pts/ptmx"),
)
_CA_VARIABLES: Final = (
    "AWS_CA_BUNDLE",
    "CARGO_HTTP_CAINFO",
    "CURL_CA_BUNDLE",
    "DENO_CERT",
    "GIT_SSL_CAINFO",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "HTTPLIB2_CA_CERTS",
    "NODE_EXTRA_CA_CERTS",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
)
_ENVIRONMENT: Final = {
    "HOME": HOME,
    "LANG": "C.UTF-8",
    "LOGNAME": "agent",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "SHELL": "/bin/sh",
    "TERM": "dumb",
    "TMPDIR": "/tmp",  # noqa: S108 # inside the fence
    "USER": "agent",
    "UV_SYSTEM_CERTS": "1",
} | dict.fromkeys(_CA_VARIABLES, CA_BUNDLE)


@dataclass(frozen=True, slots=True)
class View:
    """The mount view of a fence.

    Attributes:
        stage: Folder with the mount points ``lower``, ``rw``, ``m0`` …
        etc: Folder that is copied to `/etc`.
        targets: Path inside of each bind, in the order of ``m0``, ``m1`` …; and if writable.
        writable: Paths in the workspace that may be written; ``.`` is all of it.
        read_only: Paths in the workspace that may be read only.
        hidden: Paths in the workspace that look empty, and whether each is a folder.
        bare: There is no view: commands see the host, and something else holds them.
    """

    stage: Path
    etc: Path
    targets: tuple[tuple[str, bool], ...] = ()
    writable: tuple[str, ...] = (".",)
    read_only: tuple[str, ...] = ()
    hidden: tuple[tuple[str, bool], ...] = ()
    bare: bool = False


def arguments(view: View, env: Mapping[str, str], cwd: str) -> list[str]:
    """Return bubblewrap's arguments for one command in a view that stands."""
    made = [
        "--unshare-user",
        "--disable-userns",
        "--unshare-pid",
        "--unshare-ipc",
        "--unshare-uts",
        "--unshare-cgroup-try",
        "--uid", "1000",
        "--gid", "1000",
        "--hostname", "fence",
        "--die-with-parent",
        "--new-session",
        "--cap-drop", "ALL",
        "--clearenv",
        "--dev-bind", f"{view.stage}/rw/view", "/",  # each part says itself that it has no devices
        "--proc", "/proc",
    ]  # fmt: skip
    for path in _KEYS:
        made += ["--ro-bind", f"{view.stage}/rw/empty", path]
    for name, value in {**_ENVIRONMENT, **env}.items():
        made += ["--setenv", name, value]
    return [*made, "--chdir", cwd]


def command(view: View, env: Mapping[str, str], cwd: str) -> dict[str, Any]:
    """Return what a keeper must know of a command besides its words."""
    if view.bare:
        return {"env": {**_ENVIRONMENT, **env}, "cwd": cwd}
    return {"arguments": arguments(view, env, cwd)}


def still(view: View) -> list[Piece]:
    """Return what a view shows besides the writable layer."""
    made = [_bind("/usr", "/usr"), *filter(None, map(_top, _TOP))]
    made.append(_piece("copy", str(view.etc), "/etc"))  # its files' age would be the grading's
    made += [
        _bind(f"/etc/{one}", f"/etc/{one}") for one in _from_host() if Path("/etc", one).exists()
    ]
    made += [_folder(one) for one in ("/proc", "/run", "/var", "/dev", "/home")]
    made += [_piece("device", f"/dev/{one}", f"/dev/{one}") for one in _DEVICES]
    made += [_link(source, f"/dev/{name}") for name, source in _DEVICE_LINKS]
    made += [_link("/tmp", "/var/tmp"), _piece("terminals", "", "/dev/pts")]  # noqa: S108 # inside
    made += [
        _bind(f"m{number}", target, writable=writable)
        for number, (target, writable) in enumerate(view.targets)
        if not _in_layer(target)
    ]
    return made


def fresh(view: View) -> list[Piece]:
    """Return what a view shows that lies on the writable layer, outermost first."""
    made = [
        _bind("rw/home", HOME, writable=True),
        _bind("rw/tmp", "/tmp", writable=True),  # noqa: S108 # inside
        _bind("rw/shm", "/dev/shm", writable=True),  # noqa: S108 # inside
        _bind("rw/work", WORKSPACE, writable="." in view.writable),
    ]
    made += [
        _bind(f"rw/work/{path}", f"{WORKSPACE}/{path}", writable=True)
        for path in (*view.writable, *_parents(view.read_only, view.writable))
        if path != "."
    ]
    made += [_bind(f"rw/work/{path}", f"{WORKSPACE}/{path}") for path in view.read_only]
    made += [
        _bind("rw/nothing" if is_folder else "rw/empty", f"{WORKSPACE}/{path}")
        for path, is_folder in view.hidden
    ]
    made += [
        _bind(f"m{number}", target, writable=writable)
        for number, (target, writable) in enumerate(view.targets)
        if _in_layer(target)
    ]
    return made


def _in_layer(target: str) -> bool:
    return any(target == one or target.startswith(f"{one}/") for one in (WORKSPACE, HOME, "/tmp"))  # noqa: S108 # inside


def _parents(paths: Sequence[str], writable: Sequence[str]) -> list[str]:
    """Return the folders on the way to read-only paths.

    Each becomes a mount of its own, so that it cannot be renamed away and made anew.
    """
    if "." not in writable:
        return []
    found: dict[str, None] = {}
    for path in paths:
        parts = path.split("/")[:-1]
        for length in range(1, len(parts) + 1):
            found["/".join(parts[:length])] = None
    return sorted(found)


def _top(name: str) -> Piece | None:
    path = Path("/", name)
    if path.is_symlink():
        return _link(str(path.readlink()), f"/{name}")
    return _bind(f"/{name}", f"/{name}") if path.is_dir() else None


def _piece(kind: str, source: str, target: str, *, writable: bool = False) -> Piece:
    return {"kind": kind, "source": source, "target": target, "writable": writable}


def _bind(source: str, target: str, *, writable: bool = False) -> Piece:
    return _piece("bind", source, target, writable=writable)


def _link(source: str, target: str) -> Piece:
    return _piece("link", source, target)


def _folder(target: str) -> Piece:
    return _piece("folder", "", target)


def write_etc(folder: Path, ca_pem: bytes) -> None:
    """Write the small `/etc` of a fence: one user, one resolver, one certificate authority."""
    texts = {
        "passwd": f"agent:x:1000:1000:agent:{HOME}:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n",
        "group": "agent:x:1000:\nnogroup:x:65534:\n",
        "hosts": "127.0.0.1 localhost fence\n::1 localhost\n",
        "hostname": "fence\n",
        "resolv.conf": f"nameserver {RESOLVER}\noptions timeout:2 attempts:2\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\n",
        "machine-id": "0" * 32 + "\n",
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    certificates = folder / "ssl" / "certs"
    certificates.mkdir(parents=True, exist_ok=True)
    (certificates / "ca-certificates.crt").write_bytes(ca_pem)
    (folder / "ssl" / "cert.pem").write_bytes(ca_pem)
    for name in _from_host():
        source, place = Path("/etc", name), folder / name
        if source.is_dir():
            place.mkdir(exist_ok=True)
        elif source.exists():
            place.touch()
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _from_host() -> tuple[str, ...]:
    """Return the names below `/etc` that a fence shows; Java does not start without its own."""
    return (*_FROM_HOST, *sorted(path.name for path in Path("/etc").glob("java-*-openjdk")))


def matching(workspace: Path, patterns: Sequence[str], *, beyond: bool = False) -> list[str]:
    """Return the existing paths of a workspace that globs name, links left out.

    Args:
        workspace: The folder.
        patterns: Globs.
        beyond: Instead of a link, return what it leads to in the workspace: a secret that is
            hidden under one name would be read under the other.
    """
    found: dict[str, None] = {}
    for pattern in patterns:
        if pattern.startswith(("/", "~")) or ".." in pattern.split("/"):
            continue
        cleaned = pattern.removesuffix("/**").removesuffix("/")
        plain = workspace / cleaned  # a link that leads nowhere outside may lead somewhere inside
        for path in (plain,) if beyond and plain.is_symlink() else sorted(workspace.glob(cleaned)):
            relative = os.path.relpath(path, workspace)
            if beyond:
                relative = _led_to(workspace, relative)
            if relative != "." and not (workspace / relative).is_symlink():
                found[relative] = None
    return list(found)


def _led_to(workspace: Path, relative: str) -> str:
    """Return the path without links of what a path leads to inside; ``.`` if that is nothing."""
    waiting, passed = relative.split("/"), list[str]()
    links = 0
    while waiting:
        name = waiting.pop(0)
        if name == ".." and not passed:
            return "."  # out of the workspace, where the fence has something else
        if name in ("", ".", ".."):
            del passed[len(passed) - (name == "..") :]
            continue
        place = workspace.joinpath(*passed, name)
        if not place.is_symlink():
            passed.append(name)
            continue
        links += 1
        target = str(place.readlink())
        inside = target.removeprefix(f"{WORKSPACE}/")
        if links > _MOST_LINKS or (target.startswith("/") and inside == target):
            return "."
        waiting = [*inside.split("/"), *waiting]
        passed = [] if inside != target else passed
    return "/".join(passed) if passed and workspace.joinpath(*passed).exists() else "."


def granted_mounts(rules: FileRules, home: Path) -> tuple[Mount, ...]:
    """Return the mounts for paths outside the workspace that file rules grant.

    A path below the host's home is shown below the fence's; one that does not exist is left out.
    """
    found = []
    for writable, patterns in ((False, rules.read), (True, rules.write)):
        for pattern in patterns:
            path = pattern.removesuffix("/**").rstrip("/")
            if path == "~" or not path.startswith(("/", "~/")):
                continue
            source = home / path[2:] if path.startswith("~/") else Path(path)
            target = f"{HOME}/{path[2:]}" if path.startswith("~/") else path
            if source.exists():
                found.append(Mount(source, target, writable))
    return tuple(found)
