"""The whole line behind the weaker backend, chosen by name; its weakness is in every report."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.line.world import durable_url, overlays, request, services

from unlit.core.system import SystemClock, SystemIds
from unlit.fence.backends import start_host
from unlit.fence.launch.measure import landlock_abi
from unlit.line.adapters.access import Questions
from unlit.line.adapters.dependency_room import DependencyRoom
from unlit.line.adapters.fence_room import FenceRoom
from unlit.line.adapters.policy_room import PolicyRoom
from unlit.line.model import ProductPlan
from unlit.line.service import Line
from unlit.policy import AuditLog
from unlit.record.model import RunState
from unlit.review import build_report
from unlit.review.adapters.fence_log import fences_of
from unlit.review.text import render_text

pytestmark = [
    pytest.mark.fence,
    pytest.mark.usefixtures("socket_enabled"),
    pytest.mark.skipif(landlock_abi() < 4, reason="Landlock is off or too old here"),
]

POLICY = """version = 1
[files.coder]
write = ["."]
"""


async def test_a_run_passes_and_says_what_did_not_hold_it(tmp_path: Path, repository: Path) -> None:
    (repository / "policy.toml").write_text(POLICY)
    state, clock = tmp_path / "state", SystemClock()
    played = overlays(tmp_path, "10")
    (played / "1" / "agent.sh").write_text("test -f README.md && echo x > made")
    world = services(state, played, [])
    audit = AuditLog.open(state / "audit", {"program": "test"}, clock)
    host = await start_host("landlock", state / "fences", audit, watched={"vault": tmp_path / "v"})
    world = replace(
        world,
        policies=PolicyRoom(),
        fences=FenceRoom(
            host, world.store, clock, SystemIds(), questions=Questions(world.store, clock)
        ),
        dependencies=DependencyRoom(host, state / "deps", {}),
    )
    product = ProductPlan(
        build="mkdir -p $UV_PROJECT_ENVIRONMENT/bin && printf '#!/bin/sh\\necho dep\\n' "
        "> $UV_PROJECT_ENVIRONMENT/bin/dep && chmod 755 $UV_PROJECT_ENVIRONMENT/bin/dep",
        test="test -f README.md && test $(dep) = dep",
    )
    try:
        async with Line.open(world, durable_url(state)) as line:
            run = await line.start(replace(request(repository), product=product))
            done = await line.wait(run)
    finally:
        await host.close()
        audit.close()
    assert done.state is RunState.WAITING, done.note
    build = next(stage for stage in world.store.stages(run) if stage.name == "build")
    assert build.facts["fence"]["held"] is True
    assert "Landlock" in build.facts["fence"]["weak"][0]
    report = build_report(world.store, run, fences=fences_of((state / "audit",), run))
    assert all("Landlock" in (line.weak or ("",))[0] for line in report.fences)
    assert "Weaker backend (Landlock)" in render_text(report)
