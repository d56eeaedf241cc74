"""What a program inside reads when it is refused: short, with the command that explains."""

import json
from dataclasses import dataclass
from shlex import quote
from typing import Any, Final

from unlit.fence.gateway.head import Headers
from unlit.fence.gateway.model import PROXY_NAME
from unlit.policy.model import Request

REASONS: Final = {
    400: b"Bad Request", 402: b"Payment Required", 403: b"Forbidden", 405: b"Method Not Allowed",
    408: b"Request Timeout", 413: b"Content Too Large", 417: b"Expectation Failed",
    421: b"Misdirected Request", 429: b"Too Many Requests",
    431: b"Request Header Fields Too Large", 501: b"Not Implemented", 502: b"Bad Gateway",
    503: b"Service Unavailable", 504: b"Gateway Timeout",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Denial(Exception):
    """A refusal: what the program is told, and what the audit log says.

    Attributes:
        status: HTTP status.
        code: Code of ours, in docs/errors/gateway.md.
        rule: Rule that refused, or the gateway's own.
        why: One sentence.
        explain: The command that says more, or nothing.
        ask: How a program asks for it, or nothing.
        shown: Body in a vendor's own shape, instead of ours.
    """

    status: int
    code: str
    rule: str
    why: str
    explain: str = ""
    ask: str = ""
    shown: dict[str, Any] | None = None

    def body(self) -> bytes:
        """Render the body."""
        told: dict[str, Any] = {"error": "refused by the fence", "code": self.code}
        told |= {"rule": self.rule, "why": self.why}
        if self.explain:
            told["explain"] = self.explain
        if self.ask:
            told["ask a person"] = self.ask
        return json.dumps(self.shown or told, ensure_ascii=True).encode("ascii") + b"\n"

    def headers(self) -> Headers:
        """Return the fields of the refusal."""
        fields = [
            (b"content-type", b"application/json"),
            (b"x-unlit-fence", self.code.encode("ascii")),
            (b"cache-control", b"no-store"),
        ]
        if self.code == "FEN-510":
            fields.append((b"x-should-retry", b"false"))
        if self.status == 429:
            fields.append((b"retry-after", b"1"))
        return fields


def by_policy(rule: str, why: str, request: Request) -> Denial:
    """Refuse what policy does not allow."""
    url = str(request).partition(" ")[2]
    # people paste it: a path may hold quotes and semicolons, so it is quoted for the shell
    explain = f"unlit policy explain {request.role} {request.method} {quote(url)}"
    ask = f"POST {{method, url, reason}} as JSON to http://{PROXY_NAME}/ask"
    return Denial(403, "FEN-501", rule, why, explain, ask)
