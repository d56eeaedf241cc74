"""Real clients, unmodified, on their owners' logins: no token of a person enters the fence.

The identity provider and the vendor are fakes behind TLS, found at the vendors' own host names. A
client that is not installed is not exercised.
"""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.fence.gateway.test_logins import CASES, MINTED, REFRESH
from tests.fence.test_agents import command_of, open_vendor
from tests.fixtures.agents import AGENTS
from typing_extensions import override

from unlit.core.system import SystemClock
from unlit.fence import FenceHost, FenceSpec, Mount
from unlit.fence.logins import login_files
from unlit.fence.once import Streams, run_once
from unlit.fence.presets import agent_of, preset_text
from unlit.harness.recipes import RECIPES
from unlit.harness.tools import find_program
from unlit.line.certify import CONTENT, FILE, TASK, tiny_script
from unlit.models.twin.app import ModelTwin
from unlit.policy import AuditLog, Identity, parse_policy, verify

SECONDS = 120
ACCOUNTS = {
    "accounts": [
        {
            "id": "acc-1",
            "plan_type": "plus",
            "structure": "personal",
            "workspace_backend_origin": "https://chatgpt.com",
            "account_routing_override": "NO_CONSTRAINT",
            "is_deactivated": False,
            "can_access_with_session": True,
            "is_fedramp_compliant_workspace": False,
        }
    ],
    "default_account_id": "acc-1",
    "account_ordering": ["acc-1"],
}

pytestmark = [pytest.mark.slow, pytest.mark.fence]


class LoginVendor(ModelTwin):
    """Identity provider and model in one: tokens for refresh tokens, then the script."""

    def __init__(self) -> None:
        super().__init__(tiny_script())
        self.minted = 0

    @override
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        path = str(scope["path"])
        if path.endswith("/token"):
            await _read(receive)
            self.minted += 1
            await _answer(send, {"access_token": MINTED, "expires_in": 3600})
        elif path.endswith("/wham/accounts/check"):
            await _answer(send, ACCOUNTS)
        elif path.endswith("/tokeninfo"):
            await _read(receive)
            await _answer(send, {"aud": "fake", "expires_in": 3000, "scope": "fake"})
        elif path.startswith("/v1internal"):
            await self._code_assist(scope, receive, send)
        else:
            short = path.replace("/backend-api/codex", "/v1")
            body = await _read(receive)
            if dict(scope["headers"]).get(b"content-encoding") == b"zstd":
                body = await asyncio.to_thread(_plain, body)
            again = partial(_once, [{"type": "http.request", "body": body}])
            await super().__call__({**scope, "path": short}, again, send)

    async def _code_assist(self, scope: Any, receive: Any, send: Any) -> None:
        act = str(scope["path"]).rpartition(":")[2]
        told = json.loads(await _read(receive) or b"{}")
        tier = {"id": "standard-tier", "name": "Standard", "isDefault": True}
        if act in ("streamGenerateContent", "generateContent"):
            body = json.dumps(told["request"]).encode()
            path = f"/v1beta/models/{told['model']}:{act}"
            again = partial(_once, [{"type": "http.request", "body": body}])
            await super().__call__({**scope, "path": path}, again, partial(_wrapped, send))
        elif act == "countTokens":
            await _answer(send, {"totalTokens": 10})
        elif act == "onboardUser":
            project = {"cloudaicompanionProject": {"id": "fake-project"}}
            await _answer(send, {"done": True, "response": project})
        else:
            allowed = {"allowedTiers": [tier], "cloudaicompanionProject": "fake-project"}
            await _answer(send, {"currentTier": tier, **allowed})


def _plain(body: bytes) -> bytes:
    made = subprocess.run(["zstd", "-dc"], input=body, capture_output=True, check=True)
    plain: bytes = made.stdout
    return plain


async def _once(messages: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    return messages.pop(0) if messages else {"type": "http.disconnect"}


async def _wrapped(send: Any, message: Mapping[str, Any]) -> None:
    """Put each answer of the model API into the envelope of Code Assist."""
    if message["type"] == "http.response.start":
        kept = [pair for pair in message["headers"] if pair[0].lower() != b"content-length"]
        await send({**message, "headers": kept})
        return
    lines = []
    for line in bytes(message.get("body", b"")).split(b"\n"):
        if line.startswith(b"data: {"):
            wrapped = {"response": json.loads(line[6:])}
            line = b"data: " + json.dumps(wrapped).encode()
        lines.append(line)
    await send({**message, "body": b"\n".join(lines)})


async def _read(receive: Any) -> bytes:
    body: bytes = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


async def _answer(send: Any, value: Mapping[str, Any]) -> None:
    body = json.dumps(value).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.mark.parametrize("preset", CASES)
async def test_a_real_client_works_on_its_owners_login(tmp_path: Path, preset: str) -> None:
    recipe = RECIPES[agent_of(preset)]
    program = find_program(recipe.command, recipe.name, AGENTS, "")
    if program is None:
        pytest.skip(f"{recipe.name} is not installed (unlit agents install {recipe.name})")
    if preset == "codex-login" and shutil.which("zstd") is None:
        pytest.skip("zstd is not installed: this client compresses what it asks")
    place, login, (host, _), provider = CASES[preset]
    file = tmp_path / "home" / place
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(login))
    file.chmod(0o600)
    policy = parse_policy(preset_text(preset), f"{preset}.toml")
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (workspace / "README.md").write_text("# Tiny task\n")
    audit = AuditLog.open(tmp_path / "audit", {}, SystemClock(), key_dir=tmp_path / "keys")
    said = bytearray()
    stdin, feed = os.pipe()
    os.write(feed, TASK.encode() if recipe.stdin else b"")
    os.close(feed)
    twin = LoginVendor()
    async with open_vendor(tmp_path, twin) as vendor:
        at = f"127.0.0.1:{vendor.port}"
        env = {"HOME": str(tmp_path / "home"), "GEMINI_OAUTH_CLIENT_SECRET": "fake-secret-0"}
        opened = await FenceHost.start(
            tmp_path / "state", audit, secret_env=env, upstream_tls=str(vendor.roots),
            overrides={host: at, provider: at},
        )  # fmt: skip
        try:
            mounts = tuple(Mount(Path(one.source), one.target) for one in program.mounts)
            identity = Identity("run", "tests", recipe.name, "coder")
            spec = FenceSpec("coder", policy, identity, workspace, mounts)
            made = partial(login_files, preset, home=tmp_path / "home", now=datetime.now(UTC))
            command = replace(command_of(recipe, program), login=made)
            async with asyncio.timeout(SECONDS):
                once = await run_once(
                    opened, spec, command, Streams(said.extend, said.extend, stdin)
                )
        finally:
            await opened.close()
            audit.close()
            os.close(stdin)
    told = bytes(said).decode("utf-8", "replace")[-3000:]
    assert FILE in {one.path for one in once.layer.files}, told
    assert once.layer.read(FILE).strip() == CONTENT.strip()
    assert once.report.held
    assert twin.minted >= 1
    assert f"Bearer {MINTED}".encode() in vendor.seen, "the minted token did not reach the vendor"
    assert REFRESH.encode() in vendor.seen
    assert b"unlitph" not in vendor.seen, "the placeholder reached the vendor"
    assert REFRESH not in told
    assert MINTED not in told
    assert verify(tmp_path / "audit").ok
