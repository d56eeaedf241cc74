# ruff: noqa: E501 # programs in strings
"""The grader's Chromium in a fence of its own: it shows the page, and reaches nothing else."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from unlit.core.system import SystemClock
from unlit.evaluation.adapters.browser_fence import BrowserHost, browser_spec
from unlit.evaluation.adapters.fences import FenceSandbox
from unlit.evaluation.drivers import browser
from unlit.evaluation.drivers.browser import find_browser
from unlit.evaluation.fakes import FakeWorlds
from unlit.evaluation.stage import Launch, Stage
from unlit.fence import Fence, FenceHost, FenceSpec
from unlit.policy import AuditLog, Identity, parse_policy

pytestmark = [pytest.mark.fence, pytest.mark.timeout(300)]
PORT = 8080
SERVER = """\
import http.server
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        page = open("page.html", "rb").read()
        self.send_response(200); self.send_header("content-type", "text/html"); self.end_headers()
        self.wfile.write(page)
    def log_message(self, *words): pass
http.server.ThreadingHTTPServer(("127.0.0.1", 8080), Page).serve_forever()
"""
PAGE = """\
<!doctype html><title>Desk</title><h1>Book a desk</h1><button onclick="look()">Look</button>
<p id="found"></p><script>
async function look() {
  const found = [];
  for (const place of ["file:///etc/passwd", "file://SECRET", "http://127.0.0.1:TRAP/"]) {
    try { await fetch(place, {mode: "no-cors"}); found.push("fetched " + place); } catch (e) {}
    try {
      const asked = new XMLHttpRequest(); asked.open("GET", place, false); asked.send();
      if (asked.responseText) found.push("read " + place);
    } catch (e) {}
    const frame = document.createElement("iframe"); frame.src = place; document.body.append(frame);
    await new Promise(done => { frame.onload = done; frame.onerror = done; setTimeout(done, 2000); });
    try { if (frame.contentDocument.body.innerText) found.push("framed " + place); } catch (e) {}
    const other = window.open(place);
    try { if (other && other.document.body.innerText) found.push("opened " + place); } catch (e) {}
  }
  document.getElementById("found").textContent = "found " + JSON.stringify(found);
}
</script>
"""
RENDERER = """\
import glob, os, socket
def read(path):
    try: return open(path, "rb").read()
    except OSError as error: return b""
def connects(address):
    try: socket.create_connection(address, 3).close(); return True
    except OSError: return False
held = b"".join(read(p) for p in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"))
secret = b"fake-" + b"secret"
print("secret", secret in read("SECRET"), secret in held)
print("shadow", bool(read("/etc/shadow")), "home", os.path.exists("/root"))
print("trap", connects(("127.0.0.1", TRAP)))
print("product", connects(("127.0.0.1", 8080)))
print("processes", len(glob.glob("/proc/[0-9]*")))
print("user", os.getuid(), [line for line in open("/proc/self/status") if line.startswith("CapEff")])
"""


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[FenceHost]:
    (tmp_path / "vault").mkdir()
    (tmp_path / "vault" / "secret").write_text("fake-secret", encoding="utf-8")
    audit = AuditLog.open(tmp_path / "audit", {}, SystemClock(), key_dir=tmp_path / "keys")
    made = await FenceHost.start(tmp_path / "state", audit, watched={"vault": tmp_path / "vault"})
    yield made
    await made.close()
    audit.close()


async def served(host: FenceHost, folder: Path, page: str) -> Fence:
    (folder / "product").mkdir()
    (folder / "product" / "page.html").write_text(page, encoding="utf-8")
    (folder / "product" / "server.py").write_text(SERVER, encoding="utf-8")
    policy = parse_policy("version = 1\n")
    identity = Identity("r", "s", "a", "product")
    return await host.open(FenceSpec("product", policy, identity, folder / "product"))


def stage_of(sandbox: FenceSandbox) -> Stage:
    launch = Launch("http", ("python3", "server.py"), port=PORT)
    clock = SystemClock()
    return Stage(sandbox, FakeWorlds(), "w", launch, clock, {}, {}, slot="s", seed=1)


def trap() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


@pytest.mark.chromium
async def test_a_page_is_shown_and_reads_no_file_and_no_service(
    host: FenceHost, tmp_path: Path
) -> None:
    if find_browser() is None:
        pytest.skip("no Chromium on this machine")
    secret = str(tmp_path / "vault" / "secret")
    with trap() as listening:
        page = PAGE.replace("SECRET", secret).replace("TRAP", str(listening.getsockname()[1]))
        fence = await served(host, tmp_path, page)
        sandbox = FenceSandbox(fence, BrowserHost(host.open, fence.spec.identity))
        for _ in range(2):  # the second in the same fence, after a reset
            stage = stage_of(sandbox)
            try:
                await browser.perform({"open": "/", "see": ["Book a desk"], "timeout_s": 60}, stage)
                step = {"click": "Look", "see": [{"text": "found [", "in": "#found"}]}
                await browser.perform({**step, "timeout_s": 60}, stage)
            finally:
                await stage.stop_server()
                for close in reversed(stage.extra.get("close", [])):
                    await close()
            assert "found []" in stage.seen[-1].body
            assert stage.seen[-1].picture
        listening.settimeout(0)
        with pytest.raises(BlockingIOError):
            listening.accept()
        await sandbox.close_browser()


async def test_a_renderer_that_was_taken_over_reaches_the_product_alone(
    host: FenceHost, tmp_path: Path
) -> None:
    """A command in the same view, with the same rights, as what runs in the renderer would have."""
    fence = await served(host, tmp_path, "<h1>Hello</h1>")
    server = await fence.spawn(["python3", "server.py"])
    (tmp_path / "empty").mkdir()
    room = await host.open(browser_spec(fence.spec.identity, tmp_path / "empty"))
    with trap() as listening:
        port = listening.getsockname()[1]
        brought = await room.bring(PORT, lambda: fence.connect(PORT))
        code = RENDERER.replace("SECRET", str(tmp_path / "vault" / "secret"))
        code = code.replace("TRAP", str(port))
        done = await room.run(["python3", "-c", code], timeout_s=60)
        listening.settimeout(0)
        with pytest.raises(BlockingIOError):
            listening.accept()
    said = dict(line.split(" ", 1) for line in done.stdout.decode().splitlines())
    assert said["secret"] == "False False", done.stderr
    assert said["shadow"] == "False home False"
    assert said["trap"] == "False"
    assert said["product"] == "True"
    assert int(said["processes"]) <= 3
    assert said["user"].startswith("1000 ['CapEff:\\t0000000000000000")
    await brought.aclose()
    await server.kill()
    assert (await room.close()).held
    outside = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-I", "-c", code], capture_output=True, text=True
    )
    assert "secret True" in outside.stdout, "as the evaluator's user, the same command reads it"
