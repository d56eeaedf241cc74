"""Certify an agent on a tiny task before it is trusted with a run.

The agent works in a real fence; its model calls go to the vendor's name and land on the model twin,
so nothing is spent and the answer is known.
"""

import contextlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from unlit.core.ids import CandidateId, RunId
from unlit.harness.model import AgentEvent, Change, End, EndReason, Job, Outcome
from unlit.harness.ports import Agent
from unlit.harness.rules import judge_turn
from unlit.line.model import FenceOrder, FolderMount, Place
from unlit.line.ports import Fences
from unlit.line.stages.build import environment_of
from unlit.models.twin.app import HOSTS, ModelTwin
from unlit.models.twin.model import Script
from unlit.models.twin.rules import parse_script

RUN: Final = RunId("r-certificate")
TASK: Final = (
    "This is candidate 1. Write a file hello.txt in the current folder that says: hello\n"
    "Change nothing else.\n"
)
FILE: Final = "hello.txt"
MODEL_SERVICE: Final = "model"
MODEL_HOSTS: Final = tuple(sorted(host for hosts in HOSTS.values() for host in hosts))
CONTENT: Final = b"hello\n"


@dataclass(frozen=True, slots=True)
class Checked:
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a tiny task showed of an agent."""

    agent: str
    checks: tuple[Checked, ...]

    @property
    def ok(self) -> bool:
        """Whether it may be trusted with a run."""
        return all(check.ok for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        rows = [{"name": c.name, "ok": c.ok, "detail": c.detail} for c in self.checks]
        return {
            "schema": "unlit.certificate/1",
            "agent": self.agent,
            "ok": self.ok,
            "checks": rows,
        }


def tiny_script() -> Script:
    """Return what the model twin answers to the tiny task."""
    finish = "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"
    contains = TASK.partition(".")[0]
    return parse_script(
        {
            "parts": [
                {
                    "when": {"contains": contains, "tools": True},
                    "turns": [
                        {"say": "I write the file.", "bash": "printf 'hello\\n' > hello.txt"},
                        {"say": "It is written.", "bash": finish},
                        "Done.",
                    ],
                },
                {
                    "when": {"contains": contains, "by_words": True},
                    "turns": [
                        {
                            "say": "I write the file.",
                            "write": {"path": FILE, "text": CONTENT.decode()},
                        }
                    ],
                },
            ]
        }
    )


def tiny_policy() -> str:
    """Return a policy that lets the coder reach the model twin under the vendors' names."""
    rules = "".join(
        f'\n[[allow]]\nrole = "coder"\nhost = "{host}"\ntwin = "{MODEL_SERVICE}"\n'
        for host in MODEL_HOSTS
    )
    return f"version = 1\n{rules}"


async def certify(agent: Agent, fences: Fences, twin: ModelTwin, *, turn_s: float) -> Certificate:
    """Let an agent do the tiny task and look at what it left.

    Args:
        agent: The agent.
        fences: Fences whose coder reaches `twin` under the vendors' names.
        twin: A model twin that answers by `tiny_script`.
        turn_s: Most seconds it may take.
    """
    name = agent.facts.name
    if agent.facts.needs:
        return Certificate(name, (Checked("program", False, "; ".join(agent.facts.needs)),))
    with tempfile.TemporaryDirectory(prefix="unlit-certify-") as folder:
        root = Path(folder)
        (root / "workspace").mkdir()
        (root / "workspace" / "README.md").write_text("# Tiny task\n", encoding="utf-8")
        (root / "policy.toml").write_text(tiny_policy(), encoding="utf-8")
        return await _certify(agent, fences, twin, root, turn_s)


async def _certify(
    agent: Agent, fences: Fences, twin: ModelTwin, root: Path, turn_s: float
) -> Certificate:
    name = agent.facts.name
    place = Place(RUN, "certify", name)
    order = FenceOrder(
        place,
        root / "policy.toml",
        root / "workspace",
        tuple(FolderMount(Path(m.source), m.target) for m in agent.facts.mounts),
        environment_of(agent),
        turn_s + 30,
    )
    fence = await fences.open(order)
    closed: Mapping[str, Any] = {}
    try:
        job = Job(RUN, CandidateId("c1"), 1, TASK, deadline_s=turn_s)
        end = await agent.run(job, fence, _Deaf())
        layer = fence.changes()
        (root / "layer").mkdir()
        with contextlib.suppress(OSError):
            layer.apply_to(root / "layer")
        changes = [Change(f.path, f.kind, f.mode, f.size) for f in layer.files]
    finally:
        closed = await fences.close(fence, place)
    checks = _judge(agent, end, changes, root / "layer")
    return Certificate(name, (*checks, *_circumstances(agent, twin, closed)))


def _judge(agent: Agent, end: End, changes: Sequence[Change], layer: Path) -> tuple[Checked, ...]:
    verdict = judge_turn(end, changes)
    file = layer / FILE
    right = file.is_file() and not file.is_symlink() and file.read_bytes() == CONTENT
    extra = sorted(change.path for change in verdict.kept if change.path != FILE)
    words = "" if end.reason is EndReason.DONE else f" {' '.join(end.text.split())[:200]}"
    ended = "" if end.exit_code is None else f", exit code {end.exit_code}"
    return (
        Checked("program", True, agent.facts.command or agent.facts.kind),
        Checked("ends", end.reason is EndReason.DONE, f"{end.reason.value}{ended}{words}"),
        Checked(
            "task", right, verdict.sentence if right else f"no right {FILE}: {verdict.sentence}"
        ),
        Checked("nothing else", not extra, ", ".join(extra[:5]) or "only what was asked"),
        Checked("outcome", verdict.outcome is Outcome.CHANGED, verdict.outcome.value),
    )


def _circumstances(agent: Agent, twin: ModelTwin, closed: Mapping[str, Any]) -> tuple[Checked, ...]:
    calls = [seen for seen in twin.seen if seen.status == 200]
    tokens = sum(seen.input_tokens for seen in calls)
    needs_model = bool(agent.facts.protocol)
    spoke = f"{len(calls)} model calls at the vendor's name, {tokens} tokens in"
    billed = int(closed.get("model_calls", 0))
    return (
        Checked("model", bool(calls) == needs_model, spoke),
        Checked("bill", billed == len(calls), f"the gateway billed {billed} calls of {len(calls)}"),
        Checked("fence", bool(closed.get("held")), f"{closed.get('denied', 0)} requests refused"),
    )


class _Deaf:
    def event(self, event: AgentEvent) -> None:
        """Nobody watches a certificate."""
