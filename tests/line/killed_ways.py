"""A short line in a process of its own, made to be killed: ``WAY STATE REPO PLAYED``.

Ways: ``tournament`` (candidates compete), ``comment`` (a comment after the gate makes another
candidate), ``graph`` (branches of a graph line make candidates side by side) and ``managed`` (a
manager supervises a child line).
"""

import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.line.killed import RUN, FolderShipper, OneRun, OneTime, facts
from tests.line.world import CHILD, MANAGER, SIDE, durable_url, request, services

from unlit.line.model import RunRequest
from unlit.line.onward import Comment, go_on
from unlit.line.service import Line
from unlit.record.model import GateDecision, RunState


def asked(way: str, repository: Path) -> RunRequest:
    plain = request(repository)
    if way == "tournament":
        return replace(plain, tournament=2)
    if way == "graph":
        (repository.parent / "side.dot").write_text(SIDE)
        return replace(plain, line=str(repository.parent / "side.dot"))
    if way == "managed":
        (repository.parent / "child.dot").write_text(CHILD)
        (repository.parent / "managed.dot").write_text(MANAGER % "")
        return replace(plain, line=str(repository.parent / "managed.dot"))
    return plain


async def go(way: str, state: Path, repository: Path, played: Path) -> None:
    world = replace(
        services(state, played, [], pause_s=0.02),
        clock=OneTime(),
        ids=OneRun(),
        shipper=FolderShipper(state / "shipped"),
    )
    async with Line.open(world, durable_url(state)) as line:
        found = world.store.run(RUN)
        if found is None:
            await line.start(asked(way, repository))
        elif found.state in (RunState.QUEUED, RunState.RUNNING):
            await line.resume(RUN)
        found = await line.wait(RUN)
        if way == "comment" and found.settings.get("work", "line") == "line":
            await go_on(line, RUN, Comment("Name the total.", "ann"))
            await line.wait(RUN)
        approved = GateDecision(RUN, "outcome", "approved", "ann", "good", OneTime().now())
        world.store.decide_gate(approved)  # again changes nothing: the first decision stands
        await line.ship(RUN)
        await line.wait(RUN)
    known = facts(world.store, state)
    for name in ("stages", "events"):  # side by side they begin and end in any order
        known[name] = sorted(map(str, known[name]))  # type: ignore[call-overload]
    print(json.dumps(known))


if __name__ == "__main__":
    asyncio.run(go(sys.argv[1], *(Path(word) for word in sys.argv[2:5])))
