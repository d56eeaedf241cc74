"""Rooms that answer at once, for tests of the line. They contain nothing and grade by a script."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from unlit.core.canonical import digest_bytes
from unlit.core.errors import InvalidInput, OutcomeNotGoodEnough
from unlit.core.ids import RunId
from unlit.core.states import Partition, TrajectoryState, Verdict
from unlit.harness.fakes import FakeFence
from unlit.harness.ports import Fence
from unlit.line.model import (
    EvaluationOrder,
    FenceOrder,
    FileRules,
    FolderMount,
    Graded,
    Place,
    ProductPlan,
    Reported,
    Shipped,
    SpecFacts,
)
from unlit.line.ports import Recheck
from unlit.record.model import Question
from unlit.record.store import Store


class FakeSpecs:
    """Reads any file as a spec with two criteria; one that says NOT READY is not ready."""

    def read(self, path: Path) -> SpecFacts:
        """Read a spec."""
        text = path.read_text(encoding="utf-8")
        missing = ("AC-2 has no example",) if "NOT READY" in text else ()
        digest = digest_bytes(text.encode())
        return SpecFacts("review", "Review", digest, "ann", text, ("AC-1", "AC-2"), missing)


class FakePolicies:
    """Lets the coder change all but the policy."""

    def digest(self, path: Path) -> str:
        """Digest of the file."""
        return digest_bytes(path.read_bytes())

    def files(self, path: Path, role: str) -> FileRules:
        """What a role may change."""
        return FileRules((".",), ("policy.toml",))

    def ways_out(self, path: Path, role: str) -> Sequence[str]:
        """A policy that says OPEN lets data out."""
        return ("coder may reach anything",) if "OPEN" in path.read_text() else ()

    def refuses_exposure(self, path: Path) -> bool:
        """A policy that says NOTE goes on."""
        return "NOTE" not in path.read_text()


class FakeFences:
    """Fences that are plain folders."""

    def __init__(self) -> None:
        self.opened: list[FenceOrder] = []

    async def open(self, order: FenceOrder) -> Fence:
        """Open one."""
        self.opened.append(order)
        return FakeFence(order.workspace, {"PATH": "/usr/bin:/bin"})

    async def close(self, fence: Fence, place: Place) -> Mapping[str, Any]:
        """Close it."""
        await fence.close()
        return {"held": True, "denied": 0, "exchanges": 0, "weak": ["a plain folder"]}

    def wish(self, place: Place, request: str) -> None:
        """Nobody is asked."""


class FakeDependencies:
    """A product without dependencies."""

    async def prepare(
        self, product: ProductPlan, tree: Path, policy: Path, place: Place
    ) -> Sequence[FolderMount]:
        """Nothing to mount."""
        return ()


class FakeEvaluator:
    """Grades by the text of ``quality`` in the candidate: its number of satisfied trajectories.

    Args:
        total: Trajectories per grading.
        pause_s: How long each takes.
    """

    def __init__(self, total: int = 10, pause_s: float = 0.0) -> None:
        self._total = total
        self._pause_s = pause_s
        self.orders: list[EvaluationOrder] = []
        self.unnamed: tuple[str, ...] = ()
        self.invariants: tuple[Mapping[str, Any], ...] = ()

    def check(
        self, vault: Path, spec: SpecFacts, repository: Path, product: ProductPlan
    ) -> tuple[str, ...]:
        """Refuse a vault whose name says that it is gone."""
        if vault.name == "gone":
            raise InvalidInput("EVA-120", f"The vault {vault} is not a folder.", "why", "do")
        return self.unnamed

    async def grade(
        self, order: EvaluationOrder, on_event: Callable[[Mapping[str, Any]], None]
    ) -> Graded:
        """Grade one candidate."""
        self.orders.append(order)
        file = order.candidate / "quality"
        good = int(file.read_text()) if file.exists() else 0
        rows = []
        for number in range(1, self._total + 1):
            await asyncio.sleep(self._pause_s)
            state = TrajectoryState.SATISFIED if number <= good else TrajectoryState.NOT_SATISFIED
            row = {"n": number, "scenario": f"s{number % 3}", "seed": order.seed + number}
            rows.append({**row, "state": state.value, "reasons": ["secret of the scenario"]})
            on_event({"event": "trajectory", **row, "state": state.value, "criterion": "AC-1"})
        verdict = Verdict.SHIP if good >= self._total else Verdict.NOT_YET
        document = {
            "schema": "unlit.evaluation/1",
            "verdict": verdict.value,
            "tree": order.tree,
            "satisfaction": {"estimate": good / self._total, "lower": 0.0, "upper": 1.0},
            "trajectories": rows,
            "looks": {"index": order.look, "bits": 1.0 if order.look else None},
            "invariants": list(self.invariants),
        }
        if order.partition is Partition.SEALED:
            return Graded(verdict, document)
        bucket = "all" if verdict is Verdict.SHIP else "few"
        return Graded(verdict, document, ({"criterion": "AC-1", "bucket": bucket},))


class FakeReporter:
    """Writes one question."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def report(self, run: RunId) -> Reported:
        """Report a run."""
        self._store.keep_questions([Question(run, 1, "criterion", "Is the summary useful?")])
        return Reported({}, "reported", 1)


class FakeShipper:
    """Counts what it ships.

    Args:
        merge: Commit and tree of the merge, where main has moved; else nothing is asked again.
    """

    def __init__(self, merge: tuple[str, str] | None = None) -> None:
        self.shipped: list[RunId] = []
        self.merge = merge

    def ship(self, run: RunId, recheck: Recheck | None = None) -> Shipped:
        """Ship once."""
        if self.merge is not None and recheck is not None:
            said = recheck(*self.merge)
            if said is not True:
                raise OutcomeNotGoodEnough("SHP-023", f"It does not hold: {said}.", "why", "do")
        again = run in self.shipped
        if not again:
            self.shipped.append(run)
        return Shipped("c" * 40, f"unlit/{run}", "main", again)
