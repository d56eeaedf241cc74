"""Agent loops on the model twin: milliseconds a step, ours and mini-SWE-agent in the same run.

``python bench/line_loop.py [STEPS]``: each step is one `true` in a shell; the floor is that command
alone. Inspect's react agent does the same in its local sandbox, with a scripted model in its own
process (ours and mini-SWE-agent speak HTTP to theirs); it runs where `evaluation_engine.py` put it.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from typing_extensions import override

from unlit.core.ids import CandidateId, RunId
from unlit.harness.fakes import FakeFence, ListSink
from unlit.harness.model import Job
from unlit.harness.options import AgentOptions
from unlit.harness.registry import make_agent
from unlit.models.twin.app import ModelTwin
from unlit.models.twin.rules import parse_script
from unlit.models.twin.server import ModelTwinServer

INSPECT = Path("/tmp/unlit-inspect/bin/python")  # the same folder as evaluation_engine
REACT = """
import sys, tempfile, time
from inspect_ai import Task, eval as inspect_eval
from inspect_ai.agent import react
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.tool import bash
steps = int(sys.argv[1])
model = "mockllm/model"
def call(name, words):
    made = ModelOutput.for_tool_call(model, name, words)
    made.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)  # else it counts
    return made
marks = []
def outputs():
    for _ in range(steps):
        marks.append(time.perf_counter())
        yield call("bash", {"command": "true"})
    marks.append(time.perf_counter())
    yield call("submit", {"answer": "Done."})
task = Task(dataset=[Sample(input="Do it.", target="Done.")], solver=react(tools=[bash()]),
            sandbox="local")
inspect_eval(task, model=get_model(model, custom_outputs=outputs()), display="none",
             log_dir=tempfile.mkdtemp(), message_limit=None)
half = len(marks) // 2
print((marks[-1] - marks[0]) / (len(marks) - 1) * 1000,
      (marks[half] - marks[0]) / half * 1000,
      (marks[-1] - marks[half]) / (len(marks) - 1 - half) * 1000)
"""
FINISH = "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"


class Timed(ModelTwin):
    """A model twin that knows how long it took: reading a long history is no cost of a loop."""

    def __init__(self, steps: int) -> None:
        turns = [*({"bash": "true"} for _ in range(steps)), {"bash": FINISH}, "Done."]
        super().__init__(parse_script({"turns": turns}))
        self.took_ms: list[float] = []

    @override
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        begun = time.perf_counter()
        await super().__call__(scope, receive, send)
        self.took_ms.append((time.perf_counter() - begun) * 1000)


async def loop(name: str, steps: int, tools: Path) -> None:
    twin = Timed(steps)
    server = await ModelTwinServer.start(twin)
    agent = make_agent(name, AgentOptions(tools=tools, path=os.environ.get("PATH", "")))
    if agent.facts.needs:
        print(f"{name:16} not exercised: {agent.facts.needs[0]}")
        await server.close()
        return
    lower = Path(tempfile.mkdtemp())
    fence = FakeFence(lower, {"PATH": ":".join((*agent.facts.path, os.defpath))})
    env = {
        agent.facts.credential: "fake-key",
        "ANTHROPIC_BASE_URL": server.url,
        "HOME": tempfile.mkdtemp(),
    }
    marks: list[float] = []
    seen = twin.seen

    async def watch() -> None:
        while True:
            while len(marks) < len(seen):
                marks.append(time.perf_counter())
            await asyncio.sleep(0.0005)

    watcher = asyncio.create_task(watch())
    job = Job(RunId("r"), CandidateId("c1"), 1, "Do it.", deadline_s=600, env=env)
    end = await agent.run(job, fence, ListSink())
    watcher.cancel()
    gaps = [(b - a) * 1000 for a, b in pairwise(marks)]
    half = len(gaps) // 2
    first, second = sum(gaps[:half]) / half, sum(gaps[half:]) / (len(gaps) - half)
    print(
        f"{name:16} {len(seen)} model calls, {sum(gaps) / len(gaps):6.1f} ms a step "
        f"(first half {first:.1f}, second half {second:.1f}), "
        f"{_halves(twin.took_ms)} of these in the model twin, {end.reason.value}"
    )
    await fence.close()
    await server.close()


def _halves(took_ms: list[float]) -> str:
    half = len(took_ms) // 2
    return " and ".join(f"{sum(one) / len(one):.1f}" for one in (took_ms[:half], took_ms[half:]))


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    begun = time.perf_counter()
    for _ in range(50):
        subprocess.run(["bash", "-c", "true"], check=True)
    print(f"floor            {(time.perf_counter() - begun) / 50 * 1000:6.1f} ms: the bare command")
    tools = Path(os.environ.get("UNLIT_AGENTS", Path.home() / ".local/state/unlit/agents"))
    for name in ("own", "mini-swe-agent"):
        asyncio.run(loop(name, steps, tools))
    if not INSPECT.exists():
        print("inspect react    not exercised: run bench/evaluation_engine.py first")
        return
    # an empty home: its shell is a login shell, and a person's profile is not the loop's cost
    env = {"PATH": os.defpath, "HOME": tempfile.mkdtemp()}
    words = [str(INSPECT), "-c", REACT, str(steps)]
    done = subprocess.run(words, capture_output=True, text=True, env=env)
    if done.returncode != 0:
        print(f"inspect react    not exercised: {done.stderr.strip().splitlines()[-1]}")
        return
    whole, first, second = (float(word) for word in done.stdout.split())
    print(
        f"inspect react    {steps} model calls, {whole:6.1f} ms a step "
        f"(first half {first:.1f}, second half {second:.1f})"
    )


if __name__ == "__main__":
    main()
