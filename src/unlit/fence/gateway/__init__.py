"""The gateway: all traffic of a fence ends here: let through, answered by a twin, or denied."""

from unlit.fence.gateway.gateway import Gateway
from unlit.fence.gateway.model import (
    FAKE_V4,
    FAKE_V6,
    PROXY_ADDRESS,
    PROXY_NAME,
    PROXY_PORT,
    SessionReport,
)

__all__ = [
    "FAKE_V4",
    "FAKE_V6",
    "PROXY_ADDRESS",
    "PROXY_NAME",
    "PROXY_PORT",
    "Gateway",
    "SessionReport",
]
