"""A line over fakes, in a process of its own, made to be interrupted: ``STATE REPO PLAYED``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from dataclasses import replace

from tests.line.world import durable_url, request, services

from unlit.cli.interruption import Interruption
from unlit.line.service import Line
from unlit.record.model import Run


def main(state: Path, repository: Path, played: Path) -> int:
    interruption = Interruption()

    async def work() -> Run:
        view = interruption.view()
        world = services(state, played, [], pause_s=1.0)
        world = replace(world, listen=lambda event: view.say(f"{event.stage} {event.kind}"))
        async with (
            interruption.pausing(world),
            Line.open(world, durable_url(state)) as line,
        ):
            begun = await line.start(request(repository))
            interruption.on(begun)
            return await line.wait(begun)

    return interruption.do(work(), lambda run: 0)


if __name__ == "__main__":
    sys.exit(main(*(Path(word) for word in sys.argv[1:4])))
