"""What of the fence this machine can really enforce: tried, not guessed."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from unlit.core.errors import OutsideFailed
from unlit.fence.launch import cgroups

_PACKAGES: Final = Path(__file__).resolve().parents[2]
_SECONDS: Final = 20.0
NEEDED: Final = ("namespaces", "bubblewrap", "network", "overlay", "seccomp")
_SWITCHES: Final = (
    ("/proc/sys/kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
    (
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "kernel.apparmor_restrict_unprivileged_userns=0",
    ),
    ("/proc/sys/user/max_user_namespaces", "0", "user.max_user_namespaces=10000"),
)


@dataclass(frozen=True, slots=True)
class Capability:
    """One thing the fence can or cannot enforce here.

    Attributes:
        works: Whether it was tried and worked.
        sentence: What that means, for a person.
        remedy: What would switch it on; empty when it works or nothing would.
    """

    name: str
    works: bool
    sentence: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Everything that was tried."""

    entries: tuple[Capability, ...]

    @property
    def strong(self) -> bool:
        """Whether the full fence can be made here."""
        return all(entry.works for entry in self.entries if entry.name in NEEDED)

    def __getitem__(self, name: str) -> Capability:
        """Return the entry of a name."""
        return next(entry for entry in self.entries if entry.name == name)

    def to_json(self) -> dict[str, bool | str]:
        """Render for the header of an audit log: what is enforced, and why not where it is not."""
        return {entry.name: True if entry.works else entry.sentence for entry in self.entries}


def capabilities() -> Capabilities:
    """Try everything that a fence needs; takes about a tenth of a second."""
    tried = _trial()
    return Capabilities(
        (
            _namespaces(tried),
            _bubblewrap(),
            _from(tried, "network", "Every address of a fence leads to the gateway."),
            _from(
                tried,
                "nftables",
                "Every port leads to the gateway, and the loopback is the product's own.",
                "load the kernel modules nf_tables, nft_chain_nat and nf_conntrack.",
            ),
            _from(
                tried,
                "overlay",
                "The workspace is a layer of its own, limited in bytes and files.",
                "load the kernel module overlay (Linux 5.11 or newer).",
            ),
            _seccomp(),
            _cgroup(),
            _users(),
            _owners(tried),
            _landlock(tried),
            _apparmor(),
        )
    )


def require_strong(found: Capabilities) -> None:
    """Refuse to start where the full fence cannot be made.

    Raises:
        OutsideFailed: Something that it needs is missing.
    """
    for name in NEEDED:
        entry = found[name]
        if not entry.works:
            raise OutsideFailed(
                "FEN-003",
                f"The fence is not available here: {entry.sentence}",
                "nothing runs without its fence, and a weaker one only when it is named.",
                entry.remedy or "run on a machine where it is, or choose `--backend landlock`.",
            )


def _trial() -> dict[str, str]:
    program = (
        f"import sys; sys.path.insert(0, {str(_PACKAGES)!r});"
        "from unlit.fence.launch.measure import main; main(sys.argv[1])"
    )
    place = "/tmp" if os.geteuid() == 0 else None  # noqa: S108 # another user must pass through it
    with tempfile.TemporaryDirectory(prefix="fence-trial-", dir=place) as folder:
        Path(folder).chmod(0o777)  # the trial runs as another user
        ended = subprocess.run(  # noqa: S603 # our own program
            [sys.executable, "-I", "-c", program, folder],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            env={"PATH": os.defpath},
            check=False,
        )
    try:
        found: dict[str, str] = json.loads(ended.stdout)
    except ValueError:
        return {"namespaces": "the trial itself failed"}
    return found


def _from(tried: dict[str, str], name: str, sentence: str, remedy: str = "") -> Capability:
    problem = tried.get(name, "it could not be tried without namespaces")
    if not problem:
        return Capability(name, True, sentence)
    return Capability(name, False, f"{name} does not work: {problem}.", remedy)


def _namespaces(tried: dict[str, str]) -> Capability:
    problem = tried.get("namespaces", "it was not tried")
    if not problem:
        return Capability("namespaces", True, "User, mount and network namespaces can be made.")
    remedy = "the kernel or the container that this runs in forbids them; allow CLONE_NEWUSER."
    for path, off, setting in _SWITCHES:
        if _text(path) == off:
            remedy = f"sysctl -w {setting}"
    return Capability("namespaces", False, f"No user namespace can be made: {problem}.", remedy)


def _bubblewrap() -> Capability:
    path = shutil.which("bwrap")
    if path is None:
        remedy = "apt-get install bubblewrap"
        return Capability("bubblewrap", False, "bubblewrap is not installed.", remedy)
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 # found on PATH
    version = re.search(r"(\d+)\.(\d+)", said.stdout)
    if version is None or (int(version[1]), int(version[2])) < (0, 8):
        sentence = f"bubblewrap is too old ({said.stdout.strip() or 'no version'})."
        return Capability("bubblewrap", False, sentence, "install bubblewrap 0.8 or newer.")
    return Capability("bubblewrap", True, f"bubblewrap {version[0]} makes the view of files.")


def _seccomp() -> Capability:
    known = _text("/proc/sys/kernel/seccomp/actions_avail")
    works = "errno" in known
    sentence = "Dangerous system calls are refused." if works else "The kernel has no seccomp."
    return Capability("seccomp", works, sentence)


def _cgroup() -> Capability:
    found = cgroups.find(settle=False)
    if found is None:
        return Capability(
            "cgroup",
            False,
            "Memory is watched, not limited by the kernel: this user cannot make control groups.",
            "start it by `systemd-run --user --scope -p Delegate=yes unlit …`, or as root.",
        )
    sentence = f"Memory and processes are limited by control group version {found.version}."
    return Capability("cgroup", True, sentence)


def _users() -> Capability:
    if os.geteuid() == 0:
        return Capability("uid_per_fence", True, "Each fence runs as a user of its own.")
    return Capability(
        "uid_per_fence",
        False,
        "All fences run as the user who started the factory; namespaces alone keep them apart.",
        "start the factory as root, which drops to a user per fence.",
    )


def _owners(tried: dict[str, str]) -> Capability:
    name = "idmapped_mounts"
    if os.geteuid() != 0:
        return Capability(name, True, "Not needed: files keep their owner.")
    problem = tried.get(name, "it was not tried")
    if not problem:
        return Capability(name, True, "Workspaces are shown to a fence's user without a copy.")
    return Capability(name, False, f"Workspaces are copied for each fence: {problem}.")


def _landlock(tried: dict[str, str]) -> Capability:
    version = int(tried.get("landlock", "0"))
    if version:
        sentence = f"Landlock (interface {version}) is there for the weaker backend."
        return Capability("landlock", True, sentence)
    return Capability("landlock", False, "Landlock is off: the weaker backend is not available.")


def _apparmor() -> Capability:
    state = _text("/sys/module/apparmor/parameters/enabled")
    if state != "Y":
        return Capability("apparmor", True, "AppArmor is off and restricts nothing.")
    profile = _text("/proc/self/attr/current") or "unknown"
    return Capability("apparmor", True, f"AppArmor is on; this process is {profile}.")


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip().strip("\0")
    except OSError:
        return ""
