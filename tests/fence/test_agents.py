"""Real agents, unmodified, behind their shipped policies, with a key they never see.

The vendor is a scripted model server behind TLS, found at the vendor's own host name. Agents are
looked for where `unlit agents install` puts them (or in UNLIT_AGENTS); those that are not there are
not exercised.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.fixtures.agents import AGENTS

from unlit.core.system import SystemClock
from unlit.fence import FenceHost, FenceSpec, Mount
from unlit.fence.gateway.ca import Authority
from unlit.fence.model import Command
from unlit.fence.once import Streams, run_once
from unlit.fence.presets import NAMES, preset_text
from unlit.harness.recipes import MODEL, RECIPES, TASK, Recipe
from unlit.harness.tools import Program, find_program
from unlit.line.certify import CONTENT, FILE, tiny_script
from unlit.line.certify import TASK as WORDS
from unlit.models.twin.app import ModelTwin
from unlit.models.twin.server import ModelTwinServer
from unlit.policy import AuditLog, Identity, parse_policy, verify

KEY = "fake-real-key-9f8e7d6c5b4a39281706"
SECONDS = 90

pytestmark = [pytest.mark.slow, pytest.mark.fence]


@dataclass
class Vendor:
    """TLS in front of the scripted model server; keeps what came in."""

    port: int
    roots: Path
    seen: bytearray = field(default_factory=bytearray)


@contextlib.asynccontextmanager
async def open_vendor(folder: Path, app: ModelTwin | None = None) -> AsyncIterator[Vendor]:
    authority = Authority(datetime.now(UTC))
    roots = folder / "roots.pem"
    roots.write_bytes(authority.pem)
    twin = await ModelTwinServer.start(app or ModelTwin(tiny_script()))
    host, port = twin.address.rsplit(":", 1)
    vendor = Vendor(0, roots)

    async def pump(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, note: bytearray | None
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(65536):
                if note is not None:
                    note.extend(piece)
                writer.write(piece)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(host, int(port))
        async with asyncio.TaskGroup() as group:
            group.create_task(pump(reader, inner_writer, vendor.seen))
            group.create_task(pump(inner_reader, writer, None))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=authority.entry())
    vendor.port = server.sockets[0].getsockname()[1]
    try:
        yield vendor
    finally:
        server.close()
        await twin.close()


def command_of(recipe: Recipe, program: Program) -> Command:
    fill = {TASK: WORDS, MODEL: recipe.model}
    argv = [str(program.path)]
    for word in recipe.argv:
        for mark, text in fill.items():
            word = word.replace(mark, text)
        argv.append(word)
    return Command(argv, env=dict(recipe.env), home=dict(recipe.files))


@pytest.mark.parametrize("name", [name for name in NAMES if name in RECIPES])
async def test_a_real_agent_works_behind_its_preset(tmp_path: Path, name: str) -> None:
    recipe = RECIPES[name]
    program = find_program(recipe.command, name, AGENTS, "")
    if program is None:
        pytest.skip(f"{name} is not installed (unlit agents install {name})")
    policy = parse_policy(preset_text(name), f"{name}.toml")
    (credential,) = policy.granted("coder")
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (workspace / "README.md").write_text("# Tiny task\n")
    audit = AuditLog.open(tmp_path / "audit", {}, SystemClock(), key_dir=tmp_path / "keys")
    said = bytearray()
    stdin, feed = os.pipe()
    os.write(feed, WORDS.encode() if recipe.stdin else b"")
    os.close(feed)
    async with open_vendor(tmp_path) as vendor:
        host = await FenceHost.start(
            tmp_path / "state", audit,
            secret_env=dict.fromkeys(credential.source.words, KEY),
            upstream_tls=str(vendor.roots),
            overrides={credential.hosts[0]: f"127.0.0.1:{vendor.port}"},
        )  # fmt: skip
        try:
            mounts = tuple(Mount(Path(one.source), one.target) for one in program.mounts)
            identity = Identity("run", "tests", name, "coder")
            spec = FenceSpec("coder", policy, identity, workspace, mounts)
            streams = Streams(said.extend, said.extend, stdin)
            async with asyncio.timeout(SECONDS):
                once = await run_once(host, spec, command_of(recipe, program), streams)
        finally:
            await host.close()
            audit.close()
            os.close(stdin)
    told = bytes(said).decode("utf-8", "replace")[-1500:]
    made = {file.path for file in once.layer.files}
    assert FILE in made, told
    assert once.layer.read(FILE).strip() == CONTENT.strip()
    assert once.report.held
    assert once.report.usage, "the gateway read no usage off the model's answers"
    assert KEY.encode() in vendor.seen, "the key did not reach the vendor"
    assert b"unlitph" not in vendor.seen, "the placeholder reached the vendor"
    assert KEY not in told
    assert verify(tmp_path / "audit").ok
