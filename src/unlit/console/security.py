"""Who is let in: signed sessions, CSRF tokens, allowed hosts, headers and rate limits.

A session is a signed cookie, so a restart logs nobody out; it holds no secret. The server answers
only to the host names it was started for, so a page elsewhere cannot reach it by DNS.
"""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from unlit.console.model import Role, Session

COOKIE: Final = "unlit_session"
SESSION_S: Final = 14 * 24 * 3600
CSRF_FIELD: Final = "csrf"
CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-src http://*.localhost:*; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=()",
    "x-frame-options": "DENY",
}


def sign(key: bytes, text: bytes) -> str:
    """Return a signature of `text` that only who has `key` can make."""
    return hmac.new(key, text, hashlib.sha256).hexdigest()


def seal(session: Session, key: bytes) -> str:
    """Turn a session into a cookie value."""
    plain = {
        "p": session.person,
        "r": sorted(role.value for role in session.roles),
        "n": session.nonce,
        "e": session.expires_at,
    }
    body = base64.urlsafe_b64encode(json.dumps(plain, separators=(",", ":")).encode()).rstrip(b"=")
    return f"{body.decode()}.{sign(key, body)}"


def unseal(cookie: str, key: bytes, now_s: int) -> Session | None:
    """Read a cookie value; a forged or expired one is no session."""
    body, _, signature = cookie.partition(".")
    if not signature or not hmac.compare_digest(signature, sign(key, body.encode())):
        return None
    try:
        plain = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        session = Session(
            str(plain["p"]),
            frozenset(Role(role) for role in plain["r"]),
            str(plain["n"]),
            int(plain["e"]),
        )
    except (ValueError, KeyError, TypeError):
        return None
    return session if session.expires_at > now_s else None


def open_session(person: str, roles: frozenset[Role], now_s: int) -> Session:
    """Begin a session."""
    return Session(person, roles, secrets.token_urlsafe(16), now_s + SESSION_S)


def csrf_token(session: Session, key: bytes, salt: str | None = None) -> str:
    """Return a token for a form of this session; each time another one.

    Pages are compressed, so that a secret that stays the same could be guessed from their size.
    """
    salt = salt or secrets.token_hex(8)
    return salt + sign(key, f"csrf:{session.nonce}:{salt}".encode())[:40]


def is_csrf(token: str, session: Session, key: bytes) -> bool:
    """Whether a form carries a token of this session."""
    if len(token) != 56 or not token.isalnum():
        return False
    return hmac.compare_digest(token.encode(), csrf_token(session, key, token[:16]).encode())


def is_token(given: str, token: str) -> bool:
    """Whether a login token is the right one; takes the same time either way."""
    return hmac.compare_digest(given.encode(), token.encode())


@dataclass
class Limiter:
    """A bucket of acts for each caller: `burst` at once, refilled at `per_minute`."""

    burst: int
    per_minute: float
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)

    def allows(self, who: str, now_s: float) -> bool:
        """Take one act out of the caller's bucket, if there is one."""
        left, at = self._left.get(who, (float(self.burst), now_s))
        left = min(float(self.burst), left + (now_s - at) * self.per_minute / 60)
        if len(self._left) > 10_000:
            self._left.clear()
        if left < 1:
            self._left[who] = (left, now_s)
            return False
        self._left[who] = (left - 1, now_s)
        return True
