"""A whole line over fakes, for tests."""

from pathlib import Path

from unlit.context.adapters.folder_bodies import FolderBodies
from unlit.context.connectors.markdown import MarkdownFolder
from unlit.core.system import SystemClock, SystemIds
from unlit.harness.options import AgentOptions
from unlit.harness.registry import make_agent
from unlit.line.fakes import (
    FakeDependencies,
    FakeEvaluator,
    FakeFences,
    FakePolicies,
    FakeReporter,
    FakeShipper,
    FakeSpecs,
)
from unlit.line.model import LineEvent, ProductPlan, RunRequest
from unlit.line.ports import Services
from unlit.record.engine import sqlite_url
from unlit.record.store import Store

SIDE = """digraph side {
    start [shape=Mdiamond] exit [shape=Msquare]
    both [shape=component] best [shape=tripleoctagon]
    one [label=One, prompt="Write it one way"] two [label=Two, prompt="Write it another way"]
    look1 [type="unlit.validate"] look2 [type="unlit.validate"]
    start -> both -> {one two}
    one -> look1 -> best
    two -> look2 -> best
    best -> exit
}"""
"""Two branches of a graph line make candidates side by side; the best is graded on."""

MANAGER = """digraph parent { graph [stack.child_dotfile="child.dot"]
    start [shape=Mdiamond] exit [shape=Msquare]
    manage [shape=house, label="Look at the criteria again", manager.poll_interval="200ms"%s]
    start -> manage -> exit }"""
CHILD = """digraph child { s [shape=Mdiamond] x [shape=Msquare]
    write [label=Write, prompt="Write it"] grade [type="unlit.validate"]
    s -> write -> grade
    grade -> x [condition="outcome=success"]
    grade -> write [condition="outcome=fail && candidates=left"] }"""
"""A manager, and the child line that it supervises."""


def overlays(root: Path, *qualities: str) -> Path:
    """Overlays that write `quality`; an empty one writes nothing."""
    for number, quality in enumerate(qualities, start=1):
        folder = root / "overlays" / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        if quality:
            (folder / "quality").write_text(quality)
    return root / "overlays"


def services(
    state: Path,
    played: Path,
    events: list[LineEvent],
    pause_s: float = 0.0,
    url: str | None = None,
) -> Services:
    clock = SystemClock()
    state.mkdir(parents=True, exist_ok=True)
    store = Store.open(url or sqlite_url(state / "record.db"))
    (state / "workspaces").mkdir(parents=True, exist_ok=True)
    return Services(
        store=store,
        specs=FakeSpecs(),
        policies=FakePolicies(),
        fences=FakeFences(),
        dependencies=FakeDependencies(),
        evaluator=FakeEvaluator(pause_s=pause_s),
        reporter=FakeReporter(store),
        shipper=FakeShipper(),
        agents=lambda name: make_agent(name, AgentOptions(overlays=played)),
        sources=lambda folder: [MarkdownFolder(folder, clock)],
        bodies=FolderBodies(state / "bodies"),
        clock=clock,
        ids=SystemIds(),
        workspaces=state / "workspaces",
        artefacts=state / "artefacts",
        listen=events.append,
    )


def request(repository: Path, test: str | None = "test -f README.md") -> RunRequest:
    return RunRequest(
        spec=repository / "spec.md",
        repository=repository,
        vault=repository.parent / "vault",
        policy=repository / "policy.toml",
        seed=7,
        product=ProductPlan(test=test),
    )


def durable_url(state: Path) -> str:
    return sqlite_url(state / "durable.db")
