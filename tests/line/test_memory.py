"""An agent that is a function of its prompt alone: it repeats its mistake unless it is told."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.line.world import durable_url, request, services

from unlit.core.ids import RunId
from unlit.line.ports import Services
from unlit.line.service import Line
from unlit.record.model import LessonState, RunState

AGENT = "if grep -q 'changes to quality'; then echo 10 > quality; else echo 3 > quality; fi\n"


def always(root: Path) -> Path:
    """Every candidate is made by the same script, from its prompt alone."""
    for number in (1, 2, 3):
        folder = root / "overlays" / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "agent.sh").write_text(AGENT)
    return root / "overlays"


def mending(root: Path) -> Path:
    """The second candidate is better than the first, whatever it is told."""
    for number, quality in (("1", "3"), ("2", "10")):
        folder = root / "mending" / number
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "quality").write_text(quality)
    return root / "mending"


async def go(world: Services, state: Path, repository: Path, memory: str, most: int = 1) -> RunId:
    async with Line.open(world, durable_url(state)) as line:
        asked = replace(request(repository), memory=memory, max_candidates=most)
        run = await line.start(asked)
        await line.wait(run)
    return run


async def test_a_lesson_keeps_an_agent_from_repeating_its_mistake(
    tmp_path: Path, repository: Path
) -> None:
    state = tmp_path / "state"
    world = services(state, mending(tmp_path), [])
    run = await go(world, state, repository, "on", most=2)
    (lesson,) = world.store.lessons(str(repository))
    assert lesson.state is LessonState.PROPOSED
    assert lesson.evidence == (run,)
    assert "changes to quality" in lesson.claim

    world = services(state, always(tmp_path), [])
    proposed = await go(world, state, repository, "on")
    world.store.change_lesson(
        lesson.id, state=LessonState.APPROVED, decided_by="ann", decided_at=datetime.now(UTC)
    )
    told = await go(world, state, repository, "on")
    placebo = await go(world, state, repository, "placebo")
    off = await go(world, state, repository, "off")

    def ended(name: RunId) -> RunState:
        found = world.store.run(name)
        assert found is not None
        return found.state

    assert [ended(name) for name in (proposed, told, placebo, off)] == [
        RunState.ENDED,
        RunState.WAITING,
        RunState.ENDED,
        RunState.ENDED,
    ]
    counted = next(row for row in world.store.lessons(str(repository)) if row.id == lesson.id)
    assert (counted.wins, counted.losses) == (1, 1)


@pytest.mark.parametrize("memory", ["on", "off"])
async def test_lessons_told_are_in_the_record(
    tmp_path: Path, repository: Path, memory: str
) -> None:
    state = tmp_path / "state"
    world = services(state, mending(tmp_path), [])
    run = await go(world, state, repository, memory, most=1)
    stage = next(row for row in world.store.stages(run) if row.name == "build")
    assert stage.facts["lessons"] == []
