"""Quotas: calls of one person in a minute, by service; off unless a world has limits."""

from typing import Final

from unlit.twins.kit.twin import Exchange, VendorError
from unlit.twins.services.google import errors

# Service: reads and writes of one person in a minute (vendor's pages, 2026-11).
PER_MINUTE: Final = {"sheets": (60, 60), "docs": (300, 60), "drive": (12_000, 12_000)}
PROJECT: Final = "123456789012"


def refusal(exchange: Exchange) -> VendorError | None:
    """Count a call; return the refusal when it is one too many."""
    service = exchange.route.op.partition(".")[0]
    if service not in PER_MINUTE:
        return None
    kind = "Read" if exchange.request.method in ("GET", "HEAD") else "Write"
    most = PER_MINUTE[service][kind == "Write"]
    table = exchange.table("quota")
    minute = int(exchange.world.now() // 60)
    key = (exchange.actor.id, service, kind)
    seen, count = table.get(key) or (minute, 0)
    count = count + 1 if seen == minute else 1
    table.put(key, (minute, count))
    if count <= most:
        return None
    if service == "drive":
        return errors.drive(
            403, "userRateLimitExceeded", "User Rate Limit Exceeded", domain="usageLimits"
        )
    return errors.rpc(429, _text(service, kind), details=_details(service, kind, most))


def _text(service: str, kind: str) -> str:
    return (
        f"Quota exceeded for quota metric '{kind} requests' and limit '{kind} requests per minute "
        f"per user' of service '{service}.googleapis.com' for consumer 'project_number:{PROJECT}'."
    )


def _details(service: str, kind: str, most: int) -> list[object]:
    return [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "RATE_LIMIT_EXCEEDED",
            "domain": "googleapis.com",
            "metadata": {
                "quota_limit_value": str(most),
                "service": f"{service}.googleapis.com",
                "consumer": f"projects/{PROJECT}",
                "quota_unit": "1/min/{project}/{user}",
                "quota_location": "global",
                "quota_metric": f"{service}.googleapis.com/{kind.lower()}_requests",
                "quota_limit": f"{kind}RequestsPerMinutePerUser",
            },
        },
        {
            "@type": "type.googleapis.com/google.rpc.Help",
            "links": [
                {
                    "description": "Request a higher quota limit.",
                    "url": "https://cloud.google.com/docs/quotas/help/request_increase",
                }
            ],
        },
    ]
