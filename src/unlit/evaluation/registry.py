"""Plug-ins by name: which driver performs which kind of step."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Final, cast

from unlit.evaluation.stage import Driver, HarnessFault

DRIVERS: Final[Mapping[str, str]] = {
    "cli": "unlit.evaluation.drivers.cli:perform",
    "http": "unlit.evaluation.drivers.http:perform",
    "twin": "unlit.evaluation.drivers.world:twin",
    "clock": "unlit.evaluation.drivers.world:clock",
    "file": "unlit.evaluation.drivers.world:file",
    "restart": "unlit.evaluation.drivers.world:restart",
    "ws": "unlit.evaluation.drivers.ws:perform",
    "ui": "unlit.evaluation.drivers.browser:perform",
    "wait": "unlit.evaluation.drivers.world:wait",
    "unsupported": "unlit.evaluation.drivers.world:unsupported",
    "kill": "unlit.evaluation.drivers.world:kill",
}


@cache
def driver(kind: str) -> Driver:
    """Return the driver for one kind of step, imported when asked for.

    Raises:
        HarnessFault: There is none.
    """
    if kind not in DRIVERS:
        raise HarnessFault(f"no driver performs `{kind}`")
    module, _, name = DRIVERS[kind].partition(":")
    return cast("Driver", getattr(import_module(module), name))
