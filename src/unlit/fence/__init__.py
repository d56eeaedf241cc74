"""Enforcement: sandbox, gateway, credential injection, routing to twins.

Names are imported when asked for: the launcher imports this package too, and must stay small.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from unlit.fence.fence import Fence, Running
    from unlit.fence.host import FenceHost, Launcher
    from unlit.fence.layer import Layer
    from unlit.fence.machine import Capabilities, Capability, capabilities
    from unlit.fence.model import (
        ChangedFile,
        FenceReport,
        FenceSpec,
        Finished,
        Limits,
        Mount,
        Probe,
        TwinRoute,
    )

_WHERE: Final = {
    "Capabilities": "machine",
    "Capability": "machine",
    "ChangedFile": "model",
    "Fence": "fence",
    "FenceHost": "host",
    "FenceReport": "model",
    "FenceSpec": "model",
    "Finished": "model",
    "ForwardedPort": "ways",
    "Launcher": "host",
    "Layer": "layer",
    "Limits": "model",
    "Mount": "model",
    "Probe": "model",
    "Running": "fence",
    "TwinRoute": "model",
    "capabilities": "machine",
}

__all__ = [
    "Capabilities",
    "Capability",
    "ChangedFile",
    "Fence",
    "FenceHost",
    "FenceReport",
    "FenceSpec",
    "Finished",
    "ForwardedPort",
    "Launcher",
    "Layer",
    "Limits",
    "Mount",
    "Probe",
    "Running",
    "TwinRoute",
    "capabilities",
]


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"unlit.fence.{_WHERE[name]}"), name)
