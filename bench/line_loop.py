"""Agent loops on the model twin: milliseconds a step, ours and mini-SWE-agent in the same run.

``python bench/line_loop.py [STEPS]``: each step is one `true` in a shell; the floor is that command
alone. Inspect's react agent is not exercised here (it is not installed by `unlit agents install`).
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from unlit.core.ids import CandidateId, RunId
from unlit.harness.fakes import FakeFence, ListSink
from unlit.harness.model import Job
from unlit.harness.options import AgentOptions
from unlit.harness.registry import make_agent
from unlit.models.twin.app import ModelTwin
from unlit.models.twin.rules import parse_script
from unlit.models.twin.server import ModelTwinServer

FINISH = "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"


async def loop(name: str, steps: int, tools: Path) -> None:
    turns = [*({"bash": "true"} for _ in range(steps)), {"bash": FINISH}, "Done."]
    twin = ModelTwin(parse_script({"turns": turns}))
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
        f"(first half {first:.1f}, second half {second:.1f}), {end.reason.value}"
    )
    await fence.close()
    await server.close()


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    begun = time.perf_counter()
    for _ in range(50):
        subprocess.run(["bash", "-c", "true"], check=True)
    print(f"floor            {(time.perf_counter() - begun) / 50 * 1000:6.1f} ms: the bare command")
    tools = Path(os.environ.get("UNLIT_AGENTS", Path.home() / ".local/state/unlit/agents"))
    for name in ("own", "mini-swe-agent"):
        asyncio.run(loop(name, steps, tools))


if __name__ == "__main__":
    main()
