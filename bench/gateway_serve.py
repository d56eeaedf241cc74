"""Run one gateway session on loopback for the benches: policy, durable audit, optional secret."""

import asyncio
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from unlit.core.system import SystemClock
from unlit.fence.gateway import Gateway
from unlit.policy import AuditLog, Identity, Policy, parse_policy

SECRET = "fake-secret-0123456789-abcdef"
PLACEHOLDER = "unlitph" + "0" * 40


IDENTITY = Identity("r-bench", "build", "bench", "coder")


@dataclass
class Spec:
    policy: Policy
    role: str = "coder"
    identity: Identity = IDENTITY
    twins: tuple[()] = ()


def policy(port: int, *, credential: bool) -> Policy:
    text = "version = 1\n"
    if credential:
        text += (
            '[credential.key]\nsource = {env = "KEY"}\ninject = {header = "x-api-key"}\n'
            f'hosts = ["localhost"]\nports = [{port}]\npaths = ["/**"]\n'
        )
    text += f'[[allow]]\nrole = "coder"\nhost = "localhost"\nports = [{port}]\n'
    text += 'methods = ["GET", "POST"]\npaths = ["/**"]\n'
    if credential:
        text += 'credential = "key"\n'
    return parse_policy(text)


async def main(folder: str, upstream: str, roots: str, kind: str) -> None:
    audit = AuditLog.open(Path(folder) / "audit", {}, SystemClock())
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(512)
    port = listener.getsockname()[1]
    gateway = await Gateway.start(
        audit,
        secret_env={"KEY": SECRET},
        upstream_tls=roots,
        overrides={f"localhost:{port}": f"127.0.0.1:{upstream}"},
    )
    spec = Spec(policy(port, credential=kind == "inject"))
    places = {"key": PLACEHOLDER} if kind == "inject" else {}
    await gateway.attach("bench", spec, [listener], None, places)
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    report = await gateway.detach("bench")
    await gateway.close()
    audit.close()
    sys.stdout.write(f"exchanges {report.exchanges} denied {report.denied}\n")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5]))
