"""Schemathesis and Hypothesis in the safety pack: they find what is wrong and only ever veto."""

import asyncio
from pathlib import Path

import pytest

from unlit.core.system import SystemClock
from unlit.evaluation.adapters.fences import FencePool, ProductFence
from unlit.evaluation.fakes import FakeWorlds
from unlit.evaluation.invariants import tools
from unlit.evaluation.invariants.run import PackReport, run_pack
from unlit.evaluation.registry import driver
from unlit.evaluation.stage import Launch
from unlit.evaluation.trajectory import Setting
from unlit.fence import FenceHost
from unlit.policy import AuditLog, Identity, parse_policy

SOUND = '''
"""Fees."""
class Unknown(Exception):
    """No such thing."""
def fee(days: int, tags: list[str]) -> int:
    """Return the fee.

    Raises:
        ValueError: `days` is negative.
    """
    if days < 0:
        raise ValueError("negative")
    if days == 77:
        raise Unknown
    return days * 2 + len(tags)
def _private(n: int) -> float:
    return 1 / n
'''
FAULTY = """
print("loading")
def first(words: list[str]) -> str:
    return words[0]
def tidy(words: list[str]) -> int:
    words.append("x")
    return len(words)
def odd(n: int) -> int:
    if n < -3:
        raise ValueError("odd")
    return n
def fine(n: int) -> int:
    return n
"""
SERVER = """
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
number = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
SPEC = {"openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "paths": {"/items": {"post": {
    "requestBody": {"required": True, "content": {"application/json": {"schema": number}}},
    "responses": {"201": {"description": "ok"}, "400": {"description": "no"}}}}}}
class H(BaseHTTPRequestHandler):
    def out(self, code, value):
        body = json.dumps(value).encode()
        self.send_response(code); self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def do_GET(self): self.out(200 if self.path == "/openapi.json" else 404, SPEC)
    def do_POST(self):
        try: value = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)))
        except (ValueError, RecursionError): return self.out(400, {})
        if not isinstance(value, dict) or not isinstance(value.get("n"), int):
            return self.out(400, {})
        self.out(__STATUS__ if value["n"] != 0 else 201, {})
    def log_message(self, *a): pass
ThreadingHTTPServer(("127.0.0.1", 8080), H).serve_forever()
"""


def pack(folder: Path, files: dict[str, str], launch: Launch) -> PackReport:
    product = folder / "product"
    product.mkdir()
    for name, text in files.items():
        (product / name).write_text(text, encoding="utf-8")

    async def run() -> PackReport:
        audit = AuditLog.open(folder / "audit", {}, SystemClock())
        host = await FenceHost.start(folder / "state", audit)
        fence = ProductFence(parse_policy("version = 1\n"), Identity("r", "s", "a", "product"),
                             port=launch.port)  # fmt: skip
        try:
            pool = FencePool(host, fence, "", {})
            setting = Setting(FakeWorlds(), launch, SystemClock(), driver)
            return await run_pack(product, (), setting, pool)
        finally:
            await host.close()
            audit.close()

    return asyncio.run(run())


@pytest.mark.fence
def test_a_sound_library_passes(tmp_path: Path) -> None:
    report = pack(tmp_path, {"fees.py": SOUND}, Launch("library", ()))
    assert report.broken == ()
    assert report.tried == 1  # private functions are not tried
    assert report.left_out == ()


@pytest.mark.fence
def test_a_faulty_library_is_named_by_function(tmp_path: Path) -> None:
    report = pack(tmp_path, {"fees.py": FAULTY}, Launch("library", ()))
    found = {(b.rule, b.about.split()[0], b.veto) for b in report.broken}
    assert found == {
        ("defect", "fees.first", True), ("mutates-argument", "fees.tidy", False),
        ("undocumented-error", "fees.odd", False), ("work-at-import", "fees", False),
    }  # fmt: skip
    assert report.vetoes == ("hypothesis/defect",)


@pytest.mark.fence
def test_a_library_that_dies_is_vetoed(tmp_path: Path) -> None:
    dies = "import ctypes\ndef f(n: int) -> int:\n    ctypes.string_at(0)\n    return n\n"
    report = pack(tmp_path, {"dies.py": dies}, Launch("library", ()))
    assert report.vetoes == ("hypothesis/crash",)


@pytest.mark.fence
@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize(("status", "vetoed"), [(500, True), (201, False)])
def test_schemathesis_finds_what_the_fixed_pack_cannot(
    tmp_path: Path, status: int, vetoed: bool
) -> None:
    if tools.schemathesis() is None:
        pytest.skip("not exercised: Schemathesis is not installed")
    launch = Launch("http", ("/usr/bin/python3", "server.py"), 8080)
    report = pack(tmp_path, {"server.py": SERVER.replace("__STATUS__", str(status))}, launch)
    assert ("schemathesis/server-error" in report.vetoes) is vetoed
    assert all(found.veto or found.rule == "contract" or found.trial != "schemathesis"
               for found in report.broken)  # fmt: skip


@pytest.mark.fence
def test_without_the_tool_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "schemathesis", lambda: None)
    launch = Launch("http", ("/usr/bin/python3", "server.py"), 8080)
    report = pack(tmp_path, {"server.py": SERVER.replace("__STATUS__", "201")}, launch)
    assert report.left_out == ("schemathesis: Schemathesis is not installed",)
    assert report.vetoes == ()


@pytest.mark.parametrize(
    "text",
    ["not a document", "{}", '{"openapi": "3.0.0", "x": {"$ref": "file:///etc/passwd"}}',
     '{"openapi": "3.0.0", "x": [{"$ref": "http://169.254.169.254/"}]}'],
)  # fmt: skip
def test_a_document_that_leads_elsewhere_is_not_followed(text: str) -> None:
    assert tools.document_of(text) is None
    assert tools.document_of('{"openapi": "3.0.0", "x": {"$ref": "#/y"}}') is not None


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ('{"openapi": "3.1.0", "paths": {}}', True),
        ("swagger: '2.0'\npaths: {}\n", True),
        ('{"name": "/openapi.json", "count": 0}', False),  # a server that answers to any path
        ("<html>openapi</html>", False),
        ('["openapi"]', False),
        ("openapi: [", False),
        ('{"openapi": ' + "[" * 5000, False),
    ],
)
def test_only_a_document_of_openapi_is_taken_for_one(text: str, is_one: bool) -> None:
    assert tools.is_openapi(text) is is_one


def test_what_cannot_be_read_says_nothing() -> None:
    assert tools.read_report("").not_exercised is not None
    assert tools.read_probe("forged {").not_exercised is not None
