"""Documented responses of services that no twin stands for, served over loopback HTTP."""

import contextlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from tests.context.contract import SECRET, Contract, load
from tests.context.tls import certify
from typing_extensions import override

from unlit.context.adapters.http_fetch import CREDENTIAL, Broker, HttpFetch
from unlit.context.api import Api
from unlit.context.registry import CONNECTORS
from unlit.core.system import SystemClock
from unlit.policy import AuditLog, Identity, parse_policy

POLICY = """
version = 1
[[allow]]
role = "context"
host = "127.0.0.1"
ports = [{port}]
scheme = "{scheme}"
allow_private = true
"""
WITH_CREDENTIAL = """credential = "vendor"
[credential.vendor]
source = {{env = "FAKE_SECRET"}}
inject = {inject}
hosts = ["127.0.0.1"]
ports = [{port}]
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
    tmp_path: Path,
    answer: Callable[[Asked], Answer],
    prefix: str = "",
    name: str = "service",
    *,
    contract: str = "",
) -> Iterator[Served]:
    """Yield an API at a loopback server that answers with `answer`.

    With a `contract` the credential is the policy's, put where the vendor documents it, and every
    request is held against what the vendor documents; one that is not documented fails the test.
    """
    asked: list[Asked] = []
    held = load(contract) if contract else None
    prefix = held.prefix if held is not None else prefix

    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(asked, answer, prefix, held))
    secured = held is not None and bool(held.raw.get("auth"))
    certificate, key = certify(tmp_path) if secured else (tmp_path, tmp_path)
    if secured:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    port = server.server_address[1]
    audit = AuditLog.open(tmp_path / "audit", {}, SystemClock())
    identity = Identity("r-test", "context", "unlit", "context")
    policy = parse_policy(_policy(held, port))
    broker = Broker(policy, identity, audit, {"FAKE_SECRET": SECRET})
    with pytest.MonkeyPatch.context() as patch:
        if secured:
            patch.setenv("SSL_CERT_FILE", str(certificate))
        fetch = HttpFetch(broker, pause=lambda seconds: None)
    base = f"{'https' if secured else 'http'}://127.0.0.1:{port}{prefix}"
    if held is not None and "path" in (held.raw.get("auth") or {}):
        base += "/bot-placeholder"
    try:
        yield Served(Api(fetch, base, name, _headers(contract)), asked)
        assert held is None or held.broken == []
    finally:
        fetch.close()
        audit.close()
        server.shutdown()
        server.server_close()
        thread.join(5)


def _handler(
    asked: list[Asked], answer: Callable[[Asked], Answer], prefix: str, held: Contract | None
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        @override
        def log_message(self, format: str, *args: object) -> None:  # its name there
            return

        def _any(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            raw = self.rfile.read(size)
            parts = urlsplit(self.path)
            pairs = parse_qsl(parts.query, keep_blank_values=True)
            body = json.loads(raw) if raw else None
            kind = self.headers.get("content-type") or ""
            path = parts.path.removeprefix(prefix)
            if held is not None and "path" in (held.raw.get("auth") or {}):
                path = "/" + path.split("/", 2)[-1]
            request = Asked(self.command, path, dict(reversed(pairs)), body, kind)
            asked.append(request)
            status, value, *more = self._answer(parts.path, pairs, request)
            data = value if isinstance(value, bytes) else json.dumps(value).encode()
            self.send_response(status)
            for key, text in (more[0] if more else {}).items():
                self.send_header(key, text)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # the client stops reading what is too large
                self.wfile.write(data)

        def _answer(self, path: str, pairs: list[tuple[str, str]], request: Asked) -> Any:
            if held is not None:
                problem = held.check(self.command, path, pairs, self.headers, request.body)
                if problem is not None:
                    return problem.status, {"message": problem.words}
            return answer(request)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815 # the library's names

    return Handler


def _policy(held: Contract | None, port: int) -> str:
    secured = held is not None and bool(held.raw.get("auth"))
    text = POLICY.format(port=port, scheme="https" if secured else "http")
    if held is not None and secured:
        text += WITH_CREDENTIAL.format(port=port, inject=CONNECTORS[held.name].inject)
    return text


def _headers(contract: str) -> dict[str, str]:
    """The headers that the wiring gives a connector of that name."""
    row = CONNECTORS.get(contract)
    if row is None:
        return {}
    bearer = {"authorization": f"Bearer {CREDENTIAL}"} if row.bearer else {}
    return {**(row.headers or {}), **bearer}
