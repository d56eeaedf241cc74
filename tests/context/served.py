"""Documented responses of services that no twin stands for, served over loopback HTTP."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from typing_extensions import override

from unlit.context.adapters.http_fetch import Broker, HttpFetch
from unlit.context.api import Api
from unlit.core.system import SystemClock
from unlit.policy import AuditLog, Identity, parse_policy

POLICY = """
version = 1
[[allow]]
role = "context"
host = "127.0.0.1"
ports = [{port}]
scheme = "http"
allow_private = true
"""


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    kind: str = ""


@dataclass
class Served:
    """A service that answers by a function."""

    api: Api
    asked: list[Asked] = field(default_factory=list)


Answer = tuple[int, Any] | tuple[int, Any, dict[str, str]]


@contextlib.contextmanager
def serving(
    tmp_path: Path, answer: Callable[[Asked], Answer], prefix: str = "", name: str = "service"
) -> Iterator[Served]:
    """Yield an API at a loopback server that answers with `answer`."""
    asked: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        @override
        def log_message(self, format: str, *args: object) -> None:  # its name there
            return

        def _any(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            raw = self.rfile.read(size)
            parts = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            body = json.loads(raw) if raw else None
            kind = self.headers.get("content-type") or ""
            request = Asked(self.command, parts.path.removeprefix(prefix), query, body, kind)
            asked.append(request)
            status, value, *more = answer(request)
            data = value if isinstance(value, bytes) else json.dumps(value).encode()
            self.send_response(status)
            for key, text in (more[0] if more else {}).items():
                self.send_header(key, text)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815 # the library's names

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    port = server.server_address[1]
    audit = AuditLog.open(tmp_path / "audit", {}, SystemClock())
    identity = Identity("r-test", "context", "unlit", "context")
    broker = Broker(parse_policy(POLICY.format(port=port)), identity, audit, {})
    fetch = HttpFetch(broker, pause=lambda seconds: None)
    try:
        yield Served(Api(fetch, f"http://127.0.0.1:{port}{prefix}", name), asked)
    finally:
        fetch.close()
        audit.close()
        server.shutdown()
        server.server_close()
        thread.join(5)
