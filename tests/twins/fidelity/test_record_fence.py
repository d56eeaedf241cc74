"""A program in a fence calls a service by its own name; its calls are recorded, clean."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from unlit.fence import capabilities
from unlit.twins.fidelity.recording import read_recordings
from unlit.twins.fidelity.replay import replay, score
from unlit.twins.server import TwinServer
from unlit.twins.serving import believe_recordings
from unlit.twins.universe import Universe

PROGRAM = """
import json, os, urllib.request
def call(method, **args):
    body = json.dumps(args).encode()
    asked = urllib.request.Request("https://slack.com/api/" + method, body, {
        "authorization": "Bearer " + os.environ["OWN_TOKEN"],
        "content-type": "application/json; charset=utf-8"})
    return json.load(urllib.request.urlopen(asked, timeout=60))
before = call("conversations.list")["channels"]
made = call("conversations.create", name="recorded")["channel"]
said = call("chat.postMessage", channel=made["id"], text="hello from inside")
print("posted", said["ok"], len(before))
"""


@pytest.mark.slow
async def test_a_fenced_programs_calls_become_a_recording_and_a_seed(tmp_path: Path) -> None:
    if not all(e.works for e in capabilities().entries if e.name in ("namespaces", "bubblewrap")):
        pytest.skip("fences need namespaces and bubblewrap")
    original = Universe(["slack"])
    original.default = original.create_world()
    server = await TwinServer.start(original, service="slack")
    token = original.tokens(original.default)["slack"]
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "program.py").write_text(PROGRAM)
    out = tmp_path / "own.interaction.jsonl"
    words = [
        "twins", "record", "slack", "--out", str(out), "--upstream", f"http://{server.address}",
        "--through-fence", "--env", "OWN_TOKEN", "--",
        "python3", "program.py",
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("unlit")),
        *words,
        cwd=tmp_path / "work",
        env={**os.environ, "OWN_TOKEN": token, "XDG_STATE_HOME": str(tmp_path / "state")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, errors = await asyncio.wait_for(process.communicate(), 240)
    await server.close()
    assert process.returncode == 0, errors.decode()
    assert said.decode().strip() == "posted True 2"
    text = out.read_text(encoding="utf-8")
    assert token not in text
    rows = [json.loads(line) for line in text.splitlines()]
    assert [row["upath"] for row in rows] == [
        "/api/conversations.list", "/api/conversations.create", "/api/chat.postMessage",
    ]  # fmt: skip
    found = score([row for row in replay(read_recordings(out), ["slack"]) if not row.given])
    assert (found.n, found.status, found.at_least) == (2, 1, 1)
    seeded = Universe(["slack"])
    world = seeded.create_world()
    believe_recordings(seeded, world, out)
    names = {row["name"] for row in seeded.world(world).table("slack.channels").values()}
    assert {"general", "random"} <= names
