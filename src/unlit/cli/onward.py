"""`unlit steer`, `comment` and `fork`: speak to an agent, ask for another candidate, try beside."""

import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts

from unlit.cli.interruption import Interruption
from unlit.cli.run import repository_of, told

if TYPE_CHECKING:
    from unlit.record.model import Run

steer = cyclopts.App(name="steer", help="Say something to the agent of a run.")
comment = cyclopts.App(name="comment", help="Ask a run at its end for another candidate.")
fork = cyclopts.App(name="fork", help="Begin a new run that shares the past of another.")

_AT_WORK = ("queued", "running", "paused")
Json = Annotated[bool, cyclopts.Parameter("--json", negative=())]
Repository = Annotated[Path | None, cyclopts.Parameter("--repository")]


@steer.default
def say(
    name: str,
    text: str,
    *,
    now: bool = False,
    person: str | None = None,
    repository: Repository = None,
    as_json: Json = False,
) -> int:
    """Say something to the agent of a run; it is recorded.

    Our own loop hears it before its next model call, any other agent as the next turn of its
    session. Where no agent is at work, it is kept for the next candidate's brief.

    Args:
        name: The run, or the start of its id, or `last`.
        text: What to say.
        now: End the agent's present turn for it, where the agent can.
        person: Who speaks; default the setting `person`, else the user's name.
        repository: The repository; default the one that has the run.
        as_json: Print JSON.
    """
    from unlit.core.system import SystemClock, SystemIds
    from unlit.harness.model import Word
    from unlit.line.companion import steer as put
    from unlit.wiring.desk import open_office

    office = open_office(repository, {"person": person}, run=name)
    found = office.store.find_run(name)
    word = put(
        office.store, SystemClock(), SystemIds(), found.id, Word("", text, office.person, now)
    )
    if as_json:
        plain = {"schema": "unlit.steer/1", "run": found.id, "word": word.id, "now": now}
        plain |= {"state": str(found.state)}
        sys.stdout.write(json.dumps(plain) + "\n")
    else:
        sys.stdout.write(steered(found.id, found.state))
    return 0


def steered(run: str, state: str) -> str:
    """Say whether somebody is there to hear what was said."""
    if state in _AT_WORK:
        return f"Said to the agent of {run}; `unlit replay {run}` tells when it was heard.\n"
    return (
        f"No agent of {run} is at work ({state}): kept for the brief of its next candidate.\n"
        f"`unlit comment {run} TEXT` asks for one.\n"
    )


@comment.default
def ask(
    name: str,
    text: str,
    *,
    person: str | None = None,
    queue: bool = False,
    repository: Repository = None,
    as_json: Json = False,
) -> int:
    """Ask a run at its end for another candidate that answers a comment.

    The comment is shown to the agent as it is. The new candidate is checked, validated and looked
    at sealed like any other, and waits at the gate anew; what was approved before is void.

    Args:
        name: The run, or the start of its id, or `last`.
        text: What is wrong, or missing.
        person: Who says it; default the setting `person`, else the user's name.
        queue: Leave the work to `unlit worker` processes and return at once.
        repository: The repository; default the one that has the run.
        as_json: Print the result as JSON.
    """
    from unlit.wiring.desk import open_office

    office = open_office(repository, {"person": person}, run=name)
    found = office.store.find_run(name)
    office.desk.comment(found.id, office.person, text)
    return go_on(found, text, office.person, queue=queue, as_json=as_json)


def go_on(found: "Run", text: str, person: str, *, queue: bool, as_json: bool) -> int:
    """Make the next candidate of a run here, or leave it to workers."""
    interruption = Interruption()

    async def work() -> "Run":
        from unlit.line.onward import Comment, go_on
        from unlit.line.rules.queues import LINES
        from unlit.line.service import Line
        from unlit.wiring.build import open_factory

        view = interruption.view()
        try:
            async with (
                open_factory(Path(found.repository), listen=view.listen, run=found.id) as factory,
                interruption.pausing(factory.services),
                Line.open(factory.services, factory.durable_url) as line,
            ):
                said = Comment(text, person)
                kind = await go_on(line, found.id, said, LINES if queue else None)
                view.say(f"run {found.id} goes on as {kind}")
                if not queue:
                    interruption.on(found.id)
                    return await line.wait(found.id)
                return line.known(found.id)
        finally:
            view.close()

    return interruption.do(work(), lambda done: told(done, as_json=as_json))


@fork.default
def begin(  # one flag each
    name: str,
    *,
    from_stage: Annotated[str, cyclopts.Parameter("--from")],
    agent: str | None = None,
    model: str | None = None,
    candidates: int | None = None,
    run_usd: Decimal | None = None,
    repository: Repository = None,
    as_json: Json = False,
) -> int:
    """Begin a new run that shares the past of another one up to a stage, and does the rest itself.

    Args:
        name: The run, or the start of its id, or `last`.
        from_stage: The first stage that is done anew, as `unlit show` prints it, such as build/c2.
        agent: Who writes in the fork.
        model: Model the agent shall use.
        candidates: Most candidates to make.
        run_usd: Hard limit of dollars for the fork.
        repository: The repository; default the one that has the run.
        as_json: Print the result as JSON.
    """
    folder = repository_of(repository, name)
    changes: dict[str, Any] = {"model": model, "max_candidates": candidates}
    if agent is not None:
        changes["agents"] = agent.split(",")
    given = {key: value for key, value in changes.items() if value is not None}
    interruption = Interruption()

    async def work() -> "Run":
        from unlit.line.onward import fork
        from unlit.line.requests import budget_now, request_from_json
        from unlit.line.service import Line
        from unlit.wiring.build import open_factory

        view = interruption.view()
        try:
            async with (
                open_factory(folder, listen=view.listen, run=name) as factory,
                interruption.pausing(factory.services),
                Line.open(factory.services, factory.durable_url) as line,
            ):
                found = factory.services.store.find_run(name)
                if run_usd is not None:
                    was = request_from_json(found.settings).budget
                    given["budget"] = budget_now(was, None, run_usd).to_json()
                fresh = await fork(line, found.id, from_stage, given)
                view.say(f"run {fresh}: fork of {found.id} from {from_stage}")
                interruption.on(fresh)
                return await line.wait(fresh)
        finally:
            view.close()

    return interruption.do(work(), lambda done: told(done, as_json=as_json))
