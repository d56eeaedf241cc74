"""The vendors' own clients for Node drive the twins, at the versions of tests/clients/node.

`just node-clients` installs them; each folder of modules is named by UNLIT_NODE_MODULES.
"""

import asyncio
import json
import os
import shutil
from pathlib import Path

import pytest

from unlit.twins.serving import open_doors
from unlit.twins.universe import Universe

HERE = Path(__file__).parent / "node"
MODULES = Path(os.environ.get("UNLIT_NODE_MODULES", "node_modules")).absolute()
LIMIT_S = 240
CLIENTS = {
    "github": ("@octokit/core", ("github",)),
    "google": ("googleapis", ("docs", "drive", "sheets")),
    "jira": ("jira.js", ("jira",)),
    "okta": ("@okta/okta-sdk-nodejs", ("okta",)),
    "slack": ("@slack/web-api", ("slack",)),
}
SEEDS = {"github": {"github": {"repos": [{"name": "acme/node"}]}}}


def missing(package: str) -> str | None:
    """Return why a client cannot be run here."""
    if shutil.which("node") is None:
        return "node is not on this machine"
    if (MODULES / package).exists():
        return None
    problem = MODULES.parent / "problem"
    if problem.is_file():
        return problem.read_text(encoding="utf-8").strip()
    return f"{package} for Node is not installed (just node-clients, UNLIT_NODE_MODULES)"


@pytest.mark.clients
@pytest.mark.slow
@pytest.mark.parametrize("script", sorted(path.stem for path in HERE.glob("*.cjs")))
async def test_the_vendors_client_for_node(script: str) -> None:
    package, services = CLIENTS[script]
    reason = missing(package)
    if reason is not None:
        pytest.skip(reason)
    universe = Universe(services)
    universe.default = universe.create_world(SEEDS.get(script))
    doors = await open_doors(universe)
    tokens = universe.tokens(universe.default)
    process = await asyncio.create_subprocess_exec(
        str(shutil.which("node")),
        str(HERE / f"{script}.cjs"),
        env={
            "PATH": os.environ["PATH"],
            "NODE_PATH": str(MODULES),
            "BASE": doors.services[services[0]],
            "TOKEN": tokens[services[0]],
            "SERVICES": json.dumps(doors.services),
            "TOKENS": json.dumps(tokens),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), LIMIT_S)
    finally:
        if process.returncode is None:
            process.kill()
        await doors.close()
    assert process.returncode == 0, out.decode()


def test_the_lock_file_names_no_registry() -> None:
    lock = Path(__file__).parent.parent / "clients" / "node" / "package-lock.json"
    packages = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    assert len(packages) > 50
    assert not [name for name, row in packages.items() if "resolved" in row]
    assert all("integrity" in row for name, row in packages.items() if name)
