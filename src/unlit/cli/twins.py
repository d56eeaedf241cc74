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
    recording: Path | None = None,
    as_json: Json = False,
) -> int:
    """Serve twins on loopback, one URL for each service, until interrupted.

    Args:
        names: Services, twins, or folders of twins; all six by default.
        port: Control listens here and the services on the ports after it; 0 takes any free ones.
        seed: YAML or JSON file with the seeds of the first world, by service.
        any_token: An unknown token is an administrator of a fresh world of its own.
        recording: Recordings whose reads the first world believes.
        as_json: Print one line of JSON when ready.
    """
    from unlit.twins.serving import believe_recordings, open_doors, read_world
    from unlit.twins.universe import Universe

    async def run() -> None:
        universe = Universe(names or None, any_token=any_token)
        universe.default = universe.create_world(**(read_world(seed) if seed else {}))
        if recording is not None:
            believe_recordings(universe, universe.default, recording)
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

    import gc

    import uvloop

    gc.set_threshold(100_000, 20, 50)  # worlds are large and live long; cycles are rare
    uvloop.run(run())
    return 0


@app.command
def coverage(*names: str, as_json: Json = False) -> int:
    """Print every route with its tier: how alike it was measured to be, or how it was made.

    Args:
        names: Services or twins; all six by default.
        as_json: Print JSON.
    """
    from dataclasses import asdict

    from unlit.twins import registry
    from unlit.twins.fidelity.tiers import TIERS, measured
    from unlit.twins.fidelity.tiers import coverage as tiers

    found = tiers(names or registry.SERVICES)
    about = measured()
    if as_json:
        rows = [asdict(tier) for tier in found]
        sys.stdout.write(
            json.dumps(
                {
                    "schema": "unlit.twins.coverage/1",
                    "source": about["source"],
                    "date": about["date"],
                    "routes": rows,
                }
            )
            + "\n"
        )
        return 0
    for tier in found:
        numbers = tier.measured
        shares = (
            f"n={numbers['n']} status {_share(numbers['status'])} shape {_share(numbers['shape'])} "
            f"values {_share(numbers['values'])}"
            if numbers
            else "not measured"
        )
        sys.stdout.write(
            f"{tier.service:7} {tier.tier:9} {tier.method:6} {tier.template}  {shares}\n"
        )
    for service in dict.fromkeys(tier.service for tier in found):
        mine = [tier.tier for tier in found if tier.service == service]
        counts = ", ".join(f"{mine.count(name)} {name}" for name in TIERS if name in mine)
        sys.stdout.write(f"{service}: {len(mine)} routes: {counts}\n")
    sys.stdout.write(f"measured: {about['source'] or 'never'} {about['date']}\n")
    return 0


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}%"


def _chosen(recordings: Path, names: tuple[str, ...], have: set[str]) -> list[str]:
    """Return which services of some recordings are replayed."""
    from unlit.core.errors import InvalidInput
    from unlit.twins import registry

    for name in names:
        registry.load_twin(name)  # a name that is none is refused
    chosen = [name for name in (names or registry.SERVICES) if name in have]
    if chosen:
        return chosen
    raise InvalidInput(
        "TWN-118",
        f"The recordings {str(recordings)!r} have nothing to replay.",
        f"They are of: {', '.join(sorted(have)) or 'no service'}.",
        "name a service that was recorded, or other recordings.",
    )


@app.command
def fidelity(
    recordings: Path,
    /,
    *names: str,
    routes: Flag = False,
    write: Path | None = None,
    as_json: Json = False,
) -> int:
    """Replay recordings of the real services and print how alike the twins answer.

    Interactions that the twin was told of before (reads of state older than the recording) are
    *given*; only the others are *earned*. Of those, *told* are the ones that show nobody of whom
    neither a fact nor a request told: what the others say of people no twin could know.

    Args:
        recordings: A .jsonl file of interactions, or a folder of them.
        names: Services; by default all that the recordings have.
        routes: Print each route, too.
        write: Write the tier table there (src/unlit/twins/fidelity/tiers.json in a checkout).
        as_json: Print JSON.
    """
    from unlit.core.system import SystemClock
    from unlit.twins.fidelity.recording import read_recordings
    from unlit.twins.fidelity.replay import replay, score
    from unlit.twins.fidelity.tiers import table

    cassettes = read_recordings(recordings)
    have = {row.service for cassette in cassettes for row in cassette.interactions}
    chosen = _chosen(recordings, names, have)
    graded = replay(cassettes, chosen)
    today = SystemClock().now().date().isoformat()
    sources = {row.source for cassette in cassettes for row in cassette.interactions} - {""}
    stored = table(graded, ", ".join(sorted(sources)) or recordings.name, today)
    if write is not None:
        write.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
    result: dict[str, Any] = {"schema": "unlit.twins.fidelity/1", "date": today, "services": {}}
    for service in chosen:
        mine = [row for row in graded if row.service == service]
        result["services"][service] = {
            name: _plain(score(rows))
            for name, rows in (
                ("earned", [row for row in mine if not row.given]),
                ("given", [row for row in mine if row.given]),
                ("told", [row for row in mine if not row.given and not row.untold]),
            )
        } | {"routes": stored["services"].get(service, {})}
    if as_json:
        sys.stdout.write(json.dumps(result) + "\n")
        return 0
    for service, scores in result["services"].items():
        for name in ("earned", "given"):
            sys.stdout.write(f"{service:7} {name:7} {_line(scores[name])}\n")
        hidden = scores["earned"]["n"] - scores["told"]["n"]
        if hidden:
            sys.stdout.write(f"{service:7} {'told':7} {_line(scores['told'])}\n")
            sys.stdout.write(
                f"{'':15} {hidden} earned answers show a person's name or address that no fact and "
                f"no request told: values can agree in "
                f"{_share(scores['told']['n'] / scores['earned']['n'])} at most\n"
            )
        if routes:
            for route, numbers in scores["routes"].items():
                sys.stdout.write(
                    f"  {route:60} {_line({**numbers, 'at_least': numbers['shape']})}\n"
                )
    return 0


def _plain(found: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(found)


def _line(numbers: dict[str, Any]) -> str:
    return (
        f"n={numbers['n']:5} status {_share(numbers['status']):>6} error "
        f"{_share(numbers['error']):>6} shape>= {_share(numbers['at_least']):>6} shape== "
        f"{_share(numbers['exact']):>6} values {_share(numbers['values']):>6}"
    )


@app.command
def new(name: str, /, *, openapi: Path, out: Path = Path()) -> int:
    """Scaffold a twin from an OpenAPI document; it answers at once and grows by hand.

    Args:
        name: Its name: lower-case letters, digits, underscores.
        openapi: OpenAPI 3 or Swagger 2, JSON or YAML.
        out: Folder in which the package's folder is made.
    """
    from unlit.twins.scaffold import scaffold

    folder, count = scaffold(name, openapi, out)
    named = folder if folder.is_absolute() else f"./{folder}"
    sys.stdout.write(f"{folder}: {count} routes. Serve it: unlit twins serve {named}\n")
    return 0


@app.command
def record(
    service: str,
    /,
    *argv: Annotated[str, cyclopts.Parameter(show=True, allow_leading_hyphen=True)],
    out: Path,
    upstream: str | None = None,
    port: int = 0,
    cassette: str = "own",
    through_fence: Flag = False,
    env: tuple[str, ...] = (),
    policy: Path | None = None,
) -> int:
    """Pass calls on to the real service and record them, without credentials and addresses.

    Point a client at the printed URL; what it does is appended to the file, in the format that
    `unlit twins fidelity` replays and `unlit twins serve --recording` believes. Or let an
    unmodified program run in a fence, calling the service by its own name:
    `unlit twins record slack --out own.interaction.jsonl --through-fence --env TOKEN -- COMMAND`.

    Args:
        service: Name of the service, for example okta.
        argv: With --through-fence: the command, after `--`.
        out: File to append to (…interaction.jsonl).
        upstream: The original, for example https://example.okta.com; in a fence by default the
            host that the program asks for.
        port: Port on loopback; 0 takes a free one.
        cassette: Name of what is recorded.
        through_fence: Run the command in a fence and record its calls to the service.
        env: Variable of this environment that the command may see; may be repeated.
        policy: Policy of the fence, with `twin = "SERVICE"` for the hosts to be recorded; by
            default the command may reach the service and nothing else. This folder is /work.
    """
    from unlit.core.errors import UsageError

    if through_fence:
        from unlit.cli.record_fence import Recording, hosts_of, record_command

        what = Recording(
            service, out, cassette, upstream, hosts_of(service, upstream), env, policy, Path()
        )
        return asyncio.run(record_command(argv, what))
    if argv or upstream is None:
        raise UsageError(
            "TWN-117",
            "A command was given without --through-fence." if argv else "No --upstream was given.",
            "without a fence the recorder is a loopback URL in front of one original.",
            "write --through-fence before `--`." if argv else "add --upstream https://HOST.",
        )
    asyncio.run(_record(upstream, service, cassette, out, port))
    return 0


async def _record(upstream: str, service: str, cassette: str, out: Path, port: int) -> None:
    from unlit.twins.fidelity.recorder import Recorder, RecordingProxy, recording

    proxy = RecordingProxy(upstream, Recorder(service, cassette), out)
    async with recording(proxy, f"127.0.0.1:{port}") as url:
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
        await stopped.wait()
