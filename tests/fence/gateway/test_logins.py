"""Users' own logins are brokered, by the presets, against a fake identity provider."""

import asyncio
import json
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import pytest
from tests.fence.gateway.lab import Seen, open_lab

from unlit.fence.logins import login_files

REFRESH = "fake-refresh-token-of-a-person"
MINTED = "fake-minted-token-of-a-person"
CASES = {
    "claude-code-login": (
        ".claude/.credentials.json",
        {"claudeAiOauth": {"accessToken": "fake-old-access", "refreshToken": REFRESH}},
        ("api.anthropic.com", "/v1/messages"),
        "platform.claude.com",
    ),
    "codex-login": (
        ".codex/auth.json",
        {"tokens": {"refresh_token": REFRESH, "access_token": "fake-old", "account_id": "acc-1"}},
        ("chatgpt.com", "/backend-api/codex/responses"),
        "auth.openai.com",
    ),
    "gemini-cli-login": (
        ".gemini/oauth_creds.json",
        {"refresh_token": REFRESH, "access_token": "fake-old", "expiry_date": 1},
        ("cloudcode-pa.googleapis.com", "/v1internal:streamGenerateContent"),
        "oauth2.googleapis.com",
    ),
}


@pytest.mark.parametrize("preset", CASES)
async def test_a_login_is_used_without_entering(tmp_path: Path, preset: str) -> None:
    place, login, (host, path), provider = CASES[preset]
    file = tmp_path / place
    file.parent.mkdir()
    file.write_text(json.dumps(login))
    file.chmod(0o600)
    policy = (resources.files("unlit.fence.presets") / f"{preset}.toml").read_text()
    env = {"HOME": str(tmp_path), "GEMINI_OAUTH_CLIENT_SECRET": "fake-client-secret"}

    async def vendor(seen: Seen, writer: asyncio.StreamWriter) -> None:
        body = b'{"seen": true}'
        if f"host: {provider}".encode() in seen.head:
            told = {"access_token": MINTED, "expires_in": 3600, "refresh_token": "fake-rotated-one"}
            body = json.dumps(told).encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)

    async with open_lab(tmp_path, policy, env=env, hosts=(host, provider)) as lab:
        lab.vendor.answer = vendor
        (placeholder,) = lab.placeholders.values()
        token = f"authorization: Bearer {placeholder}"
        assert b" 200 " in await lab.post(host, path, b"{}", token)
        denied = await lab.post(provider, "/v1/oauth/token", b"{}", token)
        assert b" 403 " in denied
        asked, used = lab.vendor.seen
        assert REFRESH.encode() in asked.body
        assert f"authorization: Bearer {MINTED}".encode() in used.head
        shown = login_files(preset, lab.placeholders, tmp_path, datetime.now(UTC))
    kept = file.read_text()
    assert "fake-rotated-one" in kept
    assert REFRESH not in kept
    inside = "".join(shown.values())
    assert "fake-" not in inside
    assert preset == "claude-code-login" or placeholder in inside


def test_a_client_inside_sees_an_account_but_no_token(tmp_path: Path) -> None:
    (tmp_path / ".codex").mkdir()
    (tmp_path / ".codex" / "auth.json").write_text(json.dumps(CASES["codex-login"][1]))
    made = login_files("codex-login", {"chatgpt": "ph"}, tmp_path, datetime(2026, 3, 1, tzinfo=UTC))
    text = json.loads(made[".codex/auth.json"])
    assert text["tokens"]["account_id"] == "acc-1"
    assert text["tokens"]["access_token"] == "ph"
    assert text["last_refresh"] == "2026-03-01T00:00:00Z"
    assert login_files("claude-code", {}, tmp_path, datetime.now(UTC)) == {}
