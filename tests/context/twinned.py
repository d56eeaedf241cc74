"""A connector driven over the wire against a twin, through policy, broker and audit log."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.twins.serving import serving

from unlit.context.adapters.http_fetch import Broker, HttpFetch, TwinAt
from unlit.context.api import Api
from unlit.core.system import SystemClock
from unlit.policy import AuditLog, Identity, parse_policy
from unlit.twins.universe import Universe

ROLE = "evaluator"
GOOGLE = ("docs", "drive", "sheets")
POLICY = """
version = 1
[[allow]]
role = "{role}"
host = "{host}"
twin = "{twin}"
"""


@dataclass(frozen=True)
class Wire:
    """What a test needs: the connector's API, and the twin's world to look into."""

    api: Api
    universe: Universe
    world: str
    audit: Path


@contextlib.contextmanager
def wired(tmp_path: Path, service: str, base_url: str, seeds: Mapping[str, Any]) -> Iterator[Wire]:
    """Yield an API whose calls to `base_url`'s host land on the twin, with its bearer token."""
    universe = Universe(["google" if service in GOOGLE else service])
    world = universe.create_world(seeds)
    twin = "google" if service in GOOGLE else service
    token = universe.tokens(world)[twin]
    audit = AuditLog.open(tmp_path / "audit", {}, SystemClock())
    host = "*.googleapis.com" if service in GOOGLE else str(urlsplit(base_url).hostname)
    policy = parse_policy(POLICY.format(host=host, twin=twin, role=ROLE))
    with serving(universe) as address:
        headers = {"authorization": f"Bearer {token}", "x-twin-world": world}
        broker = Broker(
            policy,
            Identity("r-test", "context", "unlit", ROLE),
            audit,
            {},
            {twin: TwinAt(address, headers)},
        )
        fetch = HttpFetch(broker, pause=lambda seconds: None)
        try:
            yield Wire(Api(fetch, base_url, service), universe, world, tmp_path / "audit")
        finally:
            fetch.close()
            audit.close()
