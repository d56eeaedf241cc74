"""Try what a fence needs, in a process of its own, and print what worked as one JSON object.

`main` takes an empty folder to mount on.
"""

import ctypes
import json
import os
import sys
from collections.abc import Callable
from typing import Final

import unlit.fence.launch.syscalls as sys_
from unlit.fence.launch import capture, network, trees, workspace
from unlit.fence.launch.keeper import enter_user_namespace

_LANDLOCK_CREATE_RULESET: Final = 444
_VERSION: Final = 1
_ANOTHER: Final = 0x7000_0000


def main(folder: str) -> None:
    """Print what worked."""
    sys.stdout.write(json.dumps(measure(folder)))


def measure(folder: str) -> dict[str, str]:
    """Return one entry for each trial: empty when it worked, else why not."""
    result: dict[str, str] = {"landlock": str(landlock_abi())}

    def trial(name: str, act: Callable[[], object]) -> bool:
        try:
            act()
        except OSError as error:
            result[name] = error.strerror or str(error)
            return False
        result[name] = ""
        return True

    for name in ("lower", "rw"):
        os.mkdir(f"{folder}/{name}")  # noqa: PTH102 # no pathlib in the launcher
    if os.geteuid() == 0:
        trial("idmapped_mounts", lambda: _show_as_another(folder))
        os.setresgid(_ANOTHER, _ANOTHER, _ANOTHER)
        os.setresuid(_ANOTHER, _ANOTHER, _ANOTHER)
        sys_.prctl(sys_.PR_SET_DUMPABLE, 1)
    if not trial("namespaces", enter_user_namespace):
        return result
    if trial("network", network.open_network):
        trial("nftables", capture.capture)
    trial("overlay", lambda: workspace.lay(folder, 16, 1000))
    return result


def _show_as_another(folder: str) -> None:
    owners = trees.mapping(0, 0, _ANOTHER)
    try:
        os.close(trees.tree_of(folder, owner_namespace=owners, writable=False))
    finally:
        os.close(owners)


def landlock_abi() -> int:
    """Return the Landlock interface version of the kernel; 0 when it is off."""
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(
        ctypes.c_long(_LANDLOCK_CREATE_RULESET), None, ctypes.c_size_t(0), ctypes.c_uint(_VERSION)
    )
    return max(0, int(version))
