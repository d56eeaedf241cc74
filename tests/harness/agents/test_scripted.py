from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from unlit.core.errors import InvalidInput
from unlit.core.ids import CandidateId, RunId
from unlit.harness.fakes import FakeFence, ListSink
from unlit.harness.model import EndReason, Job
from unlit.harness.options import AgentOptions
from unlit.harness.registry import make_agent


@pytest.fixture
async def fence(tmp_path: Path) -> AsyncIterator[FakeFence]:
    lower = tmp_path / "lower"
    lower.mkdir()
    (lower / "a.txt").write_text("old")
    fence = FakeFence(lower)
    yield fence
    await fence.close()


def overlays(tmp_path: Path) -> Path:
    root = tmp_path / "overlays"
    (root / "1" / "sub").mkdir(parents=True)
    (root / "1" / "sub" / "new.py").write_text("print('hello')")
    (root / "1" / "a.txt").write_text("new")
    (root / "2").mkdir()
    (root / "2" / "agent.sh").write_text("cat > brief.txt; rm a.txt; echo all done")
    return root


def job(number: int) -> Job:
    return Job(RunId("r-1"), CandidateId(f"c{number}"), number, "the brief")


async def test_an_overlay_is_written_inside_the_fence(tmp_path: Path, fence: FakeFence) -> None:
    agent = make_agent("scripted", AgentOptions(overlays=overlays(tmp_path)))
    sink = ListSink()
    end = await agent.run(job(1), fence, sink)
    assert end.reason is EndReason.DONE
    assert [change.path for change in fence.changes().files] == ["a.txt", "sub/new.py"]
    assert sink.events[0].kind == "started"


async def test_a_script_runs_inside_with_the_brief(tmp_path: Path, fence: FakeFence) -> None:
    agent = make_agent(f"scripted:{overlays(tmp_path)}")
    end = await agent.run(job(2), fence, ListSink())
    assert end.text.strip() == "all done"
    assert (fence.folder / "brief.txt").read_text() == "the brief"
    found = [(change.path, change.kind) for change in fence.changes().files]
    assert found == [("a.txt", "deleted"), ("brief.txt", "file")]


async def test_without_an_overlay_nothing_changes(tmp_path: Path, fence: FakeFence) -> None:
    agent = make_agent(f"scripted:{overlays(tmp_path)}")
    end = await agent.run(job(3), fence, ListSink())
    assert (end.reason, fence.changes().files) == (EndReason.DONE, ())


@pytest.mark.parametrize(("name", "code"), [("nobody", "HAR-001"), ("scripted:/no", "HAR-011")])
def test_an_unknown_agent_or_folder_is_refused(name: str, code: str) -> None:
    with pytest.raises(InvalidInput, match=code):
        make_agent(name)
