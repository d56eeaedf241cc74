"""Heads of requests that came before: a client that says the same again is understood at once.

Clients repeat themselves: method, target and headers of their calls are the same bytes. What the
parser made of them is kept by these bytes, so that only the body has to be looked at.
"""

from dataclasses import dataclass
from typing import Final

from unlit.twins.kit.http import Request

LONGEST: Final = 4096
MOST: Final = 1000
_NOT_PLAIN: Final = ("transfer-encoding", "expect", "upgrade")


@dataclass(frozen=True, slots=True)
class Head:
    """What a head says.

    Attributes:
        size: Bytes of the body that follows.
        keep: Whether the connection stays open afterwards.
    """

    method: str
    path: str
    query: str
    headers: dict[str, str]
    origin: str
    size: int
    keep: bool

    def request(self, body: bytes) -> Request:
        """Return the request that this head begins."""
        return Request(self.method, self.path, self.query, self.headers, body, self.origin)


class Heads(dict[bytes, Head]):
    """Heads by their bytes, the empty line at their end included."""

    def learn(self, data: bytes, request: Request, keep: bool) -> None:
        """Keep a head, if `data` is one whole plain request that was understood as `request`."""
        end = data.find(b"\r\n\r\n") + 4
        size, headers = len(request.body), request.headers
        if not 4 < end <= LONGEST or len(data) != end + size:
            return
        if headers.get("content-length", "0") != str(size):
            return
        if any(name in headers for name in _NOT_PLAIN):
            return
        if len(self) >= MOST:
            self.clear()
        self[data[:end]] = Head(
            request.method, request.raw_path, request.raw_query, headers, request.origin, size, keep
        )
