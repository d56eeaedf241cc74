# ruff: noqa: E501 # a server in a string
"""HTTP, WebSocket and browser drivers against a small real server; restarts, captures, sessions."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from unlit.core.states import TrajectoryState
from unlit.core.system import SystemClock
from unlit.evaluation.drivers import browser
from unlit.evaluation.drivers.browser import find_browser
from unlit.evaluation.fakes import FakeWorlds, LocalSandbox
from unlit.evaluation.registry import driver
from unlit.evaluation.scenarios.model import Draw, Scenario
from unlit.evaluation.stage import Launch
from unlit.evaluation.trajectory import Outcome, Setting, run_trajectory

Make = Callable[..., Scenario]

SERVER = '''
import base64, hashlib, json, pathlib, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
STORE = pathlib.Path("store.json")
STARTED = time.monotonic()

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *arguments): pass
    def answer(self, status, body=b"", kind="application/json", **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items(): self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        if self.path == "/ws": return self.socket()
        if self.path == "/late": return self.answer(200 if time.monotonic() - STARTED > .3 else 503)
        if self.path == "/who":
            return self.answer(200, json.dumps({"cookie": self.headers.get("Cookie")}).encode())
        if self.path == "/broken": self.wfile.write(b"not http at all\\r\\n\\r\\n"); self.close_connection = True; return
        if self.path == "/page":
            page = b"""<form onsubmit="event.preventDefault(); out.textContent='Hello '+n.value">
            <label>Name <input id=n></label><button>Greet</button></form><p id=out></p>"""
            return self.answer(200, page, "text/html")
        if self.path.startswith("/reach/"):
            _, _, stream, datagram = self.path.split("/")
            page = b"""<p id=out></p><script>(async () => {
            const try_ = async (what) => { try { await what() } catch { } }
            await try_(() => fetch('http://127.0.0.1:STREAM/', {mode: 'no-cors'}))
            await try_(() => new Promise(done => {
              const peer = new RTCPeerConnection({iceServers: [{urls: 'stun:127.0.0.1:DATAGRAM'}]})
              peer.onicecandidate = event => event.candidate || done()
              peer.createDataChannel('x')
              peer.createOffer().then(offer => peer.setLocalDescription(offer))
              setTimeout(done, 3000)}))
            out.textContent = 'tried'})()</script>"""
            page = page.replace(b"STREAM", stream.encode()).replace(b"DATAGRAM", datagram.encode())
            return self.answer(200, page, "text/html")
        items = json.loads(STORE.read_text()) if STORE.exists() else []
        self.answer(200, json.dumps(items).encode())
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        items = json.loads(STORE.read_text()) if STORE.exists() else []
        items.append(body)
        STORE.write_text(json.dumps(items))
        self.answer(201, json.dumps({"id": len(items)}).encode(), Set_Cookie="sid=abc; Path=/", Location="/x")
    def socket(self):
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        self.send_response(101)
        for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept)):
            self.send_header(name, value)
        self.end_headers()
        head = self.rfile.read(2)
        mask = self.rfile.read(4)
        data = bytes(b ^ mask[n % 4] for n, b in enumerate(self.rfile.read(head[1] & 127)))
        for text in (b'{"kind":"noise"}', b"echo " + data):
            self.wfile.write(bytes([0x81, len(text)]) + text)
        self.close_connection = True
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
'''


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[LocalSandbox]:
    folder = tmp_path / "server"
    folder.mkdir()
    (folder / "server.py").write_text(SERVER, encoding="utf-8")
    sandbox = LocalSandbox(folder)
    yield sandbox
    await sandbox.close()


async def run(scenario: Scenario, box: LocalSandbox, command: str = "server.py") -> Outcome:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    launch = Launch("http", ("python3", command, str(port)), port)
    setting = Setting(FakeWorlds(), launch, SystemClock(), driver)
    return await run_trajectory(scenario, Draw(1, scenario.id, 1, {}), box, "slot-1", setting)


POST = "{http: {POST: /items, json: {desk: a1}, capture: {n: id}, expect: {status: 201}}}"


@pytest.mark.parametrize(
    ("body", "labels"),
    [
        (f"when: [{POST}, {{http: {{GET: /items}}}}]\n"
         "then: [{status: 200}, {body: {json: [{desk: a1}]}}]", ()),
        (f"when: [{POST}, {{restart: {{}}}}, {{http: {{GET: /items}}}}]\n"
         "then: [{body: {contains: a1}}]", ()),
        (f"when: [{POST}, {{http: {{GET: '/items?n={{n}}'}}}}]\nthen: [{{status: 404}}]",
         ("then[1] status",)),
        (f"when: [{POST}]\nthen: [{{header: {{location: /x}}}}, {{status: {{one_of: [200, 201]}}}}]",
         ()),
        ("when: [{http: {POST: /items, json: {}, as: ann}}, {http: {GET: /who, as: ann}}]\n"
         "then: [{body: {json: {cookie: sid=abc}}}]", ()),
        ("when: [{http: {POST: /items, json: {}, as: ann}}, {http: {GET: /who, as: bob}}]\n"
         "then: [{body: {json: {cookie: null}}}]", ()),
        ("when: [{http: {GET: /late, expect: {status: 200}, retry_s: 5}}]\nthen: [{status: 200}]",
         ()),
        ("when: [{http: {GET: /broken}}]\nthen: [{status: 200}]", ("then[1] status",)),
        ("when: [{http: {GET: /items}}, {kill: {}}, {http: {GET: /items}}]\nthen: [{status: 200}]",
         ("then[1] status",)),
        ("when: [{ws: {open: /ws, send: [hi], receive: [{contains: echo hi}]}}]\n"
         "then: [{body: echo hi}]", ()),
        ("when: [{ws: {open: /ws, send: [hi], receive: [never], timeout_s: 1}}]\n"
         "then: [{status: 101}]", ("when[1] ws product",)),
        ("when: [{ws: {open: /items}}]\nthen: [{status: 101}]", ("when[1] ws product",)),
    ],
)  # fmt: skip
async def test_a_server_is_driven_from_outside(
    make: Make, box: LocalSandbox, body: str, labels: tuple[str, ...]
) -> None:
    outcome = await run(make(body), box)
    assert outcome.labels() == labels, outcome.reasons


async def test_a_server_that_ends_at_once_is_the_products_failure(
    make: Make, box: LocalSandbox
) -> None:
    scenario = make("when: [{http: {GET: /items}}]\nthen: [{status: 200}]")
    outcome = await run(scenario, box, "missing.py")
    assert outcome.state is TrajectoryState.NOT_SATISFIED
    assert outcome.labels() == ("when[1] http product",)


@pytest.mark.chromium
async def test_a_page_is_driven_by_the_words_on_it(make: Make, box: LocalSandbox) -> None:
    if find_browser() is None:
        pytest.skip("no Chromium on this machine")
    scenario = make(
        "when:\n"
        "  - ui: {open: /page, fill: {Name: Ada}, click: Greet}\n"
        "  - ui: {see: [{in: '#out', text: Hello Ada}, Greet], not_see: Bob}\n"
        "  - http: {GET: /items}\n"
        "then: [{status: 200}]"
    )
    outcome = await run(scenario, box)
    assert outcome.reasons == ()
    wrong = make(
        "when: [{ui: {open: /page, see: Goodbye, timeout_s: 0.5}}, {http: {GET: /items}}]\n"
        "then: [{status: 200}]"
    )
    assert (await run(wrong, box)).labels() == ("when[1] ui product",)


@pytest.mark.chromium
@pytest.mark.parametrize("holds", [True, False])
async def test_a_page_reaches_nothing_of_this_machine_but_its_product(
    make: Make, box: LocalSandbox, monkeypatch: pytest.MonkeyPatch, holds: bool
) -> None:
    if find_browser() is None:
        pytest.skip("no Chromium on this machine")
    if not holds:  # the control: what is asked for arrives when nothing holds it back
        monkeypatch.setattr(browser, "arguments", lambda host, port: ["--no-sandbox"])
    with (
        socket.create_server(("127.0.0.1", 0)) as stream,
        socket.socket(type=socket.SOCK_DGRAM) as datagram,
    ):
        datagram.bind(("127.0.0.1", 0))
        stream.setblocking(False)
        datagram.setblocking(False)
        where = f"/reach/{stream.getsockname()[1]}/{datagram.getsockname()[1]}"
        answered = asyncio.create_task(_answer_once(stream))
        scenario = make(
            f"when:\n  - ui: {{open: {where}, see: tried, timeout_s: 60}}\n  - http: {{GET: /items}}\n"
            "then: [{status: 200}]"
        )
        outcome = await run(scenario, box)
        assert outcome.reasons == ()
        got = [answered.done()]
        answered.cancel()
        try:
            got.append(bool(datagram.recv(2048)))
        except BlockingIOError:
            got.append(False)
    assert got[0] is not holds
    assert not (holds and got[1])  # without a network card the control sends no datagram either


async def _answer_once(stream: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    accepted, _ = await loop.sock_accept(stream)
    await loop.sock_sendall(accepted, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    accepted.close()


async def test_what_no_driver_performs_is_not_exercised(make: Make, box: LocalSandbox) -> None:
    scenario = make(
        "when: [{unsupported: {what: tui}}, {http: {GET: /items}}]\nthen: [{status: 200}]"
    )
    assert (await run(scenario, box)).state is TrajectoryState.NOT_EXERCISED


async def test_what_nobody_judged_is_not_exercised(make: Make, box: LocalSandbox) -> None:
    scenario = make(
        "when: [{http: {GET: /items}}]\nthen: [{status: 200}, {judge: {ask: Nice?, evidence: body}}]"
    )
    assert (await run(scenario, box)).state is TrajectoryState.NOT_EXERCISED
