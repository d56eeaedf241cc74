"""`unlit twins`: list, serve and measure the twins."""

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import cyclopts

app = cyclopts.App(name="twins", help="Local twins of Okta, Jira, Slack, Docs, Drive and Sheets.")
Json = Annotated[bool, cyclopts.Parameter("--json", negative=())]
Flag = Annotated[bool, cyclopts.Parameter(negative=())]


@app.command(name="list")
def list_twins(*, as_json: Json = False) -> int:
    """Print each twin with its services, hosts and number of routes.

    Args:
        as_json: Print JSON.
    """
    from unlit.twins import registry

    rows: list[dict[str, Any]] = []
    for name in sorted(registry.known()):
        twin = registry.load_twin(name)
        rows.append(
            {
                "name": name,
                "services": list(twin.services),
                "hosts": sorted({host for hosts in twin.hosts.values() for host in hosts}),
                "routes": len(twin.router),
                "by_hand": sum(1 for route in twin.router if route.tier == "hand"),
            }
        )
    if as_json:
        sys.stdout.write(json.dumps({"schema": "unlit.twins/1", "twins": rows}) + "\n")
        return 0
    for row in rows:
        sys.stdout.write(
            f"{row['name']:10} {row['routes']:5} routes, {row['by_hand']} by hand; "
            f"services {', '.join(row['services'])}\n{'':11}{', '.join(row['hosts'])}\n"
        )
    return 0


@app.command
def serve(
    *names: str,
    port: int = 0,
    seed: Path | None = None,
    any_token: Flag = False,
    as_json: Json = False,
) -> int:
    """Serve twins on loopback, one URL for each service, until interrupted.

    Args:
        names: Services or twins; all six by default.
        port: Control listens here and the services on the ports after it; 0 takes any free ones.
        seed: YAML or JSON file with the seeds of the first world, by service.
        any_token: An unknown token is an administrator of a fresh world of its own.
        as_json: Print one line of JSON when ready.
    """
    from unlit.twins.serving import open_doors, read_world
    from unlit.twins.universe import Universe

    async def run() -> None:
        universe = Universe(names or None, any_token=any_token)
        universe.default = universe.create_world(**(read_world(seed) if seed else {}))
        doors = await open_doors(universe, port)
        tokens = universe.tokens(universe.default)
        if as_json:
            sys.stdout.write(
                json.dumps({"services": doors.services, "control": doors.control, "tokens": tokens})
                + "\n"
            )
        else:
            for service, url in doors.services.items():
                sys.stdout.write(f"{service:8} {url}  token {tokens[service]}\n")
            sys.stdout.write(f"{'control':8} {doors.control}/\n")
        sys.stdout.flush()
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
        await stopped.wait()
        await doors.close()

    import uvloop

    uvloop.run(run())
    return 0
