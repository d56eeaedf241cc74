"""What an agent's client needs to find itself logged in: its own files, with placeholders.

The user's real login is read for what is no secret (an account's id); no token enters a fence.
"""

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from unlit.core.canonical import canonical_json

_FAR_MS: Final = 4_102_444_800_000
"""1 January 2100: the client must not try to refresh, the gateway does."""


def login_files(
    preset: str, placeholders: Mapping[str, str], home: Path, now: datetime
) -> dict[str, str]:
    """Return the files to write into a fence's home, path to text.

    Args:
        preset: Name of the preset; one without files gives none.
        placeholders: The fence's placeholders, by credential.
        home: The user's own home, read for what is no secret.
        now: Time of the pretended last refresh.
    """
    if preset == "codex-login":
        return {".codex/auth.json": _codex(placeholders["chatgpt"], home, now)}
    if preset == "gemini-cli-login":
        settings = {"security": {"auth": {"selectedType": "oauth-personal"}}}
        return {
            ".gemini/oauth_creds.json": _gemini(placeholders["google"]),
            ".gemini/settings.json": json.dumps(settings),
        }
    return {}


def _codex(placeholder: str, home: Path, now: datetime) -> str:
    kept = _read(home / ".codex" / "auth.json").get("tokens")
    account = kept.get("account_id") if isinstance(kept, dict) else None
    claims = {
        "email": "agent@fence.invalid",
        "exp": _FAR_MS // 1000,
        "https://api.openai.com/auth": {"chatgpt_account_id": account, "chatgpt_plan_type": "plus"},
    }
    tokens = {
        "id_token": _unsigned(claims),
        "access_token": placeholder,
        "refresh_token": "none-in-the-fence",
        "account_id": account,
    }
    refreshed = now.isoformat().replace("+00:00", "Z")
    return json.dumps({"OPENAI_API_KEY": None, "tokens": tokens, "last_refresh": refreshed})


def _gemini(placeholder: str) -> str:
    return json.dumps(
        {
            "access_token": placeholder,
            "refresh_token": "none-in-the-fence",
            "scope": "https://www.googleapis.com/auth/cloud-platform",
            "token_type": "Bearer",
            "expiry_date": _FAR_MS,
        }
    )


def _unsigned(claims: Mapping[str, Any]) -> str:
    parts = (canonical_json({"alg": "none", "typ": "JWT"}), canonical_json(claims), b"none")
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
