"""Requests a second through the gateway against mitmproxy, in one run.

Run it with `wrk` on the path and, for the peer, the path of a `mitmdump` from its own environment:
`python bench/gateway_throughput.py [--mitmdump PATH] [--seconds 4]`. Both terminate TLS from the
client and open TLS to the same raw upstream; the gateway has policy and durable audit on.
"""

import argparse
import contextlib
import datetime
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


def certificate(folder: Path) -> tuple[str, str]:
    """Make a key and a self-signed certificate for localhost."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    (folder / "roots.pem").write_bytes(pem)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "both.pem").write_bytes(private + pem)
    return str(folder / "both.pem"), str(folder / "roots.pem")


@contextlib.contextmanager
def running(*argv: str) -> Iterator["Target"]:
    """Run a program that prints its port first."""
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield Target(process.stdout.readline().strip(), process.pid)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1 if "upstream" in argv[1] else 5)
        process.kill()
        process.wait()


@contextlib.contextmanager
def mitmproxy(mitmdump: str, upstream: str) -> Iterator["Target"]:
    """Run mitmproxy in reverse mode in front of the upstream."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    listen = ["--listen-host", "127.0.0.1", "-p", port]
    mode = ["--mode", f"reverse:https://localhost:{upstream}", "--set", "keep_host_header=true"]
    options = ["-q", "--ssl-insecure", "--set", "stream_large_bodies=1"]
    process = subprocess.Popen([mitmdump, *options, *mode, *listen])
    try:
        for _ in range(100):
            time.sleep(0.1)
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", int(port))):
                break
        yield Target(port, process.pid)
    finally:
        process.kill()
        process.wait()


@dataclass(frozen=True)
class Target:
    """A server under load, and its process."""

    port: str
    pid: int

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wrk(target: Target, connections: int, seconds: int, *extra: str) -> dict[str, float]:
    """Measure one target; its processor time a request does not depend on who else is running."""
    url = f"https://localhost:{target.port}/v1/thing"
    before = target.cpu_s()
    done = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", *extra, url],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", done)[1])  # type: ignore[index]
    p50, unit = re.search(r"50%\s+([\d.]+)(us|ms|s)", done).groups()  # type: ignore[union-attr]
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", done)
    scale = {"us": 0.001, "ms": 1, "s": 1000}[unit]
    count = int(re.search(r"(\d+) requests in", done)[1])  # type: ignore[index]
    return {
        "rps": rate,
        "p50_ms": round(float(p50) * scale, 3),
        "cpu_us": round((target.cpu_s() - before) / max(1, count) * 1e6, 1),
        "bad": int(bad[1]) if bad else 0,
    }


def fdatasync_ms(folder: Path) -> float:
    """Measure one append and sync on the disk that the audit log is on."""
    descriptor = os.open(folder / "floor", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    took = []
    for _ in range(200):
        os.write(descriptor, b"x" * 300)
        started = time.perf_counter()
        os.fdatasync(descriptor)
        took.append((time.perf_counter() - started) * 1000)
    os.close(descriptor)
    return statistics.median(took)


def said(what: str, holds: bool, wanted: str) -> str:
    """Say a result against its target, in words."""
    return f"{'met' if holds else 'MISSED'}: {what} (target: {wanted})"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--mitmdump", default=shutil.which("mitmdump"))
    parser.add_argument("--seconds", type=int, default=4)
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("not exercised: wrk is not installed")
    rows: dict[str, dict[str, float]] = {}
    ratios: dict[str, float] = {}
    python = sys.executable
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        both, roots = certificate(folder)
        with running(python, str(HERE / "gateway_upstream.py"), both) as upstream:
            sync_ms = [fdatasync_ms(folder)]
            for connections in (1, 8):
                rows[f"direct c={connections}"] = wrk(upstream, connections, options.seconds)
            for kind, extra in (("plain", ()), ("inject", ("-H", "x-api-key: unlitph" + "0" * 40))):
                serve = [python, str(HERE / "gateway_serve.py"), str(folder / kind)]
                (folder / kind).mkdir()
                with running(*serve, upstream.port, roots, kind) as target:
                    for connections in (1, 8):
                        wrk(target, connections, 1, *extra)
                        row = wrk(target, connections, options.seconds, *extra)
                        rows[f"gateway {kind} c={connections}"] = row
            sync_ms.append(fdatasync_ms(folder))
            if options.mitmdump:
                with mitmproxy(options.mitmdump, upstream.port) as target:
                    for connections in (1, 8):
                        wrk(target, connections, 1)
                        row = wrk(target, connections, options.seconds)
                        rows[f"mitmproxy c={connections}"] = row
    for label, row in rows.items():
        text = f"{label:24} {row['rps']:10.0f} req/s  p50 {row['p50_ms']:.3f} ms"
        sys.stderr.write(f"{text}  processor {row['cpu_us']:.0f} us\n")
    direct, plain = rows["direct c=1"]["p50_ms"], rows["gateway plain c=1"]["p50_ms"]
    result: dict[str, object] = {
        "rows": rows,
        "fdatasync_ms": [round(one, 3) for one in sync_ms],
        "added_unsynced_ms": round(plain - direct, 3),
        "added_synced_ms": round(rows["gateway inject c=1"]["p50_ms"] - direct, 3),
    }
    disk = statistics.median(sync_ms)
    added, synced = float(result["added_unsynced_ms"]), float(result["added_synced_ms"])  # type: ignore[arg-type]
    verdicts = [
        said(f"unsynced entry adds {added:.3f} ms", added <= 0.5, "at most 0.5 ms"),
        said(
            f"synced entry adds {synced:.3f} ms, of which one fdatasync is {disk:.3f} ms",
            synced - disk <= 0.5,
            "at most 0.5 ms and one fdatasync",
        ),
    ]
    if options.mitmdump:
        for kind in ("plain", "inject"):
            for c in (1, 8):
                ours, theirs = rows[f"gateway {kind} c={c}"], rows[f"mitmproxy c={c}"]
                ratios[f"{kind} c={c}"] = round(ours["rps"] / theirs["rps"], 1)
                ratios[f"{kind} c={c}, processor"] = round(theirs["cpu_us"] / ours["cpu_us"], 1)
        result["ratios"] = ratios
        verdicts += [
            said(f"{kind} c={c} {ratios[f'{kind} c={c}']:g} times mitmproxy",
                 ratios[f"{kind} c={c}"] >= most, f"at least {most} times")
            for kind, most in (("plain", 8), ("inject", 4)) for c in (1, 8)
        ]  # fmt: skip
    else:
        result["ratios"] = "not exercised: no mitmdump"
    result["verdicts"] = verdicts
    sys.stderr.write("".join(f"{line}\n" for line in verdicts))
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
