"""Streams through the gateway: delay of an event, 200 at once, and memory over many requests.

Targets: an event is forwarded within 5 ms; 200 streams at once; memory flat over 100,000 requests.
`python bench/gateway_streams.py [--requests 100000]`. The requests need `wrk` on the path.
"""

import argparse
import asyncio
import contextlib
import json
import random
import shutil
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
EVENTS = 20


async def events(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        while head := await reader.readuntil(b"\r\n\r\n"):
            if b"/events" not in head:
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                continue
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                b"transfer-encoding: chunked\r\n\r\n"
            )
            await asyncio.sleep(3 + random.random() / 2)  # all connections stand by then
            for _ in range(EVENTS):
                await asyncio.sleep(0.5)
                event = b"data: %d\n\n" % time.perf_counter_ns()
                writer.write(b"%x\r\n%b\r\n" % (len(event), event))
            writer.write(b"0\r\n\r\n")


async def stream(port: int, fields: str, delays: list[float]) -> None:
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=tls, server_hostname="localhost"
    )
    writer.write(f"GET /events HTTP/1.1\r\nhost: localhost:{port}\r\n{fields}\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    for _ in range(EVENTS):
        line = await reader.readuntil(b"\n\n")
        sent = int(line.split(b"data: ")[1])
        delays.append((time.perf_counter_ns() - sent) / 1e6)
    writer.close()


def resident_mb(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0]) / 1024


async def main(requests: int) -> None:
    from gateway_throughput import certificate  # type: ignore[import-not-found] # found beside this file

    result: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        both, roots = certificate(folder)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(both)
        server = await asyncio.start_server(events, "127.0.0.1", 0, ssl=tls, backlog=512)
        upstream = str(server.sockets[0].getsockname()[1])
        for kind, fields in (("plain", ""), ("inject", "x-api-key: unlitph" + "0" * 40 + "\r\n")):
            (folder / kind).mkdir()
            argv = [sys.executable, str(HERE / "gateway_serve.py"), str(folder / kind)]
            process = subprocess.Popen(  # noqa: ASYNC220 # nothing else runs yet
                [*argv, upstream, roots, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            assert process.stdout is not None
            assert process.stdin is not None
            port = int(process.stdout.readline())
            for at_once in (1, 200):
                delays: list[float] = []
                async with asyncio.TaskGroup() as group:
                    for _ in range(at_once):
                        group.create_task(stream(port, fields, delays))
                delays.sort()
                result[f"{kind}, {at_once} at once"] = {
                    "events": len(delays),
                    "median_ms": round(statistics.median(delays), 2),
                    "p99_ms": round(delays[int(len(delays) * 0.99)], 2),
                }
            if kind == "plain" and requests and shutil.which("wrk"):
                result["memory_mb"] = await flat(process.pid, port, requests)
            process.stdin.close()
            await asyncio.to_thread(process.wait)
        server.close()
    sys.stdout.write(json.dumps(result) + "\n")


async def flat(pid: int, port: int, requests: int) -> list[float]:
    sizes = []
    for _ in range(5):
        sizes.append(round(resident_mb(pid), 1))
        left = requests // 5
        while left > 0:
            argv = ["wrk", "-t1", "-c8", "-d2s", f"https://localhost:{port}/v1/x"]
            done = await asyncio.to_thread(
                subprocess.run, argv, capture_output=True, text=True, check=True
            )
            left -= int(done.stdout.split(" requests in")[0].split()[-1])
    return [*sizes, round(resident_mb(pid), 1)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=100_000)
    asyncio.run(main(parser.parse_args().requests))
