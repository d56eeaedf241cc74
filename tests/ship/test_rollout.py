"""Deploys of a real service: versions are programs that listen, a deploy swaps one for another."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from unlit.core.clock import FakeClock
from unlit.core.system import SystemClock
from unlit.ship.rollout import UNKNOWN, Failing, Plan, roll_out

SERVER = """
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response({status}); self.end_headers(); self.wfile.write(b"{name}")
    def log_message(self, *words): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""
DEPLOY = """
[ -f pid ] && kill $(cat pid) 2>/dev/null
{python} versions/$UNLIT_COMMIT.py {port} & echo $! > pid
"""
ROLLBACK = DEPLOY.replace("$UNLIT_COMMIT", "$UNLIT_PREVIOUS")


class Host:
    """A machine with versions of a service; runs commands as a deploy fence would."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "versions").mkdir()
        for name, status in (("good", 200), ("better", 200), ("broken", 500)):
            text = SERVER.replace("{status}", str(status)).replace("{name}", name)
            (root / "versions" / f"{name}.py").write_text(text)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.done: list[str] = []

    def command(self, text: str) -> str:
        return text.replace("{python}", sys.executable).replace("{port}", str(self.port))

    async def run(self, command: str, env: dict[str, str]) -> tuple[int, str]:
        self.done.append(f"{env['UNLIT_COMMIT']} {env['UNLIT_PERCENT']}")
        process = await asyncio.create_subprocess_shell(
            command, cwd=self.root, env={**os.environ, **env},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return await process.wait(), ""

    async def healthy(self) -> str | None:
        """The health scenario: the service answers 200."""
        for _ in range(100):
            try:
                return await asyncio.to_thread(self._look)
            except (ConnectionError, urllib.error.URLError):
                await asyncio.sleep(0.05)
        return "it does not answer"

    def _look(self) -> str | None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5) as answer:
                self.seen = answer.read().decode()
                return None
        except urllib.error.HTTPError as error:
            return f"it answers {error.code}"

    def stop(self) -> None:
        pid = self.root / "pid"
        if pid.exists():
            os.kill(int(pid.read_text()), signal.SIGKILL)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    found = Host(tmp_path)
    yield found
    found.stop()


async def test_a_good_version_goes_out_in_stages(host: Host) -> None:
    plan = Plan(host.command(DEPLOY), host.command(ROLLBACK), looks=1)
    done = await roll_out(plan, "good", "good", host, [host.healthy], SystemClock())
    assert (done.ok, done.percent, done.restored) == (True, 100, None)
    assert host.done == ["good 10", "good 50", "good 100"]


async def test_a_deploy_that_breaks_a_running_service_is_rolled_back(host: Host) -> None:
    plan = Plan(host.command(DEPLOY), host.command(ROLLBACK), stages=(100,), looks=1)
    await roll_out(plan, "good", "good", host, [host.healthy], SystemClock())
    done = await roll_out(plan, "broken", "good", host, [host.healthy], SystemClock())
    assert (done.ok, done.percent, done.restored) == (False, 0, True)
    assert "it answers 500" in [step.words for step in done.steps]
    assert await host.healthy() is None
    assert host.seen == "good"


async def test_without_a_rollback_command_the_previous_version_is_deployed_again(
    host: Host,
) -> None:
    plan = Plan(host.command(DEPLOY), stages=(50, 100), looks=1)
    await roll_out(plan, "good", "good", host, [host.healthy], SystemClock())
    done = await roll_out(plan, "broken", "good", host, [host.healthy], SystemClock())
    assert done.restored
    assert host.done[-1] == "good 100"
    assert host.seen == "good"


async def test_a_deploy_command_that_fails_changes_nothing_and_says_so(host: Host) -> None:
    good = Plan(host.command(DEPLOY), stages=(100,), looks=1)
    await roll_out(good, "good", "good", host, [host.healthy], SystemClock())
    plan = Plan("exit 3", host.command(ROLLBACK), stages=(100,), looks=1)
    done = await roll_out(plan, "better", "good", host, [host.healthy], SystemClock())
    assert not done.ok
    assert not done.steps[0].ok
    assert host.seen == "good"


class Recorded:
    """Hands that only remember what they were asked to do."""

    def __init__(self, codes: list[int]) -> None:
        self.codes = codes
        self.asked: list[tuple[str, str]] = []

    async def run(self, command: str, env: dict[str, str]) -> tuple[int, str]:
        self.asked.append((command, env["UNLIT_PERCENT"]))
        return self.codes.pop(0), ""


async def test_a_rollback_that_fails_is_not_called_restored() -> None:
    async def sick() -> str | None:
        return "sick"

    hands = Recorded([0, 1])
    done = await roll_out(Plan("deploy", "back"), "b", "a", hands, [sick], FakeClock())
    assert (done.ok, done.restored) == (False, False)


async def test_health_is_looked_at_several_times_before_going_on() -> None:
    looks = []

    async def worse_later() -> str | None:
        looks.append(1)
        return "worse" if len(looks) == 5 else None

    hands = Recorded([0, 0, 0])
    plan = Plan("deploy", "back", stages=(10, 100), looks=3)
    done = await roll_out(plan, "b", "a", hands, [worse_later], FakeClock())
    assert (done.ok, done.percent) == (False, 10)


class Told:
    """Scenarios that fail as told, one look after the other."""

    def __init__(self, *looks: list[str]) -> None:
        self.looks = list(looks)

    async def failing(self) -> list[Failing]:
        return [Failing(name, "not satisfied") for name in self.looks.pop(0)]


async def test_a_scenario_that_fails_rolls_back_and_what_failed_before_is_not_wanted_back() -> None:
    hands = Recorded([0, 0])
    told = Told(["new"], ["new", "old"], ["new"])
    plan = Plan("deploy", "back", stages=(100,), looks=1)
    done = await roll_out(plan, "b", "a", hands, [], FakeClock(), scenarios=told)
    assert (done.ok, done.restored) == (False, True)
    assert [(step.name, step.words) for step in done.steps] == [
        ("scenarios before", "not satisfied before: new"),
        ("deploy 100 %", ""),
        ("health at 100 %", "scenario `new` not satisfied"),
        ("roll back", ""),
        ("health after rolling back", ""),
    ]


async def test_what_is_not_known_is_never_healthy() -> None:
    hands = Recorded([0, 0])
    told = Told([UNKNOWN], [UNKNOWN], [UNKNOWN])
    plan = Plan("deploy", "back", stages=(100,), looks=1)
    done = await roll_out(plan, "b", "a", hands, [], FakeClock(), scenarios=told)
    assert (done.ok, done.restored) == (False, False)
