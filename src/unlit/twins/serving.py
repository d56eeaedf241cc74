"""Doors for people and SDKs: a port for each service and one for control."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from unlit.core.errors import InvalidInput
from unlit.twins.fidelity.recording import as_fact, prior_reads, read_recordings
from unlit.twins.kit.seeds import moment
from unlit.twins.server import TwinServer
from unlit.twins.universe import Universe


@dataclass(frozen=True, slots=True)
class Doors:
    """Open listeners: a URL for each service, and one for control."""

    services: dict[str, str]
    control: str
    servers: tuple[TwinServer, ...]

    async def close(self) -> None:
        """Close every listener."""
        for server in self.servers:
            await server.close()


async def open_doors(universe: Universe, port: int = 0, host: str = "127.0.0.1") -> Doors:
    """Listen for every service of a universe.

    Args:
        universe: Whose worlds are served.
        port: Control listens here and the services on the ports after it; 0 takes any free ones.
        host: Address to listen on.

    Raises:
        OutsideFailed: A port is taken.
    """
    servers: list[TwinServer] = []
    try:
        control = await TwinServer.start(universe, f"{host}:{port}")
        servers.append(control)
        urls = {}
        for number, service in enumerate(universe.by_service, 1):
            at = port + number if port else 0
            server = await TwinServer.start(universe, f"{host}:{at}", service=service)
            servers.append(server)
            urls[service] = f"http://{server.address}"
    except BaseException:
        for server in servers:
            await server.close()
        raise
    return Doors(urls, f"http://{control.address}/_twin", tuple(servers))


def read_world(path: Path) -> dict[str, Any]:
    """Read a world's file: ``twins`` (seeds by service), ``clock``, ``seed``; or just the seeds.

    Returns:
        Arguments of `Universe.create_world`.

    Raises:
        InvalidInput: The file cannot be read, or is no table.
    """
    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidInput(
            "TWN-111",
            f"The world {str(path)!r} cannot be read.",
            " ".join(str(error).split()),
            "name a YAML or JSON file of seeds by service.",
        ) from error
    if not isinstance(value, dict):
        raise InvalidInput(
            "TWN-111",
            f"The world {str(path)!r} is no table.",
            "seeds are a table by service.",
            "write for example `okta: {groups: [Finance]}`.",
        )
    if "twins" not in value:
        return {"seeds": value}
    seed = value.get("seed", 0)
    if not isinstance(seed, int):
        raise InvalidInput(
            "TWN-111",
            f"The seed {seed!r} is no whole number.",
            "it seeds all chance.",
            "write a whole number.",
        )
    return {"seeds": value["twins"] or {}, "seed": seed, "now": moment(value.get("clock"), 0.0)}


def believe_recordings(universe: Universe, world: str, path: Path) -> None:
    """Let a world believe every read in recordings that shows state older than the recording."""
    for cassette in read_recordings(path):
        rows = [row for row in cassette.interactions if row.service in universe.by_service]
        routers = {name: twin.router for name, twin in universe.by_service.items()}
        found = prior_reads(rows, routers)
        universe.believe(world, [as_fact(rows[at]) for at in sorted(found)])
