"""Try what a fence needs, in a process of its own, and print what worked as one JSON object.

Run as ``python -I -m unlit.fence.launch.measure FOLDER`` with an empty folder to mount on.
"""

import ctypes
import json
import os
import sys
from collections.abc import Callable
from typing import Final

from unlit.fence.launch import capture, network, workspace
from unlit.fence.launch.keeper import enter_user_namespace

_LANDLOCK_CREATE_RULESET: Final = 444
_VERSION: Final = 1


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

    if not trial("namespaces", enter_user_namespace):
        return result
    if trial("network", network.open_network):
        trial("nftables", capture.capture)
    for name in ("lower", "rw", "work"):
        os.mkdir(f"{folder}/{name}")  # noqa: PTH102 # no pathlib in the launcher
    trial("overlay", lambda: workspace.lay(folder, 16, 1000))
    return result


def landlock_abi() -> int:
    """Return the Landlock interface version of the kernel; 0 when it is off."""
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(
        ctypes.c_long(_LANDLOCK_CREATE_RULESET), None, ctypes.c_size_t(0), ctypes.c_uint(_VERSION)
    )
    return max(0, int(version))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(sys.argv[1])))
