"""The safety pack: it finds planted faults, and lets good programs pass."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from unlit.core.system import SystemClock
from unlit.evaluation.fakes import FakeWorlds, LocalPool
from unlit.evaluation.invariants.run import PackReport, run_pack
from unlit.evaluation.registry import driver
from unlit.evaluation.scenarios.model import Scenario
from unlit.evaluation.stage import Launch
from unlit.evaluation.trajectory import Setting

Make = Callable[..., Scenario]

GOOD_CLI = """
import argparse, sys
parser = argparse.ArgumentParser()
parser.add_argument("file", nargs="?")
options = parser.parse_args()
if options.file:
    try:
        open(options.file).close()
    except (OSError, ValueError) as error:
        sys.exit(f"cannot read: {error}")
"""
BAD_CLI = """
import os, sys
if "--no-such-flag-4711" in sys.argv: raise RuntimeError("boom")
if sys.argv[1:] == ["no-such-command-4711"]: os.kill(os.getpid(), 11)
if sys.argv[1:] == ["/nonexistent/file-4711"]: print(os.environ["SLACK_TOKEN"]); sys.exit(1)
if sys.argv[1:] == ["--help"]: import time; print(time.time_ns())
"""
SERVER = """
import json, re, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
BAD = __BAD__
class Handler(BaseHTTPRequestHandler):
    def log_message(self, *arguments): pass
    def answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        if BAD and "passwd" in self.path: return self.answer(200, "root:x:0:0:root:/root:/bin/sh")
        self.answer(200 if self.path in ("/", "/items") else 404, "[]")
    def do_POST(self):
        raw = self.rfile.read(int(self.headers["Content-Length"] or 0))
        try:
            json.loads(raw)
        except (ValueError, RecursionError) as error:
            if BAD: return self.answer(500, 'Traceback (most recent call last)')
            return self.answer(400, "no JSON")
        self.answer(422, "no item")
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


async def run(folder: Path, text: str, scenarios: list[Scenario], kind: str = "cli") -> PackReport:
    product = folder / "product"
    product.mkdir()
    (product / "main.py").write_text(text, encoding="utf-8")
    port = None
    argv: tuple[str, ...] = ("python3", "main.py")
    if kind in ("http", "web"):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        argv = (*argv, str(port))
    launch = Launch(kind, argv, port, {"SLACK_TOKEN": "twin:slack"})
    setting = Setting(FakeWorlds(), launch, SystemClock(), driver)
    return await run_pack(product, scenarios, setting, LocalPool())


@pytest.fixture
def scenario(make: Make) -> Scenario:
    return make(
        "given: {twins: {slack: {}}}\nwhen: [{http: {POST: /items, json: {}}}]\nthen: [{status: 1}]"
    )


async def test_a_good_command_line_passes(tmp_path: Path, scenario: Scenario) -> None:
    report = await run(tmp_path, GOOD_CLI, [scenario])
    assert report.vetoes == ()
    assert report.broken == ()
    assert report.tried >= 13


async def test_faults_of_a_command_line_are_found(tmp_path: Path, scenario: Scenario) -> None:
    report = await run(tmp_path, BAD_CLI, [scenario])
    assert {
        "unknown-flag/traceback", "unknown-command/crash", "missing-file/secret",
    } <= set(report.vetoes)  # fmt: skip
    assert ("same-twice", "same-output", False) in {
        (found.trial, found.rule, found.veto) for found in report.broken
    }
    said = {found.trial: found.to_json()["sentence"] for found in report.broken}
    assert said["unknown-flag"] == (
        "On `unknown-flag` the product shows a stack trace (run with `--no-such-flag-4711`)."
    )


async def test_a_good_server_passes(tmp_path: Path, scenario: Scenario) -> None:
    report = await run(tmp_path, SERVER.replace("__BAD__", "False"), [scenario], "http")
    assert report.vetoes == ()


async def test_faults_of_a_server_are_found(tmp_path: Path, scenario: Scenario) -> None:
    report = await run(tmp_path, SERVER.replace("__BAD__", "True"), [scenario], "http")
    assert {
        "broken-json/server-error", "broken-json/traceback", "deep-json/server-error",
        "traversal/secret",
    } <= set(report.vetoes)  # fmt: skip


async def test_a_kind_without_a_pack_is_not_exercised(tmp_path: Path) -> None:
    report = await run(tmp_path, "", [], "daemon")
    assert (report.tried, report.vetoes) == (0, ())
    assert report.not_exercised is not None


PAGE = """
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse
from html import escape
class H(BaseHTTPRequestHandler):
    def do_GET(self):
        said = parse_qs(urlparse(self.path).query).get("q", [""])[0]
        text = said if __BAD__ else escape(said)
        broken = "<script>null.x</script>" if __BAD__ else ""
        head = "<!doctype html><link rel=icon href=data:,><h1>Hi</h1>"
        body = f"{head}<p>{text}</p>{broken}".encode()
        self.send_response(200); self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *a): pass
    def do_POST(self):
        self.send_response(405); self.send_header("Content-Length", "0"); self.end_headers()
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), H).serve_forever()
"""


@pytest.mark.chromium
@pytest.mark.parametrize("bad", [True, False])
async def test_a_page_that_runs_what_it_is_given(tmp_path: Path, bad: bool) -> None:
    report = await run(tmp_path, PAGE.replace("__BAD__", str(bad)), [], "web")
    found = {entry for entry in report.vetoes if entry.startswith("page/")}
    assert found == ({"page/script", "page/uncaught"} if bad else set())
    assert not any("page" in what for what in report.left_out)


@pytest.mark.parametrize(("code", "vetoed"), [(255, False), (200, False), (139, True), (134, True)])
async def test_an_exit_code_is_a_crash_only_when_it_names_a_signal(
    tmp_path: Path, scenario: Scenario, code: int, vetoed: bool
) -> None:
    report = await run(tmp_path, f"import sys\nsys.exit({code})\n", [scenario])
    assert ("no-arguments/crash" in report.vetoes) is vetoed
