"""Roundup, the real server, over TLS with a password from policy.

UNLIT_ROUNDUP_PYTHON names a Python that has the package `roundup`; without it the tests say that
nothing was exercised.
"""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.context.connectors.test_mcp import _listening
from tests.context.tls import certify

from unlit.context.adapters.http_fetch import Broker, HttpFetch
from unlit.context.api import Api
from unlit.context.changes import Assign, Comment, Create, Delete, Edit, Start, Transition
from unlit.context.connectors.roundup import Roundup
from unlit.context.model import Ref
from unlit.context.registry import CONNECTORS
from unlit.core.clock import FakeClock
from unlit.core.errors import UnlitError
from unlit.core.system import SystemClock
from unlit.policy import AuditLog, Identity, parse_policy

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
PYTHON = Path(
    os.environ.get("UNLIT_ROUNDUP_PYTHON") or CACHE / "unlit" / "roundup" / "bin" / "python"
)
SERVE = """
import ssl, sys
from wsgiref.simple_server import make_server
from roundup.cgi.wsgi_handler import RequestDispatcher
server = make_server("127.0.0.1", int(sys.argv[2]), RequestDispatcher(sys.argv[1]))
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(*sys.argv[3:5])
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""
POLICY = """
version = 1
[[allow]]
role = "context"
host = "127.0.0.1"
ports = [{port}]
allow_private = true
credential = "tracker"
[credential.tracker]
source = {{env = "FAKE"}}
inject = {inject}
hosts = ["127.0.0.1"]
ports = [{port}]
"""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (PYTHON.parent / "roundup-admin").exists(), reason="Roundup is not installed"
    ),
]


def _set(path: Path, option: str, value: str) -> None:
    lines = path.read_text().splitlines()
    done = [
        f"{option} = {value}" if line.lstrip("#").startswith(f"{option} =") else line
        for line in lines
    ]
    path.write_text("\n".join(done) + "\n")


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int, Path]]:
    folder = tmp_path_factory.mktemp("roundup")
    home = folder / "tracker"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    admin = [str(PYTHON.parent / "roundup-admin"), "-i", str(home)]
    subprocess.run([*admin, "install", "classic", "anydbm"], capture_output=True, timeout=60)
    url = f"https://127.0.0.1:{port}/"
    for option, value in (("web", url), ("mail_domain", "example.com"), ("domain", "example.com")):
        _set(home / "config.ini", option, value)
    done = subprocess.run(
        [*admin, "initialise", "fake-admin"], input=b"y\n", capture_output=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    user = ["create", "user", "username=ada", "password=fake-ada", "address=ada@example.com"]
    subprocess.run([*admin, *user, "roles=User"], capture_output=True, timeout=60, check=True)
    certificate, key = certify(folder)
    (folder / "serve.py").write_text(SERVE)
    argv = [str(PYTHON), str(folder / "serve.py"), str(home), str(port), str(certificate), str(key)]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(argv, stdout=log, stderr=log, cwd=folder)
        try:
            assert _listening(port)
            yield url.rstrip("/"), port, certificate
        finally:
            server.terminate()
            server.wait(20)


def _opened(tracker: tuple[str, int, Path], tmp_path: Path, secret: str) -> Roundup:
    url, port, certificate = tracker
    row = CONNECTORS["roundup"]
    audit = AuditLog.open(tmp_path / "audit", {}, SystemClock())
    policy = parse_policy(POLICY.format(port=port, inject=row.inject))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(certificate))
        broker = Broker(
            policy, Identity("r-test", "context", "unlit", "context"), audit, {"FAKE": secret}
        )
        fetch = HttpFetch(broker, pause=lambda seconds: None)
    return Roundup(Api(fetch, url, "roundup", row.headers), FakeClock())


def test_an_issue_from_its_creation_to_its_end(
    tracker: tuple[str, int, Path], tmp_path: Path
) -> None:
    roundup = _opened(tracker, tmp_path, "admin:fake-admin")
    ref = roundup.apply(Create("", "Paging is wrong", "Second page.", kind="bug"))
    assert list(roundup.search("paging")) == [ref]
    item = roundup.fetch(ref)
    assert item is not None
    assert (item.title, item.body, item.status) == ("Paging is wrong", "Second page.", "unread")
    assert item.time is not None
    roundup.apply(Comment(ref, "seen twice"))
    assert [one.body for one in roundup.comments(ref)] == ["seen twice"]
    assert {"ada", "admin"} <= {one.key for one in roundup.people()}
    for change in (Edit(ref, title="Paging was wrong"), Start(ref), Assign(ref, "ada")):
        roundup.apply(change)
    item = roundup.fetch(ref)
    assert item is not None
    assert (item.title, item.status) == ("Paging was wrong", "in-progress")
    assert item.people
    assert "resolved" in roundup.statuses(ref)
    roundup.apply(Transition(ref, "Resolved"))
    with pytest.raises(UnlitError, match="in-progress"):
        roundup.apply(Transition(ref, "frozen"))
    with pytest.raises(UnlitError, match="knows nobody"):
        roundup.apply(Assign(ref, "eve"))
    assert roundup.owns(str(item.url)) == ref
    roundup.apply(Delete(ref))
    assert roundup.fetch(ref) is None
    assert roundup.fetch(Ref("roundup", "issue", "99")) is None


def test_a_long_list_is_read_to_its_end(tracker: tuple[str, int, Path], tmp_path: Path) -> None:
    roundup = _opened(tracker, tmp_path, "admin:fake-admin")
    made = {roundup.apply(Create("", f"Number {number}")).key for number in range(103)}
    assert made <= {ref.key for ref in roundup.search("Number")}


def test_a_wrong_password_and_a_missing_right_are_told_in_its_words(
    tracker: tuple[str, int, Path], tmp_path: Path
) -> None:
    with pytest.raises(UnlitError, match=r"Invalid [Ll]ogin") as caught:
        list(_opened(tracker, tmp_path / "a", "admin:fake-wrong").search(""))
    assert caught.value.code == "CTX-201"
    ada = _opened(tracker, tmp_path / "b", "ada:fake-ada")
    ref = ada.apply(Create("", "Mine"))
    with pytest.raises(UnlitError) as refused:
        ada.apply(Delete(ref))
    assert refused.value.code == "CTX-202", refused.value.what
