"""A deploy that really breaks a running service: staged, seen by health scenarios, rolled back.

The service is a platform of its own on this machine: it takes versions over HTTP with a token,
starts each as a process, and sends a share of requests to the new one. The deploy commands run in
the real fence of the role `deploy`; the gateway alone knows the token.
"""

import contextlib
import http.client
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.ship.test_fence_hands import can_fence
from tests.ship.test_service import RUN, World
from typing_extensions import override

from unlit.core.system import SystemClock
from unlit.fence.gateway.ca import Authority
from unlit.policy import read_entries
from unlit.review import Desk
from unlit.review.adapters.audit import FolderGateLog
from unlit.ship import Shipment, ship_run
from unlit.wiring.after_gate import DeploySettings
from unlit.wiring.deploying import DeployRoom, Outside, running
from unlit.wiring.desk import Office
from unlit.wiring.paths import StatePaths, state_paths
from unlit.wiring.settings import Settings, read_settings

pytestmark = [
    pytest.mark.fence,
    pytest.mark.skipif(not can_fence(), reason="no fence on this machine"),
]
TOKEN = "fake-platform-token"
APP = """
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        {body}
        self.send_response(200); self.end_headers(); self.wfile.write(b"{name}")
    def log_message(self, *words): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
print(server.server_address[1], flush=True)
server.serve_forever()
"""
POLICY = """
version = 1
[credential.platform]
source = {env = "PLATFORM_TOKEN"}
env = "DEPLOY_TOKEN"
inject = {header = "authorization"}
hosts = ["platform.example.com"]
[[allow]]
role = "deploy"
host = "platform.example.com"
credential = "platform"
[[allow]]
role = "deploy"
host = "shop.example.com"
[files.deploy]
write = ["."]
"""
DEPLOY = (
    'curl -fsS -H "authorization: $DEPLOY_TOKEN" --data-binary @$UNLIT_TREE/app.py '
    '"https://platform.example.com/deploy?commit=$UNLIT_COMMIT&percent=$UNLIT_PERCENT"'
)
HEALTH = "for i in 1 2 3 4 5 6 7 8 9 10; do curl -fsS https://shop.example.com/ || exit 1; done"


class Platform:
    """Runs versions of a service and splits requests between the last two."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.versions: dict[str, tuple[subprocess.Popen[str], int]] = {}
        self.live, self.next, self.percent, self.count = "", "", 0, 0
        self.seen: list[str] = []
        platform = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("authorization") != TOKEN:
                    self._say(401, b"who are you?")
                    return
                query = dict(part.split("=") for part in self.path.partition("?")[2].split("&"))
                platform.deploy(query["commit"], int(query["percent"]), body)
                self._say(200, b"ok")

            def do_GET(self) -> None:
                status, body = platform.ask()
                self._say(status, body)

            def _say(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            @override
            def log_message(self, *words: object) -> None:
                pass

        authority = Authority(lambda: datetime.now(UTC))
        self.roots = str(folder / "roots.pem")
        Path(self.roots).write_bytes(authority.pem)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.socket = authority.entry().wrap_socket(self.server.socket, server_side=True)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        self.hosts = dict.fromkeys(("platform.example.com", "shop.example.com"), self.address)
        self.lock = threading.Lock()

    def deploy(self, commit: str, percent: int, source: bytes) -> None:
        with self.lock:
            self.seen.append(f"{commit[:7]} {percent}")
            if commit not in self.versions:
                path = self.folder / f"{commit}.py"
                path.write_bytes(source)
                process = subprocess.Popen(
                    [sys.executable, str(path)], stdout=subprocess.PIPE, text=True
                )
                assert process.stdout is not None
                self.versions[commit] = (process, int(process.stdout.readline()))
            self.next, self.percent = commit, percent
            if percent == 100:
                self.live = commit

    def ask(self) -> tuple[int, bytes]:
        """One request of a user, sent on by share."""
        with self.lock:
            self.count += 1
            chosen = self.next if self.count % 100 < self.percent else self.live
            port = self.versions[chosen][1]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        with contextlib.closing(connection):
            try:
                connection.request("GET", "/")
                reply = connection.getresponse()
                return reply.status, reply.read()
            except (OSError, http.client.HTTPException):
                return 502, b"the service broke"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        for process, _ in self.versions.values():
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    folder = tmp_path / "platform"
    folder.mkdir()
    made = Platform(folder)
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.close()
    thread.join(10)


def office_of(world: World, root: Path) -> Office:
    settings: Settings = read_settings(
        {"HOME": str(root / "home"), "PLATFORM_TOKEN": TOKEN, "PATH": os.environ["PATH"]}
    )
    paths: StatePaths = state_paths(settings, world.repository)
    paths.create()
    log = FolderGateLog(paths.audit / "gates", SystemClock(), key_dir=paths.root / "audit-key")
    desk = Desk(world.store, log, SystemClock())
    return Office(world.repository, settings, paths, world.store, desk, "dana")


def room_of(office: Office, platform: Platform) -> DeployRoom:
    outside = Outside(platform.hosts, platform.roots)
    return DeployRoom(office.store, SystemClock(), office.paths, office.settings, outside)


def shipped(root: Path, old: str, new: str) -> tuple[World, Shipment, str]:
    """A world whose main branch has `new` merged over `old`."""
    world = World(root, files={"app.py": old, "policy.toml": POLICY}, change={"app.py": new})
    world.approve()
    return world, ship_run(world.store, RUN), world.base


async def test_a_healthy_version_reaches_everybody_by_stages(
    tmp_path: Path, platform: Platform
) -> None:
    old, new = APP.format(body="pass", name="old"), APP.format(body="pass", name="new")
    world, shipment, base = shipped(tmp_path, old, new)
    platform.deploy(base, 100, old.encode())
    office = office_of(world, tmp_path)
    said = DeploySettings(DEPLOY, None, (HEALTH,), (10, 50, 100), looks=1, pause_s=0)
    room = room_of(office, platform)
    done = await room.roll_out(shipment, said)
    assert done.ok, done.steps
    assert platform.seen[1:] == [f"{shipment.commit[:7]} {share}" for share in (10, 50, 100)]
    assert platform.ask() == (200, b"new")
    assert running(world.store, world.store.find_run(RUN)) == shipment.commit
    assert await room.roll_out(shipment, said) == done
    assert len(platform.seen) == 4, "what is deployed is not deployed again"


async def test_a_version_that_breaks_the_service_is_seen_and_rolled_back(
    tmp_path: Path, platform: Platform
) -> None:
    old = APP.format(body="pass", name="old")
    world, shipment, base = shipped(
        tmp_path, old, APP.format(body="import os; os._exit(1)", name="")
    )
    platform.deploy(base, 100, old.encode())
    office = office_of(world, tmp_path)
    said = DeploySettings(DEPLOY, None, (HEALTH,), (50, 100), looks=1, pause_s=0)
    room = room_of(office, platform)
    done = await room.roll_out(shipment, said)
    assert (done.ok, done.percent, done.restored) == (False, 0, True), done.steps
    assert platform.versions[shipment.commit][0].wait(10) == 1, "the new version did not break"
    assert platform.seen[-1] == f"{base[:7]} 100"
    assert [platform.ask() for _ in range(100)] == [(200, b"old")] * 100
    assert running(world.store, world.store.find_run(RUN)) == base
    (event,) = world.store.events(kinds=("rollout",))
    assert "Rolled back: the previous version is back" in event.text
    told: list[Any] = list(read_entries(office.paths.audit / "deploy"))
    assert TOKEN not in json.dumps([entry.fields for entry in told], default=str)
    assert any("platform.example.com" in json.dumps(e.fields, default=str) for e in told)
