"""A product that wants to know whether it runs for the first time: it looks, tells, leaves traces.

It runs inside a fence, with the machine's plain Python.
"""

import ctypes
import json
import os
import socket
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

PLACES = ("/work", "/tmp", "/var/tmp", "/home/agent", "/dev/shm", "/run", "/etc", "/")
NAME = "unlit-was-here"
GATEWAY = "http://gateway.unlit.internal/ask"
OTHER = "http://forbidden.example.com/"
LIBC = ctypes.CDLL(None, use_errno=True)
KEY = 0x756E6C69


def text(path: str) -> str:
    """Return a file of the kernel's, or why it cannot be read."""
    try:
        return Path(path).read_text(encoding="latin-1")
    except OSError as error:
        return str(error.errno)


def names(path: str) -> list[str]:
    """Return what lies in a folder."""
    return sorted(each.name for each in Path(path).iterdir())


def marks() -> list[str]:
    """Return what an earlier run left."""
    found = [place for place in PLACES if Path(place, NAME).exists()]
    if LIBC.shmget(KEY, 4096, 0) >= 0:
        found.append("SysV memory")
    if LIBC.mq_open(b"/" + NAME.encode(), os.O_RDONLY) >= 0:
        found.append("message queue")
    if NAME in text("/proc/net/unix"):
        found.append("abstract socket")
    return found


def leave() -> list[object]:
    """Leave a trace everywhere; return what must stay open."""
    for place in PLACES:
        try:
            Path(place, NAME).touch()
        except OSError:
            continue
    LIBC.shmget(KEY, 4096, 0o1600)
    LIBC.mq_open(b"/" + NAME.encode(), os.O_CREAT | os.O_RDWR, 0o600, None)
    kept = socket.socket(socket.AF_UNIX)
    kept.bind(f"\0{NAME}")
    kept.listen()
    return [kept]


def net() -> dict[str, str]:
    """Return what the network counts, without addresses of kernel objects."""
    kinds = ("snmp", "snmp6", "netstat", "dev", "sockstat6", "arp", "route", "nf_conntrack")
    return {name: text(f"/proc/net/{name}") for name in kinds}


def connect() -> None:
    """Use the loopback, so that its counters move."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
        server.accept()[0].close()


def ask(data: bytes | None) -> tuple[int, str]:
    """Talk to the gateway."""
    try:
        with urllib.request.urlopen(GATEWAY, data, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


def status(url: str) -> int:
    """Return what the gateway answers."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 # inside
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def address(name: str) -> str:
    """Return the made-up address of a name."""
    try:
        return socket.gethostbyname(name)
    except OSError as error:
        return str(error)


def main() -> None:
    """Look, tell, leave."""
    seen: dict[str, Any] = {"net": net(), "marks": marks()}
    seen["files"] = {place: names(place) for place in PLACES}
    seen["ipc"] = [text(f"/proc/sysvipc/{kind}") for kind in ("shm", "sem", "msg")]
    seen["terminals"] = names("/dev/pts")
    seen["pid"] = os.getpid()
    used = os.statvfs("/tmp")
    seen["room"] = [used.f_bfree, used.f_ffree]
    seen["address"] = address(f"{os.urandom(4).hex()}.example.com")
    seen["wishes"] = ask(None)
    wish = b'{"method": "GET", "url": "https://example.com/", "reason": "curious"}'
    seen["wish"] = ask(wish)
    seen["pace"] = [status(OTHER) for _ in range(3)]
    connect()
    kept = leave()
    for _ in range(20):
        status(OTHER)
    print(json.dumps(seen))
    del kept


if __name__ == "__main__":
    main()
