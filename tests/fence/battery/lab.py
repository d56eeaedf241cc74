"""The outside: what must stay out of reach, each with a canary, and listeners that take note."""

import asyncio
import base64
import binascii
import bz2
import codecs
import contextlib
import ctypes
import getpass
import gzip
import io
import json
import lzma
import os
import re
import secrets
import socket
import ssl
import subprocess
import unicodedata
import zipfile
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from typing_extensions import override

from unlit.fence.gateway.ca import Authority

ANYWHERE = "0.0.0.0"  # noqa: S104 # the host has several addresses, and each is tried
POLICY = """
version = 1
[credential.key]
source = {env = "API_KEY"}
inject = {header = "x-api-key"}
hosts = ["api.example.com"]
methods = ["GET", "POST"]
paths = ["/v1/open/**"]
require = false
[[allow]]
role = "coder"
host = "api.example.com"
methods = ["GET", "POST"]
paths = ["/v1/open/**"]
credential = "key"
[files.coder]
write = ["."]
hide = [".env", "secrets/**", "linked.env", "linked/**"]
read_only = [".git/hooks", ".git/config", "AGENTS.md"]
"""

_MOST_INSIDE: Final = 100


@dataclass
class Lab:
    """What is outside, and what it has noticed."""

    folder: Path
    canary: str
    key: str
    facts: dict[str, Any]
    told: bytearray = field(default_factory=bytearray)
    left_open: int = -1
    ca: Path = Path()

    def workspace(self, name: str) -> Path:
        """Make a workspace with secrets, guarded files and planted links."""
        place = self.folder / name
        for path, text in {
            ".env": self.canary, "secrets/key.pem": self.canary, "AGENTS.md": "rules\n",
            ".git/config": "[core]\n", "sub/file": "x", "README.md": "hello\n",
            "conf/prod.env": self.canary, "real/key.pem": self.canary,
        }.items():  # fmt: skip
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_text(text)
        (place / "linked.env").symlink_to("conf/prod.env")
        (place / "linked").symlink_to("real")
        (place / "planted-link").symlink_to(self.facts["vault"])
        (place / "planted-folder").symlink_to(Path(self.facts["vault"]).parent)
        (place / "planted-drop").symlink_to(self.facts["drop"])
        return place

    def clear_drop(self) -> None:
        """Forget what attempts have written outside."""
        for left in Path(self.facts["drop"]).iterdir():
            left.unlink()

    def facts_for(self, mark: str, tag: str, *, inside: bool) -> str:
        """Render what an attempt is told."""
        api = ["api.example.com", 443, True] if inside else self.facts["server"]
        ca = "" if inside else str(self.ca)
        return json.dumps({**self.facts, "mark": mark, "tag": tag, "api": api, "ca": ca})


@asynccontextmanager
async def open_lab(folder: Path) -> AsyncIterator[Lab]:
    """Plant everything; take it away at the end."""
    canary = f"CANARY-{secrets.token_hex(12)}"
    key = f"fake-key-{secrets.token_hex(16)}"
    lab = Lab(folder, canary, key, {})
    async with contextlib.AsyncExitStack() as stack:
        _plant_files(lab)
        lab.left_open = os.open(lab.facts["vault"], os.O_RDONLY)
        stack.callback(os.close, lab.left_open)
        process = _bystander(canary)
        stack.callback(process.wait)
        stack.callback(process.kill)
        lab.facts["pid"] = process.pid
        stack.callback(_plant_memory(lab))
        await _listen(lab, stack)
        await _serve(lab, stack)
        yield lab


def _bystander(canary: str) -> "subprocess.Popen[bytes]":
    """Start a process of the host that has the canary in its environment.

    Its number must be none that a fence's own few processes have: in a process namespace that was
    just made, and a battery should run in one, numbers begin anew.
    """
    while True:
        process = subprocess.Popen(
            [canary, "3600"],
            executable="sleep",
            env={"BATTERY_CANARY": canary},
            start_new_session=True,
        )
        if process.pid > _MOST_INSIDE:
            return process
        process.kill()
        process.wait()


def _plant_files(lab: Lab) -> None:
    lab.folder.mkdir(mode=0o755)
    for name in (
        "vault/scenario.yaml",
        "state/record.db",
        "state/audit/log",
        "home/.ssh/id",
        "other/answer",
    ):
        place = lab.folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(lab.canary)
    (lab.folder / "drop").mkdir()
    (lab.folder / "drop").chmod(0o777)
    machine = Path("/etc/machine-id")
    lab.facts |= {
        "folder": str(lab.folder),
        "vault": str(lab.folder / "vault/scenario.yaml"),
        "record": str(lab.folder / "state/record.db"),
        "audit": str(lab.folder / "state/audit/log"),
        "ssh": str(lab.folder / "home/.ssh/id"),
        "other": str(lab.folder / "other/answer"),
        "drop": str(lab.folder / "drop"),
        "machine": machine.read_text().strip() if machine.exists() else "",
        "hostname": socket.gethostname(),
        "user": f"\n{getpass.getuser()}:" if getpass.getuser() != "root" else "\ndaemon:",
    }  # fmt: skip


def _plant_memory(lab: Lab) -> Callable[[], None]:
    libc = ctypes.CDLL(None, use_errno=True)
    lab.facts["shmkey"] = secrets.randbelow(1 << 30)
    number = libc.shmget(lab.facts["shmkey"], 4096, 0o1666)
    libc.shmat.restype = ctypes.c_void_p
    at = libc.shmat(number, None, 0)
    ctypes.memmove(at, lab.canary.encode() + b"\0", len(lab.canary) + 1)
    shared = Path("/dev/shm") / f"unlit-{secrets.token_hex(6)}"
    shared.write_text(lab.canary)
    lab.facts["shm"] = shared.name

    def remove() -> None:
        libc.shmdt(ctypes.c_void_p(at))
        libc.shmctl(number, 0, None)
        shared.unlink()

    return remove


async def _listen(lab: Lab, stack: contextlib.AsyncExitStack) -> None:
    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(2):
                lab.told.extend(await reader.read(65536))
            writer.write(lab.canary.encode())
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(note, ANYWHERE, 0)
    six = await asyncio.start_server(note, "::", 0, family=socket.AF_INET6)
    abstract = f"unlit-{secrets.token_hex(6)}"
    path = str(lab.folder / "s")
    sockets = [
        await asyncio.start_unix_server(note, path),
        await asyncio.start_unix_server(note, f"\0{abstract}"),
    ]
    for one in (server, six, *sockets):
        stack.callback(one.close)

    class Note(asyncio.DatagramProtocol):
        @override
        def datagram_received(self, data: bytes, addr: Any) -> None:
            lab.told.extend(data)

    loop = asyncio.get_running_loop()
    udp, _ = await loop.create_datagram_endpoint(Note, (ANYWHERE, 0))
    stack.callback(udp.close)
    unix, _ = await loop.create_datagram_endpoint(Note, f"\0{abstract}-d", family=socket.AF_UNIX)
    stack.callback(unix.close)
    address, address6, link6 = _addresses()
    has_dns = False
    with contextlib.suppress(OSError):
        dns, _ = await loop.create_datagram_endpoint(Note, (address, 53))
        stack.callback(dns.close)
        has_dns = True
    lab.facts |= {
        "port": server.sockets[0].getsockname()[1], "port6": six.sockets[0].getsockname()[1],
        "udp": udp.get_extra_info("sockname")[1], "dns": has_dns, "socket": path,
        "abstract": abstract, "address": address, "address6": address6, "link6": link6,
    }  # fmt: skip
    os.chmod(path, 0o777)  # noqa: PTH101, S103 # no blocking worth a thread


def _addresses() -> tuple[str, str, str]:
    """Return the host's own addresses: IPv4, IPv6, link-local; empty where it has none."""
    told = subprocess.run(["ip", "-o", "addr"], capture_output=True, text=True, check=False).stdout
    four = re.findall(r"eth0\s+inet (\S+?)/", told) or re.findall(r"inet (?!127\.)(\S+?)/", told)
    six = re.findall(r"inet6 (?!fe80|::1)(\S+?)/", told)
    link = re.findall(r"eth0\s+inet6 (fe80\S+?)/", told)
    return (*(found[0] if found else "" for found in (four, six, link)),)  # type: ignore[return-value]


async def _serve(lab: Lab, stack: contextlib.AsyncExitStack) -> None:
    """Start a server that believes whatever it is told, under the vendor's name."""
    authority = Authority(datetime.now(UTC))
    lab.ca = lab.folder / "ca.pem"
    lab.ca.write_bytes(authority.pem)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError, ssl.SSLError):
            async with asyncio.timeout(1.2):
                await _answer(lab, reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=authority.entry())
    stack.callback(server.close)
    lab.facts["server"] = ["127.0.0.1", server.sockets[0].getsockname()[1], True]


async def _answer(lab: Lab, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read as naively as can be: any piece that looks like a request is one."""
    got = b""
    while piece := await reader.read(65536):
        got += piece
        lowered = got.decode("latin1")
        given = re.search(r"(?i)x-api-key: *(\S+)", lowered)
        rest = re.sub(r"(?i)x-api-key: *\S+", "", lowered)
        rest += "".join(re.findall("(?<![^\n])1\r\n(.)\r\n", rest)) + _unpacked(got)
        for spelling in (
            lab.key, base64.b64encode(lab.key.encode()).decode(), lab.key.encode().hex()
        ):  # fmt: skip
            if spelling in rest:
                lab.told.extend(b"EXFIL key outside its place")
        if _is_closed(lowered):
            writer.write(_reply(lab.canary.encode()))
        elif "/v1/open/echo" in lowered:
            writer.write(_echo(lowered, (given[1] if given else "none").encode()))
        else:
            writer.write(_reply(b"ok"))
        await writer.drain()


def _unpacked(got: bytes) -> str:
    """Return what a body says that is compressed."""
    _, mark, rest = got.partition(b"\x1f\x8b")
    with contextlib.suppress(zlib.error):
        return zlib.decompressobj(wbits=47).decompress(mark + rest).decode("latin1")
    return ""


def _is_closed(text: str) -> bool:
    """Say whether some reading of the bytes asks for what is closed."""
    text = re.sub("(?i)%c0%ae|%e0%80%ae", ".", text)
    text = re.sub("(?i)%c0%af|%e0%80%af", "/", text)
    plain = unicodedata.normalize("NFKC", unquote(unquote(text)))
    plain = re.sub("[\u200b-\u200d\u2060\ufeff]", "", plain)
    plain = plain.replace("\\", "/").replace(";", "").lower()
    plain = plain.replace("x_http_method", "x-http-method").replace(
        "method_override", "method-override"
    )
    plain = re.sub(r"/open/ *\.\. *(?:[#?\t][^/ ]*)?/", "/", plain)
    methods = ("delete /", "purge /", "x-http-method-override: delete", "_method=delete")
    return (
        "/v1/closed" in plain or "closed.example.com" in plain or any(m in plain for m in methods)
    )


def _reply(body: bytes, headers: bytes = b"") -> bytes:
    return b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s" % (headers, len(body), body)


def _base36(key: bytes) -> bytes:
    number, out = int.from_bytes(key, "big"), ""
    while number:
        number, digit = divmod(number, 36)
        out = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + out
    return out.encode()


def _zip(key: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", "nothing here " * 20)
        archive.writestr("b", b"and then " * 9 + key)
    return target.getvalue()


def _in_fields(how: str, key: bytes) -> bytes | None:
    """Return an answer that shows the key in its head."""
    half = len(key) // 2
    fields = {
        "cookie": b"Set-Cookie: s=%s; Path=/\r\n" % key, "header": b"X-Seen: %s\r\n" % key,
        "fieldname": b"%s: 1\r\n" % key,
        "twofields": b"X-Part-A: %s\r\nX-Part-B: %s\r\n" % (key[:half], key[half:]),
    }  # fmt: skip
    if how in fields:
        return _reply(b"see above", fields[how])
    if how == "status":
        return b"HTTP/1.1 200 %s\r\nContent-Length: 0\r\n\r\n" % key
    if how == "hint":
        return b"HTTP/1.1 103 Early Hints\r\nLink: </%s>\r\n\r\n" % key + _reply(b"see above")
    return None


def _echo(text: str, key: bytes) -> bytes:
    forms = {
        "base64": base64.b64encode(key), "hex": key.hex().encode(), "reverse": key[::-1],
        "json": "".join(f"\\u{byte:04x}" for byte in key).encode(),
        "script": "".join(f"\\x{byte:02x}" for byte in key).encode(),
        "html": "".join(f"&#{byte};" for byte in key).encode(),
        "htmlhex": "".join(f"&#x{byte:X};" for byte in key).encode(),
        "octal": "".join(f"\\{byte:03o}" for byte in key).encode(),
        "printable": "".join(f"={byte:02X}" for byte in key).encode(),
        "url": "".join(f"%{byte:02x}" for byte in key).encode(),
        "urltwice": "".join(f"%25{byte:02x}" for byte in key).encode(),
        "colons": ":".join(f"{byte:02x}" for byte in key).encode(),
        "numbers": json.dumps(list(key)).encode(),
        "base64twice": base64.b64encode(base64.b64encode(b"x:" + key)),
        "base32": base64.b32encode(key), "base85": base64.b85encode(key),
        "utf16": key.decode().encode("utf-16-le"), "utf32": key.decode().encode("utf-32-be"),
        "rot13": codecs.encode(key.decode(), "rot13").encode(),
        "spaced": b" ".join(bytes([byte]) for byte in key), "upper": key.upper(),
        "lines": b"\n".join(bytes([byte]) for byte in key),
        "letters": json.dumps(list(key.decode())).encode(),
        "binary": " ".join(f"{byte:08b}" for byte in key).encode(),
        "octals": " ".join(f"{byte:o}" for byte in key).encode(),
        "decimals": " ".join(map(str, key)).encode(),
        "dump": " ".join(key.hex()[at : at + 4] for at in range(0, len(key) * 2, 4)).encode(),
        "uu": binascii.b2a_uu(key), "hexreverse": key.hex()[::-1].encode(),
        "wide64": base64.b64encode(key.decode().encode("utf-16-le")),
        "rot47": bytes(33 + (byte - 33 + 47) % 94 for byte in key),
        "underscores": "_".join(f"{byte:02x}" for byte in key).encode(),
        "plus": b"+".join(bytes([byte]) for byte in key),
        "invisible": "\u200b".join(key.decode()).encode(),
        "tags": "".join(f"<i>{chr(byte)}</i>" for byte in key).encode(),
        "half": "".join(chr(b) if n % 2 else f"%{b:02x}" for n, b in enumerate(key)).encode(),
        "twicejson": "".join(f"\\\\u{byte:04x}" for byte in key).encode(),
        "soft": b"=\r\n".join(key[at : at + 7] for at in range(0, len(key), 7)),
        "number": str(int.from_bytes(key, "big")).encode(), "base36": _base36(key),
        "blank64": b" ".join(bytes([byte]) for byte in base64.b64encode(key)),
        "hex64": base64.b64encode(key).hex().encode(), "base32hex": base64.b32hexencode(key),
        "wide": "".join(chr(byte + 0xFEE0) for byte in key).encode(),
        "object": json.dumps({str(n): chr(byte) for n, byte in enumerate(key)}).encode(),
        "fours": b"-".join(key.replace(b"-", b"|")[at : at + 4] for at in range(0, len(key), 4)),
        "braces": "".join(f"\\u{{{byte:x}}}" for byte in key).encode(),
    }  # fmt: skip
    wanted = re.search(r"as=(\w+)", text)
    how = wanted[1] if wanted else ""
    if how == "gzip":
        return _reply(gzip.compress(key), b"Content-Encoding: gzip\r\n")
    if how in ("file", "bzip", "xz", "zip", "far"):  # an archive, with no word of a coding
        packs: dict[str, Callable[[bytes], bytes]] = {
            "file": gzip.compress, "bzip": bz2.compress, "xz": lzma.compress,
            "zip": _zip, "far": lambda data: gzip.compress(bytes(3 << 20) + data),
        }  # fmt: skip
        pack = packs[how]
        return _reply(pack(b"{}" * 40 + key), b"Content-Type: application/octet-stream\r\n")
    if how == "deflate":
        return _reply(zlib.compress(key), b"Content-Encoding: deflate\r\n")
    if how == "redirect":
        return (b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere.example/?k=%s\r\n"
                b"Content-Length: 0\r\n\r\n" % key)  # fmt: skip
    if how == "trailer":
        return (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-k\r\n\r\n"
                b"1\r\na\r\n0\r\nx-k: %s\r\n\r\n" % key)  # fmt: skip
    if (fields := _in_fields(how, key)) is not None:
        return fields
    if how == "pieces":
        half = len(key) // 2
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (key[:half], key[half:]))
        return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    return _reply(forms.get(how, key))
