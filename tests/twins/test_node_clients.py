"""The vendors' own clients for Node drive the twins; needs them installed (UNLIT_NODE_MODULES)."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from unlit.twins.serving import open_doors
from unlit.twins.universe import Universe

HERE = Path(__file__).parent / "node"
MODULES = Path(os.environ.get("UNLIT_NODE_MODULES", "node_modules")).absolute()
PACKAGES = {"slack": "@slack/web-api", "okta": "@okta/okta-sdk-nodejs", "github": "@octokit/core"}
SEEDS = {"github": {"github": {"repos": [{"name": "acme/node"}]}}}


@pytest.mark.clients
@pytest.mark.parametrize("service", sorted(PACKAGES))
async def test_the_vendors_client_for_node(service: str) -> None:
    node = shutil.which("node")
    if node is None or not (MODULES / PACKAGES[service]).exists():
        pytest.skip(f"{PACKAGES[service]} is not installed (UNLIT_NODE_MODULES)")
    universe = Universe([service])
    universe.default = universe.create_world(SEEDS.get(service))
    doors = await open_doors(universe)
    process = await asyncio.create_subprocess_exec(
        node,
        str(HERE / f"{service}.cjs"),
        env={
            "PATH": os.environ["PATH"],
            "NODE_PATH": str(MODULES),
            "BASE": doors.services[service],
            "TOKEN": universe.tokens(universe.default)[service],
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    await doors.close()
    assert process.returncode == 0, out.decode()
