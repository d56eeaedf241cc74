"""Okta's rate limits: calls a minute for each organisation, by what a path begins with.

Source: the header ``x-rate-limit-limit`` of recorded answers (organisations of full size), counted
by method and place; ``/logs`` from developer.okta.com/docs/reference/rl-global-mgmt (2026-06).
"""

from typing import Final

from unlit.twins.kit.twin import Exchange, VendorError
from unlit.twins.services.okta.errors import failure

USUAL: Final = 1000
_ANY: Final = "*"
# first segment below /api/v1 → calls a minute for one object by id, and for everything else
PER_MINUTE: Final[dict[str, tuple[int, int]]] = {
    "agentPools": (10, 10), "apps": (500, 100), "authenticators": (100, 100),
    "authorizationServers": (50, 50), "behaviors": (500, 500), "brands": (100, 600),
    "captchas": (500, 500), "device-posture-checks": (50, 50), "devices": (50, 300),
    "features": (1000, 1000), "groups": (1000, 500), "iam": (100, 100), "idps": (1000, 1000),
    "inlineHooks": (1000, 1000), "logs": (120, 120), "mappings": (500, 500), "meta": (100, 100),
    "org": (500, 500), "policies": (1000, 1000), "push-providers": (50, 50),
    "rate-limit-settings": (50, 50), "realms": (500, 500), "templates": (1000, 1000),
    "threats": (100, 100), "trustedOrigins": (1000, 1000), "users": (600, 600),
}  # fmt: skip
SPAN_S: Final = 60


def bucket(path: str) -> tuple[str, int]:
    """Return which calls are counted together with a path, and how many a minute."""
    parts = path.strip("/").split("/")
    if parts[:2] != ["api", "v1"] or len(parts) < 3:
        return parts[0] if len(parts) < 3 else "/".join(parts[:3]), USUAL
    one, others = PER_MINUTE.get(parts[2], (USUAL, USUAL))
    by_id = len(parts) == 4
    return f"{parts[2]}/{_ANY if by_id else ''}", one if by_id else others


def headers(call: Exchange) -> list[tuple[str, str]]:
    """Return the three headers that every answer carries."""
    name, most = bucket(call.request.raw_path)
    start, count = call.table("rates").get(name, (call.world.now(), 1))
    return [
        ("x-rate-limit-limit", str(most)),
        ("x-rate-limit-remaining", str(max(0, most - count))),
        ("x-rate-limit-reset", str(int(start) + SPAN_S)),
    ]


def refused(call: Exchange) -> VendorError | None:
    """Count a call; return E0000047 when it is one too many. Okta names no Retry-After."""
    name, most = bucket(call.request.raw_path)
    table, now = call.table("rates"), call.world.now()
    start, count = table.get(name, (now, 0))
    if now - start >= SPAN_S:
        start, count = now, 0
    table.put(name, (start, count + 1))
    return failure("E0000047") if count >= most else None
