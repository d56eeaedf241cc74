"""What an attempt is."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

AREAS: Final = ("files", "kernel", "network", "http", "limits", "odd")

PREAMBLE: Final = """
import base64, ctypes, fcntl, json, os, socket, ssl, struct, subprocess, sys, time
L = json.loads(os.environ["LAB"])
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *words):
    got = libc.syscall(ctypes.c_long(number), *words)
    return got if got >= 0 else -ctypes.get_errno()
def won(): print(L["mark"], flush=True)
def show(path): print(open(path, "rb").read().decode("latin1"), flush=True)
def tell(host, port, data=b"EXFIL", kind=socket.SOCK_STREAM, family=socket.AF_INET):
    at = socket.getaddrinfo(host, port, family, kind)[0][4]
    s = socket.socket(family, kind); s.settimeout(3); s.connect(at); s.sendall(data)
    if kind == socket.SOCK_STREAM:
        s.shutdown(socket.SHUT_WR); print(s.recv(4096).decode("latin1"))
def ask(raw, more=b""):
    host, port, secure = L["api"]
    s = socket.create_connection((host, port), timeout=4)
    if secure:
        context = ssl.create_default_context(cafile=L["ca"] or os.environ["SSL_CERT_FILE"])
        s = context.wrap_socket(s, server_hostname="api.example.com")
    s.sendall(raw); time.sleep(0.05)
    if more: s.sendall(more)
    s.settimeout(1.5); got = b""
    try:
        while piece := s.recv(65536): got += piece
    except OSError: pass
    print(got.decode("latin1")); return got
def get(path, headers="", method="GET", body=""):
    size = f"Content-Length: {len(body)}\\r\\n" if body else ""
    head = f"{method} {path} HTTP/1.1\\r\\nHost: api.example.com\\r\\n{headers}{size}"
    return ask(f"{head}Connection: close\\r\\n\\r\\n{body}".encode("latin1"))
KEY = os.environ.get("API_KEY", "")
"""

Sign = Literal["output", "told", "host", "process", "workspace"]


@dataclass(frozen=True)
class Attempt:
    """One way out.

    Attributes:
        code: Python that tries it; `won()` says that it succeeded where nothing can be shown.
        sign: How the outside knows: a canary in its output; something told to a listener outside; a
            path on the host; a process that lives on; a path in the workspace after the end.
        detail: The path that `host` and `workspace` look at.
        root: It leaks without a fence only when root runs it.
        group: Only a control group ends it, and not every user may make one.
        optional: It goes by a feature that not every kernel or machine has.
    """

    area: str
    name: str
    code: str
    sign: Sign = "output"
    detail: str = ""
    root: bool = False
    group: bool = False
    optional: bool = False


def attempts() -> tuple[Attempt, ...]:
    """Read every attempt from the files beside this one."""
    found = []
    for area in AREAS:
        text = (Path(__file__).parent / f"{area}.toml").read_text(encoding="utf-8")
        found += [Attempt(area, **fields) for fields in tomllib.loads(text)["attempt"]]
    return tuple(found)
