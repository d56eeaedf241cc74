"""`unlit try`: use a candidate yourself, in a fence, against a fresh twin world."""

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import cyclopts

if TYPE_CHECKING:
    from unlit.review.tryout import Trial, TryPlan
    from unlit.review.tryout.worlds import WorldSeed
    from unlit.wiring.desk import Office

app = cyclopts.App(name="try", help="Use a candidate yourself, against a fresh twin world.")
Flag = Annotated[bool, cyclopts.Parameter(negative=())]


@app.default
def try_(run: str = "last", *, candidate: str = "", world: str = "", worlds: Flag = False) -> int:
    """Run a candidate in a fence and let you use it; the twins' state is told as it changes.

    A command-line product gets your terminal, a served one a URL for your browser. Ends with the
    shell, or with Ctrl-C; nothing is left behind.

    Args:
        run: The run, the start of its id, or ``last``.
        candidate: Which candidate, such as c2; default the one that would ship.
        world: Name of the world, from --worlds; default the first that exercises what is asked.
        worlds: List the worlds and stop.
    """
    from unlit.review.tryout import plan_of
    from unlit.review.tryout.worlds import best_of, choices, world_seed
    from unlit.wiring.desk import open_office

    office = open_office(run=run)
    try:
        found = office.store.find_run(run).id
        plan = plan_of(office.store, found, candidate)
        known = choices(plan.vault, may_see=True)
        if worlds:
            for choice in known:
                sys.stdout.write(f"{choice.name:32} {choice.words}\n")
            return 0
        asked = [row.criterion for row in office.store.questions(found) if row.answer is None]
        name = world or best_of(known, next(iter(asked), None)).name
        return asyncio.run(_use(office, plan, world_seed(plan.vault, name, may_see=True)))
    finally:
        office.store.close()


async def _use(office: "Office", plan: "TryPlan", world: "WorldSeed") -> int:
    from unlit.core.system import SystemClock, SystemIds
    from unlit.review.tryout import Trial
    from unlit.wiring.desk import try_settings

    name = SystemIds().fresh("try")
    fields = {"try": name, "candidate": plan.candidate, "world": world.choice.name}
    office.desk.log.write("try.begin", plan.run, office.person, fields)
    trial = Trial(name, plan, world, try_settings(office, plan.vault))
    sys.stderr.write(f"world: {world.choice.words}\n")
    try:
        await trial.open(SystemClock(), lambda: _tell(f"{trial.said} …"))
        if trial.terminal is not None:
            await _at_terminal(trial)
        elif trial.proxy is not None:
            sys.stdout.write(f"{trial.proxy.url}\n")
            sys.stdout.flush()
            _tell("Ctrl-C ends it.")
            await _until_ended(trial)
    finally:
        await trial.close()
        report = trial.report
        held = None if report is None else report.held
        left = None if report is None else report.processes_left
        office.desk.log.write(
            "try.end", plan.run, office.person, {"try": name, "held": held, "processes_left": left}
        )
        _say_state(trial)
    return 0


async def _at_terminal(trial: "Trial") -> None:
    from unlit.fence.terminal import raw_terminal, terminal_size

    assert trial.terminal is not None  # noqa: S101 # the caller looked
    loop = asyncio.get_running_loop()
    terminal = trial.terminal

    async def show(piece: bytes) -> None:
        sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()

    typing = sys.stdin.fileno()
    if not sys.stdin.isatty():  # what is piped in is typed; its end ends the shell
        text = await asyncio.to_thread(sys.stdin.buffer.read)
        terminal.type(b"\x15")  # takes back what was typed for the person
        for line in [*text.splitlines(), b"exit"]:
            terminal.type(line + b"\r")
        await terminal.watch(show)
        return
    rows, columns = terminal_size(typing)
    terminal.resize(rows, columns)
    with raw_terminal(typing):
        loop.add_reader(typing, lambda: terminal.type(_read(typing)))
        try:
            await terminal.watch(show)
        finally:
            loop.remove_reader(typing)


def _read(descriptor: int) -> bytes:
    import os

    return os.read(descriptor, 4096)


async def _until_ended(trial: "Trial") -> None:
    told = 0
    while True:
        seen = trial.seen()
        if seen.total != told:
            told = seen.total
            changed = ", ".join(f"{name} +{len(both['added'])}" for name, both in
                                seen.changed.items())  # fmt: skip
            _tell(f"{told} calls to twins; {changed or 'nothing changed'}")
        await asyncio.sleep(0.5)


def _say_state(trial: "Trial") -> None:
    for name, both in trial.seen().changed.items():
        _tell(f"{name}: {len(both['added'])} new, {len(both['removed'])} gone")
    if trial.report is not None:
        _tell("The fence held." if trial.report.held else "The fence did NOT hold.")


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
