"""`unlit serve`: watch the tracker round the clock."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import cyclopts

if TYPE_CHECKING:
    from unlit.context.library import Library
    from unlit.review.slack_gate import SlackGate
    from unlit.wiring.after_gate import AfterGate, SlackSettings
    from unlit.wiring.attending import Attendant
    from unlit.wiring.desk import Office

app = cyclopts.App(name="serve", help="Watch the tracker round the clock and build what is ready.")
Flag = Annotated[bool, cyclopts.Parameter(negative=())]


@app.default
def serve(  # noqa: PLR0913 # a command line has many flags, each optional
    source: str,
    *,
    query: str,
    every_s: float = 60,
    parallel: int = 1,
    once: Flag = False,
    agent: str | None = None,
    owner: str = "",
    errors: str = "",
    listen: str = "127.0.0.1:8421",
    vault: Path | None = None,
    repository: Path = Path(),
) -> int:
    """Build each ticket that the query finds: ask in it, run it, report in it, hear its gate.

    A ticket that is not ready gets a comment with what is missing, once for each version of its
    text. Runs stay within the budgets of unlit.toml. At a gate people are asked in the ticket and,
    with [slack] in unlit.toml, in its channel; who may decide says [gate.outcome], and which
    account is whom says [ticket.people] and [slack.people]. Nothing is done twice after a restart.

    Args:
        source: A source of unlit.toml, such as jira.
        query: Which tickets are meant, in the source's own words, such as 'labels = unlit-ready'.
        every_s: Seconds between two rounds.
        parallel: How many runs are worked on at a time.
        once: Go round once, wait for the runs and end.
        agent: Who writes; default the first in unlit.toml.
        owner: Who owns the specs that are made.
        errors: A source of errors to watch after deploys, such as sentry.
        listen: HOST:PORT for Slack's requests (/slack/actions, /slack/events), with [slack] only.
        vault: Folder of holdout scenarios.
        repository: The repository's folder.
    """

    def say(sentence: str) -> None:
        sys.stderr.write(sentence + "\n")
        sys.stderr.flush()

    async def work() -> None:
        from unlit.line.patrol import Ledger, Patrol, Post, Watch, watch
        from unlit.line.service import Line
        from unlit.review.outside import OutsideDesk
        from unlit.wiring.attending import Attendant, Duty
        from unlit.wiring.build import open_factory
        from unlit.wiring.desk import open_office
        from unlit.wiring.ship_plan import after_gate_of
        from unlit.wiring.sources import open_library

        said = after_gate_of(repository)
        with open_library(repository) as library:
            library.source(source)  # a name that is none is told before anything is watched
            async with (
                open_factory(repository, flags={"vault": vault}) as factory,
                Line.open(factory.services, factory.durable_url) as line,
            ):
                office = open_office(repository, create=True)
                duty = Duty(None if agent is None else (agent,), errors, bool(said.ticket_people))
                attendant = Attendant(factory, line, office, duty, say)
                folder = factory.paths.root / "watch"
                desk = OutsideDesk(
                    office.desk, attendant.ship_later, said.ticket_people, attendant.build_soon
                )
                patrol = Patrol(
                    Watch(source, query, owner, parallel),
                    library,
                    attendant,
                    Ledger(folder / "handled.json"),
                    Post(folder / "specs", say, desk if said.ticket_people else None),
                )
                say(f"watching {source} for {query}")
                if once:
                    await attendant.beside()
                    await patrol.round()
                    await attendant.settle()
                    await patrol.round()
                    return
                async with _slack(said, library, office, attendant, listen, say) as ask:

                    async def beside() -> None:
                        await attendant.beside()
                        await asyncio.to_thread(ask)

                    await watch(patrol, _until_stopped(every_s), beside)

    asyncio.run(work())
    return 0


def _until_stopped(every_s: float) -> "Callable[[], asyncio.Future[bool]]":
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)

    async def wait() -> bool:
        try:
            async with asyncio.timeout(every_s):
                await stop.wait()
        except TimeoutError:
            return True
        return False

    return lambda: asyncio.ensure_future(wait())


@asynccontextmanager
async def _slack(
    said: "AfterGate",
    library: "Library",
    office: "Office",
    attendant: "Attendant",
    listen: str,
    say: Callable[[str], None],
) -> AsyncIterator[Callable[[], None]]:
    """Open the door for Slack, if it is wanted; yields what asks at gates."""
    if said.slack is None:
        yield lambda: None
        return
    from importlib import import_module

    import uvicorn

    from unlit.core.errors import UnlitError
    from unlit.core.system import SystemClock

    door = import_module("unlit.console.inbound")  # the other entry point beside this one
    secret = _secret(said.slack, office)
    gate = _gate(said.slack, library, office, attendant)
    host, _, port = listen.rpartition(":")
    application = door.inbound_app(gate, secret, SystemClock())
    config = uvicorn.Config(
        application, host=host, port=int(port), log_level="warning", lifespan="off"
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined] # ours are set
    serving = asyncio.create_task(server.serve())
    say(f"Slack may call http://{listen}/slack/actions and /slack/events")

    def ask() -> None:
        try:
            gate.ask()
        except UnlitError as error:
            say(str(error))

    try:
        yield ask
    finally:
        server.should_exit = True
        await serving


def _secret(slack: "SlackSettings", office: "Office") -> str:
    from unlit.core.errors import InvalidInput

    secret = office.settings.env.get(slack.key_env, "")
    if not secret:
        raise InvalidInput(
            "CLI-061",
            f"The variable {slack.key_env} with the app's signing secret is not set.",
            "a request that nobody signed could be anybody's.",
            "set it in the environment of `unlit serve`; [slack] key_env names it.",
        )
    return secret


def _gate(
    slack: "SlackSettings", library: "Library", office: "Office", attendant: "Attendant"
) -> "SlackGate":
    from unlit.context.connectors.slack import Slack
    from unlit.core.errors import InvalidInput
    from unlit.review.outside import OutsideDesk
    from unlit.review.slack_gate import SlackGate

    source = library.source(slack.source)
    if not isinstance(source, Slack):
        raise InvalidInput(
            "CLI-062",
            f"The source {slack.source} of [slack] is no Slack.",
            "gates are asked about through a source of kind slack.",
            'add [source.slack] with kind = "slack", or correct [slack] source.',
        )
    desk = OutsideDesk(office.desk, attendant.ship_now, slack.people, attendant.build_soon)
    folder = office.paths.root / "slack"
    return SlackGate(desk, source.call, slack.channel, folder, office.desk.clock)
